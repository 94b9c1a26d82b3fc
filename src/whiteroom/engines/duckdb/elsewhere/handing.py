"""What a query's child is handed to read tables elsewhere with, and how it says that it could not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from whiteroom.domain.privacy.query_tables import QueryTable

Handed = Mapping[str, Mapping[str, str]]
"""Credentials, as AwsClients.credentials answers them, by the ids of the tables' associations."""

REFUSED = "REFUSED"
"""What stands there instead where they could not be had: why."""


class NotBrought(Exception):
    """A table could not be brought. The message is for whoever asked; it names no bucket and no role."""

    def __init__(self, message: str, table: QueryTable, why: Exception, *, again: bool) -> None:
        super().__init__(message)
        self.again = again
        """Whether it may be had another time."""
        self.owners = {table.association_id: str(why)}
        """Why, by the association's id: for its owner alone."""


class TooMuch(Exception):
    """What is to be brought is more than the server allows."""


@dataclass(frozen=True, slots=True)
class Staging:
    """Where tables are brought to, with what, and how much of them."""

    folder: Path
    """The query's own, which nobody else reads."""
    handed: Handed
    most_bytes: int
