"""Runs a guarded query over a twin, in this process, and keeps all that its runner sees."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb

from noninterference import telling
from whiteroom.domain.execution.queries import QueryResult, QuerySpec, QueryUse
from whiteroom.engines.duckdb import worker
from whiteroom.engines.duckdb.files.results import write_result
from whiteroom.engines.duckdb.spark.natives import NATIVES, register
from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.engines.duckdb.use import now, use_of
from whiteroom.engines.duckdb.writing import WrittenQuery
from whiteroom.sql.walls import BOTH, Walls


@dataclass(frozen=True, slots=True)
class Seen:
    """What a query shows, however it ends."""

    rows: int
    files: tuple[tuple[str, bytes], ...]
    failure: str = ""
    message: str = ""
    tables: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    """Events of analysis logs, and metrics (telling.py)."""


class TooSlow(Exception):
    """The engine took more than SECONDS over a query: a server ends it too."""


SECONDS = 20.0
_UNHURRIED_SECONDS = 86_400
"""What a query may take for its rows to be counted: on a busy machine a moment is a second."""


@contextmanager
def timed(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Interrupt what runs too long: the engine, and whoever writes its rows into files. On the main thread.

    Raises:
        TooSlow: something did.
    """
    watch = Timer(SECONDS, cursor.interrupt)
    watch.daemon = True
    watch.start()
    before = signal.signal(signal.SIGALRM, _too_slow)
    signal.setitimer(signal.ITIMER_REAL, SECONDS + 1)
    try:
        yield
    except (duckdb.InterruptException, RuntimeError) as error:
        raise TooSlow from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        watch.cancel()


def _too_slow(*_: object) -> None:
    raise TooSlow


class Runner:
    """One engine for all queries, on so many threads; each query has tables and views of its own."""

    def __init__(self, folder: Path, *, threads: int, walls: Walls = BOTH) -> None:
        self._folder = folder
        self._database = database(threads)
        self._walls = walls

    def close(self) -> None:
        """End the engine."""
        self._database.close()

    def text(self, guarded: WrittenQuery) -> str | Seen:
        """The text that will run, after the second judge; or how the query ends before a row is read.

        Raises:
            Disagreement, NotWhatWasJudged: the second judge refuses it.
        """
        with self._database.cursor() as cursor:
            try:
                prepare(cursor, guarded.sql)
                return worker.judged(cursor, guarded, self._walls)
            except duckdb.Error as error:
                return self._failed(error, guarded)

    def run(self, spec: QuerySpec, guarded: WrittenQuery, text: str, files: Mapping[str, str]) -> Seen:
        """Run a query that has no noise.

        Args:
            spec: how its rows are written.
            guarded: the query.
            text: what the judges let run.
            files: the twin's, by the tables' names.
        """
        guarded = pointed(guarded, files)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        with self._database.cursor() as cursor:
            try:
                cursor.execute(guarded.optimizers)
                prepare(cursor, guarded.sql)
                for view, table in guarded.judged.views.items():
                    worker._make_view(
                        cursor, view, table, guarded.judged.columns[view], row_keys=guarded.order.row_keys
                    )
                with timed(cursor):
                    rows, written = write_result(cursor, text, spec, self._folder)
            except duckdb.Error as error:
                return self._failed(error, guarded)
            return shown(guarded, rows, written, read_by(cursor, spec, guarded))

    @staticmethod
    def _failed(error: duckdb.Error, guarded: WrittenQuery) -> Seen:
        failure, message = worker._safely(error)
        told = telling.told(tuple(guarded.judged.views.values()), guarded.judged.judgement, failure, message)
        return Seen(0, (), failure.value, message, _tables(guarded), told)


def read_by(cursor: duckdb.DuckDBPyConnection, spec: QuerySpec, guarded: WrittenQuery) -> QueryUse:
    """What a query has read. How much time and memory it took is none of what twins are compared by."""
    unhurried = replace(spec, measured=True, timeout_seconds=_UNHURRIED_SECONDS)
    use = use_of(cursor, unhurried, guarded.judged, now())
    return replace(use, seconds=1.0, cpu_seconds=0.1, peak_memory_bytes=1, memory_bytes=10)


def shown(
    guarded: WrittenQuery,
    rows: int,
    written: Sequence[Path],
    use: QueryUse,
    privacy: tuple[Mapping[str, Any], ...] = (),
) -> Seen:
    """What a query shows that has run to its end."""
    files = tuple((file.name, file.read_bytes()) for file in written)
    size = sum(len(content) for _, content in files)
    result = QueryResult(rows, tuple(name for name, _ in files), size, _tables(guarded), privacy, use)
    told = telling.told(tuple(guarded.judged.views.values()), guarded.judged.judgement, result)
    return Seen(rows, files, tables=_tables(guarded), told=told)


def _tables(guarded: WrittenQuery) -> tuple[str, ...]:
    return tuple(sorted(table.name for table in guarded.judged.views.values()))


def pointed(guarded: WrittenQuery, files: Mapping[str, str]) -> WrittenQuery:
    """The same query over a twin's files."""
    views = {
        view: replace(table, source=replace(table.source, files=(files[table.name],)))
        for view, table in guarded.judged.views.items()
    }
    return replace(guarded, judged=replace(guarded.judged, views=views))


def database(threads: int, *settings: str) -> duckdb.DuckDBPyConnection:
    """An engine as queries have it."""
    connection = duckdb.connect(":memory:")
    shared: Sequence[str] = (
        "SET enable_progress_bar = false",
        f"SET threads = {threads}",
        "SET TimeZone = 'UTC'",
        "SET preserve_insertion_order = true",
    )
    for statement in (*shared, *settings):
        connection.execute(statement)
    for name in NATIVES:
        # Here: they go with the connection that knows them first, and those of the queries come and go.
        register(connection, name)
    return connection
