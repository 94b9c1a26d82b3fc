"""Reads all of a table again, and reports what has changed since it was added."""

from __future__ import annotations

from dataclasses import dataclass

from whiteroom.catalog.entries import CatalogEntry
from whiteroom.catalog.folder import CatalogError, FolderCatalog
from whiteroom.domain.privacy.column_types import wider
from whiteroom.domain.privacy.query_tables import SNAPSHOTS, FileFormat
from whiteroom.domain.privacy.readings import Wishes
from whiteroom.ports.catalog import CatalogUnavailable, FoundTable, TableNotFound

_TEXT = frozenset({FileFormat.CSV, FileFormat.JSON_LINES})


@dataclass(frozen=True, slots=True)
class Checked:
    """A table that was read again."""

    entry: CatalogEntry
    broken: tuple[str, ...]
    """Why queries that read it fail, or would; none where it is as it was said."""
    changed: tuple[str, ...]
    """What is another since it was added, and does no harm."""
    files: int
    rows: int | None
    """None where they cannot be counted."""


def check(catalog: FolderCatalog, entry: CatalogEntry) -> Checked:
    """Read a table to its end, as queries read it; of one of a database, its columns alone. Nothing is changed."""
    if entry.relation is not None:
        return _check_relation(catalog, entry)
    try:
        name = entry.account_id, entry.database, entry.table
        looked = catalog.look(*name, entry.sources, _wishes(entry), role_arn=entry.role_arn, again=True)
    except CatalogError as error:
        return Checked(entry, (str(error),), (), len(entry.read_files), None)
    marks = dict(zip(looked.table.held_in, looked.found.marks, strict=False))
    changed = [] if entry.format in SNAPSHOTS else _changed(entry, marks)
    broken = _broken(entry, looked.found)
    return Checked(entry, tuple(broken), tuple(changed), len(looked.table.held_in), looked.found.rows)


def _check_relation(catalog: FolderCatalog, entry: CatalogEntry) -> Checked:
    try:
        now = catalog.resolve(entry.account_id, entry.database, entry.table)
    except (TableNotFound, CatalogUnavailable) as error:
        return Checked(entry, (str(error),), (), 0, None)
    found = FoundTable(now.columns, now.reading, 0, (), ())
    return Checked(entry, tuple(_broken(entry, found)), (), 0, None)


def _wishes(entry: CatalogEntry) -> Wishes:
    """How the table is read, as its owner would have to say it."""
    reading = entry.reading
    if entry.format in SNAPSHOTS:
        return Wishes(format=entry.format, snapshot=entry.snapshot)
    if entry.format is not FileFormat.CSV:
        typed = entry.columns if entry.format is FileFormat.JSON_LINES else ()
        named = [column for column in entry.columns if column.name in reading.partitions and column not in typed]
        return Wishes(types=(*typed, *named), encoding=reading.encoding)
    return Wishes(
        delimiter=reading.delimiter,
        quote=reading.quote,
        escape=reading.escape,
        null_words=reading.null_words,
        skip_lines=reading.skip_lines,
        date_format=reading.date_format,
        timestamp_format=reading.timestamp_format,
        # An earlier release did not ask how values are written.
        types=entry.columns if reading.strict else (),
        encoding=reading.encoding,
    )


def _broken(entry: CatalogEntry, found: FoundTable) -> list[str]:
    if found.reading.partitions != entry.reading.partitions:
        return ["Its files lie in folders of other partitions by now. Restore them, or add the table again."]
    there = {column.name.lower(): column for column in found.columns}
    sentences = []
    for column in entry.columns:
        now = there.get(column.name.lower())
        if now is None:
            sentences.append(f"Column '{column.name}' is gone.")
        elif entry.format not in _TEXT and wider(now.type, column.type) != column.type:
            sentences.append(f"Column '{column.name}' was {column.type} and is {now.type}. Add the table again.")
    if entry.format in _TEXT and len(found.columns) > len(entry.columns):
        sentences.append("It has more columns than it had. Add the table again.")
    return sentences


def _changed(entry: CatalogEntry, marks: dict[str, str]) -> list[str]:
    if not entry.read_files:
        return ["It was added by an earlier release. Add it again to have it read strictly."]
    words = {
        "is new": marks.keys() - entry.read_files.keys(),
        "is gone": entry.read_files.keys() - marks.keys(),
        "is another": {
            file for file in marks.keys() & entry.read_files.keys() if marks[file] != entry.read_files[file]
        },
    }
    return [f"{file} {what}." for what, files in words.items() for file in sorted(files)]
