"""Tables of a real PostgreSQL that somebody empties, exchanges or changes while they are read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from adbc_driver_postgresql import dbapi

from contract.databases.conftest import ROWS, SECONDS
from support.postgresql import READER, Database
from whiteroom.databases.postgresql.reading import transaction
from whiteroom.databases.refusals import DatabaseRefused, TableMoved

EMPTYING: dict[str, tuple[str, ...]] = {
    "emptied and filled": ("TRUNCATE rows", "INSERT INTO rows VALUES (2)"),
    "a part of it emptied": ("TRUNCATE part",),
    "written anew": ("ALTER TABLE rows ALTER COLUMN id TYPE bigint", "ALTER TABLE rows ALTER COLUMN id TYPE int"),
    "exchanged": (
        "CREATE TABLE newer AS SELECT 2 AS id",
        f"GRANT SELECT ON newer TO {READER}",
        "ALTER TABLE rows RENAME TO older",
        "ALTER TABLE newer RENAME TO rows",
    ),
    "its schema exchanged": (
        "ALTER SCHEMA public RENAME TO older",
        "CREATE SCHEMA public",
        f"GRANT USAGE ON SCHEMA public TO {READER}",
        "CREATE TABLE rows AS SELECT 2 AS id",
        f"GRANT SELECT ON rows TO {READER}",
    ),
    "a table behind a view emptied": ("TRUNCATE behind",),
    "a view refreshed": ("REFRESH MATERIALIZED VIEW rows",),
}
"""What leaves a table without rows, or with others, for a transaction that began before."""
MADE_OTHERWISE: dict[str, tuple[str, ...]] = {
    "a part of it emptied": (
        "CREATE TABLE rows (id int) PARTITION BY LIST (id)",
        "CREATE TABLE part PARTITION OF rows FOR VALUES IN (1)",
        "INSERT INTO rows VALUES (1)",
    ),
    "a table behind a view emptied": ("CREATE TABLE behind AS SELECT 1 AS id", "CREATE VIEW rows AS TABLE behind"),
    "a view refreshed": ("CREATE MATERIALIZED VIEW rows AS SELECT 1 AS id",),
}


def made(database: Database, how: str, granted: str = "") -> None:
    database.run("DROP SCHEMA IF EXISTS older CASCADE")
    database.run(*MADE_OTHERWISE.get(how, ("CREATE TABLE rows AS SELECT 1 AS id",)))
    database.run(f"GRANT SELECT {granted} ON rows TO {READER}")
    database.table("before", "id int", "(1)")


@pytest.mark.parametrize("how", EMPTYING)
def test_a_table_that_is_emptied_before_it_is_read_is_not_read_as_empty(database: Database, how: str) -> None:
    made(database, how)
    before = replace(ROWS, name="before")
    with transaction(database.connection(), SECONDS) as begun:
        assert sum(batch.num_rows for batch in begun.rows(before, begun.columns(before))) == 1
        database.run(*EMPTYING[how])
        with pytest.raises(TableMoved, match=r"public\.rows was emptied, written anew or exchanged"):
            list(begun.rows(ROWS, begun.columns(ROWS)))


@pytest.mark.parametrize("granted", ["", "(id)"])
@pytest.mark.parametrize("how", [how for how in EMPTYING if how != "its schema exchanged"])
def test_a_table_that_is_held_stays_what_it_is_until_the_transaction_ends(
    database: Database, how: str, granted: str
) -> None:
    made(database, how, granted)
    with transaction(database.connection(), SECONDS) as begun:
        begun.hold([ROWS])
        with pytest.raises(dbapi.Error, match="lock timeout"):
            database.run("SET lock_timeout = '50ms'", *EMPTYING[how])
        assert [batch.num_rows for batch in begun.rows(ROWS, begun.columns(ROWS))] == [1]


def test_what_is_read_is_the_state_after_all_tables_were_held(database: Database) -> None:
    database.table("rows", "id int", "(1)")
    with transaction(database.connection(), SECONDS) as begun:
        begun.hold([ROWS])
        database.run("INSERT INTO rows VALUES (2)", "ALTER TABLE rows SET (fillfactor = 90)")
        assert sum(batch.num_rows for batch in begun.rows(ROWS, begun.columns(ROWS))) == 2


def test_a_view_that_is_held_is_not_replaced(database: Database) -> None:
    database.run("CREATE VIEW rows AS SELECT 1 AS id", f"GRANT SELECT ON rows TO {READER}")
    with transaction(database.connection(), SECONDS) as begun:
        begun.hold([ROWS])
        with pytest.raises(dbapi.Error, match="lock timeout"):
            database.run("SET lock_timeout = '50ms'", "CREATE OR REPLACE VIEW rows AS SELECT 2 AS id")


def test_what_cannot_be_held_is_told_as_it_is_when_it_is_read(database: Database) -> None:
    database.run("CREATE TABLE rows (id int)")
    for name, told in (("rows", "may read no column"), ("gone", "has no table or view")):
        relation = replace(ROWS, name=name)
        with transaction(database.connection(), SECONDS) as begun:
            begun.hold([relation])
            with pytest.raises(DatabaseRefused, match=told):
                begun.columns(relation)
