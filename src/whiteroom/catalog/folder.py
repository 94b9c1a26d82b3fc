"""Whiteroom's own catalog: which files of this machine each account's tables mean.

One JSON file for each table, at ACCOUNT/DATABASE/TABLE.json. A file is replaced whole, so any number of
processes may read while one writes. Names are Glue's, in lower case. The files behind a table are
looked up again each time it is resolved; their schema is the one they had when the table was added.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from whiteroom.base.documents import from_document
from whiteroom.catalog.copies import CopiesFolder
from whiteroom.catalog.files import expand, find_format
from whiteroom.catalog.partitions import partition_columns
from whiteroom.catalog.seen import Seen, seen_of
from whiteroom.catalog.snapshots.planning import Snapshots, format_of, require_plain
from whiteroom.domain.privacy.column_types import wider
from whiteroom.domain.privacy.query_tables import SNAPSHOTS, CatalogTable, Column, FileFormat, Reading
from whiteroom.domain.privacy.readings import NO_WISHES, Wishes
from whiteroom.ports import FoundTable, Reader, SchemaReader, SnapshotReader, TableNotFound, UnusableFiles

_ACCOUNT = re.compile(r"[0-9]{12}")
_NAME = re.compile(r"[a-z0-9_][a-z0-9_ -]{0,127}")


class CatalogError(Exception):
    """A table cannot be added. The message says why and what to do, for the operator who adds it."""

    def __init__(self, message: str, seen: Seen | None = None) -> None:
        super().__init__(message)
        self.seen = seen
        """What the files seemed to be; None where none was looked at."""


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One table of the catalog, as it was added."""

    account_id: str
    database: str
    table: str
    sources: tuple[str, ...]
    """Absolute paths of files and folders, and absolute glob patterns."""
    format: FileFormat
    columns: tuple[Column, ...]
    reading: Reading = field(default_factory=Reading)
    read_files: Mapping[str, str] = field(default_factory=dict)
    """The files that were read through, with the marks that they had (CatalogTable.marks)."""
    snapshot: str = ""
    """Which state of a table of Iceberg or Delta is meant, whenever it is read; empty for the latest."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A table that was looked at: how it would be kept, what it is now, and what was found on the way."""

    entry: CatalogEntry
    table: CatalogTable
    found: FoundTable


