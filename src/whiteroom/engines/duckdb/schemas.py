"""Which columns a table's files have, and how their text is read, as DuckDB finds them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from whiteroom.base.real_paths import OPEN_FILES, NotOpened
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, Reading, Snapshot
from whiteroom.domain.privacy.readings import NO_WISHES, Wishes
from whiteroom.engines.duckdb.column_types import to_duckdb
from whiteroom.engines.duckdb.files.agreeing import (
    agreed_lines,
    agreed_parquet,
    described,
    different,
    same_columns,
)
from whiteroom.engines.duckdb.files.checking import find_misfit, mark_of
from whiteroom.engines.duckdb.files.copies import CannotCopy, make_copies, with_copies
from whiteroom.engines.duckdb.files.dialects import check_header, check_wishes, find_reading, name_partitions
from whiteroom.engines.duckdb.files.finding import find_types
from whiteroom.engines.duckdb.files.glimpses import glimpse_of
from whiteroom.engines.duckdb.files.lines import find_unreadable, read_header
from whiteroom.engines.duckdb.files.quoting import sql_literal, sql_name
from whiteroom.engines.duckdb.files.reading import as_text, find_broken_row, reader
from whiteroom.engines.duckdb.files.snapshots import find_other, rows_of
from whiteroom.engines.duckdb.holding import TooManyFiles, linked
from whiteroom.engines.duckdb.optimizers import without
from whiteroom.ports.catalog import FoundTable, UnusableFiles

_MEMORY_LIMIT = "1GB"
_FIRST_ROWS = 5


@dataclass(frozen=True, slots=True)
class _Agreed:
    """What files have together."""

    columns: tuple[Column, ...]
    reading: Reading
    notes: tuple[str, ...] = ()


def read_schema(
    files: Sequence[str], file_format: FileFormat, wishes: Wishes = NO_WISHES, copies: str = ""
) -> FoundTable:
    """Implements ports.SchemaReader. CSV and JSON are read to their end, so that every broken row is found here.

    Raises:
        UnusableFiles: a file is broken, files differ in their columns, a column has a nested type, or a wish cannot
            be kept.
    """
    reading = Reading(partitions=wishes.partitions)
    with _held(CatalogTable(tuple(files), file_format, (), reading, copies=copies)) as (held, spare):
        marks = _marks(held.files)
        for file in held.files if file_format is not FileFormat.PARQUET else ():
            if unreadable := find_unreadable(Path(file), wishes.encoding):
                raise UnusableFiles(f"{file} cannot be read: {unreadable}.", file)
        reading = _reading(held.files[0], file_format, wishes)
        table = with_copies(replace(held, reading=reading, copies=copies or spare), called=files)
        try:
            make_copies(table)
        except CannotCopy as error:
            raise UnusableFiles(f"{error.file} cannot be read: {error}.", error.file) from None
        try:
            found = _read(table, marks, wishes)
        except UnusableFiles as error:
            raise UnusableFiles(str(error), error.file, glimpse_of(table, error.file)) from None
        if _marks(held.files) != marks:
            raise UnusableFiles(f"A file of {files[0]} was changed while it was read. Add the table once it is whole.")
    called = dict(zip(held.files, files, strict=True))
    return replace(found, notes=tuple(_in_their_words(note, called) for note in found.notes))


@contextmanager
def _held(table: CatalogTable) -> Iterator[tuple[CatalogTable, str]]:
    """The table of links to its files, which are held, and a private folder; errors name the files themselves.

    Raises:
        UnusableFiles: a file is gone, is reached through a link, or there are too many.
    """
    called: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as spare:
        try:
            with linked([table], Path(spare, "held")) as [links]:
                called.update(zip(links.read_paths, table.read_paths, strict=True))
                yield links, str(Path(spare, "copies"))
        except NotOpened as error:
            raise UnusableFiles(f"{error.path} {error}.", error.path) from None
        except TooManyFiles as error:
            raise UnusableFiles(str(error)) from None
        except UnusableFiles as error:
            said = _in_their_words(str(error), called)
            raise UnusableFiles(said, called.get(error.file, error.file), error.glimpse) from None


def _in_their_words(said: str, called: Mapping[str, str]) -> str:
    """A sentence with files by their owner's paths, in place of the links to them."""
    longest = max(map(len, called), default=0)
    start = said.find(OPEN_FILES)
    while start >= 0:
        ends = range(min(start + longest, len(said)), start, -1)
        link = next((said[start:end] for end in ends if said[start:end] in called), OPEN_FILES)
        words = called.get(link, link)
        said = f"{said[:start]}{words}{said[start + len(link) :]}"
        start = said.find(OPEN_FILES, start + len(words))
    return said


