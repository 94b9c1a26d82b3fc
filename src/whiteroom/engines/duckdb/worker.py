"""The limited process of a query: judge, connect, run, and put the whole result in place at once."""

from __future__ import annotations

import shutil
import signal
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb

from whiteroom.base.trees import put_in_place
from whiteroom.domain.execution.queries import QueryFailure, QueryResult, QuerySpec, ResultFormat
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.engines.duckdb.elsewhere.handing import NotBrought, Staging, TooMuch
from whiteroom.engines.duckdb.files.quoting import sql_literal, sql_name
from whiteroom.engines.duckdb.files.results import (
    TooLarge,
    as_stored,
    is_nested,
    nested_columns,
    out_of_space,
    write_result,
)
from whiteroom.engines.duckdb.holding import TooManyFiles, held
from whiteroom.engines.duckdb.judge.plan_judge import Disagreement, judge_noisy, judge_text, stand_ins
from whiteroom.engines.duckdb.judge.verify_sql import NotWhatWasJudged, check_reads
from whiteroom.engines.duckdb.noise.execute import fill, make_groups, rehearse
from whiteroom.engines.duckdb.noise.mechanisms import require_opendp
from whiteroom.engines.duckdb.noise.texts import NoisyText
from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.engines.duckdb.specs import BILL, HELD, JUDGEMENT, SPILL, End, Folders, write_bill, write_judgement
from whiteroom.engines.duckdb.tables import (
    BrokenData,
    broken_data,
    check_headers,
    check_unchanged,
    check_values,
    marks_of,
    view_statements,
)
from whiteroom.engines.duckdb.use import now, use_of
from whiteroom.engines.duckdb.writing import TOO_DEEP, WrittenQuery, judge_and_write
from whiteroom.sql.noise.plan import GROUPS
from whiteroom.sql.refusals import Refused
from whiteroom.sql.walls import BOTH, Walls

_DUCKDB_SHARE = 0.8
"""Of the memory granted: what DuckDB counts as its own. The rest is Python, the guard and what is not counted."""

GUARD_SECONDS = 30.0
"""Of CPU time, for the guard: sqlglot takes time with the square of some queries, which may have 500,000 characters."""

_SAFE_ERRORS: tuple[tuple[type[duckdb.Error], QueryFailure, str], ...] = (
    (duckdb.OutOfMemoryException, QueryFailure.RESOURCES, "The query needs more memory or temporary disk than it has."),
    (
        duckdb.ConversionException,
        QueryFailure.INVALID,
        "A value does not fit the type that the query asks for.",
    ),
    (duckdb.OutOfRangeException, QueryFailure.INVALID, "A number is out of the range of its type."),
    (duckdb.BinderException, QueryFailure.INVALID, "An operator or a function does not take the types it is given."),
    (duckdb.ParserException, QueryFailure.INVALID, "The query cannot be read by the engine."),
    (duckdb.CatalogException, QueryFailure.INVALID, "The engine has no function of that name for these types."),
    (duckdb.InvalidInputException, QueryFailure.INVALID, "A function was given a value that it cannot take."),
    (duckdb.NotImplementedException, QueryFailure.INVALID, "The engine cannot do what the query asks for."),
    (duckdb.ProgrammingError, QueryFailure.INVALID, "The query cannot be run as it is written."),
    (duckdb.DataError, QueryFailure.INVALID, "A value is none that the query can work with."),
)
"""DuckDB's messages hold values of rows; these do not. The first class that fits."""

_READ_LESS = "Read fewer rows or columns, or ask its operator to raise the limit."

_BRING_LESS = "Ask for fewer of their partitions, or ask its operator to raise the limit."


