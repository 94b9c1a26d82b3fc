from __future__ import annotations

import signal
import subprocess
import sys

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


def test_a_query_s_process_loads_nothing_of_resources_and_the_store() -> None:
    """Each query starts one: what it loads is what every query waits for."""
    needless = ("whiteroom.domain.resources", "whiteroom.domain.observability", "whiteroom.ports.store", "sqlalchemy")
    check = f"import sys, whiteroom.engines.duckdb.worker; print([n for n in {needless} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
