"""Resolves files that metadata name: they must be in the table's own folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from whiteroom.base.real_paths import NotOpened, open_real
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, Snapshot

SNAPSHOT = "whiteroom.snapshot"
"""The table's parameter with which its owner says in its catalog which state is meant; without it, the latest is."""
MOST_FILES = 20_000
MOST_METADATA_BYTES = 1 << 28
"""Of one file."""


class Unreadable(Exception):
    """A table that cannot be read as it is. The message says why, and what its owner can do."""


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file of rows that metadata name."""

    place: str
    """Where it is: a path of this machine, or a URI."""
    size_bytes: int
    """As the metadata say."""
    partition: tuple[str | None, ...] = ()
    """The values that all of its rows have of `Snapshot.pruned_by`."""


class Places(Protocol):
    """The files of one table, and no others."""

    def written_at(self, location: str) -> Places:
        """The same, of a table that calls its own folder so."""

    def place_of(self, uri: str) -> str:
        """Where the file lies that an absolute URI of the metadata means.

        Raises:
            Unreadable: it is not one of the table's, or is gone.
        """

    def place_of_relative(self, path: str) -> str:
        """Likewise of a path in the folder, with characters escaped as in a URI; or of an absolute URI.

        Raises:
            Unreadable: likewise.
        """

    def metadata(self, uri: str) -> Path:
        """A file of metadata, to be read here, if it is not larger than any needs to be.

        Raises:
            Unreadable: it is, or is not one of the table's, or is gone.
        """

    def open(self, file: Path) -> BinaryIO:
        """What `metadata` answered with, to be read.

        Raises:
            Unreadable: it is another by now.
        """

    def prepare(self, uris: Sequence[str]) -> None:
        """Have those files of metadata at hand: they are asked for next.

        Raises:
            Unreadable: as `metadata`.
        """

    def table(self, files: Sequence[PlacedFile], columns: tuple[Column, ...], snapshot: Snapshot) -> CatalogTable:
        """The table of these files of Parquet.

        Raises:
            Unreadable: they cannot be its files.
        """


class TableFolder:
    """The folder of a table of this machine, wherever it lay when its metadata were written."""

    def __init__(self, folder: Path, written_at: str = "") -> None:
        """Take `written_at`, as the metadata call it, for the folder.

        Raises:
            Unreadable: the folder is reached through a link, which may lead to a table of somebody else.
        """
        if os.path.realpath(folder) != str(folder):
            raise Unreadable(f"{folder} became a link, or a folder above it did. Put the folder itself there")
        self.folder = folder
        self._written_at = written_at.rstrip("/")

    def written_at(self, location: str) -> TableFolder:
        """Places."""
        return TableFolder(self.folder, location)

    def place_of(self, uri: str) -> str:
        """Places."""
        return str(self._place_of(uri))

    def _place_of(self, uri: str) -> Path:
        if self._written_at and uri.startswith(f"{self._written_at}/"):
            return self._inside(uri.removeprefix(f"{self._written_at}/"), uri)
        parts = urlsplit(uri)
        if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"}:
            raise Unreadable(f"its metadata name {uri[:200]!r}, which is not on this machine")
        return self._inside(uri.partition(":")[2].removeprefix("//localhost") if parts.scheme else uri, uri)

    def place_of_relative(self, path: str) -> str:
        """Places."""
        plain = unquote(path)
        return str(self._place_of(plain) if urlsplit(path).scheme else self._inside(plain, path))

    def metadata(self, uri: str) -> Path:
        """Places."""
        place = self._place_of(uri)
        if place.stat().st_size > MOST_METADATA_BYTES:
            raise Unreadable(f"{place} has more than {MOST_METADATA_BYTES:,} bytes. Compact the table's metadata")
        return place

    def open(self, file: Path) -> BinaryIO:
        """Places: through no link, whatever the path means by now."""
        try:
            return os.fdopen(open_real(str(file)), "rb")
        except NotOpened as error:
            raise Unreadable(f"{file} {error}") from None

    def prepare(self, uris: Sequence[str]) -> None:
        """Places: they are here."""

    def table(self, files: Sequence[PlacedFile], columns: tuple[Column, ...], snapshot: Snapshot) -> CatalogTable:
        """Places."""
        return CatalogTable(tuple(file.place for file in files), FileFormat.PARQUET, columns, snapshot=snapshot)

    def _inside(self, path: str, named: str) -> Path:
        if "\0" in path:
            raise Unreadable(f"its metadata name {named[:200]!r}, which is no path")
        place = Path(os.path.realpath(self.folder / ("/" + path.lstrip("/") if path.startswith("/") else path)))
        if not place.is_relative_to(self.folder):
            raise Unreadable(f"its metadata name {named[:200]!r}, which lies outside of {self.folder}")
        if not place.is_file():
            raise Unreadable(f"{place} is gone, and the table's metadata name it")
        return place
