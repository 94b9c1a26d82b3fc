"""What is run to find out what the machine can do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from whiteroom.runtime.sandbox import doctor
from whiteroom.runtime.sandbox.probes import ProbeHangs, run_probe


def test_a_probe_says_how_it_ended_and_its_last_words() -> None:
    assert run_probe([sys.executable, "-c", "pass"], 60) == (0, "no reason given")
    words = "import sys; print('one', file=sys.stderr); print('two', file=sys.stderr); sys.exit(3)"
    assert run_probe([sys.executable, "-c", words], 60) == (3, "two")


def test_a_probe_that_hangs_is_killed() -> None:
    with pytest.raises(ProbeHangs):
        run_probe([sys.executable, "-c", "import time; time.sleep(3600)"], 0.3)


def test_time_in_which_the_server_was_stopped_does_not_count(tmp_path: Path) -> None:
    """The probe waits for a file that comes when both have been stopped for longer than the probe may take."""
    ready, go = tmp_path / "ready", tmp_path / "go"
    waits = f"import os, time\nopen({str(ready)!r}, 'w')\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
    server = textwrap.dedent(f"""
        import sys
        from whiteroom.runtime.sandbox.probes import run_probe
        sys.exit(run_probe([sys.executable, "-c", {waits!r}], 5)[0])
    """)
    process = subprocess.Popen([sys.executable, "-c", server], start_new_session=True)
    while not ready.exists():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGSTOP)

    def wake() -> None:
        go.touch()
        os.killpg(process.pid, signal.SIGCONT)

    waking = threading.Timer(6, wake)
    waking.start()
    assert process.wait(60) == 0
    waking.join()


def test_a_check_that_fails_once_is_made_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers: Iterator[ProbeHangs | tuple[int, str]] = iter([ProbeHangs(), (1, "out of processes"), (0, "")])

    def probe(*_: object) -> tuple[int, str]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(doctor, "run_probe", probe)
    assert doctor.quick(tmp_path).usable
    assert list(answers) == []
