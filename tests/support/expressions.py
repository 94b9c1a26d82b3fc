"""One Spark expression over a few rows, translated and run by DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.engines.duckdb.spark.translate import to_duckdb_tree
from whiteroom.sql.spark.reading import SparkSql
from whiteroom.sql.spark.typing import annotate

_DUCKDB = {"STRING": "VARCHAR"}


def translated(expression: str, columns: dict[str, str]) -> str:
    """The text of a query over a table `t` of columns with Spark types."""
    tree = sqlglot.parse_one(f"SELECT {expression} AS v FROM t", dialect=SparkSql)
    for column in tree.find_all(exp.Column):
        column.set("table", exp.to_identifier("t"))
    assert isinstance(tree, exp.Query)
    annotate(tree, {"t": columns})
    return to_duckdb_tree(tree).sql("duckdb")


def answers(expression: str, columns: dict[str, str], rows: Sequence[Sequence[Any]]) -> list[Any]:
    """What it answers to each row."""
    sql = translated(expression, columns)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
        written = ", ".join(f"{name} {_DUCKDB.get(kind, kind)}" for name, kind in columns.items())
        connection.execute(f"CREATE TABLE t ({written})")
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(columns))})", [list(row) for row in rows])
        prepare(connection, sql)
        return [value for (value,) in connection.execute(sql).fetchall()]
