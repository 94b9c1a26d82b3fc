"""What members' tables refer to."""

from __future__ import annotations

from typing import Protocol

from whiteroom.domain.queries import CatalogTable


class TableNotFound(Exception):
    """The catalog has no such table for that account, or its files are gone. Safe for the table's owner."""


class Catalog(Protocol):
    """Resolves what a configured table refers to. Contract suite: tests/contract/catalog/."""

    def resolve(self, account_id: str, database: str, table: str) -> CatalogTable:
        """The files and schema of `database.table` of that account, as they are now.

        Raises:
            TableNotFound: the account has no such table, or its files cannot be read.
        """
