from __future__ import annotations

import signal

import pytest

from whiteroom.engines.duckdb.worker import cpu_limit
from whiteroom.sql.refusals import Refused


def check_for_ever() -> None:
    with cpu_limit(0.05):
        while True:
            pass


def test_a_query_that_takes_too_long_to_check_is_refused_with_what_to_do() -> None:
    with pytest.raises(Refused, match=r"more than 0\.05 s to check\. Make it smaller"):
        check_for_ever()


def test_the_limit_leaves_nothing_behind() -> None:
    before = signal.getsignal(signal.SIGPROF)
    with cpu_limit(30):
        pass
    assert signal.getsignal(signal.SIGPROF) == before
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
