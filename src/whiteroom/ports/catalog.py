"""The catalog: which files and columns members' tables refer to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from whiteroom.base.machine_errors import Trouble
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, Reading
from whiteroom.domain.privacy.readings import NO_WISHES, Wishes
from whiteroom.domain.privacy.relations import Relation


class TableNotFound(Exception):
    """The catalog has no such table for that account, or its files are gone. Safe for the table's owner."""


class CatalogUnavailable(Trouble):
    """The catalog cannot be asked now: whether it has the table is not known."""


@dataclass(frozen=True, slots=True)
class Reader:
    """For what a table is to be read, and with whose leave."""

    query_id: str
    role_arn: str
    """Of the table's association."""


class Catalog(Protocol):
    """Resolves what a configured table refers to."""

    @property
    def has_regions(self) -> bool:
        """Whether it has tables in several regions, which references may name."""

    def resolve(
        self, account_id: str, database: str, table: str, *, region: str = "", reader: Reader | None = None
    ) -> CatalogTable:
        """The files and schema of `database.table` of that account, as they are now.

        It may take its time, and no more than a request may: it runs on a thread, outside of any transaction.

        Args:
            account_id: whose table.
            database: its first name.
            table: its second.
            region: where the reference says it is; empty for the server's own.
            reader: who reads its rows; for None objects that are elsewhere are not listed.

        Raises:
            TableNotFound: the account has no such table, or its files cannot be read.
            CatalogUnavailable: the catalog does not answer now; ask again.
        """

    def resolve_relation(self, account_id: str, relation: Relation) -> CatalogTable:
        """A table that a reference names in a database of that account, as it is now; it takes as long.

        Raises:
            TableNotFound: the account has no way to it, or it is not as it is declared.
            CatalogUnavailable: the database does not answer now; ask again.
        """


TABLES = "Tables are Parquet, CSV, or JSON lines; the last two as they are or in gzip, zstd or bzip2."
"""For whoever gave something else."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What could be read of a file that was refused."""

    columns: tuple[Column, ...] = ()
    """As far as they were found; the type is empty where it was not."""
    rows: int | None = None
    """Those that can be read."""


class UnusableFiles(Exception):
    """Files that cannot be a table. The message names the file, says why, and holds no row."""

    def __init__(self, message: str, file: str = "", glimpse: Glimpse | None = None) -> None:
        super().__init__(message)
        self.file = file
        """Which one it is about; empty where it is about none alone."""
        self.glimpse = glimpse


@dataclass(frozen=True, slots=True)
class FoundTable:
    """What files are that were read to their end."""

    columns: tuple[Column, ...]
    """Those that all files have."""
    reading: Reading
    rows: int
    marks: tuple[str, ...]
    """Of each file, as CatalogTable has them."""
    first_rows: tuple[tuple[str | None, ...], ...]
    """A few rows, for the owner alone."""
    notes: tuple[str, ...] = ()
    """What the owner should know of them."""


class SchemaReader(Protocol):
    """Finds the columns of a table's files, and how their text is read."""

    def __call__(
        self, files: Sequence[str], file_format: FileFormat, wishes: Wishes = NO_WISHES, copies: str = ""
    ) -> FoundTable:
        """What the files are, read as the owner wishes and else as it is found.

        Args:
            files: absolute paths.
            file_format: of all of them.
            wishes: what their owner says of them.
            copies: a private folder; copies of files that cannot be read as they are stay there (CatalogTable.copies).

        Raises:
            UnusableFiles: a file is broken, files differ in their columns, a column has a nested type, or a wish
                cannot be kept.
        """


class SnapshotReader(Protocol):
    """Looks at the files of a table whose metadata say what they are."""

    def __call__(self, planned: CatalogTable) -> FoundTable:
        """How many rows it has, and the first of them.

        Raises:
            UnusableFiles: a file is broken, or is not what the metadata say.
        """
