"""What of the kept data is on this machine: as large as a setting allows, emptied by age.

Data is where `ports.LocalData` says, whether it was written here or brought. A note beside it says which files are
what is kept; what has no note was written here and is not kept yet, and is never emptied. Any number of processes may
share a cache: each id has a lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from whiteroom.base.machine_errors import Trouble
from whiteroom.base.trees import remove_tree
from whiteroom.data.drafts import files_in
from whiteroom.data.s3.manifests import KeptFile, is_below, slug
from whiteroom.domain.execution.data import DataKind, DataRef

Place = Callable[[DataRef], Path]
"""Where data is on this machine."""
InUse = Callable[[], Collection[str]]
"""The ids of all data that work under way may read."""

IDLE_SECONDS: Final = 60.0
"""So long what nothing reads may stay where it may not idle: whoever brings something reads it a moment later."""
_LOCKS: Final = 1_024
"""Ids share this many locks: there is no end of ids, and no lock is ever removed."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A file that is here, and is what is kept."""

    size_bytes: int
    sha256: str
    changed_at_ns: int


@dataclass(frozen=True, slots=True)
class _Note:
    """What is here of what is kept under an id."""

    whole: DataRef
    path: Path
    size_bytes: int
    used_at_ns: int


class Cache:
    """The cache in one folder."""

    def __init__(
        self,
        folder: Path,
        place: Place,
        limit_bytes: int,
        in_use: InUse | None,
        *,
        may_idle: bool = True,
        prepare: Callable[[], object] = lambda: None,
    ) -> None:
        """Look after what is kept of `place`, with notes in `folder`.

        Args:
            folder: on the same file system.
            place: where data is.
            limit_bytes: the most that may be here of what is kept; what work under way reads stays, but no more comes.
            in_use: what must stay; None for a process that cannot know, which empties nothing.
            may_idle: whether what is not in use stays as long as there is room for it.
            prepare: makes the place of the folder, before anything is written to it.
        """
        self._place = place
        self._limit_bytes = limit_bytes
        self._in_use = in_use
        self._may_idle = may_idle
        self._prepare = prepare
        self._notes, self._locks, self._filling, self._leaving, self._bringing = (
            folder / name for name in ("notes", "locks", "filling", "leaving", "bringing")
        )

    @contextmanager
    def locked(self, ref: DataRef) -> Iterator[None]:
        """While it lasts, nobody else keeps, brings, empties or erases data of that id; waits for whoever does.

        Raises:
            ValueError: it is no name of data.
        """
        self._place(ref)
        with self._lock(_name(ref), wait=True):
            yield

    @contextmanager
    def trying(self, ref: DataRef) -> Iterator[bool]:
        """As `locked`, and does not wait: False where somebody else has the lock."""
        with self._lock(_name(ref), wait=False) as got:
            yield got

    def noted(self, ref: DataRef) -> dict[str, Noted]:
        """By name: the files under an id that are what is kept, as far as nobody has written to them since."""
        found, whole = _read(self._note(ref)), self._place(DataRef(ref.kind, ref.id))
        return {name: one for name, one in found.items() if _facts(whole / name) == (one.size_bytes, one.changed_at_ns)}

    def note(self, ref: DataRef, files: Mapping[str, KeptFile]) -> None:
        """Note that these files are here, and are all that is here at `ref` and below it."""
        whole = self._place(DataRef(ref.kind, ref.id))
        here = {name: Noted(one.size_bytes, one.sha256, _facts(whole / name)[1]) for name, one in files.items()}
        self._write(ref, {**self._others(ref), **here})

    def forget(self, ref: DataRef) -> None:
        """Note that nothing that is here at `ref` or below it is what is kept."""
        self._write(ref, self._others(ref))

    def touch(self, ref: DataRef) -> None:
        """Note that it was used now."""
        with suppress(FileNotFoundError):
            os.utime(self._note(ref))

    @contextmanager
    def room(self, ref: DataRef, size_bytes: int) -> Iterator[Path]:
        """A folder for so many bytes to be brought into, on the cache's own file system; gone at the end.

        Raises:
            Trouble: there is no room for them.
        """
        with self._lock("room", wait=True):
            missing = self._make_room(size_bytes)
            if missing > 0:
                raise Trouble(self._full(ref, size_bytes, missing))
            draft = self._filling / f"{uuid.uuid4().hex}-{size_bytes}"
            draft.mkdir(mode=0o700)
            handle = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield draft
        finally:
            remove_tree(draft)
            os.close(handle)

    def make_room(self, size_bytes: int) -> None:
        """Empty what is in the way of so many bytes, as far as it may be."""
        with self._lock("room", wait=True):
            self._make_room(size_bytes)

    @contextmanager
    def bringing(self, ref: DataRef) -> Iterator[bool]:
        """While it lasts, nobody else brings that data a block at a time; False where somebody does already."""
        with self._lock(_name(ref), wait=False, folder=self._bringing) as got:
            yield got

    def trim(self) -> None:
        """Empty what is too much; what is in use stays."""
        with self._lock("room", wait=True):
            self._make_room(0)

    def sweep(self) -> None:
        """Remove what a killed server was bringing or emptying. No other process works here yet."""
        with self._lock("room", wait=True):
            for left in (*filter(_is_nobodys, self._filling.iterdir()), *self._leaving.iterdir()):
                remove_tree(left)

    def drop_unkept(self, kind: DataKind, kept_ids: Collection[str]) -> None:
        """Empty what is noted as kept under ids of a kind that are kept no more."""
        for note in self._all_notes():
            if note.whole.kind is kind and note.whole.id not in kept_ids:
                with self.trying(note.whole) as got:
                    if got:
                        self._empty(note)

    def _full(self, ref: DataRef, size_bytes: int, missing: int) -> str:
        return (
            f"The {ref.kind} {ref.id} has {size_bytes:,} bytes, for which the cache on this machine lacks {missing:,}: "
            f"the rest is in use, or cache_bytes ({self._limit_bytes:,}) is too small, or the disk is full. It waits "
            "until there is room."
        )

    def _make_room(self, size_bytes: int) -> int:
        """Empty what was used longest ago until there is room for so much more; how many bytes are missing still."""
        for left in filter(_is_nobodys, self._filling.iterdir()):
            remove_tree(left)
        notes = sorted(self._all_notes(), key=lambda note: note.used_at_ns)
        if not self._may_idle and self._in_use is not None:
            notes = self._without_idle(notes, self._in_use())
        coming = sum(int(draft.name.rpartition("-")[2]) for draft in self._filling.iterdir())
        facts = os.statvfs(self._filling)
        free = facts.f_bavail * facts.f_frsize
        missing = max(
            sum(note.size_bytes for note in notes) + coming + size_bytes - self._limit_bytes, coming + size_bytes - free
        )
        if missing <= 0 or self._in_use is None:
            return missing if size_bytes else 0
        staying = self._in_use()
        for note in notes:
            if missing <= 0:
                break
            if note.whole.id not in staying:
                with self.trying(note.whole) as got:
                    missing -= self._empty(note) if got else 0
        return missing

    def _without_idle(self, notes: list[_Note], staying: Collection[str]) -> list[_Note]:
        """Empty what nothing has read for a while; what is left."""
        over_ns = time.time_ns() - int(IDLE_SECONDS * 1e9)
        left = []
        for note in notes:
            gone = 0
            if note.used_at_ns < over_ns and note.whole.id not in staying:
                with self.trying(note.whole) as got:
                    gone = got and self._empty(note) == note.size_bytes
            left += [] if gone else [note]
        return left

    def _empty(self, note: _Note) -> int:
        """Take one away, whole and at once, unless it has something that is not kept; how many bytes are not there."""
        here = {str(file.relative_to(note.path)) for file in files_in(note.path)}
        if here - self.noted(note.whole).keys():
            return 0
        leaving = self._leaving / uuid.uuid4().hex
        with suppress(FileNotFoundError):
            note.path.rename(leaving)
        self._note(note.whole).unlink(missing_ok=True)
        remove_tree(leaving)
        return note.size_bytes

    def _all_notes(self) -> Iterator[_Note]:
        kinds = {slug(kind): kind for kind in DataKind}
        for file in self._notes.glob("*/*"):
            with suppress(FileNotFoundError):
                whole = DataRef(kinds[file.parent.name], file.name)
                used_at_ns = file.stat().st_mtime_ns
                size_bytes = sum(one.size_bytes for one in _read(file).values())
                yield _Note(whole, self._place(whole), size_bytes, used_at_ns)

    def _others(self, ref: DataRef) -> dict[str, Noted]:
        return {name: one for name, one in self.noted(ref).items() if not is_below(name, ref.part)}

    def _write(self, ref: DataRef, files: Mapping[str, Noted]) -> None:
        path = self._note(ref)
        if not files:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft = self._leaving / uuid.uuid4().hex
        draft.write_text(json.dumps({name: astuple(one) for name, one in files.items()}), encoding="utf-8")
        draft.replace(path)

    def _note(self, ref: DataRef) -> Path:
        return self._notes / slug(ref.kind) / ref.id

    @contextmanager
    def _lock(self, name: str, *, wait: bool, folder: Path | None = None) -> Iterator[bool]:
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % _LOCKS
        file = (folder or self._locks) / ("room" if name == "room" else f"{number:03x}")
        if not self._locks.is_dir():
            self._prepare()
        for made in (self._notes, self._locks, self._filling, self._leaving, self._bringing):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(handle)


def _name(ref: DataRef) -> str:
    return f"{slug(ref.kind)}/{ref.id}"


def _is_nobodys(draft: Path) -> bool:
    """Whether whoever was filling it is dead: what lends channels to runs outlives the server."""
    handle = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _read(note: Path) -> dict[str, Noted]:
    """Files by name, as a note has them."""
    try:
        document = json.loads(note.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:  # a power cut
        return {}
    return {name: Noted(*known) for name, known in document.items()}


def _facts(file: Path) -> tuple[int, int]:
    """The size of a file, and when it was written to; of none, what no file has."""
    try:
        facts = file.stat(follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return -1, -1
    return facts.st_size, facts.st_mtime_ns
