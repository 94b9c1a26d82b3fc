"""What a query read and used, for metrics of analyses.

What it read is measured by what does not depend on its filters: how many rows its tables have as a whole, and which of
their columns it names. What the engine read behind its filters would reveal the values that the filters compare.
"""

from __future__ import annotations

import resource
import time

import duckdb

from whiteroom.domain.execution.queries import QuerySpec, QueryUse, TableRead
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.engines.duckdb.tables import count_statement, read_columns
from whiteroom.sql.judging import JudgedQuery

_SHARE_OF_TIME = 4
"""Rows are counted after queries that took less than one in so many parts of the time that they have."""

_KIB = 1024

Moment = tuple[float, float]
"""By the monotonic clock, and by the processor time of this process; seconds."""


def now() -> Moment:
    """This moment."""
    return time.monotonic(), time.process_time()


def use_of(connection: duckdb.DuckDBPyConnection, spec: QuerySpec, judged: JudgedQuery, began: Moment) -> QueryUse:
    """What this process, which has run one query, read and used.

    Args:
        connection: may read the files of the query's tables.
        spec: the query.
        judged: what was run.
        began: when its judgement was done.
    """
    seconds, cpu_seconds = (ended - start for ended, start in zip(now(), began, strict=True))
    may_count = spec.measured and seconds * _SHARE_OF_TIME < spec.timeout_seconds
    return QueryUse(
        seconds=seconds,
        cpus=spec.cpus,
        cpu_seconds=cpu_seconds,
        memory_bytes=spec.memory_bytes,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB,
        tables=_tables(connection, judged) if may_count else None,
    )


def _tables(connection: duckdb.DuckDBPyConnection, judged: JudgedQuery) -> tuple[TableRead, ...] | None:
    """The tables, or None where one of them hides its counts, or cannot be read through.

    Nor where partitions of one were left where they are: how many rows the others have would reveal a filter.
    """
    if any(table.hides_counts or table.source.pruned for table in judged.views.values()):
        return None
    try:
        return tuple(_table(connection, table, judged.columns[view]) for view, table in judged.views.items())
    except duckdb.Error:
        return None


def _table(connection: duckdb.DuckDBPyConnection, table: QueryTable, wanted: frozenset[str]) -> TableRead:
    [(rows,)] = connection.execute(count_statement(table)).fetchall()
    types = tuple(spark_type for _, spark_type in read_columns(table, wanted))
    files = len(table.source.objects or table.source.files)
    return TableRead(table.association_id, rows, files, types)
