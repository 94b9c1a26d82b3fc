"""The pages that are generated are as the program would write them now, and leave nothing out."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reference() -> Any:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "operations.md", "settings.md", "status-codes.md"])
def test_a_generated_page_is_up_to_date(reference: Any, name: str) -> None:
    text = "\n".join(reference.PAGES[name]()).rstrip() + "\n"
    assert (ROOT / "docs" / name).read_text() == text, "run python tools/reference.py"


def test_every_generated_page_is_checked(reference: Any) -> None:
    assert set(reference.PAGES) == {"cli.md", "operations.md", "settings.md", "status-codes.md"}


def test_every_command_and_option_has_help_that_ends_as_a_sentence_and_every_command_an_example(reference: Any) -> None:
    for words, command in reference.commands(reference.typer.main.get_command(reference.program())):
        place = " ".join(words)
        assert "Example" in command.help, place
        assert f"`{place}" in command.help, place
        for parameter in command.params:
            assert parameter.help, (place, parameter.name)
            assert parameter.help.endswith("."), (place, parameter.name)


def test_the_help_without_a_noun_names_the_commands_that_there_are(reference: Any) -> None:
    files = {path.stem for path in (ROOT / "src" / "whiteroom" / "cli").glob("*.py")}
    assert {noun.replace("-", "_") for noun in reference.NOUNS} <= files


def test_every_command_works_on_any_data_folder(reference: Any) -> None:
    machine_wide = {
        ("whiteroom", "ops"),
        ("whiteroom", "aws-data"),
        ("whiteroom", "demo"),
        ("whiteroom", "restore"),
    }  # the last two make the folders that they name
    for words, command in reference.commands(reference.typer.main.get_command(reference.program())):
        options = {option for parameter in command.params for option in parameter.opts}
        assert "--data" in options or words in machine_wide, words
