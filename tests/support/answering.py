"""Servers of tests that have just been started."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from support.patience import Patience

STARTS_WITHIN_SECONDS = 90.0


def until_it_answers(
    process: subprocess.Popen[bytes], ask: Callable[[], object], not_yet: tuple[type[Exception], ...]
) -> None:
    """Ask until nothing of `not_yet` is raised; longer where the machine has other work."""
    patience = Patience(STARTS_WITHIN_SECONDS)
    while True:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        try:
            ask()
        except not_yet:
            if patience.is_lost:
                raise
            patience.rest()
        else:
            return
