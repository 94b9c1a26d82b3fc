"""docs/architecture.md walks through the code as it is: what it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "whiteroom"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
FILES = sorted(set(re.findall(r"`([a-z_/]+\.py)`", PAGE)))
NAMED = sorted(set(re.findall(r"`(\w+)`\s+in\s+`([a-z_/]+\.py)`", PAGE)))


def places(named: str) -> list[Path]:
    """Where a file lies that the page names by its path, or by its name alone where its room has been named."""
    return [file for file in SOURCE.rglob(named.rpartition("/")[2]) if str(file).endswith(f"/{named}")]


@pytest.mark.parametrize("named", FILES)
def test_a_file_that_the_page_names_is_there(named: str) -> None:
    assert places(named)


@pytest.mark.parametrize(("function", "named"), NAMED)
def test_a_function_is_in_the_file_where_the_page_says(function: str, named: str) -> None:
    defined = {
        node.name
        for file in places(named)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    assert function in defined


def test_a_request_a_job_and_a_query_are_walked_by_the_names_of_functions() -> None:
    walks = [part for part in PAGE.split("\n## ")[1:] if part.startswith(("One request", "One job", "One query"))]
    assert len(walks) == 3
    assert all(re.search(r"`\w+`\s+in\s+`[a-z_/]+\.py`", walk) for walk in walks)
