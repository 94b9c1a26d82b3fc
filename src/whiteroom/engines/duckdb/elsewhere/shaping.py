"""What becomes of objects that were brought: files that are read as those of this machine are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from whiteroom.domain.privacy.column_types import is_flat, wider
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, Reading
from whiteroom.engines.duckdb.column_types import from_duckdb, to_duckdb
from whiteroom.engines.duckdb.files.checking import mark_of
from whiteroom.engines.duckdb.files.copies import CannotCopy, make_copies, with_copies
from whiteroom.engines.duckdb.files.lines import find_unreadable, has_byte
from whiteroom.engines.duckdb.files.quoting import sql_literal, sql_name
from whiteroom.engines.duckdb.files.reading import held
from whiteroom.packing import packing_of
from whiteroom.ports.catalog import UnusableFiles

_NO_TEXT: Mapping[bytes, str] = {
    b"\xfd7zXZ": "compressed in xz",
    b"\xff\x06\x00\x00": "compressed in snappy",
    b"PAR1": "a file of Parquet",
    b"ORC": "a file of ORC",
}
"""How files begin that are no text."""
_LONGEST_BEGINNING = max(map(len, _NO_TEXT))
_SUFFIX: Mapping[FileFormat, str] = {
    FileFormat.CSV: ".csv",
    FileFormat.JSON_LINES: ".jsonl",
    FileFormat.PARQUET: ".parquet",
    FileFormat.ORC: ".orc",
}
NO_ROWS = "no-rows.parquet"
_COPIES = "copies"


def shaped(table: CatalogTable, files: Sequence[Path], folder: Path) -> CatalogTable:
    """The table of what was brought, in which nothing is elsewhere any more.

    Args:
        table: as its catalog has it.
        files: its objects' bytes, in order, below `folder`; they are given the names that engines look for.
        folder: the table's own.

    Raises:
        UnusableFiles: a file is not what the catalog says. The message names the file.
    """
    table = replace(table, columns=tuple(column for column in table.columns if is_flat(column.type)), elsewhere=False)
    if table.format is FileFormat.PARQUET or not files:
        return _parquet(table, [_named(file, table.format) for file in files], folder)
    if table.format is FileFormat.ORC:
        return _orc(table, files, folder)
    texts = [_named_text(file, table.format) for file in files]
    table = replace(table, files=tuple(map(str, texts)), copies=str(folder / _COPIES))
    if table.format is FileFormat.JSON_LINES:
        return _lines(_copied(table))
    return _copied(replace(table, reading=_escaped(texts, table.reading)))


def _copied(table: CatalogTable) -> CatalogTable:
    """The table with copies of what the engine does not read as it is."""
    table = with_copies(table)
    try:
        make_copies(table)
    except CannotCopy as error:
        raise UnusableFiles(f"{Path(error.file).name} cannot be read: {error}") from None
    return table


def _named(file: Path, file_format: FileFormat, packed: str = "") -> Path:
    ending = f"{_SUFFIX[file_format]}{packed}"
    return file if file.name.endswith(ending) else file.rename(file.with_name(f"{file.name}{ending}"))


def _named_text(file: Path, file_format: FileFormat) -> Path:
    with file.open("rb") as stream:
        start = stream.read(_LONGEST_BEGINNING)
    for beginning, what in _NO_TEXT.items():
        if start.startswith(beginning):
            raise UnusableFiles(f"{file.name} is {what}: text is read as it is, or in gzip, bzip2 or zstd")
    return _named(file, file_format, packing_of(start) or "")


def _escaped(files: Sequence[Path], reading: Reading) -> Reading:
    """How quotes inside of fields are escaped: where no file has the SerDe's escape, as programs write them, doubled.

    Raises:
        UnusableFiles: a file has an escape where no field is in quotes, which the engine cannot read.
    """
    if reading.escape in {"", reading.quote}:
        return reading
    for file in files:
        try:
            found = has_byte(file, reading.escape.encode())
        except OSError:
            raise UnusableFiles(f"{file.name} is damaged, or cannot be read") from None
        if found and not reading.quote:
            raise UnusableFiles(f"{file.name} has the escape {reading.escape!r}, which is read where fields are quoted")
        if found:
            return reading
    return replace(reading, escape=reading.quote)


def _lines(table: CatalogTable) -> CatalogTable:
    """Columns as the lines spell them: Hive's are in lower case, and the engine tells `userId` from `userid`."""
    for file in table.sources:
        if unreadable := find_unreadable(Path(file), table.reading.encoding):
            raise UnusableFiles(f"{Path(file).name} cannot be read: {unreadable}")
    names = "[" + ", ".join(map(sql_literal, table.files)) + "]"
    source = f"read_json_objects({names}, format='newline_delimited')"
    connection = _connection()
    try:
        keys = connection.execute(f"SELECT DISTINCT unnest(json_keys(json)) FROM {source}").fetchall()  # noqa: S608 -- quoted
    except duckdb.Error:
        # Which line it is, is told by who reads them.
        return table
    finally:
        connection.close()
    spelled: dict[str, list[str]] = {}
    for (key,) in keys:
        spelled.setdefault(key.lower(), []).append(key)
    columns = []
    for column in table.columns:
        found = spelled.get(column.name.lower(), []) if column.name not in table.reading.partitions else []
        if len(found) > 1:
            raise UnusableFiles(f"its lines spell '{column.name}' in more than one way: {', '.join(sorted(found)[:2])}")
        columns.append(Column(found[0], column.type) if found else column)
    return replace(table, columns=tuple(columns))


