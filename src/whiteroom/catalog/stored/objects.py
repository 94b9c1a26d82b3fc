"""The objects that a table's sources mean now, with the partitions that their folders name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import unquote

from whiteroom.aws.identities import Identity
from whiteroom.aws.refusals import AwsRefused, refusals
from whiteroom.catalog.listing import MOST_OBJECTS, OTHER_TABLES
from whiteroom.catalog.partitions import named_by, same_columns
from whiteroom.catalog.stored.sources import Source
from whiteroom.domain.privacy.query_tables import FileFormat, StoredObject
from whiteroom.ports.catalog import UnusableFiles

_MARKER = "_$folder$"
_NULL = "__HIVE_DEFAULT_PARTITION__"
STATE = ".metadata.json"
"""How a file of Iceberg's metadata ends that says a state."""
_METADATA = "metadata"
_ICEBERG = "Iceberg"
_FORMATS = {OTHER_TABLES["_delta_log"]: FileFormat.DELTA, _ICEBERG: FileFormat.ICEBERG}
_MOST_FOLDERS = 8
"""Above a source, that are looked at for the metadata of another kind of table."""

Listed = Mapping[str, Any]
"""An object, as S3 lists it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks S3, and whose the buckets must be."""

    s3: Any
    identity: Identity
    owner: str

    def pages(self, bucket: str, prefix: str, **more: Any) -> Iterator[Listed]:
        """The objects whose keys begin so, in the order of their keys.

        Raises:
            AwsRefused, AwsUnreachable: they cannot be listed.
        """
        paginator = self.s3.get_paginator("list_objects_v2")
        with refusals("s3:ListBucket", self.identity, f"the bucket {bucket}"):
            for page in paginator.paginate(Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=self.owner, **more):
                yield from page.get("Contents", ())

    def first(self, bucket: str, prefix: str) -> Listed | None:
        """The first object whose key begins so: that of the prefix itself, where there is one.

        Raises:
            AwsRefused, AwsUnreachable: as `pages`.
        """
        config = {"PaginationConfig": {"MaxItems": 1, "PageSize": 1}}
        return next(self.pages(bucket, prefix, **config), None)


@dataclass(frozen=True, slots=True)
class Found:
    """What sources mean."""

    objects: tuple[StoredObject, ...]
    """Ordered by their names."""
    partitions: tuple[str, ...]
    """The columns that their folders name, outermost first."""


def objects_of(asked: Asked, sources: Sequence[Source]) -> Found:
    """The objects that hold a table's rows.

    Raises:
        UnusableFiles: a source means none, they are no plain files, or are in folders of different partitions.
        AwsRefused, AwsUnreachable: they cannot be listed.
    """
    items: dict[str, Listed] = {}
    below: dict[str, list[str]] = {}
    for source in sources:
        is_any = False
        for folder, item in _meant(asked, source):
            uri = f"s3://{source.bucket}/{item['Key']}"
            if not item["Size"]:
                raise UnusableFiles(f"{uri} is empty: it has no header and no schema. Remove it or fill it.")
            is_any = True
            items[uri] = item
            parts = str(item["Key"])[len(folder) :].split("/")[:-1]
            # Of several sources that hold an object, the outermost says most.
            below[uri] = max(below.get(uri, []), parts, key=len)
            if len(items) > MOST_OBJECTS:
                raise UnusableFiles(f"It has more than {MOST_OBJECTS:,} objects. Write fewer, larger ones.")
        if not is_any:
            raise UnusableFiles(f"{source.uri} holds no object. Name one, a prefix that has some, or a pattern.")
    named = {uri: named_by(below[uri], uri) for uri in sorted(items)}
    columns = same_columns({uri: tuple(name for name, _ in pairs) for uri, pairs in named.items()})
    return Found(tuple(_object(uri, items[uri], pairs) for uri, pairs in named.items()), columns)


def require_plain(asked: Asked, sources: Sequence[Source]) -> None:
    """Whether no folder above belongs to a table of Iceberg, Delta or Hudi, whose files hold what was deleted, too.

    Whoever may not list there is not asked further: what is in the sources themselves is looked at always.

    Raises:
        UnusableFiles: one does.
        AwsUnreachable: that cannot be told now.
    """
    for bucket, folder in sorted({(source.bucket, one) for source in sources for one in _above(source.folder)}):
        if kind := _kind_of(asked, bucket, folder):
            raise _another(f"s3://{bucket}/{folder}", kind)


def snapshot_format(asked: Asked, source: Source) -> FileFormat | None:
    """Iceberg or Delta, where a source is a table of these by itself; None of any other, or if that may not be known.

    Raises:
        AwsUnreachable: that cannot be told now.
    """
    if source.key.endswith(STATE):
        return FileFormat.ICEBERG
    return _FORMATS.get(_kind_of(asked, source.bucket, source.as_folder))


def _kind_of(asked: Asked, bucket: str, folder: str) -> str:
    """Which table is in a folder whose metadata say what it is; empty where none is seen."""
    try:
        for name, kind in OTHER_TABLES.items():
            if asked.first(bucket, f"{folder}{name}/"):
                return kind
        metadata = islice(asked.pages(bucket, f"{folder}{_METADATA}/", Delimiter="/"), MOST_OBJECTS)
        return _ICEBERG if any(str(item["Key"]).endswith(STATE) for item in metadata) else ""
    except AwsRefused:
        return ""


def _above(folder: str) -> list[str]:
    parts = folder.split("/")[:-1]
    return ["".join(f"{part}/" for part in parts[:count]) for count in range(len(parts), -1, -1)][:_MOST_FOLDERS]


def _meant(asked: Asked, source: Source) -> Iterator[tuple[str, Listed]]:
    """The objects of a source, each with the folder behind which folders may name partitions."""
    first = asked.first(source.bucket, source.key) if source.key and not source.key.endswith("/") else None
    if first is not None and first["Key"] == source.key:
        yield source.key[: source.key.rfind("/") + 1], first
        return
    for item in asked.pages(source.bucket, source.beginning):
        key = str(item["Key"])
        _require_no_metadata(source, key)
        if source.means(key) and not key.endswith(("/", _MARKER)):
            yield source.folder, item


def _require_no_metadata(source: Source, key: str) -> None:
    *folders, name = key[len(source.folder) :].split("/")
    for number, folder in enumerate(folders):
        place = f"s3://{source.bucket}/{source.folder}{''.join(f'{part}/' for part in folders[:number])}"
        if folder in OTHER_TABLES:
            raise _another(place, OTHER_TABLES[folder])
        if folder == _METADATA and number == len(folders) - 1 and name.endswith(STATE):
            raise _another(place, _ICEBERG)


def _another(place: str, kind: str) -> UnusableFiles:
    remedy = " Add this folder, by itself." if kind in _FORMATS else ""
    return UnusableFiles(
        f"{place} is a table of {kind}, whose files hold what was deleted: they are no table alone.{remedy}"
    )


def _object(uri: str, item: Listed, named: Sequence[tuple[str, str]]) -> StoredObject:
    values = tuple(None if value == _NULL else unquote(value) for _, value in named)
    return StoredObject(uri, int(item["Size"]), str(item["ETag"]), values)
