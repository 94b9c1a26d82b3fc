"""For every test: examples are made on machines that are busy with other tests; who needs a service says so.

And for all of them together: their folders lie in memory where it has room, what takes long begins first, botocore
reads what it knows of AWS's services once a process, and the garbage collector leaves alone what the collection of the
tests has made.
"""

import gc
import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support import described
from support.moto import moto_server
from support.postgresql import PostgreSql, postgresql_server
from support.seaweedfs import Store, seaweedfs_server
from support.snowflake import Snowflake, snowflake_server

settings.register_profile("busy", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("busy")

OF_SERVICES = frozenset({"engine_socket", "seaweedfs", "postgresql", "snowflake"})
"""Fixtures that stand for a service: a container engine, a real S3, a real PostgreSQL, what answers as Snowflake."""
REAL = Path(__file__).parent / "real"
"""Programs that nobody here wrote, which are built and fetched."""


STATE = tempfile.mkdtemp(prefix="whiteroom-state-")
"""Where servers of tests keep their master key."""
os.environ["XDG_STATE_HOME"] = STATE

MEMORY = Path("/dev/shm")
ROOM_BYTES = 8 * 2**30
"""How much of it is to be free: a test fills a disk of a gigabyte, others leave 200,000 files."""

if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES:
    # Half of the time of tests with a database is the disk's: no test is about a machine that loses its power.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    # `nohup` has begun all of this. Programs inherit what is ignored, and not what is handled: servers are to hear it.
    signal.signal(signal.SIGHUP, lambda *_: None)
described.read_once()
gc.disable()  # until all tests are there: it would look at each of them again and again


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a service: `make test` leaves it out, `make test-services` runs nothing else.

    And put first the files that have most slow tests, so that no worker begins one when the others are done.
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & OF_SERVICES or REAL in item.path.parents:
            item.add_marker("services")
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


def pytest_collection_finish() -> None:
    """Keep the garbage collector from what stays until the end."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """At the end it may have all of it; DuckDB says at length what is not given back."""
    gc.unfreeze()
    shutil.rmtree(STATE, ignore_errors=True)


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of AWS's services as moto has them: one server for all tests, who name what they make there their own."""
    with moto_server(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A real S3: one server for all tests, who name their buckets their own."""
    with seaweedfs_server(tmp_path_factory.mktemp("seaweedfs")) as store:
        yield store


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    """A real PostgreSQL: one server for all tests, each of which makes a database of its own."""
    with postgresql_server() as server:
        yield server


@pytest.fixture(scope="session")
def snowflake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snowflake]:
    """What answers as Snowflake does: one server for all tests, each of which has a database of its own."""
    with snowflake_server(tmp_path_factory.mktemp("fakesnow")) as server:
        yield server
