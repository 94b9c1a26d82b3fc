"""Asks for the state of a table of Iceberg or Delta, and remembers the answer while its metadata are the same."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from whiteroom.base.machine_errors import remedy_of
from whiteroom.catalog.files import require_real
from whiteroom.catalog.looking import looking
from whiteroom.catalog.snapshots.places import Unreadable
from whiteroom.catalog.snapshots.remembering import Planned, Remembered, planned
from whiteroom.catalog.snapshots.states import current_metadata
from whiteroom.domain.privacy.query_tables import FileFormat
from whiteroom.ports.catalog import UnusableFiles

CHILD = "whiteroom.catalog.snapshots.child"
SECONDS = 120
_METADATA, _LOG, _HOODIE = "metadata", "_delta_log", ".hoodie"
_STATE = ".metadata.json"
_NAME = 300
"""Characters of a file's name in a message."""


def format_of(source: str) -> FileFormat | None:
    """Iceberg or Delta, where a source is a table of these by itself; None of any other."""
    path = Path(source)
    if path.is_file() and path.name.endswith(_STATE):
        return FileFormat.ICEBERG
    if (path / _LOG).is_dir():
        return FileFormat.DELTA
    return FileFormat.ICEBERG if any((path / _METADATA).glob(f"*{_STATE}*")) else None


@looking()
def require_plain(files: Sequence[str]) -> None:
    """Whether files are read as they are there: those of a table of Iceberg or Delta hold what was deleted, too.

    Raises:
        UnusableFiles: one belongs to such a table.
    """
    for folder in sorted({parent for file in files for parent in Path(file).parents}):
        if (folder / _HOODIE).is_dir():
            raise UnusableFiles(
                f"{folder} is a table of Hudi, which is not read here: its files hold what was deleted."
            )
        if file_format := format_of(str(folder)):
            raise UnusableFiles(
                f"{folder} is a table of {file_format.value.title()}. Add this folder, and none of its files."
            )


class Snapshots:
    """What is known of tables' states."""

    def __init__(self) -> None:
        self._remembered = Remembered()

    def plan(self, file_format: FileFormat, source: str, snapshot: str) -> Planned:
        """The files and columns of a table's state.

        Args:
            file_format: Iceberg or Delta.
            source: the table's folder, or a file of Iceberg's metadata.
            snapshot: which state; empty for the latest.

        Raises:
            UnusableFiles: it cannot be read as it is.
            OSError: the machine is at fault (base/machine_errors.py).
        """
        require_real(Path(source))
        try:
            path = _metadata_of(file_format, Path(source))
            key = (file_format.value, source, snapshot, _mark(file_format, path))
            known = self._remembered.get(key)
            if known is None:
                known, size_bytes = _asked(file_format, path, snapshot)
                self._remembered.keep(key, known, size_bytes)
            _require_in_place(known[0].read_paths)
        except Unreadable as error:
            raise UnusableFiles(
                f"{source} is a table of {file_format.value.title()} that cannot be read: {error}."
            ) from None
        except OSError as error:
            if remedy_of(error) is not None:
                raise
            raise UnusableFiles(f"{str(error.filename or source)[:_NAME]} is gone or cannot be read.") from None
        return known


def _require_in_place(files: Sequence[str]) -> None:
    """Whether files that were in the table's folder when it was planned have not become links since.

    Raises:
        Unreadable: one has, or is gone.
    """
    folders = {str(Path(file).parent) for file in files}
    moved = {folder for folder in folders if os.path.realpath(folder) != folder}
    for file in files:
        if str(Path(file).parent) in moved or Path(file).is_symlink():
            raise Unreadable(f"{file} is a link by now")
        if not Path(file).is_file():
            raise Unreadable(f"{file} is gone, and the table's metadata name it")


def _metadata_of(file_format: FileFormat, path: Path) -> Path:
    if file_format is FileFormat.DELTA:
        if not (path / _LOG).is_dir():
            raise Unreadable(f"it has no folder {_LOG}")
        return path
    if path.is_file():
        if path.parent.name != _METADATA:
            raise Unreadable(f"a file of metadata lies in a folder {_METADATA} of its table")
        return path
    return current_metadata(path)


def _mark(file_format: FileFormat, path: Path) -> str:
    """What identifies a state of metadata: files of states are written once."""
    if file_format is FileFormat.DELTA:
        return " ".join(sorted(f"{file.name}-{_stamp(file)}" for file in (path / _LOG).iterdir()))
    return f"{path}-{_stamp(path)}"


def _stamp(file: Path) -> str:
    seen = file.stat()
    return f"{seen.st_size}-{seen.st_mtime_ns}-{seen.st_ino}"


def _asked(file_format: FileFormat, path: Path, snapshot: str) -> tuple[Planned, int]:
    """The answer of a process of its own, and how many bytes it took."""
    command = [sys.executable, "-I", "-B", "-m", CHILD, file_format.value, str(path), snapshot]
    with tempfile.TemporaryDirectory(prefix="whiteroom-metadata-") as work:
        try:
            child = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
                env={},
                cwd=work,
            )
        except subprocess.TimeoutExpired:
            raise Unreadable(f"its metadata take more than {SECONDS} seconds to read") from None
    return planned(child.stdout), len(child.stdout)
