"""Spark's functions and casts that DuckDB lacks or answers otherwise, beside a function of DuckDB's own."""

from __future__ import annotations

import time
from statistics import median

import duckdb
import sqlglot
from sqlglot import exp

from bench.results import Figure, Section, spread
from whiteroom.engines.duckdb.optimizers import without
from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.engines.duckdb.spark.translate import to_duckdb_tree
from whiteroom.sql.spark.reading import SparkSql
from whiteroom.sql.spark.typing import annotate

ROWS = 200_000
RUNS = 3
TARGET_SECONDS = 0.1
COLUMNS = {"i": "BIGINT", "n": "STRING", "s": "STRING", "d": "DATE", "ts": "TIMESTAMP", "day": "STRING"}
TABLE = f"""
CREATE TABLE t AS SELECT i, i::VARCHAR AS n, 'user' || i || '@example.com' AS s,
    (DATE '2020-01-01' + (i % 3000)::INTEGER)::DATE AS d, TIMESTAMP '2020-01-01' + to_seconds(i * 977) AS ts,
    ['Mon', 'TUE', 'friday'][i % 3 + 1] AS day
FROM range({ROWS}) AS numbers(i)
"""
PEER = "md5(s)"
FUNCTIONS = (
    "sha2(s, 512)",
    "crc32(s)",
    "xxhash64(s)",
    "xxhash64(i, s)",
    "hash(s)",
    "soundex(s)",
    "next_day(d, 'MON')",
    "next_day(d, day)",
    "months_between(ts, d)",
    "add_months(d, 3)",
    "date_format(ts, 'yyyy-MM-dd HH:mm:ss')",
    "date_format(ts, 'yyyy-MM-dd HH:mm:ss.S')",
    "to_timestamp(CAST(ts AS STRING), 'yyyy-MM-dd HH:mm:ss')",
    "regexp_extract(s, '([a-z]+)@', 1)",
    "regexp_extract_all(s, '([a-z])([0-9])', 1)",
    "regexp_count(s, '[a-z]+')",
    "regexp_instr(s, '@')",
    "regexp_replace(s, '[0-9]+', '#')",
    "regexp_replace(s, 'com$', 'org')",
    "regexp_replace(s, '[^0-9]*', '')",
    "regexp_replace(s, 'x*', '-')",
    "split(s, '@', 2)",
    "split(s, '[@.]', 2)",
    "CAST(n AS INT)",
    "CAST(n AS DOUBLE)",
    "i + i * 3",
)


def run() -> Section:
    """Each in turn with the peer, on one thread: a native function of ours runs on no more."""
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = 1; {without()}")
        connection.execute(TABLE)
        figures = tuple(_figure(connection, function) for function in FUNCTIONS)
    about = (
        f"{ROWS:,} rows in memory, on one thread, in the processor's time, beside DuckDB's `{PEER}` of the same rows. "
        f"The figure to reach is {TARGET_SECONDS:g} s. Median of {RUNS} runs."
    )
    return Section("Spark's functions", about, figures)


def _figure(connection: duckdb.DuckDBPyConnection, function: str) -> Figure:
    sql = _translated(function)
    prepare(connection, sql)
    ours, theirs = [], []
    for _ in range(RUNS):
        ours.append(_seconds(connection, sql))
        theirs.append(_seconds(connection, f"SELECT {PEER} AS v FROM t"))
    seconds = median(ours)
    return Figure(
        f"`{function.replace('|', chr(92) + '|')}`",
        spread([each * 1e3 for each in ours], "ms", 0),
        spread([each * 1e3 for each in theirs], "ms", 0),
        f"{seconds / median(theirs):.1f} times its time",
        f"{TARGET_SECONDS * 1e3:.0f} ms",
        seconds <= TARGET_SECONDS,
    )


def _translated(function: str) -> str:
    tree = sqlglot.parse_one(f"SELECT {function} AS v FROM t", dialect=SparkSql)
    for column in tree.find_all(exp.Column):
        column.set("table", exp.to_identifier("t"))
    if not isinstance(tree, exp.Query):
        raise TypeError(function)
    annotate(tree, {"t": COLUMNS})
    return to_duckdb_tree(tree).sql("duckdb")


def _seconds(connection: duckdb.DuckDBPyConnection, sql: str) -> float:
    began = time.process_time()
    connection.execute(f"SELECT count(v), max(v) FROM ({sql})").fetchall()
    return time.process_time() - began
