"""AWS Glue as the catalog: which objects of S3 a member's tables mean, and how they are read.

For a query, Glue is asked and objects are listed with the profile that the operator mapped to the account, or else with
the role of the table's association. Where no role is known yet, and for columns alone, it is that profile, or else the
server itself with the account as `CatalogId`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from whiteroom.aws.clients import AwsClients
from whiteroom.aws.identities import SERVER, Identity, member
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable, refusals
from whiteroom.catalog.hive_types import spark_type
from whiteroom.catalog.listing import Place, objects_of, place_of
from whiteroom.catalog.relations import Look, relation_table
from whiteroom.catalog.serdes import read_as
from whiteroom.catalog.snapshots.in_glue import columns_in_glue, stored_table
from whiteroom.catalog.snapshots.stored import StoredSnapshots, StoredTable
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, Reading
from whiteroom.domain.privacy.relations import Relation
from whiteroom.ports.catalog import CatalogUnavailable, Reader, TableNotFound, UnusableFiles

_ACCOUNT = re.compile(r"[0-9]{12}")
_NAME = re.compile(r"[a-z0-9_][a-z0-9_ -]{0,127}")
_NULL = "__HIVE_DEFAULT_PARTITION__"
_VIEW = "VIRTUAL_VIEW"
_TEXTS = frozenset({FileFormat.CSV, FileFormat.JSON_LINES})
_SHOWN = 100
"""Characters of a partition's values, in a sentence."""


class GlueCatalog:
    """Implements ports.Catalog over Glue."""

    def __init__(
        self, clients: AwsClients, mapped: Collection[str] = (), work: Path | None = None, look: Look | None = None
    ) -> None:
        """Ask with these clients.

        Args:
            clients: those of AWS's services.
            mapped: the accounts that have a profile of their own.
            work: where metadata of tables are while they are read; None for the machine's temporary files.
            look: looks at tables in members' databases; without it, such references are refused.
        """
        self._look = look
        self._clients = clients
        self._mapped = frozenset(mapped)
        self._snapshots = StoredSnapshots(work)

    @property
    def has_regions(self) -> bool:
        """ports.Catalog."""
        return True

    def resolve(
        self, account_id: str, database: str, table: str, *, region: str = "", reader: Reader | None = None
    ) -> CatalogTable:
        """ports.Catalog."""
        database, table = database.lower(), table.lower()
        with self._as_catalog_errors(f"{database}.{table}"):
            if not (_ACCOUNT.fullmatch(account_id) and _NAME.fullmatch(database) and _NAME.fullmatch(table)):
                raise UnusableFiles("no table has such a name.")
            asked = self._asked(account_id, region, reader)
            found = self._table(asked, database, table)
            _require_table(found)
            stored = stored_table(found)
            return _resolved(asked, found) if stored is None else self._at_snapshot(asked, found, stored)

    def resolve_relation(self, account_id: str, relation: Relation) -> CatalogTable:
        """ports.Catalog."""
        return relation_table(self._look, account_id, relation.shown, relation)

    @contextmanager
    def _as_catalog_errors(self, name: str) -> Iterator[None]:
        try:
            yield
        except AwsUnreachable as error:
            raise CatalogUnavailable(f"Table {name}: {error}") from None
        except (AwsRefused, UnusableFiles) as error:
            raise TableNotFound(f"Table {name}: {str(error).rstrip('.')}.") from None

    def _asked(self, account_id: str, region: str, reader: Reader | None) -> _Asked:
        if reader is not None:
            identity, by_itself = member(account_id, reader.role_arn or None, reader.query_id), True
        elif account_id in self._mapped:
            identity, by_itself = Identity(account_id, None, SERVER.session_name), True
        else:
            identity, by_itself = SERVER, False
        glue = self._clients.client("glue", identity, region or None)
        s3 = partial(self._clients.client, "s3", identity, region or None)
        place = f"account {account_id}{f' in {region}' if region else ''}"
        return _Asked(glue, s3, identity, by_itself, {} if by_itself else {"CatalogId": account_id}, place, reader)

    def _table(self, asked: _Asked, database: str, table: str) -> Mapping[str, Any]:
        with refusals("glue:GetTable", asked.identity, f"the table {database}.{table}"):
            try:
                answer = asked.glue.get_table(DatabaseName=database, Name=table, **asked.catalog)
            except asked.glue.exceptions.EntityNotFoundException:
                raise UnusableFiles(f"the Glue catalog of {asked.place} has no such table.") from None
        found: Mapping[str, Any] = answer["Table"]
        return found

    def _at_snapshot(self, asked: _Asked, found: Mapping[str, Any], stored: StoredTable) -> CatalogTable:
        """A table of Iceberg or Delta: its objects and columns are those that its metadata name.

        Where no rows are read, its columns are those of Glue, as long as it has them.
        """
        if asked.reader is not None:
            return self._planned(asked, stored)
        known = columns_in_glue(found)
        if known is not None:
            return known
        if not asked.by_itself:
            raise UnusableFiles(
                "Glue does not know its columns, as Spark has it for tables of Delta, and they are read with the "
                "account's own profile alone: the operator maps one (account_profiles), or a crawler adds the table."
            )
        return replace(self._planned(asked, stored), objects=())

    def _planned(self, asked: _Asked, stored: StoredTable) -> CatalogTable:
        table, _ = self._snapshots.plan(asked.s3(), asked.identity, stored)
        return table


