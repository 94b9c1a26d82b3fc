"""The catalog for operations: it answers what is already known, and has the rest looked up outside the transaction.

A catalog may read files, or ask a server far away. An operation that asks for a table that is not known yet is undone,
the table is looked up on a thread, and the operation begins anew: no transaction is open meanwhile, and no loop waits.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from whiteroom.base.documents import to_document
from whiteroom.base.faults import Throttled
from whiteroom.domain.privacy.query_tables import CatalogTable
from whiteroom.domain.privacy.relations import Relation
from whiteroom.ports.catalog import Catalog, CatalogUnavailable, Reader, TableNotFound

log = logging.getLogger(__name__)

TableName = tuple[str, str, str, str]
"""The owner's account, the database, the table and the region."""


@dataclass(frozen=True, slots=True)
class RelationName:
    """A table that a reference names in a database."""

    account_id: str
    relation: Relation = field(compare=False)
    text: str
    """The relation, written out: what it is told from others by."""


Named = TableName | RelationName


class NotLookedUp(Exception):
    """The operation asks for a table that is to be looked up first."""

    def __init__(self, name: Named) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class CatalogAnswers:
    """A `Catalog` for one call."""

    catalog: Catalog
    _found: dict[Named, CatalogTable | TableNotFound | CatalogUnavailable] = field(default_factory=dict)

    @property
    def has_regions(self) -> bool:
        """ports.Catalog."""
        return self.catalog.has_regions

    def resolve(
        self,
        account_id: str,
        database: str,
        table: str,
        *,
        region: str = "",
        reader: Reader | None = None,  # noqa: ARG002 - no operation reads rows
    ) -> CatalogTable:
        """ports.Catalog.

        Raises:
            TableNotFound: as the catalog said.
            Throttled: it could not be asked now.
            NotLookedUp: nobody has asked it yet.
        """
        return self._answer((account_id, database, table, region))

    def resolve_relation(self, account_id: str, relation: Relation) -> CatalogTable:
        """ports.Catalog.

        Raises:
            TableNotFound, Throttled, NotLookedUp: as of `resolve`.
        """
        return self._answer(RelationName(account_id, relation, repr(to_document(relation))))

    def _answer(self, name: Named) -> CatalogTable:
        if name not in self._found:
            raise NotLookedUp(name)
        found = self._found[name]
        if isinstance(found, CatalogUnavailable):
            raise Throttled("The catalog of tables does not answer now. Ask again.")
        if isinstance(found, TableNotFound):
            raise found
        return found

    def look_up(self, name: Named) -> None:
        """Ask the catalog, however long it takes."""
        try:
            if isinstance(name, RelationName):
                self._found[name] = self.catalog.resolve_relation(name.account_id, name.relation)
            else:
                account_id, database, table, region = name
                self._found[name] = self.catalog.resolve(account_id, database, table, region=region)
        except CatalogUnavailable as error:
            log.warning("the catalog does not answer: %s", error)
            self._found[name] = error
        except TableNotFound as error:
            self._found[name] = error
