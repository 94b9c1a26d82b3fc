"""Data by its name: how it is kept, copied and erased; and its local path, for code that needs the bytes here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import ClassVar, Protocol

from whiteroom.domain.execution.data import DataKind, DataRef


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


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was left out of an archive: links that lead nowhere inside, devices, FIFOs, sockets."""

    count: int = 0
    named: tuple[str, ...] = ()
    """A sentence of each of the first `MOST_NAMED`. The names are a program's, fit for a message."""

    MOST_NAMED: ClassVar[int] = 10

    def with_one(self, name: str, why: str) -> LeftOut:
        """With one more."""
        named = self.named if self.count >= self.MOST_NAMED else (*self.named, f"{name} {why}")
        return LeftOut(self.count + 1, named)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that is kept."""

    ref: DataRef
    size_bytes: int
    """As stored (compressed)."""
    content_bytes: int
    """Of the regular files inside, uncompressed."""
    left_out: LeftOut = field(default=LeftOut(), compare=False)
    """What `pack` left out; one that is found again does not say."""


@dataclass(frozen=True, slots=True)
class Lent:
    """Some files of data, as a program is to find them in a folder."""

    data: DataRef
    names: tuple[str, ...]


class Data(Protocol):
    """Keeps data under names.

    Ids, parts and names of files are made of `[A-Za-z0-9._-]`, parts of slashes too; ValueError for any other. Every
    write appears whole or not at all, and is safe to repeat. What `pack` and `copy` write is kept when they return,
    what is written at a path by `keep`.
    """

    def held(self, kind: DataKind) -> Sequence[str]:
        """Every id under which something of that kind is held, in order."""

    def list(self, ref: DataRef) -> Sequence[str]:
        """The names of the files there, in order, but for those in folders; none where nothing is there."""

    def measure(self, parts: Mapping[str, DataRef], until: float = inf, links: str | None = None) -> int:
        """Bytes of what `pack` would take of untrusted folders, one a host, sparse files at their full length.

        What several hosts left under one path counts once; whether it is the same is looked at by `pack`.

        Raises:
            ConflictingContents: it cannot be, as their sizes differ.
            UnsafeContents: as `pack`.
            TookTooLong: as `pack`.
        """

    def pack(
        self,
        parts: Mapping[str, DataRef],
        target: DataRef,
        limit_bytes: int | None,
        until: float = inf,
        links: str | None = None,
    ) -> Archive:
        """Archive untrusted folders, one a host, merged, as .tar.gz under `target`, in place of what stood there.

        The archive holds regular files under plain relative names, and no folders: an empty one is not kept.
        What several hosts left under one path must be the same; it is kept once. Links, devices, FIFOs and sockets are
        left out, and the answer says which.

        Args:
            parts: by host, what each left.
            target: the archive.
            limit_bytes: the most that the files may hold.
            until: when it is given up, by time.monotonic().
            links: where the program saw its folder. Links that stay below it, relative or absolute, become copies,
                which count like any file. None makes no copy of any.

        Raises:
            ConflictingContents: it is not.
            UnsafeContents: a file that has a name elsewhere too, a name that is not UTF-8, 128 levels, a million names.
            TooLarge: the regular files hold more than `limit_bytes`; nothing is kept.
            TookTooLong: it was not done at `until`, by time.monotonic(); nothing is kept.
        """

    def archive(self, ref: DataRef) -> Archive | None:
        """What `pack` has kept there; None if nothing."""

    def keep(self, ref: DataRef) -> bool:
        """Keep what was written on this machine (`LocalData.path`), whatever becomes of the machine.

        Whole or not at all; until it returns, others find what was kept before. A repeat does no more than is missing.
        Of checkpoints, which a program wrote, regular files are kept, and links that stay inside become copies.

        Returns:
            Whether there is anything under that name, kept now or before.

        Raises:
            UnsafeContents: a program's folder holds what cannot be kept (`pack`). What was kept before stays.
        """

    def bring(self, ref: DataRef) -> bool:
        """Bring what is kept to this machine, before something here reads it by its path; safe to repeat.

        What was written here and is not kept yet stays as it is. As long as a record at work names it, it stays.

        Returns:
            Whether there is anything under that name.
        """

    def offer(self, ref: DataRef) -> bool:
        """As `bring`, for what can be read before all of it is here (`LocalData.lend`): waits for none of its bytes."""

    def copy(self, source: DataRef, target: DataRef) -> None:
        """Copy a file, bytes and not a second name; where the target is there already, nothing is done.

        Raises:
            FileNotFoundError: there is no source.
        """

    def erase(self, ref: DataRef) -> None:
        """Delete all of it, whatever a program has put there and nothing writes to any more. None is a success."""


class LocalData(Protocol):
    """Data whose bytes are on this machine, for what runs here: engines, syntheses, runtimes."""

    def path(self, ref: DataRef) -> str:
        """The absolute path of the file or folder, whether or not it is there yet.

        Raises:
            ValueError: the id or the part is not plain, and might lead elsewhere.
        """

    def reference(self, path: str) -> DataRef:
        """What is at that path.

        Raises:
            ValueError: no data is there.
        """

    def bring(self, ref: DataRef) -> bool:
        """See `Data.bring`: for what was offered, and cannot be lent."""

    def elsewhere(self, ref: DataRef) -> Sequence[str]:
        """The names of the files there, in order, where the bytes of some are not on this machine; else none."""

    def lend(self, lent: Sequence[Lent], listener: int, log: int) -> None:
        """Have a process that outlives this one read files for the kernel, as programs ask for them.

        It takes one connection, and over it an open /dev/fuse for each folder, in order; it says with a line that it
        serves them, and later with `{"message": ..., "may_pass": ...}` what cannot be read. It ends with its folders,
        and with the connection.

        Args:
            lent: by folder, what is in it.
            listener: a Unix socket that listens.
            log: takes what is for the operator.
        """
