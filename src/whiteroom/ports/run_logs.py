"""The logs of runs, read from any place on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from whiteroom.domain.execution.runs import LogLine, RunId


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line of a run's log, and where it is there."""

    start: int
    end: int
    """Where the next line begins."""
    line: LogLine


class RunLogs(Protocol):
    """The logs of all runs, read from any place on: a place is a number that grows from line to line.

    Times do not fall from line to line. A log that is not there has no lines.
    """

    def forward(self, run_id: RunId, start: int) -> Iterator[PlacedLine]:
        """The complete lines from the place `start` on, to what is there now."""

    def backward(self, run_id: RunId, end: int) -> Iterator[PlacedLine]:
        """The complete lines before the place `end`, the last one first."""

    def end(self, run_id: RunId) -> int:
        """Where the next line will begin."""

    def first_at(self, run_id: RunId, at_ms: int) -> int:
        """The place of the first line that is not older than `at_ms`; the end, where there is none."""

    def key(self) -> bytes:
        """A secret of this deployment, the same after a restart: places say how much is hidden, so they are sealed."""
