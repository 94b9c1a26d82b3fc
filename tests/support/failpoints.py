"""Failpoints at which a process dies, or something happens in between."""

from __future__ import annotations

from collections.abc import Callable

from whiteroom.controllers.loop import Failpoint


class Crash(BaseException):
    """The process dies here: nothing catches it."""


def once(point: str, action: Callable[[], None], visit: int = 1) -> Failpoint:
    """A failpoint where something happens in between: the `visit`th time that `point` is passed."""
    visits = 0

    def failpoint(reached: str) -> None:
        nonlocal visits
        if reached == point:
            visits += 1
            if visits == visit:
                action()

    return failpoint


def crash_at(point: str, visit: int) -> Failpoint:
    """A failpoint that kills the process the `visit`th time that `point` is passed."""

    def die() -> None:
        raise Crash

    return once(point, die, visit)
