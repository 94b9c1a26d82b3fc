"""A campaign in several processes tries what is asked, tells one report, and ends whole when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from noninterference.campaign import Campaign
from noninterference.report import Leak, Report
from noninterference.shards import merged, seeds, shards

ROOT = Path(__file__).resolve().parents[2]


def test_reports_of_several_processes_are_one() -> None:
    one, other = Report(1), Report(2)
    for report, tried in ((one, 3), (other, 4)):
        report.tally("outputs").tried = tried
        report.tally("outputs").held["b"] = tried
        report.hunger.fed(["Abs"], passed=True)
        report.leaks.append(Leak("outputs", "b", f"SELECT {tried}", "rows"))
    other.tally("list").tried = 5
    whole = merged([one, other])
    assert (whole.queries, whole.tallies["outputs"].held["b"], whole.hunger.tried["Abs"]) == (12, 7, 2)
    assert [leak.sql for leak in whole.leaks] == ["SELECT 3", "SELECT 4"]


def test_one_process_alone_has_the_campaigns_own_seed_and_no_two_have_one() -> None:
    assert seeds(7, 1) == [7]
    assert seeds(7, 3) == seeds(7, 3)
    assert len(set(seeds(7, 16))) == 16


@pytest.mark.slow
def test_processes_together_try_as_many_queries_as_asked(tmp_path: Path) -> None:
    with shards(tmp_path, 5, 31, 2) as campaign:
        for _ in campaign.progress():
            pass
    assert campaign.report.queries == 31
    assert not campaign.report.faults
    alone = Campaign(tmp_path / "alone", 5)
    alone.run(16)
    alone.close()
    # The first has tried what one process with its seed tries; the other something else.
    assert campaign.report.hunger.tried != alone.report.hunger.tried
    assert campaign.report.hunger.tried >= alone.report.hunger.tried


@pytest.fixture
def running() -> Iterator[subprocess.Popen[str]]:
    """`make fuzz` without an end, in a process group of its own, as a terminal has it."""
    command = [sys.executable, "-m", "noninterference", "--queries", "1000000", "--jobs", "2", "--every", "1"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"}
    # What a shell starts in the background ignores Ctrl-C, and hands that on; at a terminal nothing does.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, start_new_session=True
    )
    signal.signal(signal.SIGINT, before)
    with process:
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.slow
def test_one_ctrl_c_ends_every_process_and_tells_what_was_done(running: subprocess.Popen[str]) -> None:
    assert running.stdout is not None
    assert "tried" in running.stdout.readline()
    os.killpg(running.pid, signal.SIGINT)
    # All of them write to it: it ends with the last of them.
    said = running.stdout.read()
    assert running.wait() in {0, 1}
    assert "interrupted after" in said
    assert "let through of tried, by construct" in said


def test_a_process_that_ends_before_its_share_is_done_is_told(tmp_path: Path) -> None:
    with shards(tmp_path, 3, 2_000, 1) as campaign:
        for _ in campaign.progress():
            for child in psutil.Process().children():
                if "spawn_main" in " ".join(child.cmdline()):
                    child.kill()
    (said,) = campaign.report.faults
    assert said.startswith("the process with seed 3 ended with code -9 after ")
    assert said.endswith(" of 2,000 queries")
