"""How a wait shows where it is: a bar in a notebook, a line in a terminal, and nothing in a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

from whiteroom.notebook.answers import escaped, plain

Show = Callable[["Progress"], None]
"""Puts the latest in place of what it showed before."""
STEPS = 3
_BAR = 24


@dataclass(frozen=True, slots=True)
class Progress:
    """Where something is. How far a program itself has come, nobody but the program can say."""

    title: str
    status: str
    seconds: float
    reason: str = ""
    """Why it failed."""

    @property
    def step(self) -> int:
        """How many of its steps it has come to: it was asked for, it runs, it has ended."""
        if self.status.endswith("PENDING") or self.status == "SUBMITTED":
            return 1
        return 2 if self.status.endswith(("IN_PROGRESS", "ING")) or self.status == "STARTED" else STEPS

    def __repr__(self) -> str:
        done = _BAR * self.step // STEPS
        return f"[{'#' * done}{'.' * (_BAR - done)}] {plain(self.sentence)}"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return f'<progress value="{self.step}" max="{STEPS}" aria-label="progress"></progress> {escaped(self.sentence)}'

    @property
    def sentence(self) -> str:
        """In words."""
        return f"{self.title}: {self.status}, {self.seconds:.0f} s" + (f". {self.reason}" if self.reason else "")


def screen() -> Show:
    """The bar of a notebook where this is one, or else a line of the terminal, or else nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and hasattr(shell, "kernel"):
        return _Notebook()
    return _Terminal(sys.stderr) if sys.stderr.isatty() else lambda _: None


class _Notebook:
    """One output of a cell, which each progress replaces."""

    def __init__(self) -> None:
        self._handle: Any = None

    def __call__(self, progress: Progress) -> None:
        from IPython.display import display  # noqa: PLC0415 - there in a notebook, and needed nowhere else

        if self._handle is None:
            self._handle = display(progress, display_id=True)
        else:
            self._handle.update(progress)


class _Terminal:
    """One line, which each progress writes over, until the last one."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, progress: Progress) -> None:
        line = repr(progress).replace("\n", " ")
        self._out.write(f"\r\x1b[K{line}" + ("\n" if progress.step == STEPS else ""))
        self._out.flush()
