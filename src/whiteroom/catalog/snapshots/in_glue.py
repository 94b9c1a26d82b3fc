"""How Glue says that a table is one of Iceberg or Delta: where its metadata are, and its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.catalog.hive_types import spark_type
from whiteroom.catalog.snapshots.places import SNAPSHOT, Unreadable
from whiteroom.catalog.snapshots.stored import StoredTable
from whiteroom.catalog.snapshots.stored_places import Root
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat
from whiteroom.ports.catalog import UnusableFiles

_METADATA_LOCATION = "metadata_location"
_IS_CURRENT = "iceberg.field.current"
_LINKS = "_symlink_format_manifest"
"""Where the crawler's and Athena's older tables of Delta have lists of files: the table is the folder above."""
_PLACEHOLDER = (("col", "array<string>"),)
"""What Spark says in Glue of a Delta table, whose columns are in its log alone."""


def stored_table(found: Mapping[str, Any]) -> StoredTable | None:
    """The table of Iceberg or Delta that Glue's entry is; None where it is another.

    Raises:
        UnusableFiles: it is one, and does not say where it is.
    """
    parameters: Mapping[str, str] = found.get("Parameters") or {}
    kinds = {str(parameters.get(name, "")).lower() for name in ("table_type", "spark.sql.sources.provider")}
    location = str((found.get("StorageDescriptor") or {}).get("Location") or "")
    above, _, last = location.rstrip("/").rpartition("/")
    snapshot = str(parameters.get(SNAPSHOT, ""))
    if "iceberg" in kinds:
        state = str(parameters.get(_METADATA_LOCATION) or "")
        if not state:
            raise UnusableFiles(f"it is a table of Iceberg without the parameter {_METADATA_LOCATION}.")
        return _checked(StoredTable(FileFormat.ICEBERG, location or _folder_of(state), state, snapshot))
    if "delta" in kinds or last == _LINKS:
        return _checked(StoredTable(FileFormat.DELTA, above if last == _LINKS else location, "", snapshot))
    return None


def _folder_of(state: str) -> str:
    """The table's folder, of its `metadata/` the state is in."""
    return state.rpartition("/")[0].rpartition("/")[0]


def _checked(table: StoredTable) -> StoredTable:
    try:
        root = Root(table.location)
        if table.state:
            root.key_of(table.state)
    except Unreadable as error:
        raise UnusableFiles(f"it is a table of {table.format.value.title()} that cannot be read: {error}.") from None
    return table


def columns_in_glue(found: Mapping[str, Any]) -> CatalogTable | None:
    """The columns as Glue has them, of no objects; None where it has none."""
    listed = [*((found.get("StorageDescriptor") or {}).get("Columns") or ()), *(found.get("PartitionKeys") or ())]
    named = [
        (str(item["Name"]), str(item.get("Type") or "string"))
        for item in listed
        if str((item.get("Parameters") or {}).get(_IS_CURRENT, "true")).lower() != "false"
    ]
    if not named or tuple(named) == _PLACEHOLDER:
        return None
    columns = tuple(Column(name, spark_type(kind, is_text=False)) for name, kind in named)
    return CatalogTable((), FileFormat.PARQUET, columns, elsewhere=True)
