"""Objects that were read through when their table was added: brought, they are read as files of this machine are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whiteroom.aws.bringing import Wanted
from whiteroom.domain.privacy.query_tables import CatalogTable
from whiteroom.engines.duckdb.files.checking import mark_of
from whiteroom.engines.duckdb.files.copies import with_copies

_COPIES = "copies"


def catalogued(table: CatalogTable, wanted: Sequence[Wanted], folder: Path) -> CatalogTable:
    """The table of what was brought, in which nothing is elsewhere any more.

    Objects that are others than were read through are looked at value by value before a query reads them, as files are.

    Args:
        table: as its catalog has it.
        wanted: its objects, and the files that they are by now.
        folder: the table's own.
    """
    marks = tuple(mark_of(str(one.file)) if one.item.known else "" for one in wanted)
    files = tuple(str(one.file) for one in wanted)
    return with_copies(replace(table, files=files, marks=marks, copies=str(folder / _COPIES), elsewhere=False))
