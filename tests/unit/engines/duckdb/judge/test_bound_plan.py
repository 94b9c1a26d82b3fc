"""What DuckDB's binder says of texts, whoever wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from support.expressions import translated
from support.rules import CUSTOM, CUSTOMERS, table
from whiteroom.domain.privacy.query_facts import Origin
from whiteroom.domain.privacy.query_tables import FileFormat
from whiteroom.engines.duckdb.judge.bound_plan import Made, NotUnderstood, PlanFacts, read_plan
from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.engines.duckdb.tables import view_statements

COLUMNS = {"t": ("a", "b", "c", "secret"), "u": ("k", "v")}
TABLES = {
    name: {column: Made(frozenset({Origin(name, column)}), plain=True) for column in columns}
    for name, columns in COLUMNS.items()
}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        for name, columns in COLUMNS.items():
            opened.execute(f"CREATE TEMP TABLE {name} ({', '.join(f'{column} VARCHAR' for column in columns)})")
        yield opened


def said(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, str, str, str]:
    facts: PlanFacts = read_plan(connection, sql, TABLES)
    return _names(facts.shown), _names(facts.conditions), _names(facts.groups), _names(facts.orders)


def _names(origins: set[Origin] | frozenset[Origin]) -> str:
    return " ".join(f"{origin.table}.{origin.column}" for origin in sorted(origins))


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT a FROM t", ("t.a", "", "", "")),
        ("SELECT count(*) FROM t", ("", "", "", "")),
        ("SELECT (*) AS x FROM (SELECT secret FROM t) s", ("t.secret", "", "", "")),
        ("SELECT t FROM t", ("t.a t.b t.c t.secret", "", "", "")),
        ("SELECT concat(COLUMNS('s.*')) FROM t", ("t.secret", "", "", "")),
        ("SELECT a FROM t WHERE b = 'x' AND secret > c", ("t.a", "t.b t.c t.secret", "", "")),
        ("SELECT a, count(*) FROM t GROUP BY a HAVING max(b) > 'x'", ("t.a", "t.b", "t.a", "")),
        ("SELECT count(b) FILTER (WHERE secret = 'x') FROM t", ("t.b t.secret", "", "", "")),
        ("SELECT DISTINCT a FROM t ORDER BY a", ("t.a", "", "t.a", "t.a")),
        ("SELECT a FROM t ORDER BY secret LIMIT 1", ("t.a", "", "", "t.secret")),
        ("SELECT sum(1) OVER (PARTITION BY a ORDER BY b) FROM t", ("t.a t.b", "", "t.a", "t.b")),
        ("SELECT t.a FROM t JOIN u ON t.secret = u.k", ("t.a", "t.secret u.k", "", "")),
        ("SELECT t.a FROM t JOIN u ON t.b || u.v = 'x'", ("t.a", "t.b u.v", "", "")),
        ("SELECT v FROM u WHERE k IN (SELECT secret FROM t)", ("u.v", "t.secret u.k", "", "")),
        ("SELECT k IN (SELECT secret FROM t) FROM u", ("t.secret u.k", "t.secret u.k", "", "")),
        ("SELECT a FROM t UNION ALL SELECT v FROM u", ("t.a u.v", "", "", "")),
        ("SELECT a FROM t EXCEPT SELECT v FROM u", ("t.a u.v", "t.a u.v", "t.a u.v", "")),
        (
            "WITH q AS (SELECT secret AS s FROM t) SELECT x.s FROM q x, q y WHERE y.s > 'x'",
            ("t.secret", "t.secret", "", ""),
        ),
        ("SELECT CASE WHEN secret > 'x' THEN 1 END FROM t", ("t.secret", "", "", "")),
        ("SELECT list_transform([a], lambda x: x || secret) FROM t", ("t.a t.secret", "", "", "")),
        ("SELECT rowid FROM t", ("t.rowid", "", "", "")),
        ("SELECT z.b FROM (VALUES ('1')) z(b) JOIN t ON t.a = z.b", ("", "t.a", "", "")),
    ],
)
def test_columns_are_followed_by_position(
    connection: duckdb.DuckDBPyConnection, sql: str, found: tuple[str, str, str, str]
) -> None:
    assert said(connection, sql) == found


@pytest.mark.parametrize(
    "expression",
    [
        "sha2(a, 512)",
        "xxhash64(a, b)",
        "hash(a, b)",
        "soundex(a)",
        "date_format(CAST(a AS TIMESTAMP), 'HH:mm:ss.S SS')",
        "from_unixtime(CAST(a AS BIGINT), 'ss.S')",
        "regexp_replace(a, '[^0-9]*', '')",
        "regexp_replace(a, 'x*', '-')",
        "regexp_replace(a, '(x|y)*', '<$1>')",
        "split(a, '[@.]', 2)",
        "split(a, '[@.]', 3)",
    ],
)
def test_what_a_function_of_sparks_becomes_is_followed(connection: duckdb.DuckDBPyConnection, expression: str) -> None:
    sql = translated(expression, {"a": "STRING", "b": "STRING"})
    prepare(connection, sql)
    assert said(connection, sql) == ("t.a t.b" if "b)" in expression else "t.a", "", "", "")


def test_the_columns_of_a_correlated_sub_query_count_as_conditions(connection: duckdb.DuckDBPyConnection) -> None:
    shown, conditions, _, _ = said(connection, "SELECT (SELECT max(b) FROM t WHERE t.secret = u.k) AS m FROM u")
    assert shown == "t.b"
    assert set(conditions.split()) >= {"t.secret", "u.k"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT random() FROM t",
        "SELECT uuid() FROM t",
        "SELECT current_setting('threads') FROM t",
        "SELECT version() FROM t",
        "SELECT * FROM range(3)",
        "SELECT * FROM duckdb_tables()",
        "SELECT a FROM t USING SAMPLE 3",
        "SELECT a FROM t POSITIONAL JOIN u",
        "SELECT a FROM t ASOF JOIN u ON t.a >= u.k",
        "SELECT a FROM t LIMIT (SELECT count(*) FROM u)",
        "SELECT a FROM t LIMIT 10%",
        "SELECT a FROM t OFFSET (SELECT count(*) FROM u)",
        "WITH RECURSIVE r AS (SELECT a FROM t UNION ALL SELECT a FROM r) SELECT a FROM r",
        "SELECT a FROM t; SELECT a FROM t",
    ],
)
def test_what_is_not_listed_is_not_understood(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises((NotUnderstood, duckdb.Error)):
        read_plan(connection, sql, TABLES)


def test_a_table_that_is_not_the_querys_is_not_understood(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE other (a VARCHAR)")
    connection.execute("CREATE TEMP TABLE third (a VARCHAR)")
    for name in ("other", "third"):
        with pytest.raises(NotUnderstood):
            read_plan(connection, f"SELECT a FROM {name}", TABLES)


@pytest.mark.parametrize(
    ("sql", "plain"),
    [
        ("SELECT a FROM t", True),
        ("SELECT coalesce(a, b) FROM t", True),
        ("SELECT x FROM (SELECT a AS x FROM t UNION ALL SELECT k FROM u) s", True),
        ("SELECT a FROM t GROUP BY a", True),
        ("SELECT a || '' FROM t", False),
        ("SELECT max(a) FROM t", False),
        ("SELECT coalesce(a, 'x') FROM t", False),
        ("SELECT CASE WHEN b = 'x' THEN a END FROM t", False),
    ],
)
def test_a_value_is_plain_where_it_is_a_column_as_it_stands(
    connection: duckdb.DuckDBPyConnection, sql: str, plain: bool
) -> None:
    assert read_plan(connection, sql, TABLES).outputs[0].plain is plain


@pytest.mark.parametrize("row_keys", [False, True])
def test_a_view_has_the_columns_that_are_read_and_no_other(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, row_keys: bool
) -> None:
    customers = table("customers", CUSTOMERS, "CUSTOM", CUSTOM)
    file = str(tmp_path / "a.parquet")
    source = replace(customers.source, files=(file,), format=FileFormat.PARQUET)
    customers = replace(customers, source=source)
    connection.execute(f"COPY (SELECT 'a' AS segment) TO '{file}'")
    [view] = view_statements(connection, "wr$0", customers, frozenset({"segment"}), row_keys=row_keys)
    assert '"segment"' in view
    assert not any(f'"{name}"' in view for name in ("id", "spend", "flag"))
    [counted] = view_statements(connection, "wr$0", customers, frozenset(), row_keys=row_keys)
    assert not any(f'"{name}"' in counted for name in CUSTOMERS)
