"""What a reference to a table in Snowflake names."""

from __future__ import annotations

from typing import Any

from whiteroom.domain.privacy.relations import Relation
from whiteroom.domain.resources.snowflake_references import snowflake_relation
from whiteroom.domain.verdicts import Denied

BOB = "222222222222"
REFERENCE: dict[str, Any] = {
    "secretArn": f"arn:aws:secretsmanager:us-east-1:{BOB}:secret:prod/clinic-A1b2C3",
    "accountIdentifier": "acme",
    "databaseName": "LAKE",
    "tableName": "PATIENTS",
    "schemaName": "WARD",
    "tableSchema": {"v1": [{"columnName": "age", "columnType": "INT"}]},
}


def test_a_reference_names_one_table_however_it_is_reached() -> None:
    one = snowflake_relation({"snowflake": REFERENCE}, BOB)
    other = snowflake_relation({"snowflake": {**REFERENCE, "secretArn": REFERENCE["secretArn"] + "x"}}, BOB)
    assert isinstance(one, Relation)
    assert isinstance(other, Relation)
    assert one.connection == "prod/clinic-A1b2C3"
    assert one.source == other.source == "acme/LAKE.WARD.PATIENTS"


def test_a_reference_elsewhere_names_none_and_another_accounts_secret_is_refused() -> None:
    assert snowflake_relation({"glue": {"databaseName": "a", "tableName": "b"}}, BOB) is None
    assert isinstance(snowflake_relation({"snowflake": REFERENCE}, "111111111111"), Denied)
