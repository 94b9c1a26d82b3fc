"""Resolves files that metadata name: they must be in the table's own folder."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

MOST_FILES = 20_000
MOST_METADATA_BYTES = 1 << 28
"""Of one file."""


class Unreadable(Exception):
    """A table that cannot be read as it is. The message says why, and what its owner can do."""


class TableFolder:
    """The folder of a table, wherever it lay when its metadata were written."""

    def __init__(self, folder: Path, written_at: str = "") -> None:
        """Take `written_at`, as the metadata call it, for the folder."""
        self.folder = folder.resolve()
        self._written_at = written_at.rstrip("/")

    def place_of(self, uri: str) -> Path:
        """The file of this machine that an absolute URI of the metadata means.

        Raises:
            Unreadable: it is not in the table's folder, or is gone.
        """
        if self._written_at and uri.startswith(f"{self._written_at}/"):
            return self._inside(uri.removeprefix(f"{self._written_at}/"), uri)
        parts = urlsplit(uri)
        if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"}:
            raise Unreadable(f"its metadata name {uri[:200]!r}, which is not on this machine")
        return self._inside(uri.partition(":")[2].removeprefix("//localhost") if parts.scheme else uri, uri)

    def place_of_relative(self, path: str) -> Path:
        """Likewise of a path in the folder, with characters escaped as in a URI; or of an absolute URI.

        Raises:
            Unreadable: likewise.
        """
        return self.place_of(unquote(path)) if urlsplit(path).scheme else self._inside(unquote(path), path)

    def metadata(self, file: Path) -> Path:
        """A file of metadata, if it is not larger than any needs to be.

        Raises:
            Unreadable: it is, or lies elsewhere.
        """
        place = self._inside(str(file), str(file))
        if place.stat().st_size > MOST_METADATA_BYTES:
            raise Unreadable(f"{place} has more than {MOST_METADATA_BYTES:,} bytes. Compact the table's metadata")
        return place

    def _inside(self, path: str, named: str) -> Path:
        if "\0" in path:
            raise Unreadable(f"its metadata name {named[:200]!r}, which is no path")
        place = (self.folder / ("/" + path.lstrip("/") if path.startswith("/") else path)).resolve()
        if not place.is_relative_to(self.folder):
            raise Unreadable(f"its metadata name {named[:200]!r}, which lies outside of {self.folder}")
        if not place.is_file():
            raise Unreadable(f"{place} is gone, and the table's metadata name it")
        return place
