from __future__ import annotations

import json
import os
import pty
import re
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from pathlib import Path

import pytest

from whiteroom.cli.output import say_json, say_table

RESULT = "188e3a4f-044d-4d4d-a9ce-2c3f9fed61e0"
PLACE = "s3://111122223333/results/f2ebb01d-735c-4c18-9990-63b2001d99c8/ages/mine/"
SENTENCE = "The program ended with exit code 1 and left no /opt/ml/output/failure. Its owner can read why."


def _on_a_terminal(
    columns: tuple[str, ...], rows: Sequence[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    shown, terminal = pty.openpty()
    try:
        with os.fdopen(terminal, "w") as out:
            with redirect_stdout(out):
                say_table(columns, rows)
            out.flush()
        text = _all_of(shown)
    finally:
        os.close(shown)
    return re.sub(r"\x1b\[[0-9;]*m|\r", "", text)


def _all_of(terminal: int) -> str:
    text = b""
    with suppress(OSError):  # how Linux says that nobody writes to a terminal any more
        while more := os.read(terminal, 1 << 16):
            text += more
    return text.decode()


def test_a_narrow_terminal_breaks_no_identifier(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(RESULT, "111122223333", PLACE, count) for count in (1, 2)]
    lines = _on_a_terminal(("ID", "ACCOUNT", "LOCATION", "FILES"), rows, monkeypatch).splitlines()
    first = [["ID", RESULT], ["ACCOUNT", "111122223333"], ["LOCATION", PLACE], ["FILES", "1"]]
    assert [line.split() for line in lines] == [*first, [], *first[:-1], ["FILES", "2"]]


def test_a_narrow_terminal_breaks_sentences_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    row = ("CREATE_PENDING", "CREATE_IN_PROGRESS", "controller", "2026-11-30 09:27:49.956", SENTENCE)
    text = _on_a_terminal(("FROM", "TO", "BY", "TIME (UTC)", "REASON"), [row], monkeypatch)
    assert set(SENTENCE.split()) <= set(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_a_table_that_fits_a_terminal_has_a_line_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("111122223333", "North Hospital", "ENABLED"), ("222233334444", "", "ENABLED")]
    lines = _on_a_terminal(("ACCOUNT", "NAME", "STATUS"), rows, monkeypatch).splitlines()
    assert [line.split() for line in lines] == [
        ["ACCOUNT", "NAME", "STATUS"],
        ["111122223333", "North", "Hospital", "ENABLED"],
        ["222233334444", "ENABLED"],
    ]


def test_a_file_gets_a_line_for_each_row_however_wide(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out, redirect_stdout(out):
        say_table(("ID", "LOCATION", "REASON"), [(RESULT, PLACE, SENTENCE)])
    assert len((tmp_path / "out").read_text().splitlines()) == 2


def test_an_empty_table_is_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _on_a_terminal(("ID", "NAME"), [], monkeypatch).split() == ["ID", "NAME"]


@pytest.mark.parametrize("letter", ["\x1b", "\x7f", "\x9b", "\u202e", "\u2028", "\ud800", "\U000e0001"])
def test_json_has_every_letter_and_prints_none_that_a_terminal_obeys(
    letter: str, capsys: pytest.CaptureFixture[str]
) -> None:
    value = [{"name": f"Łódź {letter} north"}]
    say_json(value)
    printed = capsys.readouterr().out
    assert letter not in printed
    assert "Łódź" in printed
    assert json.loads(printed) == value
