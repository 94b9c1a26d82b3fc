"""How much of a processor something takes: what is linear in hostile input takes seconds, what is not takes hours.

Seconds are those of a machine as it was when they were written down: on a slower one, or beside other work, each is
as many more as counting takes longer there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_COUNTED: Final = 1_000_000
_COUNTED_IN_SECONDS: Final = 0.08
"""A loop of that many turns on such a machine."""


@contextmanager
def effort_under(seconds: float) -> Iterator[None]:
    """What is inside takes this thread less of a processor than that; what other threads take meanwhile is theirs."""
    before = _slowness()
    began = time.thread_time()
    yield
    spent = time.thread_time() - began
    allowed = seconds * max(before, _slowness())
    assert spent < allowed, f"it took {spent:.2f} s of a processor, not {allowed:.2f}"


def _slowness() -> float:
    began = time.thread_time()
    total = 0
    for number in range(_COUNTED):
        total += number
    return max(1.0, (time.thread_time() - began) / _COUNTED_IN_SECONDS)
