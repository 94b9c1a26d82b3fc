"""The objects of a table: what is below its location, or below those of its partitions, as engines look for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whiteroom.aws.identities import Identity
from whiteroom.aws.refusals import refusals
from whiteroom.domain.privacy.query_tables import StoredObject
from whiteroom.ports.catalog import UnusableFiles

_LOCATION = re.compile(r"s3[an]?://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:/(.*))?", re.DOTALL)
_MARKER = "_$folder$"
OTHER_TABLES: Mapping[str, str] = {"_delta_log": "Delta Lake", ".hoodie": "Hudi"}
"""Folders that say that some of the files' rows are no rows of the table."""
_REMEDIES: Mapping[str, str] = {"_delta_log": " Give it the parameter spark.sql.sources.provider = delta."}
MOST_OBJECTS = 100_000
"""Of one table: more are written as fewer, larger ones."""
_FEW = 8
"""Up to so many partitions are listed one by one; of more the table's whole location is, where they all are in it."""

Values = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A prefix of a bucket, and the values of the partition that is there."""

    bucket: str
    prefix: str
    """Ends in a slash: `p=1/` holds nothing of `p=10/`."""
    values: Values = ()


def place_of(location: str, values: Values = ()) -> Place:
    """Where a Location of Glue's leads.

    Raises:
        UnusableFiles: not to S3.
    """
    found = _LOCATION.fullmatch(location)
    if found is None:
        raise UnusableFiles(f"its location {location!r} is no place in S3.")
    prefix = found[2] or ""
    return Place(found[1], prefix if prefix.endswith("/") or not prefix else f"{prefix}/", values)


def objects_of(s3: Any, identity: Identity, table: Place, places: Sequence[Place]) -> tuple[StoredObject, ...]:
    """The objects with rows at these places, ordered by their names.

    Raises:
        UnusableFiles: there are too many, or they say that they are no plain files.
        AwsRefused, AwsUnreachable: they cannot be listed.
    """
    found: list[StoredObject] = []
    for bucket, key, item, values in _placed(s3, identity, table, places):
        found.append(StoredObject(f"s3://{bucket}/{key}", int(item["Size"]), str(item["ETag"]), values))
        if len(found) > MOST_OBJECTS:
            raise UnusableFiles(f"it has more than {MOST_OBJECTS:,} objects. Write fewer, larger ones.")
    return tuple(sorted(found, key=lambda item: (item.uri, [value or "" for value in item.partition])))


def _placed(
    s3: Any, identity: Identity, table: Place, places: Sequence[Place]
) -> Iterator[tuple[str, str, Mapping[str, Any], Values]]:
    by_prefix = {place.prefix: place for place in places}
    inside = all(place.bucket == table.bucket and place.prefix.startswith(table.prefix) for place in places)
    if len(places) <= _FEW or not inside or len(by_prefix) < len(places):
        for place in places:
            for key, item in _listed(s3, identity, place):
                yield place.bucket, key, item, place.values
        return
    for key, item in _listed(s3, identity, table):
        folder = key
        while folder:
            folder = folder[: folder.rstrip("/").rfind("/") + 1]
            if folder in by_prefix:
                yield table.bucket, key, item, by_prefix[folder].values
                break


def _listed(s3: Any, identity: Identity, place: Place) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects below a prefix that hold rows: empty ones and hidden ones do not, as Hive and Athena have it."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix)
    with refusals("s3:ListBucket", identity, f"the bucket {place.bucket}"):
        for page in pages:
            for item in page.get("Contents", ()):
                key = str(item["Key"])
                below = key[len(place.prefix) :].split("/")
                for name in below[:-1]:
                    if name in OTHER_TABLES:
                        raise UnusableFiles(
                            f"its location has a folder {name}: it is a table of {OTHER_TABLES[name]}, and its catalog "
                            f"calls it plain files.{_REMEDIES.get(name, '')}"
                        )
                hidden = any(name.startswith((".", "_")) for name in below)
                if item["Size"] and not hidden and not key.endswith(("/", _MARKER)):
                    yield key, item
