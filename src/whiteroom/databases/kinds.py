"""The databases that members' tables may be in, and how a connection to any of them is written and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from whiteroom.base.documents import from_document
from whiteroom.databases.connections import Connection, parse_connection
from whiteroom.databases.snowflake.connections import SNOWFLAKE, SnowflakeConnection, parse_snowflake

AnyConnection = Connection | SnowflakeConnection

Connections = Callable[[str, str], AnyConnection | None]
"""The connection of an account that has a name; None where it has none of that name."""

_SNOWFLAKES_OWN = "account"
"""The field that no connection to PostgreSQL has."""


def parse_any(url: str, secret: str) -> AnyConnection:
    """A connection, as an operator writes it.

    Raises:
        ValueError: what is written is none, or may not be. The message says why, and holds no secret.
    """
    if url.partition("://")[0].lower() == SNOWFLAKE:
        return parse_snowflake(url, secret)
    return parse_connection(url, secret)


def connection_document(connection: AnyConnection) -> dict[str, Any]:
    """What is kept of it, or handed to a process."""
    return asdict(connection)


def connection_in(document: Mapping[str, Any]) -> AnyConnection:
    """The connection in a document that `connection_document` made.

    Raises:
        NoDocument: there is none.
    """
    if _SNOWFLAKES_OWN in document:
        return from_document(SnowflakeConnection, document)
    return from_document(Connection, document)
