"""The limited process of a synthesis: read the real rows, hold some out, learn, draw, attack, write the result."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import numpy as np

from whiteroom.base.trees import put_in_place
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.execution.synthetic_data import (
    HELD_OUT_SHARE,
    MAX_CELLS,
    SCORE_SHARE,
    AttackScore,
    ColumnType,
    ResultColumn,
    SynthesisCost,
    SynthesisFailure,
    SynthesisObservation,
    SynthesisResult,
    SynthesisSpec,
    TooFewRows,
    Unlearnable,
    is_whole,
    mapping_fits,
    rounded_score,
    within_threshold,
)
from whiteroom.domain.verdicts import Denied
from whiteroom.engines.duckdb.files.quoting import sql_literal, sql_name
from whiteroom.engines.duckdb.files.results import as_stored, out_of_space, write_result
from whiteroom.synthesis.attack import places, score
from whiteroom.synthesis.columns import Flags
from whiteroom.synthesis.ledger import Ledger
from whiteroom.synthesis.mechanism import Drawn, Values, learn_and_draw, view
from whiteroom.synthesis.specs import SPILL, Folders, failed

_DUCKDB_SHARE = 0.4
"""Of the memory granted; the rest is for the rows as arrays."""
_SPILL_BYTES = 100 * 10**9
_REAL, _SYNTHETIC = "real_rows", "synthetic_rows"

Mechanism = Callable[[Sequence[Values], int | None, Ledger, np.random.Generator], Drawn]
"""What makes synthetic rows: of columns, the place of the one to be predicted, and a budget."""


def synthesise(folders: Folders, spec: SynthesisSpec, mechanism: Mechanism = learn_and_draw) -> SynthesisObservation:
    """How it ended. The synthetic rows are in `folders.rows` once this returns a result, and nowhere otherwise."""
    try:
        return _synthesise(folders, spec, mechanism)
    except (OSError, duckdb.Error) as error:
        if out_of_space(error):
            return failed(SynthesisFailure.RESOURCES, _DISK_FULL)
        raise


def _synthesise(folders: Folders, spec: SynthesisSpec, mechanism: Mechanism) -> SynthesisObservation:
    with duckdb.connect(":memory:") as connection:
        for statement in _settings(folders, spec):
            connection.execute(statement)
        columns = _open(connection, folders.source)
        verdict = mapping_fits(columns, spec.parameters.columns)
        if isinstance(verdict, Denied):
            return failed(SynthesisFailure.UNFIT, verdict.reason)
        counted = connection.execute(f"SELECT count(*) FROM {_REAL}").fetchone()  # noqa: S608 -- our own name
        if counted and counted[0] * len(columns) > MAX_CELLS:
            return failed(SynthesisFailure.RESOURCES, _TOO_MANY)
        kinds = {column.name.lower(): column for column in spec.parameters.columns}
        real = [_read(connection, column, kinds[column.name.lower()].type) for column in columns]
        target = next((n for n, c in enumerate(columns) if kinds[c.name.lower()].is_predictive_value), None)
        return _make(connection, folders, spec, columns, real, target, mechanism)


def _make(
    connection: duckdb.DuckDBPyConnection,
    folders: Folders,
    spec: SynthesisSpec,
    columns: Sequence[ResultColumn],
    real: Sequence[Values],
    target: int | None,
    mechanism: Mechanism,
) -> SynthesisObservation:
    # Seeded by the operating system: which rows are held out is nobody's to foresee.
    rng = np.random.default_rng()
    held_out = rng.random(len(real[0].missing)) < HELD_OUT_SHARE
    ledger = Ledger(spec.parameters.epsilon)
    try:
        drawn = mechanism([_part(column, ~held_out) for column in real], target, ledger, rng)
    except (TooFewRows, Unlearnable) as error:
        return failed(SynthesisFailure.UNFIT, str(error))
    score = _attacked(real, held_out, drawn, ledger, rng)
    cost = SynthesisCost(*ledger.spent(), score.score, score.low, score.high)
    verdict = within_threshold(score, spec.parameters.max_score)
    if isinstance(verdict, Denied):
        return failed(SynthesisFailure.SCORE, verdict.reason, cost)
    rows, files = _write(connection, folders, spec, columns, drawn)
    size_bytes = sum((folders.rows / name).stat().st_size for name in files)
    return SynthesisObservation(Phase.ENDED, SynthesisResult(rows, files, size_bytes), cost=cost)


def _attacked(
    real: Sequence[Values], held_out: Flags, drawn: Drawn, ledger: Ledger, rng: np.random.Generator
) -> AttackScore:
    """The score, with noise that is paid for."""
    pairs = list(zip(real, drawn.ranges, strict=True))
    members = [view(_part(column, ~held_out), span) for column, span in pairs]
    strangers = [view(_part(column, held_out), span) for column, span in pairs]
    synthetic = [view(column, span) for column, span in zip(drawn.columns, drawn.ranges, strict=True)]
    wanted = places(drawn.learned_from, HELD_OUT_SHARE)
    exact = score(members, strangers, synthetic, wanted, rng)
    noisy, sigma = ledger.mean(exact, wanted.change, ledger.share(SCORE_SHARE))
    return rounded_score(noisy, wanted.members, wanted.strangers, sigma)


def _part(column: Values, rows: Flags) -> Values:
    return Values(column.name, column.values[rows], column.missing[rows], column.numerical, column.whole)


def _settings(folders: Folders, spec: SynthesisSpec) -> list[str]:
    places = ", ".join(sql_literal(str(path)) for path in (folders.source, folders.partial))
    return [
        f"SET memory_limit = '{int(spec.memory_bytes * _DUCKDB_SHARE)}B'",
        f"SET threads = {max(1, spec.cpus)}",
        f"SET temp_directory = {sql_literal(str(folders.work / SPILL))}",
        f"SET max_temp_directory_size = '{_SPILL_BYTES}B'",
        f"SET home_directory = {sql_literal(str(folders.work))}",
        "SET TimeZone = 'UTC'",
        "SET preserve_insertion_order = true",
        "SET allow_persistent_secrets = false",
        "SET allow_community_extensions = false",
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        f"SET allowed_directories = [{places}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ]


def _open(connection: duckdb.DuckDBPyConnection, source: Path) -> list[ResultColumn]:
    """Name the real rows; their columns, in order."""
    files = ", ".join(sql_literal(str(path)) for path in sorted(source.glob("*.parquet")))
    rows = f"read_parquet([{files}], hive_partitioning=false)"
    connection.execute(f"CREATE VIEW {_REAL} AS SELECT * FROM {rows}")  # noqa: S608 -- quoted
    described = connection.execute(f"DESCRIBE {_REAL}").fetchall()
    return [ResultColumn(str(name), str(kind)) for name, kind, *_ in described]


def _read(connection: duckdb.DuckDBPyConnection, column: ResultColumn, kind: ColumnType) -> Values:
    """One column as an array. NaN and infinities are NULL: no distribution has a place for them."""
    name = sql_name(column.name)
    if kind is ColumnType.NUMERICAL:
        found = _fetched(connection, f"SELECT CAST({name} AS DOUBLE) AS x FROM {_REAL}")  # noqa: S608 -- quoted
        numbers = np.ma.filled(found.astype(np.float64), np.nan)
        missing = ~np.isfinite(numbers)
        return Values(column.name, np.where(missing, 0.0, numbers), missing, numerical=True, whole=is_whole(column))
    _list_values(connection, column)
    found = _fetched(
        connection,
        f"SELECT place AS x FROM (SELECT enum_code(CAST(CAST({name} AS VARCHAR) AS {_list_name(column)})) AS place "  # noqa: S608 -- quoted
        f"FROM {_REAL})",
    )
    missing = np.ma.getmaskarray(found).copy()
    return Values(column.name, np.ma.filled(found, 0).astype(np.int32), missing, numerical=False, whole=False)


def _list_values(connection: duckdb.DuckDBPyConnection, column: ResultColumn) -> None:
    """Make the list of a column's values, as text, that arrays hold places of."""
    name = sql_name(column.name)
    listed = f"SELECT DISTINCT CAST({name} AS VARCHAR) AS v FROM {_REAL} WHERE {name} IS NOT NULL ORDER BY v"  # noqa: S608 -- quoted
    some = connection.execute(f"SELECT 1 FROM {_REAL} WHERE {name} IS NOT NULL LIMIT 1").fetchone()  # noqa: S608 -- quoted
    connection.execute(f"CREATE TYPE {_list_name(column)} AS ENUM ({listed if some else _NO_VALUES})")


