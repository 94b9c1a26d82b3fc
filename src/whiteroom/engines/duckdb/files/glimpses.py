"""What can be read of files that are refused, for their owner: which columns, of which types, and how many rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat
from whiteroom.engines.duckdb.files.agreeing import described
from whiteroom.engines.duckdb.files.finding import likely_types
from whiteroom.engines.duckdb.files.lines import read_header
from whiteroom.engines.duckdb.files.reading import as_text, reader
from whiteroom.ports.catalog import Glimpse, UnusableFiles


def glimpse_of(table: CatalogTable, origin: str) -> Glimpse:
    """What one of a table's files is taken to be, by its first rows; of an unknown one, the first."""
    called = dict(zip(table.sources, table.files, strict=True))
    origin = origin if origin in called else table.sources[0]
    file, reading = called[origin], replace(table.reading, partitions=())
    columns: tuple[Column, ...] = ()
    try:
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET memory_limit = '1GB'")
            if table.format is FileFormat.CSV:
                columns = tuple(Column(name, "") for name in read_header(Path(origin), reading) or ())
            else:
                columns = described(connection, file, table.format)
            source = reader([file], table.format, reading, as_text(columns), broken=True)
            if table.format is FileFormat.CSV:
                types = likely_types(connection, source, reading, [column.name for column in columns])
                columns = tuple(Column(name, types[name]) for name in types)
            answer = connection.execute(f"SELECT count(*) FROM {source}").fetchone()  # noqa: S608 -- quoted
    except (duckdb.Error, UnusableFiles):
        return Glimpse(columns)
    return Glimpse(columns, int(answer[0]) if answer else None)
