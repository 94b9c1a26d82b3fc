"""Asks a member's database for the columns of a table, in a process of its own.

Whatever answers, it takes a bounded time and memory, and none of the server's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from whiteroom.base.documents import NoDocument, from_document
from whiteroom.base.proxies import proxies
from whiteroom.databases.finding import connection_to
from whiteroom.databases.kinds import AnyConnection, Connections, connection_document
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable
from whiteroom.domain.privacy.query_tables import Column
from whiteroom.domain.privacy.relations import Relation

_ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Arrow's other pools reserve what they do not use, which counts (child.MEMORY_BYTES)."""
_CHILD = "whiteroom.databases.child"
SECONDS = 30
"""How long a database may take to answer; it has as long to be connected to as libpq is told, within that."""

SNOWFLAKE_IS_OFF = (
    "Tables in Snowflake (tableReference.snowflake) are not read by this server: that is unproven, and off. The "
    "operator switches it on with the setting `snowflake = true`, or registers files of them with "
    "`whiteroom catalog add`."
)


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What a database says of a table."""

    columns: tuple[Column, ...]
    """Those that its user may read; one of a type that no query can use has the database's own name of that."""
    may_write: bool = False
    """Whether the connection's user may do more with the table than read it."""


class Databases:
    """Members' databases, by the connections that the operator has made."""

    def __init__(self, connections: Connections, seconds: float = SECONDS, *, snowflake: bool = False) -> None:
        """Look connections up.

        Args:
            connections: has them.
            seconds: a database that takes longer does not answer.
            snowflake: whether the operator has tables in Snowflake read.
        """
        self._connections = connections
        self._seconds = seconds
        self._snowflake = snowflake

    def look(self, account_id: str, relation: Relation) -> LookedAt:
        """The columns of a table, as they are now.

        Raises:
            DatabaseRefused: it cannot be read by that connection, or there is no such connection.
            DatabaseUnreachable: that cannot be told now.
        """
        if relation.in_snowflake and not self._snowflake:
            raise DatabaseRefused(SNOWFLAKE_IS_OFF)
        return self.look_over(connection_to(self._connections, account_id, relation), relation)

    def look_over(self, connection: AnyConnection, relation: Relation | None) -> LookedAt:
        """Likewise over a connection that is at hand; without a relation, only whether the database lets it in."""
        asked = {
            "connection": connection_document(connection),
            "relation": None if relation is None else asdict(relation),
        }
        answer = self._answer(json.dumps(asked).encode(), connection.shown)
        if "refused" in answer:
            raise DatabaseRefused(str(answer["refused"]))
        if "unreachable" in answer:
            raise DatabaseUnreachable(str(answer["unreachable"]))
        try:
            return from_document(LookedAt, answer)
        except NoDocument:
            raise DatabaseUnreachable(f"{connection.shown} gave no answer that could be read.") from None

    def _answer(self, asked: bytes, shown: str) -> Any:
        command = [sys.executable, "-I", "-B", "-m", _CHILD]
        try:
            child = subprocess.run(
                command,
                input=asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=self._seconds,
                check=False,
                env={**_ENVIRONMENT, **proxies()},
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            raise DatabaseUnreachable(f"{shown} does not answer within {self._seconds:g} seconds.") from None
        try:
            return json.loads(child.stdout)
        except ValueError:
            raise DatabaseUnreachable(f"{shown} gave no answer that could be read.") from None