def _read(table: CatalogTable, marks: tuple[str, ...], wishes: Wishes) -> FoundTable:
    connection = duckdb.connect(":memory:")
    try:
        _limit(connection, table.files)
        agreed = _columns(connection, table, wishes)
        columns, reading = agreed.columns, agreed.reading
        source = reader(table.files, table.format, reading, columns)
        typed = table.format is not FileFormat.PARQUET
        counts = "".join(f", count({sql_name(c.name)})" for c in columns if typed)
        answer = connection.execute(f"SELECT count(*){counts} FROM {source}").fetchone()  # noqa: S608 -- quoted
        first_rows = _first_rows(connection, table.files, table.format, reading, columns)
    except duckdb.Error as error:
        raise _unusable(error, table) from None
    finally:
        connection.close()
    return FoundTable(columns, reading, int(answer[0]) if answer else 0, marks, first_rows, agreed.notes)


def read_snapshot(planned: CatalogTable) -> FoundTable:
    """Implements ports.SnapshotReader: a table's files are what its metadata say, and its rows are counted.

    Raises:
        UnusableFiles: a file is broken, or is not what the metadata say.
    """
    with _held(planned) as (table, _):
        return _read_snapshot(table, table.snapshot or Snapshot(""))


def _read_snapshot(table: CatalogTable, snapshot: Snapshot) -> FoundTable:
    connection = duckdb.connect(":memory:")
    try:
        _limit(connection, table.read_paths)
        if other := find_other(connection, table, snapshot):
            file, how = other
            raise UnusableFiles(f"{file} is not what the table's metadata say: {how}.", file)
        source = rows_of(table, snapshot)
        answer = connection.execute(f"SELECT count(*) FROM {source}").fetchone()  # noqa: S608 -- quoted
        names = ", ".join(f"CAST({sql_name(column.name)} AS VARCHAR)" for column in table.columns)
        first = f"SELECT {names} FROM {source} LIMIT {_FIRST_ROWS}"  # noqa: S608 -- quoted
        first_rows = connection.execute(first).fetchall()
    except duckdb.Error as error:
        raise _unusable(error, table) from None
    finally:
        connection.close()
    rows = int(answer[0]) if answer else 0
    return FoundTable(table.columns, table.reading, rows, (), tuple(map(tuple, first_rows)))


def _marks(files: Sequence[str]) -> tuple[str, ...]:
    try:
        return tuple(map(mark_of, files))
    except OSError as error:
        raise UnusableFiles(f"{error.filename} is gone or cannot be read.") from None