def run_query(  # noqa: PLR0911 - one row for each way to end
    folders: Folders,
    spec: QuerySpec,
    spill_bytes: int,
    walls: Walls = BOTH,
    staging: Staging | None = None,
) -> End:
    """Run one query. The result is in `folders.rows` once this returns.

    Args:
        folders: the query's own, and its result's.
        spec: the query.
        spill_bytes: how many it may put on disk of what it works with.
        walls: all are up, except in tests.
        staging: for tables that are elsewhere; None where there are none.
    """
    try:
        with cpu_limit(GUARD_SECONDS):
            guarded = judge_and_write(spec, walls)
        write_judgement(folders.work / JUDGEMENT, guarded.judged.judgement)
        with _at_hand(folders, spec, guarded, staging) as guarded:
            if guarded.noisy is not None:
                return End(*_run_noisy(folders, spec, guarded, guarded.noisy, spill_bytes, walls))
            return End(*_run_plain(folders, spec, guarded, spill_bytes, walls))
    except Refused as refusal:
        return End(refusal.failure, str(refusal), for_owners=refusal.for_owners)
    except NotBrought as missing:
        return End(QueryFailure.AGAIN if missing.again else QueryFailure.DATA, str(missing), "", missing.owners)
    except BrokenData as broken:
        return End(QueryFailure.DATA, str(broken))
    except OSError as error:
        if not out_of_space(error):
            raise
        return End(*_disk_full(folders))
    except RecursionError:
        # Its plan, that is; nothing recurses over rows.
        return End(QueryFailure.REFUSED, TOO_DEEP)
    except TooMuch as much:
        return End(QueryFailure.RESOURCES, f"{much}, the limit of this server (max_table_bytes). {_BRING_LESS}")
    except TooManyFiles as many:
        return End(QueryFailure.RESOURCES, str(many))
    except TooLarge as large:
        shutil.rmtree(folders.partial, ignore_errors=True)
        return End(QueryFailure.RESOURCES, f"{large}, the limit of this server (max_result_bytes). {_READ_LESS}")
    except (Disagreement, NotWhatWasJudged) as found:
        return End(QueryFailure.REFUSED, Disagreement.public_message, str(found))


@contextmanager
def _at_hand(
    folders: Folders, spec: QuerySpec, guarded: WrittenQuery, staging: Staging | None
) -> Iterator[WrittenQuery]:
    """The query over files of this machine, of which members' own are held: what is read is what was looked at."""
    judged = guarded.judged
    owned = {view: table for view, table in judged.views.items() if not table.source.elsewhere}
    if staging is not None:
        # Imported here: what speaks to a store takes longer to load than many a query runs.
        from whiteroom.engines.duckdb.elsewhere.staging import brought  # noqa: PLC0415

        judged = brought(judged, spec.id, staging)
    with held(owned, folders.work / HELD) as views:
        yield replace(guarded, judged=replace(judged, views={**judged.views, **views}))


def _run_plain(
    folders: Folders, spec: QuerySpec, guarded: WrittenQuery, spill_bytes: int, walls: Walls
) -> tuple[QueryResult | QueryFailure, str]:
    tables = list(guarded.judged.views.values())
    try:
        check_headers(tables)
        return _run(folders, spec, guarded, spill_bytes, walls), ""
    except BrokenData as broken:
        return QueryFailure.DATA, str(broken)
    except (OSError, duckdb.Error) as error:
        if out_of_space(error):
            return _disk_full(folders)
        # The message may quote a value that the query made, and that may say anything: it is only a reason to look.
        if (said := broken_data(str(error), tables)) is not None:
            moved = isinstance(error, duckdb.PermissionException)
            broken_file = said if moved else _broken_file(folders, spec, guarded, spill_bytes)
            if broken_file is not None:
                return QueryFailure.DATA, str(broken_file)
        return _safely(error)


REASON_WITHHELD = (
    "The query could not be run to its end. Why is not told, because it may be of one user; what the query costs of "
    "the privacy budget is spent."
)
"""Whatever fails after the first row of a protected table was read."""


