"""Opens members' databases for reading, whatever they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from whiteroom.databases.columns import SourceColumn
from whiteroom.databases.connections import Connection
from whiteroom.databases.kinds import AnyConnection
from whiteroom.databases.postgresql.reading import transaction
from whiteroom.databases.snowflake.reading import session
from whiteroom.domain.privacy.relations import Relation


class Source(Protocol):
    """A database that is open."""

    def hold(self, relations: Sequence[Relation]) -> None:
        """Have all of these stay the tables that they are, where the database can; before anything is read."""

    def columns(self, relation: Relation) -> list[SourceColumn]:
        """The columns of a table, as they are now."""

    def may_write(self, relation: Relation) -> bool:
        """Whether the connection's user is known to be able to do more with the table than read it."""

    def rows(self, relation: Relation, columns: Sequence[SourceColumn]) -> Iterator[Any]:
        """Batches of Arrow, with the columns in their order."""


def opened(connection: AnyConnection, statement_seconds: int) -> AbstractContextManager[Source]:
    """The database behind a connection; each statement has so many seconds.

    Raises:
        DatabaseRefused: it lets nobody in as that user, or its driver is not installed.
        DatabaseUnreachable: it does not answer.
    """
    if isinstance(connection, Connection):
        return transaction(connection, statement_seconds)
    return session(connection, statement_seconds)
