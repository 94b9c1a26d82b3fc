"""Walking what a job left behind: an untrusted folder a host, as if they were one, in the order of names.

Regular files and folders are taken. Links that stay inside are taken for what they lead to (links.py); links that do
not, devices, FIFOs and sockets hold nothing of their own, so that they are left out and named. A regular file that
cannot be taken refuses the whole: what is kept would lack it.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Final

from whiteroom.base.archives import MAX_DEPTH, MAX_MEMBERS, MAX_NAME_BYTES, name_fault, shown
from whiteroom.data.links import MAX_FOLLOWED, LeadsNowhereError, Target, follow
from whiteroom.data.opening import OPEN_FOLDER, PIECE, SHARED, kind_of, mode_of, open_left, opened_any, refuse
from whiteroom.ports.data import ConflictingContents, LeftOut, TookTooLong, TooLarge, UnsafeContents

OnFile = Callable[[str, int, os.stat_result], None]
"""Takes the path of a file, a descriptor of it and what is known of it."""

_REMEDY: Final = " Let one instance alone write it, or give each instance a name of its own."


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in the folders."""

    content_bytes: int
    """Of the regular files, sparse files at their full length, what several hosts left once."""
    left_out: LeftOut


def walk(
    roots: Mapping[str, Path],
    limit_bytes: int | None = None,
    until: float = inf,
    on_file: OnFile | None = None,
    links: str | None = None,
) -> Found:
    """Visit everything below the folders.

    Args:
        roots: by host, what each left.
        limit_bytes: the most that the files may hold, copies included.
        until: when it is given up, by time.monotonic().
        on_file: takes each file, which is then compared to the byte between hosts.
        links: where the program saw its folder; None follows no link.

    Raises:
        ConflictingContents: hosts left different contents under one path.
        UnsafeContents: a regular file or a folder is refused.
        TooLarge: the files hold more than `limit_bytes`.
        TookTooLong: it was not done at `until`.
    """
    walked = _Walk(limit_bytes, until, on_file, links)
    try:
        walked.begin(roots)
        while walked.step():
            require_time(until)
        walked.require_all_names()
    finally:
        walked.close()
    return Found(walked.content_bytes, walked.left_out)


def require_time(until: float) -> None:
    """TookTooLong once it is later than `until`."""
    if time.monotonic() > until:
        raise TookTooLong("It is too much to be gathered in the time that there was for it.")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A name in one host's folder, once links are followed."""

    name: str
    folder_fd: int
    place: tuple[str, ...]
    """Where it really is below the host's root."""
    is_folder: bool


@dataclass(slots=True)
class _Level:
    """One folder on the way down, as each host left it."""

    path: str
    places: dict[str, tuple[str, ...]]
    """By host: where it really is, which is elsewhere below a link."""
    fds: dict[str, int] = field(default_factory=dict)
    """By host: those that have the folder."""
    names: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """Still to be visited, the next one last, and the hosts that have it."""

    def open(self, folders: Mapping[str, tuple[str, int | None]]) -> None:
        hosts_of: dict[str, list[str]] = {}
        for host, (name, parent_fd) in folders.items():
            self.fds[host], _ = open_left(name, self.path or "the folder itself", parent_fd, OPEN_FOLDER)
            with os.scandir(self.fds[host]) as entries:
                for entry in entries:
                    hosts_of.setdefault(entry.name, []).append(host)
        # Backwards, since the next name is taken from the end.
        names = sorted(hosts_of, key=os.fsencode, reverse=True)
        self.names = [(name, tuple(hosts_of[name])) for name in names]

    def close(self) -> None:
        for fd in self.fds.values():
            os.close(fd)


