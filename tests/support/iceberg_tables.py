"""Tables of Iceberg on this machine: written by pyiceberg, and what it does not write, as Spark would, by its parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadataV2
from pyiceberg.typedef import Record

_PATH_ID, _POSITION_ID = 2147483546, 2147483545
"""Of the columns of a file of position deletes, by Iceberg's specification."""


def new_table(
    warehouse: Path, schema: Schema, spec: PartitionSpec = UNPARTITIONED_PARTITION_SPEC, **properties: str
) -> Table:
    """An empty table at `warehouse`/db/t."""
    catalog = SqlCatalog("tests", uri="sqlite:///:memory:", warehouse=f"file://{warehouse}")
    catalog.create_namespace("db")
    return catalog.create_table("db.t", schema=schema, partition_spec=spec, properties=properties)


def folder_of(table: Table) -> Path:
    return Path(table.location().removeprefix("file://"))


def rows(schema: Schema, **columns: Sequence[Any]) -> pyarrow.Table:
    return pyarrow.table(dict(columns), schema=schema.as_arrow())


def state_of(table: Table) -> Path:
    """The file of metadata that is the table's state."""
    return max((folder_of(table) / "metadata").glob("*.metadata.json"))


def change_state(table: Table, change: Callable[[dict[str, Any]], None]) -> None:
    """Write the table's next state, as another program would."""
    before = state_of(table)
    document = json.loads(before.read_text())
    change(document)
    number = int(before.name.partition("-")[0]) + 1
    (before.parent / f"{number:05}-by-hand.metadata.json").write_text(json.dumps(document))


class _DeletesWriter(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


def uris(table: Table) -> list[str]:
    """The URIs of its files of rows, in the order of their names."""
    return sorted(task.file.file_path for task in table.scan().plan_files())


def position_deletes(positions: Mapping[str, Sequence[int]]) -> pyarrow.Table:
    """What a file of deletes holds: positions by the URI of their file."""
    told = pyarrow.schema(
        [
            pyarrow.field("file_path", pyarrow.string(), metadata={"PARQUET:field_id": str(_PATH_ID)}),
            pyarrow.field("pos", pyarrow.int64(), metadata={"PARQUET:field_id": str(_POSITION_ID)}),
        ]
    )
    listed = [(uri, position) for uri, found in positions.items() for position in found]
    return pyarrow.table({"file_path": [uri for uri, _ in listed], "pos": [place for _, place in listed]}, schema=told)


def deletes_file(uri: str, size_bytes: int, rows: int, **said: Any) -> DataFile:
    """A file of deletes, as metadata say it."""
    told: dict[str, Any] = {
        "content": DataFileContent.POSITION_DELETES,
        "file_path": uri,
        "file_format": FileFormat.PARQUET,
        "partition": Record(),
        "record_count": rows,
        "file_size_in_bytes": size_bytes,
    }
    return DataFile.from_args(**told | said)


def deleting(table: Table, positions: Mapping[str, Sequence[int]], **of_file: Any) -> Path:
    """A snapshot in which rows are deleted: positions by the URI of their file. `of_file` is said of the deletes."""
    place = folder_of(table) / "data" / f"deletes-{len(positions)}-{sum(map(len, positions.values()))}.parquet"
    told = position_deletes(positions)
    parquet.write_table(told, place)
    add_snapshot(table, deletes_file(f"file://{place}", place.stat().st_size, told.num_rows, **of_file))
    return place


def add_snapshot(table: Table, file: DataFile) -> None:
    """A snapshot that has one file more, which is no data."""
    change_state(table, snapshot_with(table, file, PyArrowFileIO()))


def snapshot_with(table: Table, file: DataFile, io: FileIO) -> Callable[[dict[str, Any]], None]:
    """Write what a snapshot with one file of deletes more needs; what has the table's state have it."""
    number = 4_000_000_000
    before = table.metadata.current_snapshot()
    assert before is not None
    file.spec_id = 0
    metadata = f"{table.location()}/metadata"
    writer = _DeletesWriter(table.spec(), table.schema(), io.new_output(f"{metadata}/deletes.avro"), number, "null")
    with writer:
        added = ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=number, data_file=file)
        writer.add_entry(added)
    assert isinstance(table.metadata, TableMetadataV2)
    sequence = table.metadata.last_sequence_number + 1
    listed = f"{metadata}/snap-{number}.avro"
    with write_manifest_list(2, io.new_output(listed), number, before.snapshot_id, sequence, "null") as manifests:
        manifests.add_manifests([*before.manifests(table.io), writer.to_manifest_file()])

    def change(state: dict[str, Any]) -> None:
        snapshot = dict(state["snapshots"][-1]) | {
            "snapshot-id": number,
            "parent-snapshot-id": before.snapshot_id,
            "sequence-number": sequence,
            "manifest-list": listed,
        }
        state["snapshots"].append(snapshot)
        state["last-sequence-number"] = sequence
        state["current-snapshot-id"] = number
        state["refs"]["main"]["snapshot-id"] = number

    return change
