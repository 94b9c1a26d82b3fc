"""Links that a job left behind: where each leads, step by step, by descriptor, and never outside the job's folder.

The text of a link is the program's. The kernel is not asked to follow it: every name on the way is looked at and
opened without following, `..` above the folder leads out, and so does an absolute path that is not below the place
where the program saw its folder.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from typing import Final

from whiteroom.data.opening import OPEN_FOLDER, kind_of, open_left

MAX_FOLLOWED: Final = 10_000
"""Links of one archive that become copies: a few folders of links to each other stand for billions of files."""
_MAX_LINKS: Final = 40
"""On the way of one link, as the kernel counts."""
_MAX_STEPS: Final = 256
"""Names on the way of one link: it may hold two thousand."""


_NOTHING_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ENAMETOOLONG})


class LeadsNowhereError(Exception):
    """The link has nothing to be copied. The message says why, after its name."""


@dataclass(frozen=True, slots=True)
class Target:
    """A regular file or a folder that a link leads to. `parent_fd` is the holder's to close."""

    parent_fd: int
    name: str
    parents: tuple[str, ...]
    """The folders from the root to it, none of them a link."""
    is_folder: bool

    @property
    def place(self) -> tuple[str, ...]:
        """Where it is, from the root."""
        return (*self.parents, self.name)


def follow(root_fd: int, folder: tuple[str, ...], name: str, seen_at: str) -> Target:
    """What the link `name` leads to.

    Args:
        root_fd: the folder that nothing leads out of.
        folder: where the link is below it; real names, no links.
        name: of the link.
        seen_at: where the program saw the root, which absolute links begin with.

    Raises:
        LeadsNowhereError: out, to nothing, in a circle, to the root itself, or to a device and its like.
        UnsafeContents: something on the way was swapped while it was looked at.
    """
    way = _Way(root_fd, seen_at)
    try:
        for part in folder:
            way.enter(part)
        return way.walk(name)
    finally:
        way.close()


class _Way:
    """Where a link has led so far: the folders from the root, each held open."""

    def __init__(self, root_fd: int, seen_at: str) -> None:
        self._seen_at = _parts(seen_at)
        self._names: list[str] = []
        self._fds = [os.dup(root_fd)]

    def walk(self, name: str) -> Target:
        """From the folder that has been entered on to what `name` leads to."""
        left, links = [name], 0
        for _ in range(_MAX_STEPS):
            if not left:
                return self._folder()
            part = left.pop()
            if part == "..":
                self._leave(1)
                continue
            mode = self._look(part)
            if stat.S_ISLNK(mode):
                links += 1
                if links > _MAX_LINKS:
                    raise LeadsNowhereError("is a link that leads in a circle")
                left += reversed(self._text(part))
            elif stat.S_ISDIR(mode):
                self.enter(part)
            elif left:
                raise LeadsNowhereError("is a link to nothing")
            elif stat.S_ISREG(mode):
                return Target(os.dup(self._fds[-1]), part, tuple(self._names), is_folder=False)
            else:
                raise LeadsNowhereError(f"is a link to something that is {kind_of(mode)}")
        raise LeadsNowhereError(f"is a link whose way is longer than {_MAX_STEPS} names")

    def enter(self, part: str) -> None:
        fd, _ = open_left(part, "/".join((*self._names, part)), self._fds[-1], OPEN_FOLDER)
        self._fds.append(fd)
        self._names.append(part)

    def close(self) -> None:
        while self._fds:
            os.close(self._fds.pop())

    def _folder(self) -> Target:
        if not self._names:
            raise LeadsNowhereError("is a link that leads back to a folder that it lies in")
        *parents, name = self._names
        return Target(os.dup(self._fds[-2]), name, tuple(parents), is_folder=True)

    def _look(self, part: str) -> int:
        try:
            return os.stat(part, dir_fd=self._fds[-1], follow_symlinks=False).st_mode
        except OSError as error:
            if error.errno in _NOTHING_THERE:
                raise LeadsNowhereError("is a link to nothing") from None
            raise

    def _text(self, part: str) -> list[str]:
        """The names that a link is made of, the way put back to the root where it begins there."""
        text = os.readlink(part, dir_fd=self._fds[-1])
        parts = _parts(text)
        if text.startswith("/"):
            if parts[: len(self._seen_at)] != self._seen_at:
                raise LeadsNowhereError("is a link that leads out")
            parts = parts[len(self._seen_at) :]
            self._leave(len(self._names))
        return parts

    def _leave(self, count: int) -> None:
        for _ in range(count):
            if not self._names:
                raise LeadsNowhereError("is a link that leads out")
            self._names.pop()
            os.close(self._fds.pop())


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in {"", "."}]
