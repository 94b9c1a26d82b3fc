"""A supervisor that stands by is a run's like any other, and a server is never worse off for having one."""

import gc
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from contract.runtime.conftest import PATIENCE_SECONDS, Runs
from support.patience import Patience, stretch
from whiteroom.domain.execution.runs import EndReason
from whiteroom.processes import prestarted


def pid_of(descriptor: int) -> int:
    """The process that a pidfd is of."""
    lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pid:")).split()[1])


def standing_by() -> list[int]:
    """The spares among our children."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            # A spare that was taken keeps its command line: it is one as long as it has no run.
            if "stand_by" in " ".join(child.cmdline()) and not has_run(child):
                found.append(child.pid)
    return found


def has_run(child: psutil.Process) -> bool:
    return bool(os.getsid(child.pid) == child.pid)


def test_runs_are_taken_over_by_the_spare_and_another_stands_by(runs: Runs) -> None:
    before = set(standing_by())
    runs.runtime.warm()
    (first,) = set(standing_by()) - before
    # The second finds none standing by, and starts all the same.
    ids = [runs.start("print('hello')") for _ in range(2)]
    for run_id in ids:
        assert runs.finish(run_id).exit_code == 0
        assert runs.text(run_id) == "hello"
    runs.until(lambda: bool(set(standing_by()) - before - {first}))


def test_the_spare_holds_its_runs_lock_and_ends_with_a_record(runs: Runs) -> None:
    runs.runtime.warm()
    run_id = runs.start("import time\nprint('up', flush=True)\ntime.sleep(3600)")
    runs.until_logged(run_id, "up")
    os.kill(runs.supervisor_of(run_id), signal.SIGKILL)
    assert runs.finish(run_id).reason is EndReason.LOST


def test_a_spare_that_is_dead_keeps_no_run_from_starting(runs: Runs) -> None:
    before = set(standing_by())
    runs.runtime.warm()
    (spare,) = set(standing_by()) - before
    os.kill(spare, signal.SIGKILL)
    runs.until(lambda: not psutil.pid_exists(spare))
    run_id = runs.start("print('hello')")
    assert runs.finish(run_id).exit_code == 0


@pytest.mark.parametrize("then", [signal.SIGCONT, signal.SIGKILL, None], ids=["wakes up", "is killed", "stays stopped"])
def test_a_spare_that_is_stopped_is_replaced_in_time_and_the_run_is_run_once(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, then: signal.Signals | None
) -> None:
    """It takes the run's lock into its queue and never looks at it; then another one must not find it at work."""
    monkeypatch.setattr(prestarted, "TAKE_SECONDS", 0.5)
    before = set(standing_by())
    runs.runtime.warm()
    (spare,) = set(standing_by()) - before
    os.kill(spare, signal.SIGSTOP)
    began = time.monotonic()

    def wake() -> None:
        with suppress(ProcessLookupError):
            os.kill(spare, then or 0)

    waking = threading.Timer(0.5, wake)
    waking.start()
    run_id = runs.start("print('hello')")
    assert time.monotonic() - began < 5 * stretch()
    assert runs.finish(run_id).exit_code == 0
    assert runs.text(run_id) == "hello"
    waking.join()


def test_a_spare_ends_with_the_runtime_that_it_stands_by_for(runs: Runs) -> None:
    other = runs.reopen()
    other.warm()
    # Its own: one of a test before may begin to stand by at any moment.
    spare = pid_of(other._prestarted._spare._process)
    assert spare in standing_by()
    del other
    gc.collect()
    patience = Patience(PATIENCE_SECONDS)
    while psutil.pid_exists(spare):
        assert not patience.is_lost
        patience.rest()
