"""Finds the types of columns of text, by every value: a sample proposes, all rows decide."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from whiteroom.domain.privacy.query_tables import Column, FileFormat, Reading
from whiteroom.engines.duckdb.files.quoting import sql_name
from whiteroom.engines.duckdb.files.reading import as_text, reader
from whiteroom.engines.duckdb.files.values import FOUND_TYPES, found

_SAMPLE_ROWS = 10_000


def find_types(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[str],
    file_format: FileFormat,
    reading: Reading,
    columns: Sequence[Column],
    looked_for: Sequence[str],
) -> dict[str, str]:
    """The type of each column that is looked for: the first that every value of all files is written as.

    Raises:
        duckdb.Error: a file is broken.
    """
    source = reader(files, file_format, reading, as_text(columns))
    sample = f"(SELECT * FROM {source} LIMIT {_SAMPLE_ROWS})"  # noqa: S608 -- quoted
    fitting = _fit_in_sample(connection, sample, reading, looked_for)
    candidates = {name: [kind for kind in FOUND_TYPES if (name, kind) in fitting] for name in looked_for}
    settled: dict[str, str] = {name: "string" for name in looked_for if not candidates[name]}
    while len(settled) < len(candidates):
        open_ones = [(name, kinds[0]) for name, kinds in candidates.items() if name not in settled]
        fitting = _fit(connection, source, reading, open_ones)
        for name, kind in open_ones:
            candidates[name].remove(kind)
            if (name, kind) in fitting:
                settled[name] = kind
            elif not candidates[name]:
                settled[name] = "string"
    return settled


def likely_types(
    connection: duckdb.DuckDBPyConnection, source: str, reading: Reading, names: Sequence[str]
) -> dict[str, str]:
    """Likewise as far as the first rows of a source tell.

    Raises:
        duckdb.Error: they cannot be read.
    """
    sample = f"(SELECT * FROM {source} LIMIT {_SAMPLE_ROWS})"  # noqa: S608 -- quoted
    fitting = _fit_in_sample(connection, sample, reading, names)
    return {name: next((kind for kind in FOUND_TYPES if (name, kind) in fitting), "string") for name in names}


def _fit_in_sample(
    connection: duckdb.DuckDBPyConnection, sample: str, reading: Reading, names: Sequence[str]
) -> set[tuple[str, str]]:
    """Likewise of all types, in few expressions however many columns there are."""
    if not names:
        return set()
    checks = ", ".join(f"bool_and({found('v', kind, reading)})" for kind in FOUND_TYPES)
    columns = ", ".join(map(sql_name, names))
    unpivoted = f"UNPIVOT (SELECT {columns} FROM {sample}) ON {columns} INTO NAME n VALUE v"  # noqa: S608 -- quoted
    answers = connection.execute(f"SELECT n, {checks} FROM ({unpivoted}) GROUP BY n").fetchall()  # noqa: S608 -- quoted
    return {(name, kind) for name, *fits in answers for kind, fit in zip(FOUND_TYPES, fits, strict=True) if fit}


def _fit(
    connection: duckdb.DuckDBPyConnection, source: str, reading: Reading, asked: Sequence[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Those of the columns and types where every value fits, and there is one."""
    checks = [
        f"bool_and(CASE WHEN {sql_name(name)} IS NOT NULL THEN {found(sql_name(name), kind, reading)} END)"
        for name, kind in asked
    ]
    if not checks:
        return set()
    answers = connection.execute(f"SELECT {', '.join(checks)} FROM {source}").fetchone() or ()  # noqa: S608 -- quoted
    return {pair for pair, answer in zip(asked, answers, strict=True) if answer}
