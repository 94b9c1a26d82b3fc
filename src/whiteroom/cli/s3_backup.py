"""The S3 beside the server in a backup: all that it keeps, as of one moment, while it runs."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from whiteroom.data.backups import BackupRefused, BackupWriter, opened_file
from whiteroom.s3_server.stillness import OBJECTS, NotStill, held_still

_GROWING: Final = frozenset({".cpd", ".cpx", ".dat", ".idx", ".ldb"})
"""Files that are only ever appended to, and replaced by others: the first so many bytes of one that is open stay."""
_ATTEMPTS: Final = 3
"""Each ends where it was started or ended meanwhile."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file as of the moment."""

    file: IO[bytes]
    path: str
    length: int


def copy_s3(folder: Path, writer: BackupWriter) -> None:
    """Copy what the S3 in that folder keeps. It stands still while its files are opened, and goes on meanwhile.

    Raises:
        BackupRefused: it cannot be held still.
    """
    top = folder / OBJECTS
    if not top.is_dir():
        return
    for attempt in range(1, _ATTEMPTS + 1):
        writer.add_folder(folder, folder.name)
        with ExitStack() as opened:
            try:
                with held_still(folder):
                    kept = list(_opened(folder, writer, opened))
            except (NotStill, FileNotFoundError) as error:
                writer.drop(folder.name)
                if attempt == _ATTEMPTS:
                    raise BackupRefused(str(error)) from None
                continue
            for one in kept:
                writer.add_open(one.file, one.path, one.length)
        return


def _opened(folder: Path, writer: BackupWriter, opened: ExitStack) -> Iterator[_Kept]:
    """Enter its folders, copy its small files, and open the others."""
    _allow_many_files()
    for path, folders, names in os.walk(folder / OBJECTS):
        folders.sort()
        place = f"{folder.name}/{Path(path).relative_to(folder).as_posix()}"
        writer.add_folder(Path(path), place)
        for name in sorted(names):
            source = Path(path, name)
            file = opened_file(source)
            if source.suffix in _GROWING:
                opened.enter_context(file)
                yield _Kept(file, f"{place}/{name}", os.fstat(file.fileno()).st_size)
            else:
                with file:
                    writer.add_open(file, f"{place}/{name}", os.fstat(file.fileno()).st_size)


def _allow_many_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
