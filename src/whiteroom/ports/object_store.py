"""Where artefacts are kept, and results delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Protocol


class UnsafeContents(Exception):
    """A run left something other than regular files and folders. The message names it relative to its folder."""


class ConflictingContents(Exception):
    """Instances of one run left different contents under one path. The message names the path and two of them."""


class TooLarge(Exception):
    """More bytes than the limit allows. Carries `size_bytes` as far as it was counted, and `limit_bytes`."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"{size_bytes:,} bytes; the limit is {limit_bytes:,}.")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class TookTooLong(Exception):
    """What was left is too much to be gathered in the time that there was for it. Nothing is kept."""


class DeliveryFailed(Exception):
    """A member's location took nothing. The message is for all members, and does not say where the location is."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One artefact that is kept."""

    key: str
    size_bytes: int
    """As stored (compressed)."""
    content_bytes: int
    """Of the regular files inside, uncompressed."""


class ObjectStore(Protocol):
    """Keeps artefacts under keys, and delivers results to members' locations.

    Keys and names are relative, made of `[A-Za-z0-9._-]` and slashes. Every write appears
    whole or not at all, and a repeat replaces what stood there. Contract suite:
    tests/contract/objects/.
    """

    def pack(self, folders: Mapping[str, Path], key: str, limit_bytes: int | None, until: float = inf) -> StoredObject:
        """Archive untrusted folders, one a host, merged, as .tar.gz under `key`: regular files, plain relative names.

        The archive has no folders of its own: an empty one is not kept.
        What several hosts left under one path must be the same; it is kept once.

        Raises:
            ConflictingContents: it is not.
            UnsafeContents: a link of either kind, a device, a FIFO, a socket, a name that is not UTF-8, 128 levels.
            TooLarge: the regular files hold more than `limit_bytes`; nothing is kept.
            TookTooLong: it was not done at `until`, by time.monotonic(); nothing is kept.
        """

    def measure(self, folders: Mapping[str, Path], until: float = inf) -> int:
        """Bytes of the regular files in untrusted folders, one a host, sparse files at their full length.

        What several hosts left under one path counts once; whether it is the same is looked at by `pack`.

        Raises:
            ConflictingContents: it cannot be, as their sizes differ.
            UnsafeContents: as `pack`.
            TookTooLong: as `pack`.
        """

    def stat(self, key: str) -> StoredObject | None:
        """What is kept under `key`; None if nothing is."""

    def local_path(self, key: str) -> Path:
        """A file of this machine with the object's bytes, not to be written to.

        Raises:
            KeyError: nothing is kept under `key`.
        """

    def delete(self, prefix: str) -> None:
        """Delete every object whose key is `prefix` or lies below it. None is a success."""

    def deliver(
        self,
        location: str,
        path: str,
        sources: Iterable[tuple[str, Path]],
        confirm: Callable[[], object] = lambda: None,
    ) -> None:
        """Put files (name, source) at `location` (`s3://BUCKET/PREFIX`) below the folder `path`, all or none.

        Sources are untrusted: only regular files are read, without following links.

        Args:
            location: of the receiver.
            path: of the delivery, below it.
            sources: the files.
            confirm: called when all of them have been copied and none can be seen yet, since copying takes time:
                where it raises, nothing is delivered, and what it raised goes to the caller.

        Raises:
            UnsafeContents: a source is not a regular file.
            DeliveryFailed: the location cannot be written to.
        """
