"""What DuckDB finds in the guard's text that the guard did not judge."""

from __future__ import annotations

import duckdb
import pytest

from whiteroom.engines.duckdb.judge.verify_sql import NotWhatWasJudged, check_reads


@pytest.mark.parametrize(
    "sql",
    [
        """SELECT * FROM read_csv('/etc/passwd')""",
        """SELECT (SELECT count(*) FROM glob('/*')) AS n FROM "wr$0" """,
        """SELECT * FROM '/data/people.csv'""",
        """SELECT * FROM duckdb_views""",
        """SELECT * FROM information_schema.tables""",
        """SELECT * FROM "wr$0" WHERE x IN (SELECT 1 FROM duckdb_tables)""",
        """SELECT x FROM "wr$0"; SELECT x FROM "wr$0" """,
        """WITH c AS (SELECT 1 AS x) SELECT * FROM (WITH d AS (SELECT 1) SELECT * FROM d) AS e, d""",
        """SELECT x FROM "wr$1" """,
    ],
)
def test_a_text_that_reads_anything_but_the_views_is_not_run(sql: str) -> None:
    with duckdb.connect() as connection, pytest.raises(NotWhatWasJudged):
        check_reads(connection, sql, ["wr$0"])


@pytest.mark.parametrize(
    "sql",
    [
        """SELECT (*) AS x FROM "wr$0" """,
        """SELECT z.* FROM "wr$0" z""",
        """SELECT upper(COLUMNS('x')) FROM "wr$0" """,
        """SELECT * EXCLUDE (x) FROM "wr$0" """,
        """SELECT 1 AS y FROM "wr$0" WHERE x IN (SELECT * FROM "wr$0")""",
        """SELECT concat(x, *) FROM "wr$0" """,
    ],
)
def test_a_star_is_not_run(sql: str) -> None:
    with duckdb.connect() as connection, pytest.raises((NotWhatWasJudged, duckdb.ParserException)):
        check_reads(connection, sql, ["wr$0"])


@pytest.mark.parametrize("sql", ['SELECT COUNT(*) AS n FROM "wr$0"', 'SELECT count(*) OVER () AS n FROM "wr$0"'])
def test_but_rows_may_be_counted(sql: str) -> None:
    with duckdb.connect() as connection:
        check_reads(connection, sql, ["wr$0"])


@pytest.mark.parametrize("sql", ["""PIVOT "wr$0" ON x""", """DROP TABLE "wr$0" """, "SELECT ("])
def test_a_text_that_is_no_select_is_not_run(sql: str) -> None:
    with duckdb.connect() as connection, pytest.raises(duckdb.ParserException):
        check_reads(connection, sql, ["wr$0"])


def test_a_text_over_views_and_its_own_common_table_expressions_is_run() -> None:
    sql = 'WITH "a" AS (SELECT x FROM "wr$0") SELECT upper(z.x), sum(1) FROM "a" z JOIN (SELECT 1 y) ON true GROUP BY 1'
    with duckdb.connect() as connection:
        check_reads(connection, sql, ["wr$0"])
