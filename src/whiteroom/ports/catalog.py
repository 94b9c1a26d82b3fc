"""What members' tables refer to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat


class TableNotFound(Exception):
    """The catalog has no such table for that account, or its files are gone. Safe for the table's owner."""


class Catalog(Protocol):
    """Resolves what a configured table refers to."""

    def resolve(self, account_id: str, database: str, table: str) -> CatalogTable:
        """The files and schema of `database.table` of that account, as they are now.

        It may take its time, and no more than a request may: it runs on a thread, outside of any transaction.

        Raises:
            TableNotFound: the account has no such table, or its files cannot be read.
        """


class UnusableFiles(Exception):
    """Files that cannot be a table. The message names the file, says why, and holds no row."""


class SchemaReader(Protocol):
    """Finds the columns of a table's files."""

    def __call__(self, files: Sequence[str], file_format: FileFormat) -> tuple[Column, ...]:
        """The columns that all files have.

        Raises:
            UnusableFiles: a file is broken, files differ in their columns, or a column has a nested type.
        """