def _run_noisy(
    folders: Folders, spec: QuerySpec, guarded: WrittenQuery, noisy: NoisyText, spill_bytes: int, walls: Walls
) -> tuple[QueryResult | QueryFailure, str]:
    """The same for a query over tables with differential privacy: its bill is written before it reads a row."""
    began = now()
    try:
        require_opendp()
        check_headers(guarded.judged.views.values())
        partial = _new_partial(folders)
        key_types = rehearse(guarded.judged.views, noisy)
        if any(map(is_nested, key_types)):
            raise Refused(
                "Over tables with differential privacy, arrays, maps and structs cannot be shown; show parts."
            )
        with _connected(folders, spec, guarded, spill_bytes) as connection:
            prepare(connection, noisy.rows, noisy.answer, private=True)
            answer = _judged_noisy(connection, guarded, noisy, key_types, walls)
            write_bill(folders.work / BILL, noisy.plan.bill)
            try:
                marks = _checked(connection, guarded)
                for view, table in guarded.judged.views.items():
                    _make_view(connection, view, table, guarded.judged.columns[view], row_keys=False, private=True)
                privacy = fill(connection, noisy, key_types)
                rows, files = write_result(connection, answer, spec, partial, spec.max_result_bytes)
                check_unchanged(guarded.judged.views.values(), marks)
            except (BrokenData, OSError, duckdb.Error):
                # At once: how it ended takes room as well.
                shutil.rmtree(partial, ignore_errors=True)
                traceback.print_exc()
                return QueryFailure.INVALID, REASON_WITHHELD
            use = use_of(connection, spec, guarded.judged, began)
        return replace(_result(folders, guarded, rows, files), privacy=privacy, use=use), ""
    except BrokenData as broken:
        return QueryFailure.DATA, str(broken)
    except (OSError, duckdb.Error) as error:
        return _safely(error)


def judged(connection: duckdb.DuckDBPyConnection, guarded: WrittenQuery, walls: Walls = BOTH) -> str:
    """The text that will run: both judges found the same in it, before a file can be read.

    Raises:
        Disagreement, NotWhatWasJudged: they did not.
    """
    with stand_ins(connection, guarded.judged.views, guarded.judged.columns):
        if walls.plan:
            check_reads(connection, guarded.sql, guarded.judged.views)
        text = as_stored(connection, guarded.sql, guarded.judged.output_columns)
        if walls.plan:
            judge_text(connection, text, guarded.judged.views, guarded.judged.facts)
    return text


def _judged_noisy(
    connection: duckdb.DuckDBPyConnection,
    guarded: WrittenQuery,
    noisy: NoisyText,
    key_types: Sequence[str],
    walls: Walls = BOTH,
) -> str:
    """Likewise the two texts of a query over protected tables; the one that gives the answer."""
    with stand_ins(connection, guarded.judged.views, guarded.judged.columns):
        if walls.plan:
            check_reads(connection, noisy.rows, guarded.judged.views)
            check_reads(connection, noisy.answer, [GROUPS])
        make_groups(connection, noisy, key_types)
        text = as_stored(connection, noisy.answer, guarded.judged.output_columns)
        if walls.plan:
            judge_noisy(connection, noisy, text, guarded.judged.views, guarded.judged.facts)
        connection.execute(f"DROP TABLE temp.{sql_name(GROUPS)}")
    return text


def _safely(error: Exception) -> tuple[QueryFailure, str]:
    for kind, failure, message in _SAFE_ERRORS:
        if isinstance(error, kind):
            return failure, message
    raise error


