"""Which files a snapshot of an Iceberg table has, what was deleted of them, and its columns, read by pyiceberg."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.io import FileIO, InputFile
from pyiceberg.manifest import DataFile, DataFileContent
from pyiceberg.manifest import FileFormat as FormatOfFile
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import FileScanTask, StaticTable
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import DecimalType, FixedType, IcebergType

from whiteroom.catalog.snapshots.iceberg_partitions import partitions_of
from whiteroom.catalog.snapshots.places import MOST_FILES, PlacedFile, Places, Unreadable
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, PositionDeletes, Snapshot

_TYPES = {
    "boolean": "boolean",
    "int": "int",
    "long": "bigint",
    "float": "float",
    "double": "double",
    "string": "string",
    "uuid": "string",
    "binary": "binary",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamp",
}
_LAST_FORMAT = 2
_MOST_PAIRS = 100_000


def plan(state_uri: str, snapshot_id: str, places: Places) -> tuple[CatalogTable, tuple[str, ...]]:
    """The files and columns of a snapshot, and notes for the table's owner.

    Args:
        state_uri: the file of metadata that is the table's state.
        snapshot_id: which one; empty for the current one.
        places: where its files are.

    Raises:
        Unreadable: it uses what is not read here, or names what is not there.
        Exception: pyiceberg cannot read its metadata.
    """
    state = FromInputFile.table_metadata(_File(state_uri, places))
    if state.format_version > _LAST_FORMAT:
        raise Unreadable(f"it is in version {state.format_version} of Iceberg's format; version {_LAST_FORMAT} is read")
    places = places.written_at(state.location)
    io = _TableIO(places)
    table = StaticTable(("static",), state, state_uri, io, NoopCatalog("static"))
    if snapshot_id and (not snapshot_id.isdecimal() or state.snapshot_by_id(int(snapshot_id)) is None):
        raise Unreadable(f"it has no snapshot {snapshot_id!r}, or not any more")
    chosen = int(snapshot_id) if snapshot_id else state.current_snapshot_id
    # Said, a snapshot has the columns of its time; the latest has those of the table.
    scan = table.scan(snapshot_id=chosen if snapshot_id else None)
    columns, field_ids, notes = columns_of(scan.projection())
    if chosen is None:
        return places.table((), columns, Snapshot("", field_ids)), notes
    _require_readable(state, chosen, io, places)
    tasks = sorted(scan.plan_files(), key=lambda task: task.file.file_path)
    held, of_files = partitions_of(state, scan.projection(), tasks, field_ids)
    snapshot = Snapshot(str(chosen), field_ids, held=held, pruned_by=of_files.names, deletes=_deletes(tasks, places))
    files = [
        PlacedFile(places.place_of(task.file.file_path), task.file.file_size_in_bytes, values)
        for task, values in zip(tasks, of_files.values, strict=True)
    ]
    listed = [*(file.place for file in files), *(one.file for one in snapshot.deletes)]
    if len(set(listed)) < len(listed):
        raise Unreadable("its metadata list a file twice")
    return places.table(files, columns, snapshot), notes


def columns_of(schema: Schema) -> tuple[tuple[Column, ...], dict[str, int], tuple[str, ...]]:
    """The columns that can be queried, the ids under which files have them, and notes on the others."""
    columns, ids, notes = [], {}, []
    for part in schema.fields:
        kind = _spark_type(part.field_type)
        if kind is None:
            notes.append(f"Column '{part.name}' is left out: Iceberg's {part.field_type} cannot be queried here.")
            continue
        columns.append(Column(part.name, kind))
        ids[part.name] = part.field_id
    return tuple(columns), ids, tuple(notes)


def _spark_type(kind: IcebergType) -> str | None:
    if isinstance(kind, DecimalType):
        return f"decimal({kind.precision},{kind.scale})"
    return "binary" if isinstance(kind, FixedType) else _TYPES.get(str(kind))


def _require_readable(state: TableMetadata, chosen: int, io: FileIO, places: Places) -> None:
    snapshot = state.snapshot_by_id(chosen)
    if snapshot is None:
        raise Unreadable(f"its metadata name a snapshot that they do not have ({chosen})")
    manifests = snapshot.manifests(io)
    if len(manifests) > MOST_FILES:
        raise Unreadable(f"it has more than {MOST_FILES:,} manifests. Compact them (rewrite_manifests)")
    places.prepare([manifest.manifest_path for manifest in manifests])
    for number, file in enumerate(_files(manifests, io)):
        if number >= MOST_FILES:
            raise Unreadable(f"it has more than {MOST_FILES:,} files. Compact it (rewrite_data_files)")
        if file.content is DataFileContent.EQUALITY_DELETES:
            raise Unreadable("it has equality deletes, which are not read here. Compact it (rewrite_data_files)")
        if file.file_format is not FormatOfFile.PARQUET:
            what = (
                "deletion vectors" if file.content is not DataFileContent.DATA else f"files in {file.file_format.value}"
            )
            raise Unreadable(f"it has {what}, which are not read here. Rewrite it in Parquet")
        if file.key_metadata is not None:
            raise Unreadable("its files are encrypted, and are not read here")


def _files(manifests: list[Any], io: FileIO) -> Iterator[DataFile]:
    for manifest in manifests:
        for entry in manifest.fetch_manifest_entry(io, discard_deleted=True):
            yield entry.data_file


def _deletes(tasks: list[FileScanTask], places: Places) -> tuple[PositionDeletes, ...]:
    of: dict[str, list[tuple[str, int]]] = {}
    sizes = {}
    for number, task in enumerate(tasks):
        for deletes in task.delete_files:
            of.setdefault(deletes.file_path, []).append((task.file.file_path, number))
            sizes[deletes.file_path] = deletes.file_size_in_bytes
    if sum(map(len, of.values())) > _MOST_PAIRS:
        raise Unreadable("it has too many files of deletes. Compact it (rewrite_data_files)")
    return tuple(PositionDeletes(places.place_of(uri), tuple(rows), sizes[uri]) for uri, rows in sorted(of.items()))


class _File(InputFile):
    """A file of the table, read from where it is here."""

    def __init__(self, location: str, places: Places) -> None:
        super().__init__(location)
        self._places = places
        self._place = places.metadata(location)

    def __len__(self) -> int:
        return self._place.stat().st_size

    def exists(self) -> bool:
        return True

    def open(self, seekable: bool = True) -> BinaryIO:  # noqa: ARG002 -- the interface's
        return self._places.open(self._place)


class _TableIO(FileIO):
    """The table's own files, for pyiceberg: nothing else is opened, and nothing is written."""

    def __init__(self, places: Places) -> None:
        super().__init__()
        self._places = places

    def new_input(self, location: str) -> InputFile:
        return _File(location, self._places)

    def new_output(self, location: str) -> Any:
        raise Unreadable(f"its metadata have {location!r} written")

    def delete(self, location: Any) -> None:
        raise Unreadable(f"its metadata have {location!r} deleted")
