"""What a query's child is handed to read tables elsewhere with, and how it says that it could not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from whiteroom.databases.finding import connection_to
from whiteroom.databases.kinds import Connections, connection_document
from whiteroom.databases.refusals import DatabaseRefused
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.privacy.relations import Relation

Handed = Mapping[str, Mapping[str, str]]
"""By the ids of the tables' associations: credentials, as AwsClients.credentials answers them, or CONNECTION."""

CONNECTION = "CONNECTION"
"""Of a table of a database: the connection to it, as a JSON document."""

REFUSED = "REFUSED"
"""What is there instead where they could not be had: why."""


def connection_for(connections: Connections | None, table: QueryTable, relation: Relation) -> Mapping[str, str]:
    """What the child reads a table of a database with: its owner's own connection."""
    try:
        found = connection_to(connections or _none, table.owner_account_id, relation)
    except DatabaseRefused as why:
        return {REFUSED: str(why)}
    return {CONNECTION: json.dumps(connection_document(found))}


def _none(_account_id: str, _name: str) -> None:
    """As where there are no connections."""


class NotBrought(Exception):
    """A table could not be brought. The message is for whoever asked; it names no bucket and no role."""

    def __init__(self, message: str, table: QueryTable, why: Exception, *, again: bool) -> None:
        super().__init__(message)
        self.again = again
        """Whether it may be had another time."""
        self.owners = {table.association_id: str(why)}
        """Why, by the association's id: for its owner alone."""


def refused(table: QueryTable, what: str, why: Exception) -> NotBrought:
    """A table whose owner's `what` refused the server: the same is refused again."""
    return NotBrought(
        f"The table '{table.name}' cannot be read: the {what} of its owner, account {table.owner_account_id}, "
        "refused the server. Its owner is told why.",
        table,
        why,
        again=False,
    )


def interrupted(table: QueryTable, why: Exception, *, moved: bool) -> NotBrought:
    """A table that could not be read to its end, or was another one meanwhile, however often it was tried."""
    how = "changed while it was read" if moved else "could not be read to its end"
    return NotBrought(f"The table '{table.name}' {how}, again and again. Ask later.", table, why, again=True)


class TooMuch(Exception):
    """What is to be brought is more than the server allows."""


@dataclass(frozen=True, slots=True)
class Staging:
    """Where tables are brought to, with what, and how much of them."""

    folder: Path
    """The query's own, which nobody else reads."""
    handed: Handed
    most_bytes: int
    seconds: int = 3_600
    """How long a database has for what it is asked: as long as the query."""
