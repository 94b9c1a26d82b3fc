"""What kept data is in: objects with names, each written once, and small ones that are replaced whole.

A bucket of S3 (bucket.py), or a folder of this machine (data/sealed/shelf.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from whiteroom.envelope.streams import Reader, Writer


@dataclass(frozen=True, slots=True)
class Listed:
    """An object, or an upload that nobody finished."""

    name: str
    """Below the prefix."""
    written_at: datetime
    upload_id: str = ""


class Objects(Protocol):
    """For threads to share. Whatever goes wrong is the operator's to mend (`Trouble`, OSError)."""

    def shown(self, name: str = "") -> str:
        """Where something is, for a message."""

    def read(self, name: str) -> tuple[bytes, str] | None:
        """A small object, and its etag; None where there is none."""

    def write(self, name: str, data: bytes, etag: str | None) -> bool:
        """Write a small object, unless somebody else has: in place of the one with that etag, or a new one for None."""

    def upload(self, name: str, reader: Reader, size_bytes: int) -> None:
        """Write an object whole; what it interrupts leaves no object."""

    def download(self, name: str, writer: Writer, size_bytes: int) -> None:
        """Read an object of about that size.

        Raises:
            FileNotFoundError: there is none.
        """

    def names(self, folder: str) -> Iterator[str]:
        """The names of objects and folders that are directly in a folder, without it."""

    def objects(self, folder: str) -> Iterator[Listed]:
        """Every object below a folder."""

    def uploads(self, folder: str) -> Iterator[Listed]:
        """Every upload below a folder that is not finished."""

    def abort(self, upload: Listed) -> None:
        """Throw away what has come of an upload. One that is gone is a success."""

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects. What is not there is a success."""
