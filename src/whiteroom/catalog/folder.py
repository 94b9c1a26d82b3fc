"""Whiteroom's own catalog: which files of this machine, or which objects of S3, each account's tables mean.

One JSON file for each table, at ACCOUNT/DATABASE/TABLE.json. A file is replaced whole, so any number of
processes may read while one writes. Names are Glue's, in lower case. The files behind a table are
looked up again each time it is resolved; their schema is the one they had when the table was added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from whiteroom.aws.identities import Identity, member
from whiteroom.base.one_line import one_line
from whiteroom.catalog.copies import CopiesFolder
from whiteroom.catalog.entries import CatalogEntry, read_entry, write_entry
from whiteroom.catalog.files import absolute_of, expand, find_format
from whiteroom.catalog.names import Name, lower, names_a_table
from whiteroom.catalog.partitions import partition_columns
from whiteroom.catalog.relations import Look, relation_table
from whiteroom.catalog.seen import Seen, seen_of
from whiteroom.catalog.snapshots.planning import Snapshots, format_of, require_plain
from whiteroom.catalog.snapshots.remembering import Planned
from whiteroom.catalog.stored.objects import Found
from whiteroom.catalog.stored.sources import is_stored
from whiteroom.catalog.stored.tables import Brought, StoredTables, Unreadable
from whiteroom.domain.privacy.column_types import wider
from whiteroom.domain.privacy.query_tables import SNAPSHOTS, CatalogTable, FileFormat
from whiteroom.domain.privacy.readings import NO_WISHES, Wishes
from whiteroom.domain.privacy.relations import Relation
from whiteroom.ports.catalog import (
    CatalogUnavailable,
    FoundTable,
    Reader,
    SchemaReader,
    SnapshotReader,
    TableNotFound,
    UnusableFiles,
)


class CatalogError(Exception):
    """A table cannot be added. The message says why and what to do, for the operator who adds it."""

    def __init__(self, message: str, seen: Seen | None = None) -> None:
        super().__init__(message)
        self.seen = seen
        """What the files seemed to be; None where none was looked at."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A table that was looked at: how it would be kept, what it is now, and what was found on the way."""

    entry: CatalogEntry
    table: CatalogTable
    found: FoundTable


