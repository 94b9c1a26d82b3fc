from __future__ import annotations

import os
import pty
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path

import pytest

from support.command import CommandLine, whiteroom
from support.worlds.driven import World
from whiteroom.cli.output import note
from whiteroom.cli.progress import progress


class Terminal:
    """What somebody sees who looks at a terminal, from another thread: it takes in all that is written."""

    def __init__(self, shown: int) -> None:
        self._text, self._more = b"", threading.Condition()
        self._reading = threading.Thread(target=self._read, args=(shown,))
        self._reading.start()

    def _read(self, shown: int) -> None:
        with suppress(OSError):  # how Linux says that nobody writes to a terminal any more
            while more := os.read(shown, 1 << 16):
                with self._more:
                    self._text += more
                    self._more.notify_all()

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self._text.decode(errors="replace")).replace("\r", "\n")

    def wait_for(self, seen: Callable[[str], bool]) -> bool:
        with self._more:
            return self._more.wait_for(lambda: seen(self.text), 30)

    def end(self) -> None:
        self._reading.join()


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def errors_on_a_terminal() -> Iterator[Terminal]:
    shown, written = pty.openpty()
    terminal = Terminal(shown)
    try:
        with os.fdopen(written, "w") as err, redirect_stderr(err):
            yield terminal
    finally:
        terminal.end()
        os.close(shown)


@pytest.mark.usefixtures("wide")
def test_what_lasts_is_shown_on_a_terminal_with_how_far_it_has_come_and_what_is_printed_meanwhile_stays() -> None:
    out = StringIO()
    with (
        redirect_stdout(out),
        errors_on_a_terminal() as terminal,
        progress("Reading [tables]", 3, after_seconds=0) as advance,
    ):
        advance(2)
        assert terminal.wait_for(lambda text: "Reading [tables]" in text and "2/3" in text), terminal.text
        print("a fact")
        note("a note")
        assert terminal.wait_for(lambda text: "a note" in text), terminal.text
    assert out.getvalue() == "a fact\n"
    assert all(len(line) <= 80 for line in terminal.text.splitlines())


@pytest.mark.usefixtures("wide")
def test_what_is_over_before_two_seconds_shows_nothing() -> None:
    with errors_on_a_terminal() as terminal, progress("Reading", 3) as advance:
        advance(3)
    assert terminal.text == ""


@pytest.mark.parametrize(("name", "value"), [("FORCE_COLOR", "1"), ("TERM", "dumb"), ("TTY_COMPATIBLE", "1")])
def test_nothing_is_shown_where_nobody_looks(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    err = StringIO()
    with redirect_stderr(err), progress("Reading", 3, after_seconds=0) as advance:
        advance(3)
    assert err.getvalue() == ""


@pytest.mark.usefixtures("wide")
def test_what_fails_is_raised_and_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    with errors_on_a_terminal(), pytest.raises(OSError, match="full"), progress("Copying", after_seconds=0):
        raise OSError("full")
    assert set(threading.enumerate()) == before


def test_a_backup_and_a_restore_count_every_byte(
    cli: CommandLine, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: dict[str, int] = {}

    @contextmanager
    def count(what: str, total: int | None = None, **_: object) -> Iterator[Callable[[int], None]]:
        counted[what] = 0

        def advance(more: int) -> None:
            counted[what] += more

        yield advance
        assert total in {None, counted[what]}

    for command in ("backup", "restore"):
        monkeypatch.setattr(f"whiteroom.cli.{command}.progress", count)
    (cli.data / "objects").mkdir(exist_ok=True)
    (cli.data / "objects" / "large").write_bytes(bytes(3_000_000))
    backup = tmp_path / "backup"
    assert world
    assert cli("backup", str(backup)).code == 0
    assert whiteroom("restore", str(backup), str(tmp_path / "new")).code == 0
    assert counted["Copying"] >= 3_000_000
    assert counted["Restoring"] > counted["Copying"]  # the database is snapshot, and not copied
