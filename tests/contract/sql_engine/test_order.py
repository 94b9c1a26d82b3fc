"""The same query over the same data writes the same bytes, whatever the processors and the memory it is given."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from contract.sql_engine.conftest import GIGABYTE, EngineFolder
from whiteroom.domain.execution.queries import ResultFormat
from whiteroom.domain.privacy.query_tables import FileFormat

ROWS = 200_000
"""Several row groups: fewer rows are read by one thread, and nothing is out of order."""

GRANTS = [(1, 2 * GIGABYTE), (2, 2 * GIGABYTE), (4, GIGABYTE // 4)]
"""Processors and memory."""

QUERIES = {
    "a join whose key is unique": "SELECT o.id, o.price, p.label FROM orders o JOIN people p ON o.person = p.id",
    "a join whose key has duplicates": "SELECT o.id, v.at FROM orders o JOIN visits v ON o.person = v.person",
    "a join that begins with the smaller table": "SELECT p.id, o.price FROM people p JOIN orders o ON o.person = p.id",
    "a left join": "SELECT o.id, p.label FROM orders o LEFT JOIN people p ON o.person = p.id",
    "a right join": "SELECT p.label, o.id FROM people p RIGHT JOIN orders o ON o.person = p.id",
    "a full join": "SELECT o.id, v.at FROM orders o FULL JOIN visits v ON o.person = v.person",
    "a join of CSV files": "SELECT v.at, p.label FROM visits v JOIN people p ON v.person = p.id",
    "three tables": (
        "SELECT o.id, p.label, v.at FROM orders o JOIN people p ON o.person = p.id JOIN visits v ON v.person = p.id"
    ),
    "equal values of a join's own order": (
        "SELECT o.id, p.label FROM orders o JOIN people p ON o.person = p.id ORDER BY p.label DESC"
    ),
    "a semi join": "SELECT o.id FROM orders o LEFT SEMI JOIN visits v ON o.person = v.person",
    "sums of DOUBLE by key": "SELECT person, sum(price) AS s, count(*) AS n FROM orders GROUP BY person",
    "a sum of DOUBLE over a join": "SELECT sum(o.price) AS s FROM orders o JOIN people p ON o.person = p.id",
    "a union": "SELECT person FROM orders UNION SELECT person FROM visits",
    "a union with duplicates": "SELECT id, price FROM orders UNION ALL SELECT at, 0D FROM visits",
    "a common table expression": (
        "WITH dear AS (SELECT id, person FROM orders WHERE price > 0.5)"
        " SELECT d.id, p.label FROM dear d JOIN people p ON d.person = p.id"
    ),
}


@pytest.fixture
def shop(folder: EngineFolder) -> EngineFolder:
    """Orders as Parquet in two files, people as CSV, and visits as CSV with several of one person and of nobody."""
    files = [folder.path / name for name in ("orders0.parquet", "orders1.parquet")]
    half = ROWS // 2
    for index, file in enumerate(files):
        numbers = f"range({index * half}, {(index + 1) * half}) t(i)"
        # A DOUBLE's sum changes with the order of its addends.
        columns = "i AS id, hash(i) % 30000 AS person, (hash(i) % 1000003) / 999983 AS price"
        _write(f"SELECT id, person::BIGINT AS person, price FROM (SELECT {columns} FROM {numbers})", file, "PARQUET")
    people, visits = folder.path / "people.csv", folder.path / "visits.csv"
    _write("SELECT i AS id, 'label ' || i % 7 AS label FROM range(20000) t(i)", people, "CSV")
    _write("SELECT i AS at, hash(i) % 40000 AS person FROM range(60000) t(i)", visits, "CSV")
    folder.add("orders", files, {"id": "bigint", "person": "bigint", "price": "double"}, FileFormat.PARQUET)
    folder.add("people", [people], {"id": "bigint", "label": "string"})
    folder.add("visits", [visits], {"at": "bigint", "person": "bigint"})
    return folder


def _write(sql: str, file: Path, file_format: str) -> None:
    options = f"FORMAT {file_format}" + (", ROW_GROUP_SIZE 20480" if file_format == "PARQUET" else ", HEADER")
    duckdb.sql(f"COPY ({sql}) TO '{file}' ({options})")


@pytest.mark.parametrize("sql", QUERIES.values(), ids=QUERIES.keys())
def test_the_order_does_not_depend_on_processors_or_memory(shop: EngineFolder, sql: str) -> None:
    first, *others = (shop.text(sql, cpus=cpus, memory_bytes=memory) for cpus, memory in GRANTS)
    assert first.count("\n") > 1
    assert [other == first for other in others] == [True] * len(others)


def test_a_parquet_result_has_the_same_rows_in_the_same_order(shop: EngineFolder) -> None:
    answers = []
    for cpus, memory in GRANTS:
        granted = {"cpus": cpus, "memory_bytes": memory}
        seen, spec = shop.run(QUERIES["a join whose key has duplicates"], result_format=ResultFormat.PARQUET, **granted)
        assert seen.result is not None, seen.message
        answers.append(_rows(shop.rows(spec), seen.result.files))
    assert [answer == answers[0] for answer in answers] == [True] * len(answers)


@pytest.mark.parametrize(
    ("kind", "name"), [("PARQUET", "file_row_number"), ("PARQUET", "file_index"), ("CSV", "rowid")]
)
def test_a_column_called_as_the_place_of_a_row_does_not_change_their_order(
    folder: EngineFolder, kind: str, name: str
) -> None:
    file = folder.path / f"rows.{kind.lower()}"
    _write(f"SELECT i AS n, 100 - i AS {name} FROM range(100) t(i)", file, kind)
    folder.add("r", [file], {"n": "bigint", name: "bigint"}, FileFormat[kind])
    folder.add("o", [folder.write("o.csv", "k\n" + "".join(f"{n}\n" for n in range(100)))], {"k": "bigint"})
    text = folder.text(f"SELECT r.n, r.{name} FROM r JOIN o ON o.k = r.n", csv_header=False)
    assert text == "".join(f"{n},{100 - n}\n" for n in range(100))


def _rows(folder: Path, files: tuple[str, ...]) -> list[tuple[object, ...]]:
    with duckdb.connect(config={"threads": 1}) as connection:
        return [row for file in files for row in connection.execute(f"FROM '{folder / file}'").fetchall()]
