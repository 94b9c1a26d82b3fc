from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from io import BytesIO, TextIOWrapper
from typing import Any

import pytest
import typer
from rich.cells import cell_len

from support.command import CommandLine, whiteroom
from whiteroom.cli import accounts, main
from whiteroom.cli.main import NOUNS, program


def test_without_arguments_the_help_is_shown_with_every_noun() -> None:
    out = whiteroom().out
    assert all(noun in out for noun in NOUNS)


def test_the_version_is_that_of_the_package() -> None:
    assert whiteroom("--version").out.startswith("whiteroom 0.")


def test_help_imports_nothing_that_is_slow() -> None:
    code = (
        "import sys; from whiteroom.cli.main import program; program([]);"
        "print([name for name in ('sqlalchemy', 'botocore', 'duckdb', 'uvicorn') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_an_unknown_noun_is_refused_with_a_usage_error() -> None:
    answer = whiteroom("acounts")
    assert answer.code == 2
    assert "acounts" in answer.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("up", "--port", "x"), "Invalid value for '--port': 'x' is not a whole number."),
        (("up", "--port", "1.5"), "Invalid value for '--port': '1.5' is not a whole number."),
        (("up", "--port", "9" * 5000), "is not a whole number."),
        (("usage", "--from", "yesterday"), "'yesterday' does not match the formats 'YYYY-MM-DD'."),
        (
            ("users", "add", "--account", "111122223333", "ann", "--role", "boss"),
            "Invalid value for '--role': 'boss' is not one of 'administrator', 'analyst', 'privacy-officer'.",
        ),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_in_plain_words(words: tuple[str, ...], told: str) -> None:
    answer = whiteroom(*words)
    assert answer.code == 2
    text = " ".join(answer.err.replace("│", " ").split())
    assert told in text
    assert "Value error" not in text
    assert "Input should" not in text


def every_command() -> list[tuple[str, ...]]:
    """Every command and group, by the words that call it."""
    found: list[tuple[str, ...]] = []

    def walk(command: Any, words: tuple[str, ...]) -> None:
        found.append(words)
        for name, below in getattr(command, "commands", {}).items():
            walk(below, (*words, name))

    walk(typer.main.get_command(program()), ())
    return found


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_h_is_help_everywhere(words: tuple[str, ...]) -> None:
    short, long = whiteroom(*words, "-h"), whiteroom(*words, "--help")
    assert short.code == 0
    assert short.out == long.out
    assert "Usage:" in short.out


@pytest.mark.parametrize("words", [words for words in every_command() if words], ids=" ".join)
def test_a_command_that_is_close_to_one_is_answered_with_that_one(words: tuple[str, ...]) -> None:
    *before, last = words
    for close in (f"{last}s", last[:-1], last.replace("e", "a")):
        if (*before, close) in every_command() or close == "":
            continue
        answer = whiteroom(*before, close)
        assert answer.code == 2
        if len(last) > 3:
            assert "Did you mean" in " ".join(answer.err.split()), close


def test_an_option_that_is_close_to_one_is_answered_with_that_one() -> None:
    answer = whiteroom("accounts", "add", "111111111111", "--nam", "North")
    assert answer.code == 2
    assert "--name" in answer.err


@pytest.mark.parametrize("command", [("accounts", "list"), ("explain", "arn:aws:x:y:1:z"), ("logs", "arn:aws:x:y:1:z")])
def test_a_command_on_a_missing_data_folder_says_how_to_make_it(cli: CommandLine, command: tuple[str, ...]) -> None:
    answer = cli(*command)
    assert answer.code == 1
    assert "whiteroom up --data" in answer.err
    assert not cli.data.exists()


def test_a_folder_full_of_something_else_is_never_taken_for_the_data_folder(cli: CommandLine) -> None:
    cli.data.mkdir()
    (cli.data / "thesis.tex").touch()
    answer = cli("accounts", "add", "111111111111")
    assert answer.code == 1
    assert "none of them Whiteroom's" in answer.err
    assert [path.name for path in cli.data.iterdir()] == ["thesis.tex"]


def test_a_file_is_never_taken_for_the_data_folder(cli: CommandLine) -> None:
    cli.data.touch()
    answer = cli("accounts", "add", "111111111111")
    assert answer.code == 1
    assert "cannot be the data folder" in answer.err


def test_a_broken_setting_is_one_sentence(cli: CommandLine) -> None:
    cli.data.mkdir()
    (cli.data / "whiteroom.toml").write_text("prot = 1")
    answer = cli("accounts", "list")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.count("\n") == 1
    assert "'prot'" in answer.err


def test_an_error_of_our_own_is_a_sentence_and_shows_its_place_when_asked(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any) -> None:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(accounts, "existing_folder", broken)
    answer = cli("accounts", "list")
    assert answer.code == 70
    assert answer.err.count("\n") == 1
    assert "the disk is on fire" in answer.err
    monkeypatch.setenv("WHITEROOM_DEBUG", "1")
    with pytest.raises(RuntimeError, match="the disk is on fire"):
        cli("accounts", "list")


def test_a_database_that_is_none_is_one_sentence(cli: CommandLine) -> None:
    cli.data.mkdir()
    (cli.data / "whiteroom.db").write_bytes(b"not a database" * 1000)
    answer = cli("accounts", "list")
    assert answer.code == 1
    assert answer.err.count("\n") == 1
    assert "whiteroom.db" in answer.err


@pytest.mark.parametrize("columns", [60, 80])
def test_no_page_of_help_is_wider_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERMINAL_WIDTH", str(columns))
    for words in every_command():
        wide = [line for line in whiteroom(*words, "-h").out.splitlines() if cell_len(line) > columns]
        assert wide == [], words


def test_names_are_told_whole_where_the_terminal_has_not_their_letters(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "Łódź \N{HOSPITAL}"
    cli("accounts", "add", "111111111111", "--name", name)
    told = []
    for options in ([], ["--json"]):
        screen = TextIOWrapper(BytesIO(), encoding="ascii")
        with monkeypatch.context() as patch, suppress(SystemExit):
            patch.setattr(sys, "stdout", screen)
            main.run(["accounts", "list", "--data", str(cli.data), *options])
        screen.flush()
        told.append(screen.buffer.getvalue().decode())
    assert name.encode("ascii", "backslashreplace").decode() in told[0]
    assert json.loads(told[1])[0]["name"] == name


def test_what_is_no_text_is_refused_with_what_to_do(cli: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.run(["accounts", "add", "111111111111", "--data", str(cli.data), "--name", os.fsdecode(b"\xff")])
    assert ended.value.code == 1
    assert "UTF-8" in capsys.readouterr().err
