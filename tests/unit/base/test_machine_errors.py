"""What the machine lacks is told from what the server does wrong."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from whiteroom.base.machine_errors import machine_error_of


def test_a_full_disk_is_named_with_its_place_and_what_to_do() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError, match="No space") as found:
        full.write(b"x")
    trouble = machine_error_of(found.value)
    assert trouble is not None
    assert "No space left on device" in trouble
    assert "Make room" in trouble
    assert "/data/runs" in str(machine_error_of(OSError(errno.EROFS, os.strerror(errno.EROFS), "/data/runs")))


def failure(connection: sqlite3.Connection, statement: str) -> str:
    with pytest.raises(sqlite3.OperationalError) as error:
        connection.execute(statement)
    return str(machine_error_of(error.value))


def test_a_database_that_is_full_read_only_or_held_is_a_trouble(tmp_path: Path) -> None:
    connection, other = (sqlite3.connect(tmp_path / "x.db", isolation_level=None, timeout=0) for _ in range(2))
    with closing(connection), closing(other):
        connection.execute("CREATE TABLE t (x)")
        connection.execute("PRAGMA max_page_count=2")
        assert "Make room" in failure(connection, "INSERT INTO t VALUES (zeroblob(100000))")
        other.execute("BEGIN EXCLUSIVE")
        assert "Another process" in failure(connection, "INSERT INTO t VALUES (1)")
        other.execute("ROLLBACK")
        connection.execute("PRAGMA query_only=1")
        assert "read-only" in failure(connection, "INSERT INTO t VALUES (1)")


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), OSError("no number"), FileNotFoundError(errno.ENOENT, "x"), sqlite3.ProgrammingError("closed")],
)
def test_any_other_error_is_the_servers_own(error: Exception) -> None:
    assert machine_error_of(error) is None
