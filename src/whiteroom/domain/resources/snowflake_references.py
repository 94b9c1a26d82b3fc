"""References to tables in Snowflake: TableReference.snowflake, of which every member counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from whiteroom.base.arns import parse_arn
from whiteroom.domain.privacy.relations import Relation
from whiteroom.domain.verdicts import Denied

KIND = "snowflake"
_BEFORE_NAME = "secret:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_+=.@-]*")
"""As connections are called. The service's model takes any, and a refusal shows the operator a command with it."""


def snowflake_relation(table_reference: Mapping[str, Any], account_id: str) -> Relation | Denied | None:
    """The table that a reference of an account names in Snowflake; None where it names one elsewhere."""
    reference = table_reference.get(KIND)
    if reference is None:
        return None
    secret = parse_arn(reference["secretArn"])
    if secret.account_id != account_id:
        return Denied(
            f"tableReference.snowflake.secretArn is of account {secret.account_id}; it must be of your own, "
            f"{account_id}."
        )
    name = secret.resource.removeprefix(_BEFORE_NAME)
    if not _NAME.fullmatch(name):
        return Denied(
            "tableReference.snowflake.secretArn names no secret here: such a name begins with a letter or a digit, and "
            "has letters, digits and characters of /_+=.@-."
        )
    declared = reference["tableSchema"].get("v1", ())
    types = {column["columnName"].lower(): column["columnType"] for column in declared}
    if not types or len(types) < len(declared):
        return Denied("tableReference.snowflake.tableSchema.v1 names each column once, and one at least.")
    return Relation(
        connection=name,
        schema=reference["schemaName"],
        name=reference["tableName"],
        types=types,
        account=reference["accountIdentifier"],
        database=reference["databaseName"],
    )
