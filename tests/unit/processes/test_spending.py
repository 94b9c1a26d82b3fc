"""What a worker takes is measured by its supervisor, and is there whatever ends it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from whiteroom.domain.execution.spending import NOTHING_SPENT, Spent
from whiteroom.processes.children import write_json
from whiteroom.processes.spending import SPENT, WorkerMeter, read_spent

MIB = 2**20
BURNS = """
import os, time
from whiteroom.processes import supervising
def work():
    held = b"x" * (200 << 20)
    began = time.process_time()
    while time.process_time() - began < {seconds}:
        pass
print(supervising.supervise(work, {limit}).value)
"""


def burned(folder: Path, seconds: float, limit: int = 60) -> str:
    """How a worker ended that takes so much processor time, and 200 MiB."""
    code = BURNS.format(seconds=seconds, limit=limit)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_worker_s_processor_time_is_what_the_kernel_counted(tmp_path: Path) -> None:
    assert burned(tmp_path, 0.4) == "of itself"
    spent = read_spent(tmp_path)
    assert 0.4 <= spent.cpu_seconds < 1.5
    assert spent.seconds >= spent.cpu_seconds - 0.1
    assert 100 * MIB < spent.byte_seconds / spent.seconds < 800 * MIB


def test_a_worker_that_is_killed_at_its_limit_has_taken_what_it_took(tmp_path: Path) -> None:
    assert burned(tmp_path, 60, limit=1) == "time"
    assert read_spent(tmp_path).cpu_seconds > 0


def test_one_that_is_started_again_goes_on_from_what_was_taken(tmp_path: Path) -> None:
    write_json(tmp_path / SPENT, {"seconds": 100.0, "cpu_seconds": 50.0, "byte_seconds": 25.0})
    burned(tmp_path, 0.1)
    spent = read_spent(tmp_path)
    assert 100.0 < spent.seconds < 110.0
    assert 50.1 <= spent.cpu_seconds < 55.0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seconds": "many"}'])
def test_a_file_that_says_nothing_says_that_nothing_was_taken(tmp_path: Path, text: str) -> None:
    assert read_spent(tmp_path) == NOTHING_SPENT
    (tmp_path / SPENT).write_text(text)
    assert read_spent(tmp_path) == NOTHING_SPENT


def test_memory_is_counted_for_as_long_as_it_was_seen(tmp_path: Path) -> None:
    meter = WorkerMeter(tmp_path, os.getpid(), 100.0)
    meter.look(110.0)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seen = read_spent(tmp_path)
    assert seen.seconds == 10.0
    assert 10 * MIB < seen.byte_seconds / 10 <= held + MIB
    meter.end(130.0, 7.0, 1)
    assert read_spent(tmp_path).byte_seconds == pytest.approx(3 * seen.byte_seconds)
    assert read_spent(tmp_path).seconds == 30.0


def test_one_that_was_never_seen_held_its_peak(tmp_path: Path) -> None:
    meter = WorkerMeter(tmp_path, os.getpid(), 0.0)
    meter.end(2.0, 1.0, 1_000)
    assert read_spent(tmp_path) == Spent(2.0, 1.0, 2.0 * 1_000 * 1024)


def test_a_folder_that_cannot_be_written_to_ends_nothing(tmp_path: Path) -> None:
    meter = WorkerMeter(tmp_path / "gone", os.getpid(), time.monotonic())
    meter.look(time.monotonic())
    meter.end(time.monotonic(), 1.0, 1)
