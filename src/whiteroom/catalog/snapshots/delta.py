"""Which files a version of a Delta table has, and its columns, read by deltalake."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from whiteroom.catalog.snapshots.places import MOST_FILES, PlacedFile, Places, Unreadable
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, Snapshot

_TYPES = {
    "boolean": "boolean",
    "byte": "tinyint",
    "short": "smallint",
    "integer": "int",
    "long": "bigint",
    "float": "float",
    "double": "double",
    "string": "string",
    "binary": "binary",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp_ntz": "timestamp",
}
_DECIMAL = re.compile(r"decimal\([0-9]{1,2},[0-9]{1,2}\)")
_READ_FEATURES = frozenset({"columnMapping", "deletionVectors", "timestampNtz", "vacuumProtocolCheck"})
"""Those of the protocol that a table may have; the first two it may not use."""
_MAPPING = "delta.columnMapping.mode"
_FEATURES_FROM = 3
"""The version of the protocol from which readers' features are named."""


def plan(folder: Path, version: str, places: Places) -> tuple[CatalogTable, tuple[str, ...]]:
    """The files and columns of a version, and notes for the table's owner.

    Args:
        folder: where its log is.
        version: which one; empty for the latest.
        places: where its files of rows are.

    Raises:
        Unreadable: it uses what is not read here, or names what is not there.
        Exception: deltalake cannot read its log.
    """
    table = _version(folder, version)
    _require_readable(table)
    columns, notes = _columns(json.loads(table.schema().to_json()))
    actions = pyarrow.table(table.get_add_actions()).to_pylist()
    if len(actions) > MOST_FILES:
        raise Unreadable(f"it has more than {MOST_FILES:,} files. Compact it (OPTIMIZE)")
    actions.sort(key=lambda action: action["path"])
    named = tuple(table.metadata().partition_columns)
    values = [tuple(_text((action["partition"] or {}).get(name)) for name in named) for action in actions]
    files = [
        PlacedFile(places.place_of_relative(action["path"]), action["size_bytes"], of_file)
        for action, of_file in zip(actions, values, strict=True)
    ]
    if len({file.place for file in files}) < len(files):
        raise Unreadable("its log lists a file twice")
    if any(column.name in named and column.type == "binary" for column in columns):
        raise Unreadable("it is partitioned by a column of binary, which is not read here")
    constants = {name: tuple(of_file[number] for of_file in values) for number, name in enumerate(named)}
    snapshot = Snapshot(str(table.version()), constants=constants, pruned_by=named)
    return places.table(files, columns, snapshot), notes


def _version(folder: Path, version: str) -> DeltaTable:
    if version and not version.isdecimal():
        raise Unreadable(f"it has no version {version!r}")
    if not version:
        return DeltaTable(str(folder))
    try:
        return DeltaTable(str(folder), version=int(version))
    except (DeltaError, OverflowError):
        latest = DeltaTable(str(folder)).version()
        raise Unreadable(f"it has no version {version}, or not any more; the latest is {latest}") from None


def _require_readable(table: DeltaTable) -> None:
    protocol = table.protocol()
    features = set(protocol.reader_features or ()) if protocol.min_reader_version >= _FEATURES_FROM else set()
    unknown = features - _READ_FEATURES
    if protocol.min_reader_version > _FEATURES_FROM or unknown:
        named = ", ".join(sorted(unknown)) or f"version {protocol.min_reader_version} of the protocol"
        raise Unreadable(f"it needs {named}, which is not read here. Write it without")
    if table.metadata().configuration.get(_MAPPING, "none") != "none":
        raise Unreadable("it has column mapping, which is not read here. Write it without")
    if _has_vectors(table):
        raise Unreadable("it has deletion vectors, which are not read here. Purge them (REORG TABLE ... APPLY (PURGE))")


def _has_vectors(table: DeltaTable) -> bool:
    try:
        return bool(pyarrow.table(table.deletion_vectors()).num_rows)
    except DeltaError:
        # It has some that cannot be read.
        return True


def _columns(schema: dict[str, Any]) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    columns, notes = [], []
    for part in schema["fields"]:
        written = part["type"]
        kind = (
            _TYPES.get(written, written if _DECIMAL.fullmatch(written) else None) if isinstance(written, str) else None
        )
        if kind is None:
            what = written if isinstance(written, str) else written.get("type")
            notes.append(f"Column '{part['name']}' is left out: Delta's {what} cannot be queried here.")
        else:
            columns.append(Column(part["name"], kind))
    return tuple(columns), tuple(notes)


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return value.replace(tzinfo=None).isoformat(" ") if isinstance(value, datetime) else str(value)
