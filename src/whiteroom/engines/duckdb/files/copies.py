"""Private copies in plain UTF-8 of files that DuckDB does not read as they are: in bzip2, in another encoding.

A copy is named after its file and the mark that the file had (checking.mark_of), so one is never read for what the file
was before, and appears whole or not at all. It is made where it is missing, by whoever reads the table next.
"""

from __future__ import annotations

import codecs
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from whiteroom.domain.privacy.query_tables import CatalogTable, FileFormat, Reading
from whiteroom.engines.duckdb.files.checking import mark_of
from whiteroom.engines.duckdb.files.decoding import NotOfEncoding, decoded
from whiteroom.packing import DAMAGED, CannotUnpack, Packing, packing_of_file, unpacked

_READ_BY_NAME = {".gz": Packing.GZIP, ".zst": Packing.ZSTD}
"""DuckDB unpacks what is called so, and nothing else."""
_NAME = "rows"
_DRAFT = ".draft-"
_DIGITS = 24
_KEPT_FREE = 0.05
_MOST_KEPT_FREE_BYTES = 1 << 30
"""Of the disk: a copy stops before the server itself has no room."""
_LOOK_BYTES = 1 << 26


PATTERN = frozenset("*?[\\")
"""Characters by which the engine takes a path for a pattern, or for one of more folders than it has."""


class CannotCopy(Exception):
    """A copy cannot be made. The message says why, in words that go behind the file's name."""

    def __init__(self, reason: str, file: str) -> None:
        super().__init__(reason)
        self.file = file


def with_copies(table: CatalogTable, called: Sequence[str] = ()) -> CatalogTable:
    """The table with the copies that are to be read in place of its files. None is made yet.

    Args:
        table: as it is read.
        called: the owner's own paths, by which copies are found again, where the table's files are links to these.
    """
    if table.format is FileFormat.PARQUET or table.origins or not table.copies:
        return table
    folder = Path(table.copies)
    marked = table.format is FileFormat.JSON_LINES
    files = tuple(
        _copy_of(file, owned, table.reading, folder, marked=marked)
        for file, owned in zip(table.files, called or table.files, strict=True)
    )
    return table if files == table.files else replace(table, files=files, origins=table.files)


def _copy_of(file: str, called: str, reading: Reading, folder: Path, *, marked: bool) -> str:
    """What is read of a file; with `marked`, one that begins with a byte order mark is copied without it."""
    path = Path(file)
    try:
        plain = not reading.encoding and packing_of_file(path) == _READ_BY_NAME.get(path.suffix.lower())
        if plain and not (marked and _has_mark(path)):
            return file
        mark = mark_of(file)
    except OSError:
        # Whoever reads it gets the error.
        return file
    named = partition_folders(Path(called), reading)
    return str(folder.joinpath(_digest(called), _digest(f"{mark} {reading.encoding}"), *named, _NAME))


def partition_folders(file: Path, reading: Reading) -> list[str]:
    """What the folders above a file are called that name its table's partitions, outermost first.

    Values are as in these, with the characters escaped that mean something else to the engine.
    """
    named = [part.partition("=") for part in file.parent.parts]
    return [f"{name}={_escaped(value)}" for name, _, value in named if name in reading.partitions]


def _escaped(value: str) -> str:
    return "".join(f"%{ord(letter):02X}" if letter in PATTERN else letter for letter in value)


def _has_mark(file: Path) -> bool:
    with unpacked(file) as stream:
        return stream.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def make_copies(table: CatalogTable) -> None:
    """Make the copies of `with_copies` that are missing, and take those away that nobody reads any more.

    Raises:
        CannotCopy: the file cannot be read, or there is no room.
    """
    missing = [
        (Path(file), Path(origin))
        for file, origin in zip(table.files, table.sources, strict=True)
        if file != origin and not os.path.lexists(file)
    ]
    for copy, origin in missing:
        try:
            _make(copy, origin, table.reading.encoding)
        except (NotOfEncoding, CannotUnpack, _NoRoom) as error:
            raise CannotCopy(str(error), str(origin)) from None
        except (FileNotFoundError, _Changed):
            raise CannotCopy("it was changed while it was read", str(origin)) from None
        except OSError as error:
            raise CannotCopy(f"no copy of it can be made: {error.strerror or DAMAGED}", str(origin)) from None
    if missing:
        _prune(Path(table.copies), [Path(file) for file in table.files])


class _NoRoom(Exception):
    """The disk is about to be full."""


class _Changed(Exception):
    """The file is another by now."""


def _make(copy: Path, origin: Path, encoding: str) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(copy.parent)
    mark = mark_of(str(origin))
    with _draft(copy) as (draft, stream):
        _write(stream, origin, encoding)
        if mark_of(str(origin)) != mark:
            raise _Changed
        draft.replace(copy)


def _write(stream: BinaryIO, origin: Path, encoding: str) -> None:
    written = 0
    with unpacked(origin) as packed:
        for chunk in decoded(packed, encoding):
            if written % _LOOK_BYTES < len(chunk):
                _require_room(stream)
            stream.write(chunk)
            written += len(chunk)
    stream.flush()
    os.fsync(stream.fileno())


def _require_room(stream: BinaryIO) -> None:
    disk = os.fstatvfs(stream.fileno())
    kept_bytes = min(_MOST_KEPT_FREE_BYTES, disk.f_blocks * disk.f_frsize * _KEPT_FREE)
    if disk.f_bavail * disk.f_frsize < kept_bytes + _LOOK_BYTES:
        raise _NoRoom("the server's disk has no room for a copy of it. Make room, or write the file in plain UTF-8")


@contextmanager
def _draft(copy: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file beside the copy, locked as long as its process lives, and gone at the end."""
    draft = copy.with_name(f"{_DRAFT}{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        try:
            yield draft, stream
        finally:
            draft.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what processes left that are dead."""
    for draft in folder.glob(f"{_DRAFT}*"):
        try:
            with draft.open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                draft.unlink()
        except (BlockingIOError, FileNotFoundError):
            continue


def _prune(folder: Path, files: list[Path]) -> None:
    kept = {file.relative_to(folder).parts[:2] for file in files if file.is_relative_to(folder)}
    for of_file in folder.iterdir():
        for of_mark in of_file.iterdir() if of_file.is_dir() else ():
            if (of_file.name, of_mark.name) not in kept:
                shutil.rmtree(of_mark, ignore_errors=True)
        if of_file.name not in {name for name, _ in kept}:
            shutil.rmtree(of_file, ignore_errors=True)