def _orc(table: CatalogTable, files: Sequence[Path], folder: Path) -> CatalogTable:
    """ORC written anew as Parquet, a file of each.

    Raises:
        UnusableFiles: PyArrow is not there, or cannot read one.
    """
    try:
        from pyarrow import ArrowException, orc, parquet  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise UnusableFiles("it is in ORC, which takes PyArrow to read: the operator installs it") from None
    written = []
    for file in files:
        target = file.with_name(f"{file.name}{_SUFFIX[FileFormat.PARQUET]}")
        try:
            source = orc.ORCFile(file)
            with parquet.ParquetWriter(target, source.schema) as writer:
                for stripe in range(source.nstripes):
                    writer.write_batch(source.read_stripe(stripe))
        except (ArrowException, OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise UnusableFiles(f"{file.name} cannot be read as ORC") from None
        file.unlink()
        written.append(target)
    return _parquet(replace(table, format=FileFormat.PARQUET), written, folder)


def _parquet(table: CatalogTable, files: Sequence[Path], folder: Path) -> CatalogTable:
    """Files of Parquet of which every value fits the catalog's types; columns that none has are NULL.

    Raises:
        UnusableFiles: a file is broken, or has a column of another type.
    """
    wanted = held(table.columns, table.reading)
    schemas = [_schema(file) for file in files]
    for file, schema in zip(files, schemas, strict=True):
        _require_narrower(file, schema, wanted, table.reading)
    there = {name for schema in schemas for name in schema}
    names = [tuple(schema.items()) for schema in schemas]
    marks = tuple(map(mark_of, map(str, files)))
    by_name = len(set(names)) > 1
    if not files or not all(column.name.lower() in there for column in wanted):
        empty = _no_rows(wanted, table.reading, folder)
        files, marks, by_name = [*files, empty], (*marks, mark_of(str(empty))), True
    return replace(
        table,
        files=tuple(map(str, files)),
        marks=marks,
        format=FileFormat.PARQUET,
        reading=replace(table.reading, by_name=by_name),
    )


def _schema(file: Path) -> dict[str, str]:
    """DuckDB's types of a file's columns, by their names in lower case."""
    connection = _connection()
    try:
        source = f"read_parquet({sql_literal(str(file))}, hive_partitioning=false)"
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608 -- quoted
    except duckdb.Error:
        raise UnusableFiles(f"{file.name} cannot be read as parquet: it is damaged or has another form") from None
    finally:
        connection.close()
    return {str(name).lower(): str(kind) for name, kind, *_ in described}


def _require_narrower(file: Path, schema: Mapping[str, str], wanted: Sequence[Column], reading: Reading) -> None:
    for name in reading.partitions:
        if name.lower() in schema:
            raise UnusableFiles(f"{file.name} has a column '{name}', by which the table is partitioned")
    for column in wanted:
        found = schema.get(column.name.lower())
        try:
            kind = None if found is None else from_duckdb(found)
        except ValueError:
            kind = found
        if kind is not None and wider(kind, column.type) != column.type:
            raise UnusableFiles(
                f"{file.name}, column '{column.name}': it is {kind} in the file and {column.type} in the catalog"
            )


def _no_rows(columns: Sequence[Column], reading: Reading, folder: Path) -> Path:
    """A file with all columns and no row, in folders of the same names as the others'."""
    place = folder.joinpath(*(f"{name}=0" for name in reading.partitions))
    place.mkdir(parents=True, exist_ok=True)
    file = place / NO_ROWS
    listed = ", ".join(f"CAST(NULL AS {to_duckdb(column.type)}) AS {sql_name(column.name)}" for column in columns)
    connection = _connection()
    try:
        rows = f"SELECT {listed or 'NULL AS nothing'} WHERE false"
        connection.execute(f"COPY ({rows}) TO {sql_literal(str(file))} (FORMAT parquet)")
    finally:
        connection.close()
    return file


def _connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    for setting in ("threads = 1", "memory_limit = '512MB'", "autoinstall_known_extensions = false"):
        connection.execute(f"SET {setting}")
    return connection
