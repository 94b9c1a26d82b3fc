"""What of a Delta table's log says what a version of it is."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from whiteroom.base.real_paths import NotOpened, held_open, link_to
from whiteroom.catalog.snapshots.places import TableFolder, Unreadable

LOG = "_delta_log"
_COMMIT = re.compile(r"([0-9]{20})\.json", re.ASCII)
_CHECKPOINT = re.compile(r"([0-9]{20})\.checkpoint\.parquet", re.ASCII)
_PART = re.compile(r"([0-9]{20})\.checkpoint\.([0-9]{10})\.([0-9]{10})\.parquet", re.ASCII)
_VERSION = re.compile(r"[0-9]{1,19}", re.ASCII)


def needed_of_log(names: Iterable[str], version: str) -> list[str]:
    """The last whole checkpoint up to a version, and the commits behind it, in order.

    Args:
        names: of all objects of the log.
        version: which one; empty for the latest.

    Raises:
        Unreadable: the log does not say what that version is, or not any more.
    """
    if version and not _VERSION.fullmatch(version):
        raise Unreadable(f"it has no version {version!r}")
    names = list(names)
    commits = {int(found[1]): name for name in names if (found := _COMMIT.fullmatch(name))}
    checkpoints = _whole_checkpoints(names)
    there = commits.keys() | checkpoints.keys()
    if not there:
        raise Unreadable("its log has no version. It is in another form, or is no table of Delta")
    latest = max(there)
    wanted = int(version) if version else latest
    if wanted not in there:
        raise Unreadable(f"it has no version {wanted}, or not any more; the latest is {latest}")
    start = max((number for number in checkpoints if number <= wanted), default=None)
    first = 0 if start is None else start + 1
    missing = next((number for number in range(first, wanted + 1) if number not in commits), None)
    if missing is not None:
        raise Unreadable(
            f"it has no version {wanted} any more: its log lacks version {missing}. The latest is {latest}"
        )
    behind = [commits[number] for number in range(first, wanted + 1)]
    if start is None:
        return behind
    return [*checkpoints[start], *([commits[start]] if start in commits else []), *behind]


def _whole_checkpoints(names: Iterable[str]) -> dict[int, list[str]]:
    whole: dict[int, list[str]] = {}
    parts: dict[tuple[int, int], dict[int, str]] = {}
    for name in names:
        if found := _CHECKPOINT.fullmatch(name):
            whole[int(found[1])] = [name]
        elif found := _PART.fullmatch(name):
            parts.setdefault((int(found[1]), int(found[3])), {})[int(found[2])] = name
    for (version, count), of_it in parts.items():
        if version not in whole and sorted(of_it) == list(range(1, len(of_it) + 1)) and len(of_it) == count:
            whole[version] = [of_it[number] for number in sorted(of_it)]
    return whole


def require_written(folder: Path) -> None:
    """Whether each file of a log was written at all: the library takes an empty one for a version without a change.

    Raises:
        Unreadable: one was not, as where whoever wrote it died.
    """
    for file in sorted((folder / LOG).iterdir()):
        if not file.stat().st_size:
            raise Unreadable(f"{file.name} of its log is empty. Restore it, or write the table anew")


@contextmanager
def held_log(table: TableFolder, version: str, work: Path) -> Iterator[Path]:
    """A folder with a log that says what a version of a table is: of links to the table's own files, which are held.

    Args:
        table: of this machine.
        version: which one; empty for the latest.
        work: a private folder, which is empty.

    Raises:
        Unreadable: the log does not say it, or has a file that is elsewhere.
        FileExistsError: `work` has something in it: it is no folder of this process's own.
    """
    if any(work.iterdir()):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(work))
    there = [file for file in (table.folder / LOG).iterdir() if file.is_file() or file.is_symlink()]
    places = {file.name: str(table.metadata(str(file))) for file in there}
    names = needed_of_log(places, version)
    (work / LOG).mkdir()
    try:
        with held_open(places[name] for name in names) as handles:
            for name, handle in zip(names, handles, strict=True):
                (work / LOG / name).symlink_to(link_to(handle))
            yield work
    except NotOpened as error:
        raise Unreadable(f"{error.path} {error}") from None
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        raise Unreadable("its log has more versions since a checkpoint than can be read at once. Make one") from None
