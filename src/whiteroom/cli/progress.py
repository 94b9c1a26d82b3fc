"""Shows people at a terminal that something goes on which takes longer than two seconds.

It is drawn on standard error, where scripts do not look, and is gone when the work is done.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

SHOWN_AFTER_SECONDS = 2.0
_DRAWN_EVERY_SECONDS = 0.1

Advance = Callable[[int], None]
"""Is told how much more has been done."""


@contextmanager
def progress(
    what: str, total: int | None = None, *, in_bytes: bool = False, after_seconds: float = SHOWN_AFTER_SECONDS
) -> Iterator[Advance]:
    """Show a bar as long as this lasts; what it gives is called with what has been done since.

    Args:
        what: is done, for people.
        total: how much there is; without it the bar only moves.
        in_bytes: what is counted are bytes, and not things.
        after_seconds: nothing is shown of what takes less.
    """
    done = [0]

    def advance(more: int) -> None:
        done[0] += more

    console = Console(file=sys.stderr)
    # FORCE_COLOR has rich take a file for a terminal.
    if not sys.stderr.isatty() or not console.is_terminal or console.is_dumb_terminal:
        yield advance
        return
    ended = threading.Event()

    def draw() -> None:
        if ended.wait(after_seconds):
            return
        # Standard output is left alone: rich would send what is printed there to standard error.
        with Progress(
            *_columns(total, in_bytes=in_bytes),
            console=console,
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
        ) as shown:
            task = shown.add_task(what, total=total)
            over = False
            while not over:
                over = ended.wait(_DRAWN_EVERY_SECONDS)
                shown.update(task, completed=done[0], refresh=True)

    drawing = threading.Thread(target=draw, name="progress", daemon=True)
    drawing.start()
    try:
        yield advance
    finally:
        ended.set()
        drawing.join()


def _columns(total: int | None, *, in_bytes: bool) -> list[ProgressColumn]:
    counted: list[ProgressColumn] = [DownloadColumn()] if in_bytes else [MofNCompleteColumn()]
    return [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        *(counted if total is not None or in_bytes else []),
        TimeElapsedColumn(),
    ]
