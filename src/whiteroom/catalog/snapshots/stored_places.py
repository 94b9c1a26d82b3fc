"""Where files lie that the metadata of a table in S3 name: below the table's own location, or nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from whiteroom.catalog.snapshots.places import PlacedFile, Unreadable
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, Snapshot, StoredObject

_URI = re.compile(r"s3[an]?://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])/(.+)", re.DOTALL)
_ROOT = re.compile(r"s3[an]?://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:/(.+))?", re.DOTALL)
_MOST_KEY_BYTES = 1024
_SHOWN = 200
"""Characters of a URI in a message."""

Bring = Callable[[Sequence[str]], Sequence[Path]]
"""Has objects brought to files of this machine."""


class Root:
    """The location of a table: a bucket and a prefix."""

    def __init__(self, uri: str) -> None:
        """Take `s3://BUCKET/PREFIX`, or a whole bucket, for the table's.

        Raises:
            Unreadable: it is no such place.
        """
        found = _ROOT.fullmatch(uri.rstrip("/"))
        if found is None:
            raise Unreadable(f"its location {uri[:_SHOWN]!r} is no folder in S3")
        self.bucket, self.prefix = found[1], f"{found[2]}/" if found[2] else ""

    @property
    def uri(self) -> str:
        """With a slash at its end."""
        return f"s3://{self.bucket}/{self.prefix}"

    def key_of(self, uri: str) -> str:
        """The key of an object of the table's.

        Raises:
            Unreadable: the URI is of no such object.
        """
        found = _URI.fullmatch(uri)
        if found is None:
            raise Unreadable(f"its metadata name {uri[:_SHOWN]!r}, which is no object in S3")
        bucket, key = found[1], found[2]
        # What speaks to S3 may take dots for folders.
        astray = any(part in {"", ".", ".."} for part in key.split("/")) or not key.isprintable()
        if bucket != self.bucket or not key.startswith(self.prefix) or astray or len(key.encode()) > _MOST_KEY_BYTES:
            raise Unreadable(f"its metadata name {uri[:_SHOWN]!r}, which lies outside of {self.uri}")
        return key


class TablePrefix:
    """The files of a table in S3. Implements Places."""

    def __init__(self, root: Root, bring: Bring) -> None:
        self._root = root
        self._bring = bring
        self._brought: dict[str, Path] = {}

    def written_at(self, location: str) -> TablePrefix:  # noqa: ARG002 -- what it is called in Glue is where it is
        """Places."""
        return self

    def place_of(self, uri: str) -> str:
        """Places: whether it is gone is known once it is read."""
        return f"s3://{self._root.bucket}/{self._root.key_of(uri)}"

    def place_of_relative(self, path: str) -> str:
        """Places."""
        plain = unquote(path)
        return self.place_of(plain if urlsplit(path).scheme else f"{self._root.uri}{plain}")

    def metadata(self, uri: str) -> Path:
        """Places."""
        self.prepare([uri])
        return self._brought[uri]

    def open(self, file: Path) -> BinaryIO:
        """Places: it was brought here, where nobody else writes."""
        return file.open("rb")

    def prepare(self, uris: Sequence[str]) -> None:
        """Places."""
        new = [uri for uri in dict.fromkeys(uris) if uri not in self._brought and self._root.key_of(uri)]
        if new:
            self._brought.update(zip(new, self._bring(new), strict=True))

    def table(self, files: Sequence[PlacedFile], columns: tuple[Column, ...], snapshot: Snapshot) -> CatalogTable:
        """Places."""
        sizes = [*(file.size_bytes for file in files), *(one.size_bytes for one in snapshot.deletes)]
        if not all(isinstance(size, int) and size > 0 for size in sizes):
            raise Unreadable("its metadata name a file of no bytes")
        objects = tuple(StoredObject(file.place, file.size_bytes, "", file.partition) for file in files)
        return CatalogTable((), FileFormat.PARQUET, columns, elsewhere=True, objects=objects, snapshot=snapshot)