class FolderCatalog:
    """Implements ports.Catalog over a folder."""

    def __init__(
        self,
        folder: Path,
        read_schema: SchemaReader,
        read_snapshot: SnapshotReader | None = None,
        stored: StoredTables | None = None,
        look_at_relation: Look | None = None,
    ) -> None:
        """Keep tables in `folder`.

        Args:
            folder: it need not be there.
            read_schema: finds what files are.
            read_snapshot: without it, tables of Iceberg and Delta are refused.
            stored: without it, tables in S3 are.
            look_at_relation: without it, tables of databases are.
        """
        self._look_at_relation = look_at_relation
        self._folder = folder
        self._stored = stored
        self._read_snapshot = read_snapshot
        self._snapshots = Snapshots()
        self._copies = CopiesFolder(folder.with_name(f"{folder.name}-copies"))
        self._read_schema = read_schema

    @property
    def has_regions(self) -> bool:
        """ports.Catalog: it has every table once, whatever region is asked for."""
        return False

    def resolve(
        self,
        account_id: str,
        database: str,
        table: str,
        *,
        region: str = "",  # noqa: ARG002 - it has none
        reader: Reader | None = None,
    ) -> CatalogTable:
        """The files and schema of a table; objects are listed for a reader alone.

        Raises:
            TableNotFound: there is no such table, or its files are gone or cannot be read.
            CatalogUnavailable: its objects cannot be listed now, or its database does not answer.
        """
        entry = self.show(account_id, database, table)
        if entry.relation is not None:
            return relation_table(self._look_at_relation, account_id, f"{database}.{table}", entry.relation)
        try:
            if entry.format in SNAPSHOTS:
                return self._at_snapshot(entry, reader)
            if entry.is_stored:
                return self._resolved_objects(entry, self._listed(entry, reader))
            files = expand(entry.sources)
            require_plain(files)
            named = partition_columns(entry.sources, files) if entry.reading.partitions else ()
        except Unreadable as error:
            kind = CatalogUnavailable if error.again else TableNotFound
            raise kind(f"Table {database}.{table}: {one_line(str(error))}") from None
        except UnusableFiles as error:
            raise TableNotFound(f"Table {database}.{table}: {one_line(str(error))}") from None
        if named != entry.reading.partitions:
            raise TableNotFound(f"Table {database}.{table}: its files lie in folders of other partitions by now.")
        return self._resolved(entry, files)

    def resolve_relation(self, account_id: str, relation: Relation) -> CatalogTable:
        """ports.Catalog."""
        return relation_table(self._look_at_relation, account_id, relation.shown, relation)

    def add(
        self, account_id: str, database: str, table: str, sources: Iterable[str | Path], wishes: Wishes = NO_WISHES
    ) -> CatalogTable:
        """Put a table into the catalog, or replace it; reads every row once, to find broken ones now.

        Raises:
            CatalogError: a name is malformed, or the files cannot be one table.
        """
        return self.look(account_id, database, table, sources, wishes, keep=True).table

    def put(self, entry: CatalogEntry, *, keep: bool = True) -> None:
        """Put a table that has no files of its own into the catalog, or replace one of that name.

        Raises:
            CatalogError: a name is malformed.
        """
        _require_name(entry.account_id, entry.database, entry.table)
        if keep:
            write_entry(self._path(entry.account_id, entry.database, entry.table), entry)
            self._copies.remove(entry.account_id, entry.database, entry.table)

    def look(
        self,
        account_id: str,
        database: str,
        table: str,
        sources: Iterable[str | Path],
        wishes: Wishes = NO_WISHES,
        *,
        role_arn: str = "",
        keep: bool = False,
        again: bool = False,
    ) -> Looked:
        """What would be added.

        Args:
            account_id: who owns it.
            database: its first name.
            table: its second.
            sources: files, folders and patterns, here or in S3.
            wishes: what the owner says of how their text is written.
            role_arn: the owner's role to read objects of S3 with, where it has no profile.
            keep: whether the table is put into the catalog, or replaced there; else nothing is changed.
            again: whether sources are those that a table has in the catalog: what became a link since is not followed.

        Raises:
            CatalogError: a name is malformed, or the files cannot be one table.
        """
        _require_name(account_id, database, table)
        named = tuple(map(str, sources))
        if any(map(is_stored, named)) or role_arn:
            return self._looked_at_objects((account_id, database, table), named, wishes, role_arn, keep=keep)
        absolute = named if again else tuple(map(absolute_of, named))
        file_format = wishes.format or (format_of(absolute[0]) if len(absolute) == 1 else None)
        if file_format in SNAPSHOTS:
            plan, read = self._snapshots.plan, self._read_snapshot
            looked = _looked_at_snapshot((account_id, database, table), file_format, absolute, wishes, plan, read)
            if keep:
                write_entry(self._path(account_id, database, table), looked.entry)
                self._copies.remove(account_id, database.lower(), table.lower())
            return looked
        with self._copies.new() as copies:
            looked = self._looked_at_files((account_id, database, table), absolute, wishes, copies)
            if keep:
                self._copies.keep(copies, account_id, looked.entry.database, looked.entry.table)
                write_entry(self._path(account_id, database, table), looked.entry)
        return looked

    def _looked_at_objects(
        self, name: Name, sources: tuple[str, ...], wishes: Wishes, role_arn: str, *, keep: bool
    ) -> Looked:
        if self._stored is None or not all(map(is_stored, sources)):
            raise CatalogError("A table lies in S3 or on this machine, all of it; a role is said of one in S3.")
        stored, identity = self._stored, _owner(name, role_arn)
        with self._copies.new() as folder:
            try:
                file_format = wishes.format or stored.format_of(identity, sources)
                if file_format in SNAPSHOTS:
                    plan, read = partial(stored.planned, identity), self._read_snapshot
                    through = partial(stored.read_through, identity, read, folder.resolve()) if read else None
                    looked = _looked_at_snapshot(name, file_format, sources, wishes, plan, through, role_arn)
                else:
                    _require_no_snapshot(wishes)
                    brought = stored.brought(identity, sources, wishes, self._read_schema, folder.resolve())
                    looked = self._looked_at_brought(name, sources, brought, role_arn)
            except Unreadable as error:
                raise CatalogError(str(error), error.seen) from None
        if keep:
            write_entry(self._path(*name), looked.entry)
            self._copies.remove(*lower(name))
        return looked

    def _looked_at_brought(self, name: Name, sources: tuple[str, ...], brought: Brought, role_arn: str) -> Looked:
        found = brought.found
        marks = {item.uri: item.mark for item in brought.objects}
        entry = CatalogEntry(
            *lower(name), sources, brought.format, found.columns, found.reading, marks, role_arn=role_arn
        )
        table = self._resolved_objects(entry, Found(brought.objects, found.reading.partitions))
        return Looked(entry, table, found)

    def _listed(self, entry: CatalogEntry, reader: Reader | None) -> Found | None:
        """The objects of a table as a reader may see them; None for nobody.

        Raises:
            Unreadable: they cannot be listed, or are no longer what was added.
        """
        if reader is None:
            return None
        found = self._of_s3.listed(_asking(entry, reader), entry.sources)
        if found.partitions != entry.reading.partitions:
            raise Unreadable("Its objects lie in folders of other partitions by now.")
        return found

    @property
    def _of_s3(self) -> StoredTables:
        if self._stored is None:
            raise Unreadable("Tables in S3 are not read here.")
        return self._stored

    def _resolved_objects(self, entry: CatalogEntry, found: Found | None) -> CatalogTable:
        region = self._stored.region_of(entry.sources) if self._stored else ""
        objects = tuple(
            replace(item, known=entry.read_files.get(item.uri) == item.mark)
            for item in (found.objects if found else ())
        )
        return CatalogTable(
            (),
            entry.format,
            entry.columns,
            entry.reading,
            elsewhere=True,
            objects=objects,
            as_files=True,
            bucket_owner=entry.account_id,
            region=region,
        )

    def _looked_at_files(self, name: Name, absolute: tuple[str, ...], wishes: Wishes, copies: Path) -> Looked:
        _require_no_snapshot(wishes)
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
            raise CatalogError(one_line(str(error)), seen) from None
        marks = dict(zip(files, found.marks, strict=True))
        entry = CatalogEntry(*lower(name), absolute, file_format, found.columns, found.reading, marks)
        return Looked(entry, self._resolved(entry, files), found)

    def _at_snapshot(self, entry: CatalogEntry, reader: Reader | None) -> CatalogTable:
        """The state of a table that is meant, in the columns that it was added with; without objects for nobody.

        Raises:
            UnusableFiles, Unreadable: it cannot be read, or has other columns by now.
        """
        meant = entry.format, entry.sources[0], entry.snapshot
        if not entry.is_stored:
            table, _ = self._snapshots.plan(*meant)
        elif reader is None:
            return CatalogTable((), FileFormat.PARQUET, entry.columns, elsewhere=True)
        else:
            table, _ = self._of_s3.planned(_asking(entry, reader), *meant)
        now = {column.name.lower(): column for column in table.columns}
        for column in entry.columns:
            there = now.get(column.name.lower())
            if there is None or wider(there.type, column.type) != column.type:
                kind = "gone" if there is None else f"{there.type}, and was {column.type}"
                raise UnusableFiles(f"its column '{column.name}' is {kind}. Add it again.")
        return replace(table, columns=tuple(now[column.name.lower()] for column in entry.columns))

    def list(self, account_id: str | None = None) -> list[CatalogEntry]:
        """Every table, or every table of one account, ordered by account, database and name."""
        entries = (read_entry(path) for path in sorted(self._folder.glob("*/*/*.json")))
        return [entry for entry in entries if account_id in {None, entry.account_id}]

    def show(self, account_id: str, database: str, table: str) -> CatalogEntry:
        """One table as it was added.

        Raises:
            TableNotFound: there is no such table.
        """
        path = self._path(account_id, database, table)
        if not names_a_table((account_id, database, table)) or not path.is_file():
            raise TableNotFound(
                f"Account {account_id} has no table {database}.{table} in the catalog. The operator adds one with "
                f"`whiteroom catalog add --account {account_id} {database}.{table} PATH...`."
            )
        return read_entry(path)

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


