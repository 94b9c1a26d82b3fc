"""Members' files as a query reads them: opened once, through no link, and held open until it has ended.

Whoever may write where a table's files lie could swap one for a link to another member's between a look at it and the
moment when it is read. So nothing that reads goes by the files' own paths: tables name links in the query's private
folder, which lead to what is held open. These have the names of the files, and are in folders that name the same
partitions: the engine goes by extensions and by such folders.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from whiteroom.base.one_line import one_line
from whiteroom.base.real_paths import LINK, NotOpened, held_open, link_to
from whiteroom.domain.privacy.query_tables import CatalogTable, QueryTable
from whiteroom.engines.duckdb.files.copies import PATTERN, partition_folders, with_copies
from whiteroom.engines.duckdb.tables import BrokenData

_OPENED_BESIDE = 1_024
"""Files that the engine itself has open at a time, of those that a process may."""
_TOO_LONG = "is in folders whose names are too long"
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class TooManyFiles(Exception):
    """Tables have more files than a process may open."""

    def __init__(self) -> None:
        super().__init__(
            "There are more files than a process may have open at once. Ask the server's operator to raise the limit "
            "of open files (ulimit -n, LimitNOFILE), or the tables' owners to write fewer and larger files."
        )


@contextmanager
def held(views: Mapping[str, QueryTable], folder: Path) -> Iterator[dict[str, QueryTable]]:
    """The same tables, to be read until the end whatever becomes of the paths of their files.

    Args:
        views: tables whose files are members' own; others need not be held.
        folder: a private one, made here and gone at the end.

    Raises:
        BrokenData: a file is gone, is reached through a link, or its folders' names are too long.
        TooManyFiles: there are more than can be held.
    """
    try:
        with linked([table.source for table in views.values()], folder) as sources:
            yield {
                view: replace(table, source=with_copies(source, called=table.source.files))
                for (view, table), source in zip(views.items(), sources, strict=True)
            }
    except NotOpened as error:
        table = next(table for table in views.values() if error.path in table.source.read_paths)
        remedy = " The owner must put the file itself there." if str(error) == LINK else ""
        raise BrokenData(f"Table '{table.name}', file {one_line(Path(error.path).name)} {error}.{remedy}") from None


@contextmanager
def linked(sources: Sequence[CatalogTable], folder: Path) -> Iterator[list[CatalogTable]]:
    """The same tables, of links in place of their files, which are held open until the end.

    Args:
        sources: none of them of copies.
        folder: a private one, made here and gone at the end.

    Raises:
        NotOpened: a file is gone, is reached through a link, or its folders' names are too long.
        TooManyFiles: there are more than can be held.
    """
    paths = [path for source in sources for path in source.read_paths]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    # What is above the folder may be named as a partition is: the engine does not get to see it.
    itself = os.open(folder, _FOLDER)
    try:
        with _room_for(len(paths)), held_open(paths) as handles:
            left = iter(handles)
            yield [
                _linked(source, left, _Links(folder / str(number), link_to(itself)))
                for number, source in enumerate(sources)
            ]
    finally:
        os.close(itself)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _room_for(count: int) -> Iterator[None]:
    """Let this process open so many files, and those that the engine opens beside them."""
    most, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + min(_OPENED_BESIDE, limit // 2)
    if needed > limit:
        raise TooManyFiles
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(most, needed), limit))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, limit))


def _linked(source: CatalogTable, handles: Iterator[int], links: _Links) -> CatalogTable:
    files = tuple(links.add(file, next(handles), source) for file in source.files)
    if source.snapshot is None:
        return replace(source, files=files)
    deletes = tuple(replace(one, file=links.add(one.file, next(handles), source)) for one in source.snapshot.deletes)
    return replace(source, files=files, snapshot=replace(source.snapshot, deletes=deletes))


class _Links:
    """Links to the files of one table: a folder for each of theirs, since files of two may have one name.

    The engine takes some names for patterns. A link of such a name has a folder of its own, where it means itself.
    """

    def __init__(self, folder: Path, above: str) -> None:
        self._folder = folder
        self._above = above
        self._places: dict[Path, Path] = {}

    def add(self, file: str, handle: int, source: CatalogTable) -> str:
        path = Path(file)
        shared_by = path if PATTERN & set(path.name) else path.parent
        place = self._places.get(shared_by)
        if place is None:
            place = self._folder.joinpath(str(len(self._places)), *partition_folders(path, source.reading))
            with _named(file):
                place.mkdir(parents=True)
            self._places[shared_by] = place
        link = place / path.name
        with _named(file):
            link.symlink_to(link_to(handle))
        return f"{self._above}/{link.relative_to(self._folder.parent)}"


@contextmanager
def _named(file: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise NotOpened(_TOO_LONG, file) from None
