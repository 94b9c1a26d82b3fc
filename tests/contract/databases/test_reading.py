"""Tables of a real PostgreSQL: their columns and rows, exactly or not at all, and what goes wrong on the way."""

from __future__ import annotations

import datetime
import os
from dataclasses import replace
from decimal import Decimal
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from contract.databases.conftest import ROWS, SECONDS
from support.postgresql import READER, Database, PostgreSql, wire_to
from whiteroom.databases.connections import Connection
from whiteroom.databases.files import Misfit, TooManyBytes, write_rows
from whiteroom.databases.names import quoted
from whiteroom.databases.postgresql import statements
from whiteroom.databases.postgresql.reading import transaction
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable
from whiteroom.domain.privacy.query_tables import Column
from whiteroom.domain.privacy.relations import Relation


def read(
    connection: Connection, folder: Path, relation: Relation = ROWS, most_bytes: int = 10**9, seconds: int = SECONDS
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The types and the rows of a table, in all its columns that can be read."""
    file = folder / "rows.parquet"
    with transaction(connection, seconds) as begun:
        columns = [column for column in begun.columns(relation) if column.expression]
        kept = [Column(column.name, column.type) for column in columns]
        written = write_rows(begun.rows(relation, columns), kept, file, most_bytes)
    assert written == file.stat().st_size
    return {column.name: column.type for column in columns}, parquet.read_table(file).to_pylist()


DAY = datetime.date(2024, 2, 29)
LAST = datetime.datetime.fromisoformat("9999-12-31T23:59:59.999999")
NOON = datetime.datetime.fromisoformat("2024-02-29T12:00:00.123456")
VALUES: tuple[tuple[str, str, str, Any], ...] = (
    ("boolean", "true", "boolean", True),
    ("smallint", "-32768", "smallint", -32768),
    ("integer", "2147483647", "int", 2**31 - 1),
    ("bigint", "-9223372036854775808", "bigint", -(2**63)),
    ("real", "1.1", "float", 1.100000023841858),
    ("double precision", "'-Infinity'", "double", -inf),
    ("numeric(38, 0)", "99999999999999999999999999999999999999", "decimal(38,0)", Decimal("9" * 38)),
    ("numeric(20, 4)", "0.1000", "decimal(20,4)", Decimal("0.1000")),
    ("numeric(3, 3)", "-0.999", "decimal(3,3)", Decimal("-0.999")),
    ("text", "'é\U0001f600 \"x\",\n'", "string", 'é\U0001f600 "x",\n'),
    ("text", "''", "string", ""),
    ("varchar(4)", "' a '", "string", " a "),
    ("char(4)", "'a'", "string", "a"),
    ("bytea", "'\\x00ff'", "binary", b"\x00\xff"),
    ("date", "'2024-02-29'", "date", DAY),
    ("date", "'0001-01-01'", "date", datetime.date(1, 1, 1)),
    ("date", "'9999-12-31'", "date", datetime.date(9999, 12, 31)),
    ("timestamp", "'2024-02-29 12:00:00.123456'", "timestamp", NOON),
    ("timestamptz", "'2024-02-29 14:00:00.123456+02'", "timestamp", NOON),
    ("timestamptz", "'9999-12-31 23:59:59.999999Z'", "timestamp", LAST),
    ("time", "'10:00:00.5'", "string", "10:00:00.5"),
    ("uuid", "'6ECD8C99-4036-403D-BF84-CF8400F67836'", "string", "6ecd8c99-4036-403d-bf84-cf8400f67836"),
    ("json", '\'{"b": 1,  "a": 2}\'', "string", '{"b": 1,  "a": 2}'),
    ("jsonb", '\'{"b": 1,  "a": 2}\'', "string", '{"a": 2, "b": 1}'),
    ("mood", "'happy'", "string", "happy"),
    ("positive", "7", "int", 7),
    ("price", "1.5", "decimal(10,2)", Decimal("1.50")),
)
"""A type of PostgreSQL, a value as it is written there, and both as they are read."""


def test_every_value_is_read_exactly_and_so_is_null(database: Database, tmp_path: Path) -> None:
    database.run(
        "CREATE TYPE mood AS ENUM ('sad', 'happy')",
        "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
        "CREATE DOMAIN amount AS numeric(10, 2)",
        "CREATE DOMAIN price AS amount CHECK (VALUE > 0)",
    )
    database.table(
        "rows",
        ", ".join(f"c{number} {kind}" for number, (kind, *_) in enumerate(VALUES)),
        f"({', '.join(written for _, written, *_ in VALUES)})",
        f"({', '.join('NULL' for _ in VALUES)})",
    )
    types, rows = read(database.connection(), tmp_path)
    assert types == {f"c{number}": kind for number, (_, _, kind, _) in enumerate(VALUES)}
    assert rows == [
        {f"c{number}": value for number, (*_, value) in enumerate(VALUES)},
        {f"c{number}": None for number in range(len(VALUES))},
    ]


def test_a_number_that_is_none_is_read_as_one(database: Database, tmp_path: Path) -> None:
    database.table("rows", "a double precision, b real", "('NaN', 'NaN')")
    _, [row] = read(database.connection(), tmp_path)
    assert {repr(value) for value in row.values()} == {repr(nan)}


NOT_READ = (
    "numeric",
    "numeric(39, 2)",
    "numeric(3, -2)",
    "numeric(3, 5)",
    "integer[]",
    "interval",
    "money",
    "inet",
    "timetz",
    "xml",
    "int4range",
    "bit(3)",
    "point",
    "oid",
    "pair",
    '"string"',
)


def test_a_column_of_any_other_type_is_there_under_its_own_name_and_has_no_expression(database: Database) -> None:
    database.run("CREATE TYPE pair AS (a int, b int)", 'CREATE TYPE "string" AS (a int)')
    database.table("rows", ", ".join(f"c{number} {kind}" for number, kind in enumerate(NOT_READ)))
    with transaction(database.connection(), SECONDS) as begun:
        found = begun.columns(ROWS)
    assert [column.name for column in found] == [f"c{number}" for number in range(len(NOT_READ))]
    assert {column.expression for column in found} == {""}
    assert all(column.type.endswith(" of PostgreSQL") for column in found)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("numeric(10, 2)", "'NaN'"),
        ("date", "'infinity'"),
        ("date", "'-infinity'"),
        ("date", "'0001-12-31 BC'"),
        ("date", "'10000-01-01'"),
        ("timestamp", "'infinity'"),
        ("timestamptz", "'-infinity'"),
        ("timestamp", "'0001-12-31 BC'"),
        ("timestamptz", "'10000-01-01 00:00:00Z'"),
    ],
)
def test_a_value_that_no_type_of_sparks_holds_fails_and_its_column_is_named(
    database: Database, tmp_path: Path, kind: str, value: str
) -> None:
    database.table("rows", f"id int, odd {kind}", f"(1, {value})")
    with pytest.raises(Misfit, match="column 'odd' has "):
        read(database.connection(), tmp_path)


def test_a_number_without_digits_is_read_in_the_type_that_its_owner_chose(database: Database, tmp_path: Path) -> None:
    database.table("rows", "amount numeric, other numeric", "(1.25, 1e-30)")
    chosen = replace(ROWS, types={"amount": "decimal(10, 2)", "other": "string"})
    types, rows = read(database.connection(), tmp_path, chosen)
    assert types == {"amount": "decimal(10,2)", "other": "string"}
    assert rows == [{"amount": Decimal("1.25"), "other": "0.000000000000000000000000000001"}]


@pytest.mark.parametrize("value", ["1.255", "123456789", "'NaN'", "'Infinity'"])
def test_a_number_that_does_not_fit_the_chosen_type_is_not_rounded(
    database: Database, tmp_path: Path, value: str
) -> None:
    database.table("rows", "amount numeric", f"({value})")
    with pytest.raises(Misfit, match=r"column 'amount' has a value that is no decimal\(10,2\)") as refused:
        read(database.connection(), tmp_path, replace(ROWS, types={"amount": "decimal(10,2)"}))
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("types", "told"),
    [
        ({"id": "string"}, "is integer in the database: a type is chosen for numeric alone"),
        ({"amount": "double"}, r"choose decimal\(P,S\)"),
        ({"amount": "decimal(39,2)"}, r"choose decimal\(P,S\)"),
        ({"gone": "string"}, "has no column 'gone'"),
    ],
)
def test_a_type_that_cannot_be_chosen_is_refused(database: Database, types: dict[str, str], told: str) -> None:
    database.table("rows", "id int, amount numeric")
    with transaction(database.connection(), SECONDS) as begun, pytest.raises(DatabaseRefused, match=told):
        begun.columns(replace(ROWS, types=types))


HOSTILE = ('a"; DROP TABLE rows; --', "$1", "a.b", "select", "Üñï", "a'b\\", "%s", "\x07\n")


def test_names_of_a_member_are_names_whatever_is_in_them(database: Database, tmp_path: Path) -> None:
    listed = ", ".join(f"{quoted(name)} int" for name in HOSTILE)
    for number, name in enumerate(HOSTILE):
        schema, table = quoted(name), quoted(f"t{name}")
        database.run(
            f"DROP SCHEMA IF EXISTS {schema} CASCADE",
            f"CREATE SCHEMA {schema}",
            f"GRANT USAGE ON SCHEMA {schema} TO {READER}",
            f"CREATE TABLE {schema}.{table} ({listed})",
            f"GRANT SELECT ON {schema}.{table} TO {READER}",
            f"INSERT INTO {schema}.{table} VALUES ({', '.join(str(number) for _ in HOSTILE)})",
        )
        _, rows = read(database.connection(), tmp_path, Relation("clinic", name, f"t{name}"))
        assert rows == [dict.fromkeys(HOSTILE, number)]
        (tmp_path / "rows.parquet").unlink()
        database.run(f"DROP SCHEMA {schema} CASCADE")


def test_names_that_differ_in_case_alone_are_refused(database: Database) -> None:
    database.table("rows", '"userId" int, userid int')
    with transaction(database.connection(), SECONDS) as begun, pytest.raises(DatabaseRefused, match="two columns"):
        begun.columns(ROWS)


@pytest.mark.parametrize(
    "made",
    [
        ("CREATE VIEW rows AS SELECT 1 AS id",),
        ("CREATE MATERIALIZED VIEW rows AS SELECT 1 AS id",),
        (
            "CREATE TABLE rows (id int) PARTITION BY LIST (id)",
            "CREATE TABLE ones PARTITION OF rows FOR VALUES IN (1)",
            "INSERT INTO rows VALUES (1)",
        ),
    ],
)
def test_a_view_and_a_partitioned_table_are_read_as_tables_are(
    database: Database, tmp_path: Path, made: tuple[str, ...]
) -> None:
    database.run(*made, f"GRANT SELECT ON rows TO {READER}")
    assert read(database.connection(), tmp_path) == ({"id": "int"}, [{"id": 1}])


def test_columns_that_the_user_may_not_read_are_not_there(database: Database, tmp_path: Path) -> None:
    database.run("CREATE TABLE rows (id int, ssn text)", f"GRANT SELECT (id) ON rows TO {READER}")
    database.run("INSERT INTO rows VALUES (1, 'SECRET')")
    assert read(database.connection(), tmp_path) == ({"id": "int"}, [{"id": 1}])
    database.run(f"REVOKE SELECT (id) ON rows FROM {READER}")
    with (
        transaction(database.connection(), SECONDS) as begun,
        pytest.raises(DatabaseRefused, match="may read no column"),
    ):
        begun.columns(ROWS)


def test_all_tables_are_read_in_one_state_of_the_database(database: Database, tmp_path: Path) -> None:
    database.table("rows", "id int", "(1)")
    database.table("others", "id int", "(1)")
    others = replace(ROWS, name="others")
    with transaction(database.connection(), SECONDS) as begun:
        columns = begun.columns(ROWS)
        database.run("INSERT INTO rows VALUES (2)", "INSERT INTO others VALUES (2)")
        assert sum(batch.num_rows for batch in begun.rows(ROWS, columns)) == 1
        assert sum(batch.num_rows for batch in begun.rows(others, begun.columns(others))) == 1


def test_nothing_can_be_written_even_by_a_view_and_a_user_that_may(database: Database, tmp_path: Path) -> None:
    database.run(
        "CREATE TABLE log (id int)",
        "CREATE FUNCTION note() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO log VALUES (1) RETURNING 1'",
        "CREATE VIEW rows AS SELECT note() AS id",
        f"GRANT SELECT ON rows TO {READER}",
    )
    with pytest.raises((DatabaseRefused, DatabaseUnreachable)):
        read(database.connection(), tmp_path)
    assert database.ask("SELECT count(*) FROM log") == [(0,)]


def test_a_row_that_breaks_a_view_is_not_told(database: Database, tmp_path: Path) -> None:
    database.run("CREATE VIEW rows AS SELECT ('SECRET' || g)::int AS id FROM generate_series(1, 3) g")
    database.run(f"GRANT SELECT ON rows TO {READER}")
    with pytest.raises(DatabaseUnreachable, match="broke off before the last row of") as refused:
        read(database.connection(), tmp_path)
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize("level", ["NOTICE", "WARNING", "INFO"])
def test_what_a_database_says_beside_its_rows_is_written_nowhere(
    database: Database, tmp_path: Path, capfd: pytest.CaptureFixture[str], level: str
) -> None:
    database.run(
        f"CREATE FUNCTION said(id int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE {level} 'SECRET %', id; "
        "RETURN id; END $$",
        "CREATE VIEW rows AS SELECT said(g) AS id FROM generate_series(1, 3) g",
        f"GRANT SELECT ON rows TO {READER}",
    )
    assert len(read(database.connection(), tmp_path)[1]) == 3
    os.write(2, b"heard")
    assert capfd.readouterr() == ("", "heard")


def test_text_that_is_none_is_refused(postgresql: PostgreSql, tmp_path: Path) -> None:
    plain = postgresql.database()
    name = f"{plain.name} ascii"
    plain.run(f"CREATE DATABASE \"{name}\" ENCODING 'SQL_ASCII' TEMPLATE template0")
    ascii_one = Database(postgresql, name)
    ascii_one.table("rows", "name text")
    # The driver speaks UTF-8, which a database without an encoding takes as it comes.
    ascii_one.run("INSERT INTO rows VALUES (encode('\\x41'::bytea, 'escape'))")
    assert read(ascii_one.connection(), tmp_path)[1] == [{"name": "A"}]
    (tmp_path / "rows.parquet").unlink()
    ascii_one.run("SET client_encoding = 'SQL_ASCII'", "INSERT INTO rows VALUES (E'SECRET\\xff')")
    with pytest.raises((Misfit, DatabaseUnreachable)) as refused:
        read(ascii_one.connection(), tmp_path)
    assert "SECRET" not in str(refused.value)


def test_more_bytes_than_are_allowed_are_not_written(database: Database, tmp_path: Path) -> None:
    database.run(
        "CREATE TABLE rows AS SELECT md5(g::text) AS text FROM generate_series(1, 300000) g",
        f"GRANT SELECT ON rows TO {READER}",
    )
    with pytest.raises(TooManyBytes):
        read(database.connection(), tmp_path, most_bytes=1_000_000)
    assert (tmp_path / "rows.parquet").stat().st_size <= 1_000_000


# -- what goes wrong ----------------------------------------------------------------


def test_a_wrong_password_is_a_refusal_and_told_without_any(database: Database, tmp_path: Path) -> None:
    database.table("rows", "id int")
    with pytest.raises(DatabaseRefused, match='password authentication failed for user "reader"') as refused:
        read(database.connection(password="not it"), tmp_path)
    assert "not it" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "kind", "told"),
    [
        ({"database": "nowhere"}, DatabaseRefused, "does not exist"),
        ({"user": "nobody"}, DatabaseRefused, "password authentication failed"),
        ({"port": 1}, DatabaseUnreachable, "Connection refused"),
        ({"host": "nowhere.invalid"}, DatabaseUnreachable, "could not translate host name"),
        ({"sslmode": "verify-full", "host": "localhost"}, DatabaseRefused, "certificate verify failed"),
    ],
)
def test_what_keeps_a_connection_from_being_made_is_told(
    database: Database, changes: dict[str, Any], kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told), transaction(replace(database.connection(), **changes), SECONDS):
        pass


def test_a_certificate_must_be_of_the_host_and_of_an_authority_that_is_named(database: Database) -> None:
    authority = str(database.server.authority)
    named = replace(database.connection(), host="localhost", sslmode="verify-full", sslrootcert=authority)
    with transaction(named, SECONDS) as begun, pytest.raises(DatabaseRefused):
        begun.columns(replace(ROWS, name="none"))
    with (
        pytest.raises(DatabaseRefused, match="does not match host name"),
        transaction(replace(named, host="127.0.0.1"), SECONDS),
    ):
        pass


@pytest.mark.parametrize("cut_after", [100, 5_000, 40_000])
def test_a_connection_that_is_cut_is_no_end_of_the_rows(database: Database, tmp_path: Path, cut_after: int) -> None:
    database.run(
        "CREATE TABLE rows AS SELECT md5(g::text) AS text FROM generate_series(1, 20000) g",
        f"GRANT SELECT ON rows TO {READER}",
    )
    with wire_to(database.server.port) as wire:
        wire.cut_after = cut_after
        with pytest.raises(DatabaseUnreachable):
            read(database.connection(wire.port), tmp_path)
        assert wire.cuts == 1


def test_a_table_that_somebody_holds_is_not_waited_for_for_ever(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adbc_driver_postgresql import dbapi

    monkeypatch.setattr(statements, "LOCK_SECONDS", 1)
    database.table("rows", "id int", "(1)")
    held = f"postgresql://postgres:tests@127.0.0.1:{database.server.port}/{database.name.replace(' ', '%20')}"
    with dbapi.connect(held) as holding, holding.cursor() as cursor:
        cursor.execute("LOCK TABLE rows IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseUnreachable, match="55P03"):
            read(database.connection(), tmp_path)
        holding.rollback()


def test_a_statement_that_takes_longer_than_the_query_may_is_ended_by_the_database(
    database: Database, tmp_path: Path
) -> None:
    database.run("CREATE VIEW rows AS SELECT pg_sleep(60)::text AS nothing", f"GRANT SELECT ON rows TO {READER}")
    with pytest.raises(DatabaseUnreachable):
        read(database.connection(), tmp_path, seconds=1)
