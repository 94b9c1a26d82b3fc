"""Tables of the catalog that are in members' databases."""

from __future__ import annotations

from collections.abc import Callable

from whiteroom.catalog.entries import CatalogEntry
from whiteroom.databases.asking import LookedAt
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat
from whiteroom.domain.privacy.relations import Relation
from whiteroom.ports.catalog import CatalogUnavailable, TableNotFound

Look = Callable[[str, Relation], LookedAt]
"""Databases.look: an account's table, as its database has it now."""


def relation_table(look: Look | None, account_id: str, name: str, relation: Relation) -> CatalogTable:
    """The table with its columns of now; its rows are brought when a query reads them.

    Raises:
        TableNotFound: the database has no such table, or does not let it be read.
        CatalogUnavailable: it does not answer now.
    """
    if look is None:
        raise TableNotFound(f"Table {name} is in a database, which is not read here.")
    try:
        found = look(account_id, relation)
    except DatabaseUnreachable as error:
        raise CatalogUnavailable(f"Table {name}: {error}") from None
    except DatabaseRefused as error:
        raise TableNotFound(f"Table {name}: {error}") from None
    return CatalogTable((), FileFormat.PARQUET, found.columns, elsewhere=True, relation=relation)


def relation_entry(
    account_id: str, database: str, table: str, relation: Relation, columns: tuple[Column, ...]
) -> CatalogEntry:
    """How the table is kept under a name of the catalog, with the columns that its database says it has."""
    source = f"{relation.connection}:{relation.shown}"
    name = account_id, database.lower(), table.lower()
    return CatalogEntry(*name, (source,), FileFormat.POSTGRESQL, columns, relation=relation)
