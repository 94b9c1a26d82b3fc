"""Tables whose rows are in S3: read through once when they are added, and listed anew by every query."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from whiteroom.aws.bringing import ObjectMoved, Wanted, bring, wanted_in, with_etags
from whiteroom.aws.identities import Identity
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable
from whiteroom.base.one_line import one_line
from whiteroom.catalog.files import find_format
from whiteroom.catalog.seen import Seen, seen_of
from whiteroom.catalog.snapshots.remembering import Planned
from whiteroom.catalog.snapshots.states import METADATA
from whiteroom.catalog.snapshots.stored import StoredSnapshots, StoredTable
from whiteroom.catalog.stored.objects import STATE, Asked, Found, objects_of, require_plain, snapshot_format
from whiteroom.catalog.stored.sources import Source, parsed
from whiteroom.domain.privacy.query_tables import CatalogTable, FileFormat, StoredObject
from whiteroom.domain.privacy.readings import Wishes
from whiteroom.ports.catalog import FoundTable, SchemaReader, SnapshotReader, UnusableFiles

_OBJECTS = "objects"
"""The folder in a private one where objects are while they are read through."""
_KEPT_FREE = 0.05
_MOST_KEPT_FREE_BYTES = 1 << 30
"""Of the disk, as for copies (engines/duckdb/files/copies.py)."""


class Clients(Protocol):
    """Who signs for members."""

    def client(self, service: str, identity: Identity, region: str | None = None) -> Any:
        """A client of AWS's that signs as somebody."""


class Unreadable(Exception):
    """A table in S3 that cannot be read now. The message is for its owner."""

    def __init__(self, message: str, seen: Seen | None = None, *, again: bool = False) -> None:
        super().__init__(message)
        self.seen = seen
        """What its objects seemed to be; None where none was looked at."""
        self.again = again
        """Whether nothing was decided: the same may be had later."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A table that was read through."""

    format: FileFormat
    found: FoundTable
    objects: tuple[StoredObject, ...]


class StoredTables:
    """What tables in S3 are, by their owners' rights."""

    def __init__(self, clients: Clients, most_bytes: int, regions: Mapping[str, str], work: Path | None = None) -> None:
        """Ask S3.

        Args:
            clients: sign for members.
            most_bytes: of one table.
            regions: of buckets, where they are not in the server's own.
            work: where metadata are while they are read; None for where the machine has temporary files.
        """
        self._snapshots = StoredSnapshots(work)
        self._clients = clients
        self._most_bytes = most_bytes
        self._regions = regions

    def region_of(self, sources: Sequence[str]) -> str:
        """Where the buckets of a table are; empty for the server's own region.

        Raises:
            UnusableFiles: they are in several, or a source is no place in S3.
        """
        regions = {self._regions.get(parsed(source).bucket, "") for source in sources}
        if len(regions) > 1:
            raise UnusableFiles("Its buckets are in several regions; the objects of a table lie in one.")
        return regions.pop()

    def listed(self, identity: Identity, sources: Sequence[str]) -> Found:
        """The objects that a table has now.

        Raises:
            Unreadable: they cannot be listed, or are no table's.
        """
        with _as_unreadable():
            return objects_of(self._asked(identity, sources), _parsed(sources))

    def format_of(self, identity: Identity, sources: Sequence[str]) -> FileFormat | None:
        """Iceberg or Delta, where that is what is there; None of anything else.

        Raises:
            Unreadable: that cannot be told.
        """
        if len(sources) != 1:
            return None
        with _as_unreadable():
            return snapshot_format(self._asked(identity, sources), parsed(sources[0]))

    def planned(self, identity: Identity, file_format: FileFormat, source: str, snapshot: str) -> Planned:
        """The objects and columns of a state of a table of Iceberg or Delta, as its metadata say.

        Args:
            identity: its owner's.
            file_format: Iceberg or Delta.
            source: the table's folder, or a file of Iceberg's metadata.
            snapshot: which state; empty for the latest.

        Raises:
            Unreadable: they cannot be read, or not as they are.
        """
        with _as_unreadable():
            asked = self._asked(identity, [source])
            try:
                table, notes = self._snapshots.plan(
                    asked.s3, identity, _stored_table(parsed(source), file_format, snapshot, asked.owner)
                )
            except UnusableFiles as error:
                raise UnusableFiles(f"{source}: {error}") from None
        table = replace(table, bucket_owner=asked.owner, region=self.region_of([source]))
        return table, tuple(map(one_line, notes))

    def read_through(self, identity: Identity, read: SnapshotReader, folder: Path, table: CatalogTable) -> FoundTable:
        """What the objects of a table are that was planned, all of which are brought.

        Args:
            identity: its owner's.
            read: reads them.
            folder: a private one, which is left with their bytes.
            table: as it was planned.

        Raises:
            Unreadable: they cannot be had, or are not what the metadata say.
        """
        with _as_unreadable():
            s3 = self._clients.client("s3", identity, table.region or None)
            self._require_room(table.all_objects, folder)
            wanted = wanted_in(folder / _OBJECTS, table.all_objects, ())
            owner = table.bucket_owner
            bring(s3, identity, with_etags(s3, identity, wanted, owner=owner), owner=owner)
        called = _Called(str(folder), wanted)
        try:
            return read(table.brought_as([str(one.file) for one in wanted]))
        except UnusableFiles as error:
            raise Unreadable(called(str(error))) from None

    def brought(
        self, identity: Identity, sources: Sequence[str], wishes: Wishes, read: SchemaReader, folder: Path
    ) -> Brought:
        """What a table is, all of whose objects are brought and read through.

        Args:
            identity: its owner's.
            sources: places in S3.
            wishes: what the owner says of how their text is written.
            read: reads them.
            folder: a private one, which is left with their bytes.

        Raises:
            Unreadable: they cannot be had, or are no table.
        """
        with _as_unreadable():
            asked = self._asked(identity, sources)
            require_plain(asked, _parsed(sources))
            found = objects_of(asked, _parsed(sources))
            self._require_room(found.objects, folder)
            wanted = wanted_in(folder / _OBJECTS, found.objects, found.partitions)
            bring(asked.s3, identity, wanted, owner=asked.owner)
        return _read(wanted, replace(wishes, partitions=found.partitions), read, folder)

    def _asked(self, identity: Identity, sources: Sequence[str]) -> Asked:
        region = self.region_of(sources)
        s3 = self._clients.client("s3", identity, region or None)
        return Asked(s3, identity, identity.account_id or "")

    def _require_room(self, objects: Sequence[StoredObject], folder: Path) -> None:
        size_bytes = sum(item.size_bytes for item in objects)
        if size_bytes > self._most_bytes:
            raise UnusableFiles(
                f"Its objects have {size_bytes:,} bytes together, and {self._most_bytes:,} are the limit of this "
                "server (max_table_bytes). Ask its operator to raise it."
            )
        disk = shutil.disk_usage(folder)
        if disk.free - size_bytes < min(_MOST_KEPT_FREE_BYTES, disk.total * _KEPT_FREE):
            raise UnusableFiles(
                f"Its objects have {size_bytes:,} bytes together, and the server's disk has no room to read them "
                "through."
            )