def _looked_at_snapshot(
    name: Name,
    file_format: FileFormat,
    sources: tuple[str, ...],
    wishes: Wishes,
    plan: Callable[[FileFormat, str, str], Planned],
    read: SnapshotReader | None,
    role_arn: str = "",
) -> Looked:
    if len(sources) != 1:
        raise CatalogError(f"A table of {file_format.value.title()} is one folder.")
    if read is None:
        raise CatalogError(f"{sources[0]} is {file_format.value}, which is not read here.")
    if replace(wishes, format=None, snapshot="") != NO_WISHES:
        raise CatalogError(f"{sources[0]} is {file_format.value}: how text is written and typed is said of text.")
    try:
        table, notes = plan(file_format, sources[0], wishes.snapshot)
        found = read(table)
    except UnusableFiles as error:
        raise CatalogError(one_line(str(error))) from None
    if not table.columns:
        raise CatalogError(f"{sources[0]} has no column that can be queried. {' '.join(notes)}")
    columns, snapshot = table.columns, wishes.snapshot
    entry = CatalogEntry(*lower(name), sources, file_format, columns, snapshot=snapshot, role_arn=role_arn)
    return Looked(entry, table, replace(found, notes=(*notes, *found.notes)))


def _require_no_snapshot(wishes: Wishes) -> None:
    if wishes.snapshot:
        raise CatalogError("A snapshot is said of a table of Iceberg or Delta, and this is neither.")


def _asking(entry: CatalogEntry, reader: Reader) -> Identity:
    return member(entry.account_id, reader.role_arn or None, reader.query_id)


def _owner(name: Name, role_arn: str) -> Identity:
    account_id, database, table = name
    return member(account_id, role_arn or None, f"{database}.{table}")


def _require_name(account_id: str, database: str, table: str) -> None:
    if not names_a_table((account_id, database, table)):
        raise CatalogError(
            f"{account_id!r}, {database!r}, {table!r} do not name a table: an account has twelve digits; "
            "names have up to 128 letters, digits, underscores, hyphens and (in tables) spaces."
        )