class _Walk:
    """The walk so far."""

    def __init__(self, limit_bytes: int | None, until: float, on_file: OnFile | None, links: str | None) -> None:
        self._limit_bytes = limit_bytes
        self._until = until
        self._on_file = on_file
        self._links = links
        self._levels: list[_Level] = []
        self._members = self._followed = 0
        self._names: dict[tuple[str, int, int], tuple[str, int, int]] = {}
        """By host and file: its path, how many names it has, and how many of them have been visited."""
        self.content_bytes = 0
        self.left_out = LeftOut()

    def begin(self, roots: Mapping[str, Path]) -> None:
        self._enter("", {host: (str(root), None) for host, root in roots.items()}, dict.fromkeys(roots, ()))

    def step(self) -> bool:
        """Visit the next name; False if there is none."""
        level = self._levels[-1]
        if not level.names:
            self._levels.pop().close()
            return bool(self._levels)
        name, hosts = level.names.pop()
        path = f"{level.path}/{name}" if level.path else name
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise UnsafeContents(f"The folder holds more than {MAX_MEMBERS:,} files and folders.")
        with ExitStack() as stack:
            looked = ((host, stack.enter_context(self._looked(level, host, name, path))) for host in hosts)
            entries = {host: entry for host, entry in looked if entry is not None}
            if any(entry.is_folder for entry in entries.values()):
                self._visit_folder(path, entries)
            elif entries:
                self._visit_file(path, entries)
        return True

    def require_all_names(self) -> None:
        """Of a file with several names all were visited: none is elsewhere."""
        for path, names, seen in self._names.values():
            if seen < names:
                refuse(path, SHARED)

    def close(self) -> None:
        for level in self._levels:
            level.close()

    @contextmanager
    def _looked(self, level: _Level, host: str, name: str, path: str) -> Iterator[_Entry | None]:
        """What the name stands for, None where it is left out. What it needs is open in the meantime."""
        folder_fd, place = level.fds[host], level.places[host]
        mode = mode_of(name, path, folder_fd)
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            _require_path(path, name)
            yield _Entry(name, folder_fd, (*place, name), stat.S_ISDIR(mode))
            return
        if not stat.S_ISLNK(mode):
            self._leave_out(path, f"is {kind_of(mode)}")
            yield None
            return
        try:
            target = self._follow(level, host, name)
        except LeadsNowhereError as why:
            self._leave_out(path, str(why))
            yield None
            return
        try:
            _require_path(path, name)
            yield _Entry(target.name, target.parent_fd, target.place, target.is_folder)
        finally:
            os.close(target.parent_fd)

    def _follow(self, level: _Level, host: str, name: str) -> Target:
        if self._links is None:
            raise LeadsNowhereError("is a link")
        if fault := name_fault(name):
            raise LeadsNowhereError(f"is a link and {fault}")
        if self._followed >= MAX_FOLLOWED:
            raise LeadsNowhereError(f"is a link beyond the first {MAX_FOLLOWED:,}")
        self._followed += 1
        target = follow(self._levels[0].fds[host], level.places[host], name, self._links)
        if target.is_folder and any(_lies_in(one.places.get(host, ()), target.place) for one in self._levels):
            os.close(target.parent_fd)
            raise LeadsNowhereError("is a link that leads back to a folder that it lies in")
        return target

    def _leave_out(self, path: str, why: str) -> None:
        self.left_out = self.left_out.with_one(shown(path), why)

    def _visit_folder(self, path: str, entries: Mapping[str, _Entry]) -> None:
        files = [host for host, entry in entries.items() if not entry.is_folder]
        if files:
            folder = next(host for host, entry in entries.items() if entry.is_folder)
            raise ConflictingContents(f"{shown(path)} is a folder on {folder} and a file on {files[0]}.{_REMEDY}")
        if len(self._levels) >= MAX_DEPTH:
            refuse(path, f"lies more than {MAX_DEPTH} folders deep")
        folders = {host: (entry.name, entry.folder_fd) for host, entry in entries.items()}
        self._enter(path, folders, {host: entry.place for host, entry in entries.items()})

    def _enter(
        self, path: str, folders: Mapping[str, tuple[str, int | None]], places: dict[str, tuple[str, ...]]
    ) -> None:
        level = _Level(path, places)
        self._levels.append(level)
        level.open(folders)

    def _visit_file(self, path: str, entries: Mapping[str, _Entry]) -> None:
        with ExitStack() as stack:
            files = {
                host: stack.enter_context(opened_any(entry.name, path, entry.folder_fd))
                for host, entry in entries.items()
            }
            for host, (_, facts) in files.items():
                self._count_names(path, host, entries[host], facts)
            fd, facts = next(iter(files.values()))
            self.content_bytes += facts.st_size
            if self._limit_bytes is not None and self.content_bytes > self._limit_bytes:
                raise TooLarge(self.content_bytes, self._limit_bytes)
            _require_same(path, files, to_the_byte=self._on_file is not None)
            if self._on_file is not None:
                self._on_file(path, fd, facts)

    def _count_names(self, path: str, host: str, entry: _Entry, facts: os.stat_result) -> None:
        if facts.st_nlink > 1:
            file = (host, facts.st_dev, facts.st_ino)
            first, _, seen = self._names.get(file, (path, 0, 0))
            # Below a link it is a name that is visited, or was, where it is.
            own = "/".join(entry.place) == path
            self._names[file] = (first, facts.st_nlink, seen + own)


def _lies_in(place: tuple[str, ...], folder: tuple[str, ...]) -> bool:
    return place[: len(folder)] == folder


def _require_path(path: str, name: str) -> None:
    if fault := name_fault(name):
        refuse(path, fault)
    if len(path.encode()) > MAX_NAME_BYTES:
        refuse(path, f"has a path of more than {MAX_NAME_BYTES:,} bytes")


def _require_same(path: str, files: Mapping[str, tuple[int, os.stat_result]], *, to_the_byte: bool) -> None:
    """A file that several hosts left is the same on all of them."""
    (first_host, (first_fd, first_facts)), *others = files.items()
    for host, (fd, facts) in others:
        same = facts.st_size == first_facts.st_size
        if not same or (to_the_byte and not _same_bytes(first_fd, fd, facts.st_size)):
            raise ConflictingContents(f"{shown(path)} is not the same on {first_host} and {host}.{_REMEDY}")


def _same_bytes(one: int, other: int, size: int) -> bool:
    return all(os.pread(one, PIECE, at) == os.pread(other, PIECE, at) for at in range(0, size, PIECE))
