"""Tables of Iceberg and Delta whose objects are brought: files of one state, and what was deleted of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from whiteroom.domain.privacy.query_tables import CatalogTable, StoredObject
from whiteroom.engines.duckdb.files.quoting import sql_literal


def with_objects(table: CatalogTable, objects: Sequence[StoredObject]) -> CatalogTable:
    """The table of these of its objects, with no more of its snapshot than they need."""
    snapshot = table.snapshot
    if snapshot is None or len(objects) == len(table.objects):
        return table
    places = {item.uri: number for number, item in enumerate(table.objects)}
    kept = {places[item.uri]: number for number, item in enumerate(objects)}
    constants = {
        name: tuple(value for number, value in enumerate(values) if number in kept)
        for name, values in snapshot.constants.items()
    }
    deletes = (
        replace(one, rows_of=tuple((named, kept[number]) for named, number in one.rows_of if number in kept))
        for one in snapshot.deletes
    )
    left = replace(snapshot, constants=constants, deletes=tuple(one for one in deletes if one.rows_of))
    return replace(table, objects=tuple(objects), snapshot=left, pruned=True)


def names_in(file: Path, wanted: Collection[int]) -> set[str]:
    """What a file of Parquet, whose footer is there, calls the columns of these ids; in lower case.

    Raises:
        duckdb.Error: it cannot be read.
    """
    with duckdb.connect(":memory:") as connection:
        source = f"parquet_schema({sql_literal(str(file))})"
        found = connection.execute(f"SELECT name, field_id FROM {source}").fetchall()  # noqa: S608 -- quoted
    return {str(name).lower() for name, number in found if number in wanted}
