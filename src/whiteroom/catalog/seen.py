"""What a refused file seems to contain, for the owner who added it, and for nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from whiteroom.base.real_paths import NotOpened, held_open, link_to
from whiteroom.domain.privacy.query_tables import FileFormat
from whiteroom.domain.privacy.readings import ENCODINGS
from whiteroom.packing import unpacked
from whiteroom.ports.catalog import Glimpse, UnusableFiles

_PARQUET = b"PAR1"
_LINES, _CHARACTERS, _BYTES = 5, 200, 1 << 16


@dataclass(frozen=True, slots=True)
class Seen:
    """One file of those that were refused."""

    file: str
    format: FileFormat | None
    partitions: tuple[str, ...]
    glimpse: Glimpse
    first_lines: tuple[str, ...]
    """As they are, cut; none of Parquet."""


def seen_of(
    error: UnusableFiles,
    files: Sequence[str],
    file_format: FileFormat | None,
    partitions: tuple[str, ...],
    encoding: str,
) -> Seen:
    """What was seen of the file that the error is about, or of the first one."""
    file = error.file if error.file in files else files[0]
    return Seen(file, file_format, partitions, error.glimpse or Glimpse(), _first_lines(file, encoding))


def _first_lines(file: str, encoding: str) -> tuple[str, ...]:
    try:
        with held_open([file]) as [handle], unpacked(Path(link_to(handle))) as stream:
            start = stream.read(_BYTES)
    except (OSError, NotOpened):
        return ()
    if start.startswith(_PARQUET):
        return ()
    try:
        text = start.decode(ENCODINGS.get(encoding, "utf-8-sig"), "replace")
    except UnicodeError:
        text = start.decode(errors="replace")
    return tuple(line[:_CHARACTERS] for line in text.splitlines()[:_LINES])
