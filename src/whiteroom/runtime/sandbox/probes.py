"""Runs probe programs to find out what this machine can do, each for a limited time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence

_SLICE_SECONDS = 0.1
_LONGEST_SLICE_SECONDS = 1.0
"""A slice that takes longer was not waited for: this process was stopped, or the machine asleep."""


class ProbeHangs(Exception):
    """The program did not end in its time, and was killed."""


def run_probe(command: Sequence[str], seconds: float) -> tuple[int, str]:
    """Run a program; its exit code, and the last line that it wrote to stderr.

    Args:
        command: the program and its arguments.
        seconds: how long it may take. Time in which this process did not run does not count: the program may not have
            run either.

    Raises:
        ProbeHangs: it took longer.
    """
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as probe:
        left = seconds
        while left > 0:
            began = time.monotonic()
            try:
                _, errors = probe.communicate(timeout=_SLICE_SECONDS)
            except subprocess.TimeoutExpired:
                left -= min(time.monotonic() - began, _LONGEST_SLICE_SECONDS)
                continue
            lines = errors.decode(errors="replace").strip().splitlines()
            return probe.returncode, lines[-1] if lines else "no reason given"
        probe.kill()
    raise ProbeHangs
