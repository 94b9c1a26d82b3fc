"""Which connection of an account leads to a table."""

from __future__ import annotations

import re

from whiteroom.databases.kinds import AnyConnection, Connections
from whiteroom.databases.refusals import DatabaseRefused
from whiteroom.databases.snowflake.connections import SnowflakeConnection
from whiteroom.domain.privacy.relations import Relation, same_account

_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}\Z")
"""What Secrets Manager appends to a secret's name in its ARN."""


def secret_names(name: str) -> tuple[str, ...]:
    """The connections that the name in a secret's ARN may mean, the likeliest first."""
    return (name, _SUFFIX.sub("", name)) if _SUFFIX.search(name) else (name,)


def connection_to(connections: Connections, account_id: str, relation: Relation) -> AnyConnection:
    """The connection to a table, which leads to that kind of database, and to that account of Snowflake.

    Raises:
        DatabaseRefused: the account has none.
    """
    names = secret_names(relation.connection) if relation.in_snowflake else (relation.connection,)
    found = next((one for name in names if (one := connections(account_id, name)) is not None), None)
    if found is None:
        url = "snowflake://USER@ACCOUNT" if relation.in_snowflake else "URL"
        raise DatabaseRefused(
            f"Account {account_id} has no connection '{names[-1]}'. The operator makes it with "
            f"`whiteroom connections add --account {account_id} {names[-1]} {url}`."
        )
    if not relation.in_snowflake:
        if isinstance(found, SnowflakeConnection):
            raise DatabaseRefused(
                f"The connection '{relation.connection}' leads to Snowflake, whose tables are in no catalog: "
                "tableReference.snowflake of CreateConfiguredTable names them."
            )
        return found
    if not isinstance(found, SnowflakeConnection):
        raise DatabaseRefused(
            f"tableReference.snowflake.secretArn names the connection '{names[-1]}', which leads to PostgreSQL: "
            "`whiteroom catalog add --connection` names its tables, and tableReference.glue those."
        )
    if same_account(relation.account) != found.account:
        raise DatabaseRefused(
            f"tableReference.snowflake.accountIdentifier is {relation.account}, and the connection leads to "
            f"{found.account}. Name that one, or have the operator make a connection to the other."
        )
    return found
