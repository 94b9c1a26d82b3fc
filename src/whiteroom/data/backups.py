"""A backup on disk: copies of files, each held to its checksum when it is restored.

`files/` has them under the paths that they had in the data folder. `manifest.json` is written last: what was copied,
with modes, sizes and SHA-256, what could not be, and a digest of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from whiteroom.base.documents import from_document, to_document
from whiteroom.base.trees import remove_tree

FORMAT: Final = 1
"""Of the manifest. A release refuses one that it does not know."""
MANIFEST: Final = "manifest.json"
FILES: Final = "files"
_PIECE: Final = 1 << 20
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


Copied = Callable[[int], None]
"""Is told of each piece how many bytes were copied."""


def _not_counted(_more: int) -> None:
    """For whoever does not ask."""


class BackupRefused(Exception):
    """It cannot be made there, or is not as it was made. The message is a sentence or two for the operator."""


class EntryKind(StrEnum):
    """What is copied as what it is."""

    FILE = "file"
    """Regular, whatever names it has."""
    FOLDER = "folder"
    """Its mode alone; what is in it has entries of its own."""
    LINK = "link"
    """Symbolic, as it stands: it may lead out of the folder, as an image's interpreter does."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that was copied."""

    path: str
    """Below the data folder, with slashes."""
    kind: EntryKind
    mode: int
    size_bytes: int = 0
    sha256: str = ""
    leads_to: str = ""
    """Of a link."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds."""

    made_at: str
    """When the store's snapshot was taken: ISO 8601, UTC."""
    release: str
    """Of Whiteroom that made it."""
    schema: str
    """Of the database."""
    entries: tuple[Entry, ...]
    lost: tuple[str, ...]
    """A sentence of each thing that the snapshot speaks of and that is not here."""
    keys: tuple[str, ...]
    """Files with keys that were left out."""
    format: int = FORMAT