def _require_table(found: Mapping[str, Any]) -> None:
    if found.get("TableType") == _VIEW:
        raise UnusableFiles(
            "it is a view, and its SQL is not run here. Write its rows to a table (CREATE TABLE AS SELECT), and "
            "name that one."
        )
    if found.get("TargetTable"):
        raise UnusableFiles("it is a link to a table of another catalog: name that one.")


def _resolved(asked: _Asked, found: Mapping[str, Any]) -> CatalogTable:
    """A table of plain files."""
    storage, parameters = found.get("StorageDescriptor") or {}, found.get("Parameters") or {}
    read = read_as(storage, parameters)
    file_format, reading = read
    keys = found.get("PartitionKeys") or ()
    columns = tuple(
        Column(str(item["Name"]), spark_type(str(item.get("Type") or "string"), is_text=file_format in _TEXTS))
        for item in (*(storage.get("Columns") or ()), *keys)
    )
    partitions = tuple(str(key["Name"]) for key in keys)
    answer = CatalogTable((), file_format, columns, replace(reading, partitions=partitions), elsewhere=True)
    if asked.reader is None:
        return answer
    table = place_of(str(storage.get("Location") or ""))
    places = list(_partitions(asked, found, read)) if keys else [table]
    return replace(answer, objects=objects_of(asked.s3(), asked.identity, table, places))


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who asks, and in which catalog."""

    glue: Any
    s3: Callable[[], Any]
    identity: Identity
    by_itself: bool
    """Whether the account asks, and not the server for it."""
    catalog: Mapping[str, str]
    """What names it in a call, where it is not the asker's own."""
    place: str
    """For sentences."""
    reader: Reader | None
    """Who reads rows; None where columns are asked for."""


def _partitions(asked: _Asked, table: Mapping[str, Any], read: tuple[FileFormat, Reading]) -> Iterator[Place]:
    names = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
    pages = asked.glue.get_paginator("get_partitions").paginate(**names, ExcludeColumnSchema=True, **asked.catalog)
    with refusals("glue:GetPartitions", asked.identity, f"the table {table['DatabaseName']}.{table['Name']}"):
        for page in pages:
            for partition in page["Partitions"]:
                yield _place(partition, table, read)


def _place(partition: Mapping[str, Any], table: Mapping[str, Any], read: tuple[FileFormat, Reading]) -> Place:
    """Where a partition's objects are.

    Raises:
        UnusableFiles: it is read in another way than its table.
    """
    values = tuple(None if value == _NULL else str(value) for value in partition["Values"])
    shown = "/".join(value or "NULL" for value in values)[:_SHOWN]
    if len(values) != len(table["PartitionKeys"]):
        raise UnusableFiles(f"its partition {shown} has another number of values than the table has keys.")
    storage = partition.get("StorageDescriptor") or {}
    if read_as(storage, table.get("Parameters") or {}) != read:
        raise UnusableFiles(f"its partition {shown} has another SerDe, or other parameters of it, than the table.")
    return place_of(str(storage.get("Location") or ""), values)
