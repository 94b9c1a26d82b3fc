"""Channels over a table of PostgreSQL on a running server, and what its owner is told when it cannot be read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from support.live import LiveRoom, live_room, once
from support.postgresql import PASSWORD, READER, Database, PostgreSql, Wire, wire_to
from support.worlds.requests import BOB

pytestmark = pytest.mark.slow

SQL = "SELECT patient, cost FROM costs"


@dataclass(frozen=True)
class Clinic:
    room: LiveRoom
    database: Database
    wire: Wire


@pytest.fixture(scope="module")
def clinic(postgresql: PostgreSql, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    database = postgresql.database()
    database.table("costs", "patient bigint, cost numeric(12, 2)", "(1, 0.10), (2, 0.20), (3, NULL)")
    with live_room(tmp_path_factory.mktemp("databases") / "data") as room, wire_to(postgresql.port) as wire:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
            made = room.command("connections", "add", "clinic", database.url(wire.port), "--account", BOB)
        assert made.code == 0, made.err
        added = room.command("catalog", "add", "lake.costs", "public.costs", "--connection", "clinic", "--account", BOB)
        assert added.code == 0, added.err
        room.shared_table(BOB, "costs", ["patient", "cost"], "CUSTOM", None, None)
        yield Clinic(room, database, wire)
        room.assert_nothing_left()


def test_a_channel_has_the_rows_of_now(clinic: Clinic) -> None:
    assert clinic.room.finished(clinic.room.channel("first", SQL))["numberOfRecords"] == 3
    clinic.database.run("INSERT INTO costs VALUES (4, 99)")
    assert clinic.room.finished(clinic.room.channel("second", SQL))["numberOfRecords"] == 4


def test_work_waits_for_a_database_that_does_not_answer(clinic: Clinic) -> None:
    clinic.wire.refuses = True
    arn = clinic.room.channel("patient", SQL)
    once(lambda refused: refused > 1, lambda: clinic.wire.refused)
    assert clinic.room.look(arn)["status"] == "CREATE_PENDING"
    clinic.wire.refuses = False
    assert clinic.room.finished(arn)["numberOfRecords"] >= 3


def test_a_refusal_is_told_to_the_owner_and_to_nobody_else(clinic: Clinic) -> None:
    clinic.database.run(f"REVOKE SELECT ON costs FROM {READER}")
    arn = clinic.room.channel("refused", SQL)
    message = clinic.room.failed(arn, "DataError")
    assert "clinic" not in message
    assert READER not in message
    told = clinic.room.command("explain", arn, "--as", BOB)
    assert "has no table or view public.costs, or its user may read no column of it" in told.out, told
    clinic.database.run(f"GRANT SELECT ON costs TO {READER}")


def test_a_column_whose_type_moved_fails_the_query_by_its_name(clinic: Clinic) -> None:
    clinic.database.run("ALTER TABLE costs ALTER COLUMN cost TYPE text")
    message = clinic.room.failed(clinic.room.channel("moved", SQL), "DataError")
    assert "Column 'cost' of table 'costs' was decimal(12,2) when the table was configured, and is string" in message