@contextmanager
def _as_unreadable() -> Iterator[None]:
    try:
        yield
    except (AwsRefused, AwsUnreachable, UnusableFiles, ObjectMoved) as error:
        raise Unreadable(_sentence(str(error)), again=isinstance(error, AwsUnreachable)) from None
    except OSError as error:
        raise Unreadable(f"Its objects cannot be kept here while they are read: {error.strerror}.") from None


def _stored_table(source: Source, file_format: FileFormat, snapshot: str, owner: str) -> StoredTable:
    """A table as its owner names it: by its folder, or by one file of Iceberg's metadata.

    Raises:
        UnusableFiles: that file is where none does.
    """
    if file_format is not FileFormat.ICEBERG or not source.key.endswith(STATE):
        return StoredTable(file_format, source.uri, "", snapshot, owner)
    location, folder, name = source.uri.rpartition(f"/{METADATA}/")
    if not folder or "/" in name:
        raise UnusableFiles(f"a file of metadata lies in a folder {METADATA} of its table")
    return StoredTable(file_format, location, source.uri, snapshot, owner)


def _sentence(text: str) -> str:
    """On one line, whatever a key has in it that whoever may write to the bucket chose."""
    return f"{one_line(text).rstrip('.')}."


def _parsed(sources: Sequence[str]) -> list[Source]:
    return [parsed(source) for source in sources]


def _read(wanted: Sequence[Wanted], wishes: Wishes, read: SchemaReader, folder: Path) -> Brought:
    """Read what was brought through, and call it as its owner does."""
    files = [str(one.file) for one in wanted]
    uris = {str(one.file): one.item.uri for one in wanted}
    called = _Called(str(folder), wanted)
    file_format: FileFormat | None = None
    try:
        file_format = find_format(files, wishes.encoding)
        found = read(files, file_format, wishes, str(folder / "copies"))
    except UnusableFiles as error:
        seen = seen_of(error, files, file_format, wishes.partitions, wishes.encoding)
        raise Unreadable(called(str(error)), replace(seen, file=one_line(uris[seen.file]))) from None
    objects = tuple(one.item for one in wanted)
    marks = tuple(item.mark for item in objects)
    found = replace(found, marks=marks, notes=tuple(map(called, found.notes)))
    return Brought(file_format, found, objects)


class _Called:
    """Sentences in which objects have the names that their owner knows."""

    def __init__(self, folder: str, wanted: Sequence[Wanted]) -> None:
        self._wanted = wanted
        self._file = re.compile(rf"{re.escape(folder)}/{_OBJECTS}/(?:[^\n]*?/)??(\d{{6}})-[A-Za-z0-9._-]*")

    def __call__(self, sentence: str) -> str:
        return one_line(self._file.sub(self._uri, sentence))

    def _uri(self, match: re.Match[str]) -> str:
        one = self._wanted[int(match[1])]
        return match[0].replace(str(one.file), one.item.uri, 1)