class FolderCatalog:
    """Implements ports.Catalog over a folder."""

    def __init__(self, folder: Path, read_schema: SchemaReader, read_snapshot: SnapshotReader | None = None) -> None:
        """Keep tables in `folder`; without `read_snapshot`, tables of Iceberg and Delta are refused."""
        self._folder = folder
        self._read_snapshot = read_snapshot
        self._snapshots = Snapshots()
        self._copies = CopiesFolder(folder.with_name(f"{folder.name}-copies"))
        self._read_schema = read_schema

    @property
    def has_regions(self) -> bool:
        """ports.Catalog: its files are here, whatever region is asked for."""
        return False

    def resolve(
        self,
        account_id: str,
        database: str,
        table: str,
        *,
        region: str = "",  # noqa: ARG002 - it has none
        reader: Reader | None = None,  # noqa: ARG002 - files are listed for everybody
    ) -> CatalogTable:
        """The files and schema of a table.

        Raises:
            TableNotFound: there is no such table, or its files are gone or cannot be read.
        """
        entry = self.show(account_id, database, table)
        try:
            if entry.format in SNAPSHOTS:
                return self._at_snapshot(entry)
            files = expand(entry.sources)
            require_plain(files)
            named = partition_columns(entry.sources, files) if entry.reading.partitions else ()
        except UnusableFiles as error:
            raise TableNotFound(f"Table {database}.{table}: {error}") from None
        if named != entry.reading.partitions:
            raise TableNotFound(f"Table {database}.{table}: its files lie in folders of other partitions by now.")
        return self._resolved(entry, files)

    def add(
        self, account_id: str, database: str, table: str, sources: Iterable[str | Path], wishes: Wishes = NO_WISHES
    ) -> CatalogTable:
        """Put a table into the catalog, or replace it; reads every row once, to find broken ones now.

        Raises:
            CatalogError: a name is malformed, or the files cannot be one table.
        """
        return self.look(account_id, database, table, sources, wishes, keep=True).table

    def look(
        self,
        account_id: str,
        database: str,
        table: str,
        sources: Iterable[str | Path],
        wishes: Wishes = NO_WISHES,
        *,
        keep: bool = False,
    ) -> Looked:
        """What would be added.

        Args:
            account_id: who owns it.
            database: its first name.
            table: its second.
            sources: files, folders and patterns.
            wishes: what the owner says of how their text is written.
            keep: whether the table is put into the catalog, or replaced there; else nothing is changed.

        Raises:
            CatalogError: a name is malformed, or the files cannot be one table.
        """
        if not _names_a_table(account_id, database, table):
            raise CatalogError(
                f"{account_id!r}, {database!r}, {table!r} do not name a table: an account has twelve digits; "
                "names have up to 128 letters, digits, underscores, hyphens and (in tables) spaces."
            )
        absolute = tuple(_absolute(str(source)) for source in sources)
        file_format = wishes.format or (format_of(absolute[0]) if len(absolute) == 1 else None)
        if file_format in SNAPSHOTS:
            looked = self._looked_at_snapshot((account_id, database, table), file_format, absolute, wishes)
            if keep:
                _write(self._path(account_id, database, table), looked.entry)
                self._copies.remove(account_id, database.lower(), table.lower())
            return looked
        with self._copies.new() as copies:
            looked = self._looked_at_files((account_id, database, table), absolute, wishes, copies)
            if keep:
                self._copies.keep(copies, account_id, looked.entry.database, looked.entry.table)
                _write(self._path(account_id, database, table), looked.entry)
        return looked

    def _looked_at_files(
        self, name: tuple[str, str, str], absolute: tuple[str, ...], wishes: Wishes, copies: Path
    ) -> Looked:
        if wishes.snapshot:
            raise CatalogError("A snapshot is said of a table of Iceberg or Delta, and this is neither.")
        files: tuple[str, ...] = ()
        file_format: FileFormat | None = None
        named: tuple[str, ...] = ()
        try:
            files = expand(absolute)
            require_plain(files)
            file_format = find_format(files, wishes.encoding)
            named = partition_columns(absolute, files)
            found = self._read_schema(files, file_format, replace(wishes, partitions=named), str(copies))
        except UnusableFiles as error:
            seen = seen_of(error, files, file_format, named, wishes.encoding) if files else None
            raise CatalogError(str(error), seen) from None
        marks = dict(zip(files, found.marks, strict=True))
        entry = CatalogEntry(*_lower(name), absolute, file_format, found.columns, found.reading, marks)
        return Looked(entry, self._resolved(entry, files), found)

    def _looked_at_snapshot(
        self, name: tuple[str, str, str], file_format: FileFormat, absolute: tuple[str, ...], wishes: Wishes
    ) -> Looked:
        if len(absolute) != 1:
            raise CatalogError(f"A table of {file_format.value.title()} is one folder.")
        if self._read_snapshot is None:
            raise CatalogError(f"{absolute[0]} is {file_format.value}, which is not read here.")
        if replace(wishes, format=None, snapshot="") != NO_WISHES:
            raise CatalogError(f"{absolute[0]} is {file_format.value}: how text is written and typed is said of text.")
        try:
            table, notes = self._snapshots.plan(file_format, absolute[0], wishes.snapshot)
            found = self._read_snapshot(table)
        except UnusableFiles as error:
            raise CatalogError(str(error)) from None
        if not table.columns:
            raise CatalogError(f"{absolute[0]} has no column that can be queried. {' '.join(notes)}")
        entry = CatalogEntry(*_lower(name), absolute, file_format, table.columns, snapshot=wishes.snapshot)
        return Looked(entry, table, replace(found, notes=(*notes, *found.notes)))

    def _at_snapshot(self, entry: CatalogEntry) -> CatalogTable:
        """The state of a table that is meant, in the columns that it was added with.

        Raises:
            UnusableFiles: it cannot be read, or has other columns by now.
        """
        table, _ = self._snapshots.plan(entry.format, entry.sources[0], entry.snapshot)
        now = {column.name.lower(): column for column in table.columns}
        for column in entry.columns:
            there = now.get(column.name.lower())
            if there is None or wider(there.type, column.type) != column.type:
                kind = "gone" if there is None else f"{there.type}, and was {column.type}"
                raise UnusableFiles(f"its column '{column.name}' is {kind}. Add it again.")
        return replace(table, columns=tuple(now[column.name.lower()] for column in entry.columns))

    def list(self, account_id: str | None = None) -> list[CatalogEntry]:
        """Every table, or every table of one account, ordered by account, database and name."""
        entries = (_read(path) for path in sorted(self._folder.glob("*/*/*.json")))
        return [entry for entry in entries if account_id in {None, entry.account_id}]

    def show(self, account_id: str, database: str, table: str) -> CatalogEntry:
        """One table as it was added.

        Raises:
            TableNotFound: there is no such table.
        """
        path = self._path(account_id, database, table)
        if not _names_a_table(account_id, database, table) or not path.is_file():
            raise TableNotFound(
                f"Account {account_id} has no table {database}.{table} in the catalog. The operator adds one with "
                f"`whiteroom catalog add --account {account_id} {database}.{table} PATH...`."
            )
        return _read(path)

    def remove(self, account_id: str, database: str, table: str) -> None:
        """Take a table out of the catalog; its files stay.

        Raises:
            TableNotFound: there is no such table.
        """
        self.show(account_id, database, table)
        self._path(account_id, database, table).unlink(missing_ok=True)
        self._copies.remove(account_id, database.lower(), table.lower())

    def _path(self, account_id: str, database: str, table: str) -> Path:
        return self._folder / account_id / database.lower() / f"{table.lower()}.json"

    def _resolved(self, entry: CatalogEntry, files: tuple[str, ...]) -> CatalogTable:
        marks = tuple(entry.read_files.get(file, "") for file in files)
        copies = self._copies.of(entry.account_id, entry.database, entry.table)
        return CatalogTable(files, entry.format, entry.columns, entry.reading, marks, str(copies))


def _lower(name: tuple[str, str, str]) -> tuple[str, str, str]:
    account_id, database, table = name
    return account_id, database.lower(), table.lower()


def _names_a_table(account_id: str, database: str, table: str) -> bool:
    database, table = database.lower(), table.lower()
    well_formed = _ACCOUNT.fullmatch(account_id) and _NAME.fullmatch(database) and _NAME.fullmatch(table)
    return bool(well_formed) and " " not in database


def _absolute(source: str) -> str:
    """A source that means the same from any working directory, with the links above a pattern followed."""
    parts = Path(source).expanduser().absolute().parts
    magic = next((index for index, part in enumerate(parts) if set("*?[") & set(part)), len(parts))
    plain = Path(*parts).exists()
    return str(Path(*parts).resolve() if plain else Path(*parts[:magic]).resolve().joinpath(*parts[magic:]))


def _write(path: Path, entry: CatalogEntry) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(entry), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _read(path: Path) -> CatalogEntry:
    document = json.loads(path.read_text(encoding="utf-8"))
    # An earlier release did not ask how values are written, and read them as it did.
    return from_document(CatalogEntry, {"reading": {"strict": False}} | document)