def _limit(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> None:
    connection.execute(without())
    for setting in (
        f"memory_limit = '{_MEMORY_LIMIT}'",
        "TimeZone = 'UTC'",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        f"allowed_paths = [{', '.join(map(sql_literal, files))}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def _reading(file: str, file_format: FileFormat, wishes: Wishes) -> Reading:
    if file_format is FileFormat.CSV:
        return replace(find_reading(file, wishes), partitions=wishes.partitions)
    check_wishes(wishes)
    lines = file_format is FileFormat.JSON_LINES
    if replace(wishes, types=(), partitions=(), encoding="" if lines else wishes.encoding) != NO_WISHES:
        raise UnusableFiles(f"{file} is {file_format.value}: how text is separated and written is said of CSV.")
    return Reading(partitions=wishes.partitions, encoding=wishes.encoding)


def _columns(connection: duckdb.DuckDBPyConnection, table: CatalogTable, wishes: Wishes) -> _Agreed:
    files, file_format, reading = table.files, table.format, table.reading
    called = dict(zip(files, table.sources, strict=True))
    notes: tuple[str, ...] = ()
    if file_format is FileFormat.CSV:
        agreed = tuple(Column(name, "") for name in _common_header(table.sources, reading))
    else:
        schemas = {called[file]: described(connection, file, file_format, called[file]) for file in files}
        if file_format is FileFormat.PARQUET:
            agreed, notes = agreed_parquet(schemas)
            reading = replace(reading, by_name=not same_columns(schemas))
        else:
            agreed = agreed_lines(schemas)
    agreed = name_partitions(agreed, reading, table.sources[0])
    chosen = _chosen(table.sources[0], agreed, wishes)
    if file_format is FileFormat.PARQUET and not chosen.keys() <= {*reading.partitions}:
        raise UnusableFiles(f"{files[0]} is parquet: its columns have types of their own.")
    looked_for = [
        column.name
        for column in (
            agreed if file_format is not FileFormat.PARQUET else agreed[len(agreed) - len(reading.partitions) :]
        )
        if column.name not in chosen and column.type != "string"
    ]
    types = find_types(connection, files, file_format, reading, agreed, looked_for) | chosen
    columns = tuple(Column(column.name, types.get(column.name, column.type)) for column in agreed)
    wanted = [column for column in columns if column.name in chosen]
    misfit = find_misfit(connection, files, file_format, reading, columns, wanted)
    if misfit:
        raise UnusableFiles(
            f"{called[misfit.file]}, {misfit.place}: the value is not written as one of type {misfit.column.type}. "
            "Correct it, or choose another type.",
            called[misfit.file],
        )
    return _Agreed(columns, reading, notes)


def _chosen(file: str, columns: Sequence[Column], wishes: Wishes) -> dict[str, str]:
    """The types that the owner chose, by the columns' names in the files.

    Raises:
        UnusableFiles: there is no such column, or no such type.
    """
    names = {column.name.lower(): column.name for column in columns}
    chosen = {}
    for wish in wishes.types:
        if wish.name.lower() not in names:
            raise UnusableFiles(f"{file} has no column '{wish.name}'. It has: {', '.join(list(names.values())[:50])}.")
        try:
            to_duckdb(wish.type)
        except ValueError as error:
            raise UnusableFiles(str(error)) from None
        chosen[names[wish.name.lower()]] = wish.type
    return chosen


def _common_header(files: Sequence[str], reading: Reading) -> list[str]:
    first = check_header(files[0], read_header(Path(files[0]), reading), reading)
    for file in files[1:]:
        if check_header(file, read_header(Path(file), reading), reading) != first:
            raise different(files[0], file)
    return first


def _first_rows(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[str],
    file_format: FileFormat,
    reading: Reading,
    columns: Sequence[Column],
) -> tuple[tuple[str | None, ...], ...]:
    source = reader(files, file_format, reading, as_text(columns))
    names = ", ".join(f"CAST({sql_name(column.name)} AS VARCHAR)" for column in columns)
    rows = connection.execute(f"SELECT {names} FROM {source} LIMIT {_FIRST_ROWS}").fetchall()  # noqa: S608 -- quoted
    return tuple(tuple(row) for row in rows)


def _unusable(error: duckdb.Error, table: CatalogTable) -> UnusableFiles:
    called = dict(zip(table.files, table.sources, strict=True))
    if row := find_broken_row(str(error), table.files):
        file = called[row[0]]
        return UnusableFiles(f"{file}, line {row[1]}: the row is broken. Correct it or take it out.", file)
    named = next((file for file in table.files if file in str(error).partition("\n")[0]), table.files[0])
    file = called[named]
    return UnusableFiles(f"{file} cannot be read as {table.format.value}: it is damaged or has another form.", file)