_NO_VALUES = "SELECT ''"


def _list_name(column: ResultColumn) -> str:
    return sql_name(f"values of {column.name}")


def _fetched(connection: duckdb.DuckDBPyConnection, sql: str) -> np.ma.MaskedArray:
    return np.ma.asarray(connection.execute(sql).fetchnumpy()["x"])


def _write(
    connection: duckdb.DuckDBPyConnection,
    folders: Folders,
    spec: SynthesisSpec,
    columns: Sequence[ResultColumn],
    drawn: Drawn,
) -> tuple[int, tuple[str, ...]]:
    """Write the rows as any channel's; how many, and the names of the files."""
    arrays: dict[str, object] = {}
    selected = []
    for number, (column, values) in enumerate(zip(columns, drawn.columns, strict=True)):
        if values.numerical:
            low, high = _bounds(column)
            arrays[f"c{number}"] = np.ma.array(np.clip(values.values, low, high), mask=values.missing)
        else:
            listed = _fetched(connection, f"SELECT unnest(enum_range(NULL::{_list_name(column)})) AS x")
            texts = np.asarray(listed.data, dtype=object)[values.values]
            texts[values.missing] = None
            arrays[f"c{number}"] = texts
        selected.append(f"CAST(c{number} AS {column.type}) AS {sql_name(column.name)}")
    connection.register(_SYNTHETIC, arrays)
    partial = folders.partial
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    sql = f"SELECT {', '.join(selected)} FROM {_SYNTHETIC}"  # noqa: S608 -- quoted
    stored = as_stored(connection, sql, tuple(column.name for column in columns))
    rows, files = write_result(connection, stored, spec, partial)
    put_in_place(partial, folders.rows, files)
    return rows, tuple(file.name for file in files)


_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_BITS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}


def _bounds(column: ResultColumn) -> tuple[float, float]:
    """Between which values of a type are: the fine cells of the outermost numbers may reach beyond."""
    if (bits := _BITS.get(column.type)) is not None:
        # Of 64 bits, the largest float below.
        high = min(2.0 ** (bits - 1) - 1, np.nextafter(2.0**63, 0))
        return -high, high
    if decimal := _DECIMAL.fullmatch(column.type):
        width, scale = int(decimal[1]), int(decimal[2])
        high = 10.0 ** (width - scale) - 10.0**-scale
        return np.nextafter(-high, 0), np.nextafter(high, 0)
    return -np.inf, np.inf


_TOO_MANY = (
    f"The query's output has more than {MAX_CELLS:,} values, rows times columns, which is more than synthetic rows are "
    "made of. Read a sample of the rows, or fewer columns."
)
_DISK_FULL = (
    "Making the synthetic rows takes more room than the server's disk has. Ask its operator to make room, or read "
    "fewer rows."
)
