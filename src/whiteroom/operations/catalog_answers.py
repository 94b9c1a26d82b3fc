"""What the catalog answers while an operation runs: what is known by now, and nothing that has to be waited for.

A catalog may read files, or ask a server far away. An operation that asks for a table that is not known yet is undone,
the table is looked up on a thread, and the operation begins anew: no transaction is open meanwhile, and no loop waits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from whiteroom.domain.privacy.query_tables import CatalogTable
from whiteroom.ports import Catalog, TableNotFound

TableName = tuple[str, str, str]
"""The owner's account, the database and the table."""


class NotLookedUp(Exception):
    """The operation asks for a table that is to be looked up first."""

    def __init__(self, name: TableName) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class CatalogAnswers:
    """A `Catalog` for one call."""

    catalog: Catalog
    _found: dict[TableName, CatalogTable | TableNotFound] = field(default_factory=dict)

    def resolve(self, account_id: str, database: str, table: str) -> CatalogTable:
        """ports.Catalog.

        Raises:
            TableNotFound: as the catalog said.
            NotLookedUp: nobody has asked it yet.
        """
        name = (account_id, database, table)
        if name not in self._found:
            raise NotLookedUp(name)
        found = self._found[name]
        if isinstance(found, TableNotFound):
            raise found
        return found

    def look_up(self, name: TableName) -> None:
        """Ask the catalog, however long it takes."""
        try:
            self._found[name] = self.catalog.resolve(*name)
        except TableNotFound as error:
            self._found[name] = error