def _disk_full(folders: Folders) -> tuple[QueryFailure, str]:
    # At once: how it ended takes room as well.
    shutil.rmtree(folders.partial, ignore_errors=True)
    message = "The result does not fit on the server's disk. Ask its operator to make room, or read fewer rows."
    return QueryFailure.RESOURCES, message


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Refuse the query once so much CPU time has gone into checking it. In a process's main thread only."""

    def refuse(*_: object) -> None:
        raise Refused(
            f"The query takes more than {seconds:g} s to check. Make it smaller: "
            "IN (...) instead of a long chain of OR, for example, or several channels."
        )

    before = signal.signal(signal.SIGPROF, refuse)
    # Again each second, should something between here and there swallow an exception.
    signal.setitimer(signal.ITIMER_PROF, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _run(folders: Folders, spec: QuerySpec, guarded: WrittenQuery, spill_bytes: int, walls: Walls) -> QueryResult:
    began = now()
    partial = _new_partial(folders)
    with _connected(folders, spec, guarded, spill_bytes) as connection:
        prepare(connection, guarded.sql)
        text = judged(connection, guarded, walls)
        marks = _checked(connection, guarded)
        for view, table in guarded.judged.views.items():
            _make_view(connection, view, table, guarded.judged.columns[view], row_keys=guarded.order.row_keys)
        nested = nested_columns(connection, text) if spec.result_format is ResultFormat.CSV else []
        if nested:
            raise Refused(
                f"A CSV result cannot hold arrays, maps or structs ({', '.join(nested)}), as Spark's cannot. Ask for "
                "PARQUET, or make text of them with array_join."
            )
        rows, files = write_result(connection, text, spec, partial, spec.max_result_bytes)
        check_unchanged(guarded.judged.views.values(), marks)
        use = use_of(connection, spec, guarded.judged, began)
    return replace(_result(folders, guarded, rows, files), use=use)


def _checked(connection: duckdb.DuckDBPyConnection, guarded: WrittenQuery) -> dict[str, str]:
    """The marks of all files, whose values are what their columns say.

    Raises:
        BrokenData: a value is not.
        duckdb.Error: a file is broken.
    """
    marks = marks_of(guarded.judged.views.values())
    for view, table in guarded.judged.views.items():
        check_values(connection, table, guarded.judged.columns[view], marks)
    return marks


def _new_partial(folders: Folders) -> Path:
    partial = folders.partial
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    return partial


def _result(folders: Folders, guarded: WrittenQuery, rows: int, files: list[Path]) -> QueryResult:
    size_bytes = sum(file.stat().st_size for file in files)
    put_in_place(folders.partial, folders.rows, files)
    names = tuple(sorted(table.name for table in guarded.judged.views.values()))
    return QueryResult(rows, tuple(file.name for file in files), size_bytes, names)


def _broken_file(folders: Folders, spec: QuerySpec, guarded: WrittenQuery, spill_bytes: int) -> BrokenData | None:
    """The first table that cannot be read through, whatever the query does with it."""
    with _connected(folders, spec, guarded, spill_bytes) as connection:
        for view, table in guarded.judged.views.items():
            try:
                _make_view(connection, view, table, None, row_keys=False)
                connection.execute(f"SELECT COUNT(COLUMNS(*)) FROM {sql_name(view)}")  # noqa: S608 -- quoted
            except BrokenData as broken:
                return broken
            except duckdb.Error as error:
                return broken_data(str(error), [table])
    return None


@contextmanager
def _connected(
    folders: Folders, spec: QuerySpec, guarded: WrittenQuery, spill_bytes: int
) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(":memory:")
    try:
        for statement in _settings(folders, spec, guarded, spill_bytes):
            connection.execute(statement)
        yield connection
    finally:
        connection.close()


def _make_view(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    table: QueryTable,
    wanted: frozenset[str] | None,
    *,
    row_keys: bool,
    private: bool = False,
) -> None:
    try:
        for statement in view_statements(connection, view, table, wanted, row_keys=row_keys, private=private):
            connection.execute(statement)
    except duckdb.BinderException:
        raise BrokenData(
            f"Table '{table.name}': its files no longer have the columns that were catalogued. "
            "The owner must restore them or add the table to the catalog again."
        ) from None


def _settings(folders: Folders, spec: QuerySpec, guarded: WrittenQuery, spill_bytes: int) -> list[str]:
    files = sorted({file for table in guarded.judged.views.values() for file in table.source.read_paths})
    return [
        f"SET memory_limit = '{int(spec.memory_bytes * _DUCKDB_SHARE)}B'",
        f"SET threads = {1 if guarded.order.single_thread else max(1, spec.cpus)}",
        f"SET temp_directory = {sql_literal(str(folders.work / SPILL))}",
        f"SET max_temp_directory_size = '{spill_bytes}B'",
        f"SET home_directory = {sql_literal(str(folders.work))}",
        "SET TimeZone = 'UTC'",
        "SET preserve_insertion_order = true",
        guarded.optimizers,
        "SET allow_persistent_secrets = false",
        "SET allow_community_extensions = false",
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        f"SET allowed_paths = [{', '.join(sql_literal(file) for file in files)}]",
        f"SET allowed_directories = [{sql_literal(str(folders.partial))}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ]
