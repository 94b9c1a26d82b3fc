"""Runs isolated instances of algorithms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from whiteroom.domain.execution.runs import LogLine, Observation, Run, RunId, RunOutput, SandboxReport
from whiteroom.domain.observability.metrics import Usage


class ImageNotFound(Exception):
    """No image of that name is known here. The message says how to bring it."""


class RunRefused(Exception):
    """This runtime can never run that run; the message says why and what to do, safe for the member."""


class CannotIsolate(RunRefused):
    """It is the machine's fault and not the run's: nothing can be isolated here at present."""


class Runtime(Protocol):
    """Runs isolated instances.

    A run's id is its identity: the same id always means the same run. Every call returns
    at once (`start` within tens of milliseconds) and may be repeated after a crash.
    """

    def image_digest(self, image_uri: str) -> str:
        """The digest (`sha256:...`) that `image_uri` names now.

        Raises:
            ImageNotFound: nothing here has that name.
        """

    def start(self, run: Run) -> None:
        """Start the run unless it already exists; a repeat is harmless.

        Raises:
            RunRefused: this runtime can never run it (no sandbox, more than one instance).
        """

    def observe(self, run_id: RunId) -> Observation:
        """What the run is doing now."""

    def stop(self, run_id: RunId, grace_seconds: int) -> None:
        """Ask for SIGTERM now and SIGKILL after `grace_seconds`; returns at once. An absent or ended run stays so."""

    def output(self, run_id: RunId) -> tuple[RunOutput, ...]:
        """Where each instance of an ended run left its results, algo-1 first. Only for a run in `Phase.ENDED`."""

    def logs(self, run_id: RunId, after: int = 0) -> Iterator[LogLine]:
        """The run's log from line number `after` (counting from 0) to what is there now; kept after `forget`."""

    def usage(self, run_id: RunId, after: int = 0) -> Iterator[Usage]:
        """What the run's instances took of the machine, from sample number `after` on; kept as its log is."""

    def logged_bytes(self, run_id: RunId) -> int:
        """Bytes of the run's log and its samples, as they are now; 0 where there are none."""

    def runs(self) -> Iterable[RunId]:
        """Every run that still holds something here."""

    def forget(self, run_id: RunId) -> None:
        """Kill what is left of the run and free what it holds, its log excepted. An absent run is a success."""

    def forget_logs(self, run_id: RunId) -> None:
        """Delete the run's log and its samples. What is absent is a success."""

    def report(self) -> SandboxReport:
        """What this machine offers to isolate a run."""
