"""Tables of what answers as Snowflake does (fakesnow): their columns and rows, and what goes wrong on the way.

It is no Snowflake. What it cannot show is in docs/databases.md.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from support.ports import free_port
from support.snowflake import PASSWORD, Snowflake, SnowflakeDatabase
from support.snowflake_front import Altered, answering_otherwise, rows_altered
from whiteroom.databases.asking import Databases
from whiteroom.databases.files import Misfit, write_rows
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable, TableMoved
from whiteroom.databases.sources import opened
from whiteroom.domain.privacy.query_tables import Column
from whiteroom.domain.privacy.relations import Relation

SECONDS = 60
BYTES = 10**8


@pytest.fixture(scope="module")
def lake(snowflake: Snowflake) -> SnowflakeDatabase:
    return snowflake.database()


def columns(lake: SnowflakeDatabase, relation: Relation) -> list[tuple[str, str]]:
    with opened(lake.server.connection(), SECONDS) as begun:
        return [(column.name, column.type) for column in begun.columns(relation)]


def rows(lake: SnowflakeDatabase, relation: Relation, folder: Path) -> list[dict[str, Any]]:
    file = folder / "rows.parquet"
    with opened(lake.server.connection(), SECONDS) as begun:
        found = begun.columns(relation)
        kept = [Column(column.name, column.type) for column in found]
        write_rows(begun.rows(relation, found), kept, file, BYTES)
    return list(parquet.read_table(file).to_pylist())


def test_every_type_comes_exactly(lake: SnowflakeDatabase, tmp_path: Path) -> None:
    lake.table(
        "kinds",
        "i number(38,0), n number(20,4), f float, s varchar, b boolean, d date, t timestamp_ntz, z timestamp_tz, "
        "x binary",
        "9007199254740993, -0.0001, 0.1, 'Ann\u00e9', true, '1500-02-28', '2024-02-29 12:00:00.123456', "
        "'2024-02-29 14:00:00+02:00', to_binary('00ff', 'hex')",
        "null, null, null, null, null, null, null, null, null",
    )
    types = {"i": "BIGINT", "n": "NUMBER(20, 4)", "f": "double precision", "s": "VARCHAR", "b": "BOOLEAN"}
    types |= {"d": "DATE", "t": "TIMESTAMP_NTZ", "z": "TIMESTAMP", "x": "BINARY"}
    relation = lake.relation("KINDS", types)
    assert columns(lake, relation) == [
        ("i", "bigint"),
        ("n", "decimal(20,4)"),
        ("f", "double"),
        ("s", "string"),
        ("b", "boolean"),
        ("d", "date"),
        ("t", "timestamp"),
        ("z", "timestamp"),
        ("x", "binary"),
    ]
    noon = datetime.datetime.fromisoformat("2024-02-29T12:00:00")
    first, second = rows(lake, relation, tmp_path)
    assert first == {
        "i": 9007199254740993,
        "n": Decimal("-0.0001"),
        "f": 0.1,
        "s": "Ann\u00e9",
        "b": True,
        "d": datetime.date(1500, 2, 28),
        "t": noon.replace(microsecond=123456),
        "z": noon,
        "x": b"\x00\xff",
    }
    assert set(second.values()) == {None}


def test_a_number_that_is_declared_number_keeps_all_its_digits(lake: SnowflakeDatabase, tmp_path: Path) -> None:
    lake.table("long", "n number(37,0)", "12345678901234567890::number(37,0)")
    assert rows(lake, lake.relation("LONG", {"n": "NUMBER"}), tmp_path) == [{"n": Decimal(12345678901234567890)}]


def test_a_number_that_is_too_large_for_what_it_is_declared_is_not_read(
    lake: SnowflakeDatabase, tmp_path: Path
) -> None:
    lake.table("wide", "x number(37,0)", "12345678901234567890::number(37,0)")
    with pytest.raises(Misfit, match="column 'x' has a value that is no bigint"):
        rows(lake, lake.relation("WIDE", {"x": "BIGINT"}), tmp_path)


def test_a_time_that_the_driver_would_change_is_not_read(lake: SnowflakeDatabase, tmp_path: Path) -> None:
    lake.table("far", "x timestamp_ntz", "'9999-12-31 00:00:00'")
    with pytest.raises(DatabaseRefused, match="of no year from 1677 to 2262"):
        rows(lake, lake.relation("FAR", {"x": "TIMESTAMP_NTZ"}), tmp_path)


def test_names_count_exactly_and_no_text_in_them_becomes_sql(lake: SnowflakeDatabase, tmp_path: Path) -> None:
    odd = 'od"d; DROP TABLE x --'
    lake.table('"od""d; DROP TABLE x --"', '"pa tient" number(5,0), ID number(5,0)', "1, 2")
    assert rows(lake, lake.relation(odd, {"pa tient": "INT"}), tmp_path) == [{"pa tient": 1}]
    with pytest.raises(DatabaseRefused, match="what was made without quotes is in upper case"):
        columns(lake, lake.relation("od", {"id": "INT"}))


def test_columns_that_are_not_declared_are_not_there_and_those_that_are_must_be(lake: SnowflakeDatabase) -> None:
    lake.table("some", "id number(38,0), v variant, ssn varchar")
    assert columns(lake, lake.relation("SOME", {"id": "NUMBER(38,0)"})) == [("id", "decimal(38,0)")]
    for types, told in (
        ({"id": "INT", "age": "INT"}, "has no column 'age', which tableSchema declares"),
        ({"id": "VARCHAR"}, "is declared VARCHAR, and is NUMBER"),
        ({"v": "VARCHAR"}, "is declared VARCHAR, and is VARIANT in Snowflake"),
        ({"v": "VARIANT"}, "is declared VARIANT, which no query can read"),
    ):
        with pytest.raises(DatabaseRefused, match=told.replace("(", r"\(")):
            columns(lake, lake.relation("SOME", types))


def test_rows_are_counted_without_a_column(lake: SnowflakeDatabase) -> None:
    lake.table("counted", "id number(38,0)", "1", "2")
    relation = lake.relation("COUNTED", {"id": "INT"})
    with opened(lake.server.connection(), SECONDS) as begun:
        assert sum(batch.num_rows for batch in begun.rows(relation, ())) == 2


def test_a_table_that_is_gone_when_it_is_read_is_looked_up_again(lake: SnowflakeDatabase) -> None:
    lake.table("brief", "id number(38,0)")
    relation = lake.relation("BRIEF", {"id": "INT"})
    with opened(lake.server.connection(), SECONDS) as begun:
        found = begun.columns(relation)
        lake.run(f"DROP TABLE {lake.name}.WARD.BRIEF")
        with pytest.raises(TableMoved):
            list(begun.rows(relation, found))


def test_a_process_of_its_own_asks_for_the_columns(lake: SnowflakeDatabase) -> None:
    lake.table("asked", "id number(38,0)")
    found = Databases(lambda *_: lake.server.connection(), 300, snowflake=True).look(
        "111122223333", lake.relation("ASKED", {"id": "BIGINT"})
    )
    assert (found.columns, found.may_write) == ((Column("id", "bigint"),), False)


def test_what_does_not_answer_is_asked_again(lake: SnowflakeDatabase) -> None:
    nobody = replace(lake.server.connection(), port=free_port())
    with pytest.raises(DatabaseUnreachable, match="does not answer"), opened(nobody, SECONDS):
        pass


@pytest.fixture(scope="module")
def five(lake: SnowflakeDatabase) -> Relation:
    lake.table("five", "x number(5,0), s varchar", *(f"{number}, 'a'" for number in range(5)))
    return lake.relation("FIVE", {"x": "NUMBER", "s": "VARCHAR"})


def read_through(lake: SnowflakeDatabase, five: Relation, altered: Altered) -> int:
    """How many of five rows are read where a server answers otherwise."""
    with (
        answering_otherwise(lake.server.port, altered) as port,
        opened(lake.server.connection(port), SECONDS) as begun,
    ):
        return sum(batch.num_rows for batch in begun.rows(five, begun.columns(five)))


CUT: dict[str, Callable[[Any], tuple[Any, bool]]] = {
    "half of the rows": lambda table: (table.slice(0, 2), True),
    "no end": lambda table: (table.slice(0, 1), False),
    "no rows": lambda table: (table.slice(0, 0), True),
    "a row more": lambda table: (pyarrow.concat_tables([table, table.slice(0, 1)]), True),
    "a column fewer": lambda table: (table.select([0]), True),
    "columns exchanged": lambda table: (table.select([1, 0]), True),
}


@pytest.mark.parametrize("cut", CUT)
def test_an_answer_that_is_not_whole_is_never_taken_for_one(lake: SnowflakeDatabase, five: Relation, cut: str) -> None:
    with pytest.raises(DatabaseUnreachable, match="broke off before the last row"):
        read_through(lake, five, rows_altered(b"SELECT", CUT[cut]))


def test_through_a_front_that_changes_nothing_every_row_is_read(lake: SnowflakeDatabase, five: Relation) -> None:
    assert read_through(lake, five, lambda _, answered: answered) == 5


def described(**changes: Any) -> Callable[[Any], tuple[Any, bool]]:
    """What DESCRIBE says, with another type of every column, or without the columns behind the second."""

    def changed(table: Any) -> tuple[Any, bool]:
        if "columns" in changes:
            return table.select(range(changes["columns"])), True
        place = table.schema.get_field_index("type")
        field = table.schema.field(place)
        return table.set_column(place, field, pyarrow.array([changes["type"]] * table.num_rows, field.type)), True

    return changed


@pytest.mark.parametrize(
    "kind", ["NUMBER(99,0)", "NUMBER(,)", "NUMBER", "NUMBER(1 2,0)", "NUMBER(5,9)", "", "\x00", "("]
)
def test_a_type_that_nothing_has_is_refused(lake: SnowflakeDatabase, five: Relation, kind: str) -> None:
    with pytest.raises(DatabaseRefused, match=r"Column .x. is .* in Snowflake(, which no query can read)?\."):
        read_through(lake, five, rows_altered(b"DESCRIBE", described(type=kind)))


def test_a_description_that_lacks_what_it_says_of_a_column_is_no_answer(
    lake: SnowflakeDatabase, five: Relation
) -> None:
    with pytest.raises(DatabaseUnreachable, match="does not describe"):
        read_through(lake, five, rows_altered(b"DESCRIBE", described(columns=2)))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (json.dumps({"success": False, "code": "390100", "message": f"Wrong {PASSWORD}"}), DatabaseRefused),
        (json.dumps({"success": False, "code": "", "message": f"Wrong {PASSWORD}"}), DatabaseUnreachable),
        ("hello", DatabaseUnreachable),
        ("", DatabaseUnreachable),
        ("null", DatabaseUnreachable),
    ],
)
def test_nothing_that_a_server_says_of_a_sign_in_is_told(
    lake: SnowflakeDatabase, answer: str, kind: type[Exception]
) -> None:
    def altered(sent: bytes, answered: bytes) -> bytes:
        return answer.encode() if b"PASSWORD" in sent else answered

    with (
        answering_otherwise(lake.server.port, altered) as port,
        pytest.raises(kind) as told,
        opened(lake.server.connection(port), SECONDS),
    ):
        pass
    assert PASSWORD[:6] not in str(told.value)
    assert "Wrong" not in str(told.value)
