"""Objects in a folder of this machine (data/s3/objects.py): each a file, down on the disk before it has its name.

What is being written begins with `+`, as no object's name does: what a crash leaves of it is an upload that nobody
finished.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from whiteroom.base.machine_errors import Trouble
from whiteroom.data.s3.objects import Listed
from whiteroom.envelope.streams import Reader, Writer

_DRAFT: Final = "+"
_PIECE: Final = 1 << 20
_OLD: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Shelf:
    """Implements `Objects` by a folder. Any number of processes may share it."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made before something is written."""
        self._folder = folder.absolute()

    def shown(self, name: str = "") -> str:
        """See `Objects.shown`."""
        return str(self._folder / name)

    def read(self, name: str) -> tuple[bytes, str] | None:
        """See `Objects.read`."""
        try:
            with _opened(self._folder / name) as file:
                data = file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return data, _etag(data)

    def write(self, name: str, data: bytes, etag: str | None) -> bool:
        """See `Objects.write`."""
        with self._locked():
            found = self.read(name)
            if etag != (None if found is None else found[1]):
                return False
            with self._drafted(self._folder / name) as out:
                out.write(data)
        return True

    def upload(self, name: str, reader: Reader, size_bytes: int) -> None:
        """See `Objects.upload`."""
        with self._drafted(self._folder / name) as out:
            left = size_bytes
            while piece := reader.read(_PIECE):
                out.write(piece)
                left -= len(piece)
            if left:
                raise Trouble(f"{self.shown(name)} was to have {size_bytes:,} bytes, and {left:,} did not come.")

    def download(self, name: str, writer: Writer, size_bytes: int) -> None:  # noqa: ARG002 - of the port
        """See `Objects.download`."""
        with _opened(self._folder / name) as file:
            while piece := file.read(_PIECE):
                writer.write(piece)

    def names(self, folder: str) -> Iterator[str]:
        """See `Objects.names`."""
        yield from sorted(entry.name for entry in _entries(self._folder / folder) if not _is_draft(entry))

    def objects(self, folder: str) -> Iterator[Listed]:
        """See `Objects.objects`."""
        yield from (self._listed(path) for path in self._files(folder) if not path.name.startswith(_DRAFT))

    def uploads(self, folder: str) -> Iterator[Listed]:
        """See `Objects.uploads`."""
        yield from (self._listed(path) for path in self._files(folder) if path.name.startswith(_DRAFT))

    def abort(self, upload: Listed) -> None:
        """See `Objects.abort`."""
        self.delete([upload.name])

    def delete(self, names: Iterable[str]) -> None:
        """See `Objects.delete`."""
        folders = set()
        for name in names:
            path = self._folder / name
            with suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
                folders.add(path.parent)
        for folder in folders:
            _sync(folder)
            with suppress(OSError):  # others have something in it
                folder.rmdir()

    def _files(self, folder: str) -> Iterator[Path]:
        """Every file below a folder, in order."""
        for top, folders, files in os.walk(self._folder / folder):
            folders.sort()
            yield from (Path(top, name) for name in sorted(files))

    def _listed(self, path: Path) -> Listed:
        try:
            written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except FileNotFoundError:  # gone meanwhile: nobody has to see to it
            written_at = datetime.now(UTC)
        return Listed(path.relative_to(self._folder).as_posix(), written_at)

    @contextmanager
    def _drafted(self, target: Path) -> Iterator[IO[bytes]]:
        """A file that takes the name of `target` once it is down on the disk, unless something is raised."""
        self._make(target.parent)
        draft = target.with_name(f"{_DRAFT}{uuid.uuid4().hex}")
        try:
            with os.fdopen(os.open(draft, _NEW, 0o600), "wb") as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
            draft.replace(target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync(target.parent)

    def _make(self, folder: Path) -> None:
        """Make a folder, down on the disk."""
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for one in reversed(missing):
            one.mkdir(mode=0o700, exist_ok=True)
            _sync(one.parent)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """While it lasts, nobody else replaces a small object."""
        self._make(self._folder)
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _opened(path: Path) -> IO[bytes]:
    """A file, and nothing else that somebody has put in its place: a pipe would never come to an end."""
    handle = os.open(path, _OLD)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Trouble(f"{path} is no file: somebody has put something else in its place. Restore it from a backup.")
    return os.fdopen(handle, "rb", buffering=0)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with suppress(FileNotFoundError), os.scandir(folder) as found:
        yield from found


def _is_draft(entry: os.DirEntry[str]) -> bool:
    return entry.name.startswith(_DRAFT)


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sync(folder: Path) -> None:
    with suppress(FileNotFoundError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