@dataclass(slots=True)
class BackupWriter:
    """Copies into a draft of a backup."""

    draft: Path
    entries: list[Entry] = field(default_factory=list)
    copied: Copied = _not_counted

    def place(self, path: str) -> Path:
        """Where the copy of a file goes, its folder made."""
        place = self.draft / FILES / path
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return place

    def add(self, source: Path, path: str, *, whole_lines: bool = False) -> None:
        """Copy one file.

        Args:
            source: which.
            path: what it is called below the data folder.
            whole_lines: it is appended to meanwhile, and copied up to the last line that is whole.

        Raises:
            FileNotFoundError: it is gone.
        """
        with opened_file(source) as file:
            facts = os.fstat(file.fileno())
            self.add_open(file, path, _whole_lines(file, facts.st_size) if whole_lines else facts.st_size)

    def add_open(self, file: IO[bytes], path: str, length: int) -> None:
        """Copy the first `length` bytes of a file that is open, and close it not."""
        target = os.open(self.place(path), _WRITE, 0o600)
        with os.fdopen(target, "wb", buffering=0) as out:
            digest, size = _copied(file, out, length, self.copied)
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        self.entries.append(Entry(path, EntryKind.FILE, mode, size, digest))

    def add_folder(self, source: Path, path: str) -> None:
        """Enter a folder, without what is in it."""
        self.entries.append(Entry(path, EntryKind.FOLDER, stat.S_IMODE(source.stat().st_mode)))

    def keep(self, path: str) -> None:
        """Enter a file that was made at its `place`."""
        place = self.place(path)
        with place.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        self.entries.append(Entry(path, EntryKind.FILE, 0o600, place.stat().st_size, digest))

    def add_tree(
        self,
        source: Path,
        path: str,
        skip: Callable[[str], bool] = lambda _name: False,
        gone: list[str] | None = None,
    ) -> None:
        """Copy a folder, links as links, without what `skip` names.

        Args:
            source: which.
            path: what it is called below the data folder.
            skip: says of a name whether it is left out.
            gone: is given the paths of what went away meanwhile; without it that is an error.

        Raises:
            FileNotFoundError: something of it went away meanwhile.
        """
        self.add_folder(source, path)
        with os.scandir(source) as found:
            children = sorted((entry for entry in found if not skip(entry.name)), key=lambda entry: entry.name)
        for child in children:
            name = f"{path}/{child.name}"
            try:
                if child.is_symlink():
                    leads_to = str(Path(child.path).readlink())
                    self.entries.append(Entry(name, EntryKind.LINK, 0o777, leads_to=leads_to))
                elif child.is_dir(follow_symlinks=False):
                    self.add_tree(Path(child.path), name, skip, gone)
                else:
                    self.add(Path(child.path), name)
            except FileNotFoundError:
                if gone is None:
                    raise
                gone.append(name)

    def drop(self, path: str) -> None:
        """Take back what was copied of a file or a folder."""
        self.entries = [entry for entry in self.entries if not _is_below(entry.path, path)]
        remove_tree(self.draft / FILES / path)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, whole: without it there is no backup."""
        document = to_document(manifest)
        text = json.dumps({**document, "sha256": _digest_of(document)}, indent=1)
        with (self.draft / MANIFEST).open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _sync_folders(self.draft)


def opened_file(source: Path) -> IO[bytes]:
    """A regular file, opened to be copied.

    Raises:
        BackupRefused: it is something else.
        FileNotFoundError: it is gone.
    """
    handle = os.open(source, _READ)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BackupRefused(f"{source} is no file. Take it away, or put a copy in its place.")
    return os.fdopen(handle, "rb", buffering=0)


def read_manifest(backup: Path) -> Manifest:
    """What a backup says that it holds.

    Raises:
        BackupRefused: it is none, is cut, was altered, or is of a format that this release does not know.
    """
    try:
        document = json.loads((backup / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise BackupRefused(f"{backup} is no backup: it has no {MANIFEST}, which is written last.") from None
    except ValueError:
        raise BackupRefused(f"{backup / MANIFEST} is cut or altered. Use another backup.") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        said = document.get("format") if isinstance(document, dict) else None
        raise BackupRefused(
            f"{backup} is a backup of the format {said!r}, and this release knows {FORMAT}. Restore it with the "
            "release that made it, or a later one."
        )
    if document.pop("sha256", None) != _digest_of(document):
        raise BackupRefused(f"{backup / MANIFEST} was altered. Use another backup.")
    manifest: Manifest = from_document(Manifest, document)
    for entry in manifest.entries:
        parts = PurePosixPath(entry.path).parts
        if not parts or entry.path.startswith("/") or ".." in parts:
            raise BackupRefused(f"{backup / MANIFEST} names {entry.path!r}, which lies outside of a data folder.")
    return manifest


def restore_files(backup: Path, manifest: Manifest, draft: Path, copied: Copied = _not_counted) -> None:
    """Copy every file of the manifest into `draft`, each held to its checksum.

    Raises:
        BackupRefused: one is missing, cut or altered, or there is one that the manifest does not name.
    """
    _refuse_strangers(backup, manifest)
    folders = [entry for entry in manifest.entries if entry.kind is EntryKind.FOLDER]
    for entry in folders:
        (draft / entry.path).mkdir(parents=True, exist_ok=True, mode=0o700)
    for entry in manifest.entries:
        if entry.kind is EntryKind.FILE:
            _restore_file(backup, entry, draft / entry.path, copied)
    for entry in manifest.entries:
        if entry.kind is EntryKind.LINK:
            (draft / entry.path).symlink_to(entry.leads_to)
    _sync_folders(draft)
    for entry in reversed(folders):
        (draft / entry.path).chmod(entry.mode)


@contextmanager
def drafted_folder(target: Path) -> Iterator[Path]:
    """An empty folder beside `target`, for its owner alone, that takes its name at the end, unless something is raised.

    What a killed process left of an earlier one is removed.

    Raises:
        BackupRefused: there is something at `target`, or another process makes it.
    """
    target = target.absolute()
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise BackupRefused(f"{target} is there already and is no empty folder. Name one that is not there yet.")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.unfinished")
    draft.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRefused(f"Another process is making {target}. Wait for it, or name another folder.") from None
        _emptied(draft)
        try:
            yield draft
            draft.rename(target)
            _sync(target.parent)
        except BaseException:
            with suppress(OSError):
                remove_tree(draft)
            raise
    finally:
        os.close(handle)


def _refuse_strangers(backup: Path, manifest: Manifest) -> None:
    known = {entry.path for entry in manifest.entries if entry.kind is EntryKind.FILE}
    top = backup / FILES
    for path, folders, files in os.walk(top):
        linked = [name for name in folders if Path(path, name).is_symlink()]
        for name in [*files, *linked]:
            found = str(Path(path, name).relative_to(top))
            if found not in known:
                raise BackupRefused(
                    f"{top / found} is not in the backup's manifest: it was put there later. Remove it."
                )


def _restore_file(backup: Path, entry: Entry, target: Path, copied: Copied) -> None:
    source = backup / FILES / entry.path
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(source, _READ)
    except OSError as error:
        raise BackupRefused(f"{source} cannot be read: {error.strerror}. Use another backup.") from None
    with os.fdopen(handle, "rb", buffering=0) as file:
        if os.fstat(handle).st_size != entry.size_bytes:
            raise BackupRefused(f"{source} is cut or altered: it has not the size that it had. Use another backup.")
        with os.fdopen(os.open(target, _WRITE, 0o600), "wb", buffering=0) as out:
            digest, size = _copied(file, out, entry.size_bytes, copied)
            os.fchmod(out.fileno(), entry.mode)
    if (digest, size) != (entry.sha256, entry.size_bytes):
        raise BackupRefused(f"{source} is cut or altered: its checksum is not what it was. Use another backup.")


def _copied(file: IO[bytes], out: IO[bytes], length: int, copied: Copied) -> tuple[str, int]:
    """Copy that many bytes, down to the disk; their digest, and how many there were."""
    digest, size = hashlib.sha256(), 0
    while size < length and (piece := file.read(min(_PIECE, length - size))):
        digest.update(piece)
        size += len(piece)
        copied(len(piece))
        view = memoryview(piece)
        while view:
            view = view[out.write(view) :]
    os.fsync(out.fileno())
    return digest.hexdigest(), size


def _whole_lines(file: IO[bytes], size: int) -> int:
    """How many of the first `size` bytes are whole lines."""
    end = size
    while end > 0:
        begin = max(0, end - _PIECE)
        newline = os.pread(file.fileno(), end - begin, begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0


def _digest_of(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top}/")


def _emptied(folder: Path) -> None:
    for child in folder.iterdir():
        remove_tree(child)


def _sync_folders(top: Path) -> None:
    for path, _, _ in os.walk(top):
        _sync(Path(path))


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
