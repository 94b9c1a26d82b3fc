"""examples/ as it is kept: notebooks without outputs, each named on its page and run by a test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from support.examples import PROGRAM, ROOT, commands, notebook

EXAMPLES = ROOT / "examples"
RUN = [file.name for file in sorted(EXAMPLES.iterdir()) if file.suffix in {".ipynb", ".sh"}]
NOTEBOOKS = [name for name in RUN if name.endswith(".ipynb")]
TESTS = (ROOT / "tests" / "e2e" / "test_examples.py").read_text()
PAGE = (EXAMPLES / "README.md").read_text()


def cells(name: str, kind: str) -> list[Any]:
    return [cell for cell in notebook(name)["cells"] if cell["cell_type"] == kind]


def test_there_are_three_notebooks_and_a_script() -> None:
    assert (len(NOTEBOOKS), len(RUN)) == (3, 4)


@pytest.mark.parametrize("name", RUN)
def test_an_example_is_on_the_page_and_run_by_a_test(name: str) -> None:
    assert f"]({name})" in PAGE
    assert f'"{name}"' in TESTS


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_without_outputs_and_without_what_ran_it(name: str) -> None:
    assert [cell["outputs"] for cell in cells(name, "code") if cell["outputs"]] == []
    assert {cell["execution_count"] for cell in cells(name, "code")} == {None}
    assert [cell["metadata"] for cell in notebook(name)["cells"] if cell["metadata"]] == []
    assert set(notebook(name)["metadata"]) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_begins_with_the_commands_that_start_its_server(name: str) -> None:
    *before, last = [line for line in commands(notebook(name)) if line.startswith(PROGRAM)]
    assert before
    assert last.split()[:2] == [PROGRAM, "up"]


@pytest.mark.parametrize("name", [*NOTEBOOKS, "README.md"])
def test_a_page_that_an_example_links_to_is_there(name: str) -> None:
    texts = [PAGE] if name == "README.md" else ["".join(cell["source"]) for cell in cells(name, "markdown")]
    links = [link for text in texts for link in re.findall(r"\]\(([^)#]+)\)", text)]
    assert links
    assert [link for link in links if not Path(EXAMPLES, link).exists()] == []
