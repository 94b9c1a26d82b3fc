"""An S3 is held still for a moment, whoever holds it lives or dies; another one is left alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.live import once
from whiteroom.s3_server import stillness
from whiteroom.s3_server.stillness import NotStill, held_still, let_go_on


def state(process: subprocess.Popen[bytes]) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def started(program: Path, folder: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen([program, "600"], cwd=folder)
    once(lambda seen: seen == program.name, lambda: Path(f"/proc/{process.pid}/comm").read_text().strip())
    return process


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """One that waits, under the name of SeaweedFS's."""
    sleep = shutil.which("sleep")
    assert sleep is not None
    return Path(shutil.copy(sleep, tmp_path / stillness.PROGRAM))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "s3"


@pytest.fixture
def weed(program: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = started(program, folder)
    yield process
    process.kill()
    process.wait()


def test_it_stands_still_while_it_is_held_and_goes_on_then(weed: subprocess.Popen[bytes], folder: Path) -> None:
    with held_still(folder):
        assert state(weed) == "T"
    once(lambda seen: seen != "T", lambda: state(weed))


def test_it_goes_on_where_holding_it_fails(weed: subprocess.Popen[bytes], folder: Path) -> None:
    with pytest.raises(LookupError), held_still(folder):
        raise LookupError
    once(lambda seen: seen != "T", lambda: state(weed))


def test_that_of_another_folder_is_left_alone(program: Path, folder: Path, tmp_path: Path) -> None:
    other = started(program, tmp_path / "other")
    try:
        folder.mkdir()
        with held_still(folder):
            assert state(other) != "T"
    finally:
        other.kill()
        other.wait()


def test_it_is_held_by_one_at_a_time(weed: subprocess.Popen[bytes], folder: Path) -> None:
    with held_still(folder), pytest.raises(NotStill, match="Another backup"), held_still(folder):
        pass


def test_one_that_ends_or_begins_meanwhile_was_not_still(
    weed: subprocess.Popen[bytes], program: Path, folder: Path
) -> None:
    def end() -> None:
        weed.kill()
        weed.wait()

    with pytest.raises(NotStill, match="Make the backup again"), held_still(folder):
        end()
    others: list[subprocess.Popen[bytes]] = []
    with pytest.raises(NotStill, match="Make the backup again"), held_still(folder):
        others.append(started(program, folder))
    others[0].kill()
    others[0].wait()


def test_what_a_killed_backup_left_still_goes_on_and_what_is_held_does_not(
    weed: subprocess.Popen[bytes], folder: Path
) -> None:
    if (child := os.fork()) == 0:
        with held_still(folder):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert state(weed) == "T"
    let_go_on(folder)
    once(lambda seen: seen != "T", lambda: state(weed))
    with held_still(folder):
        let_go_on(folder)
        assert state(weed) == "T"
