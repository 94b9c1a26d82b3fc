"""Which connection of an account leads to a table, and which does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whiteroom.databases.asking import Databases
from whiteroom.databases.finding import connection_to
from whiteroom.databases.kinds import AnyConnection, Connections, parse_any
from whiteroom.databases.refusals import DatabaseRefused
from whiteroom.domain.privacy.relations import Relation

ACCOUNT = "111122223333"
SNOWFLAKE = parse_any("snowflake://u@acme-clinic", "p")
POSTGRESQL = parse_any("postgresql://u@127.0.0.1/c", "p")
PATIENTS = Relation("clinic-A1b2C3", "WARD", "PATIENTS", {"id": "INT"}, account="ACME_clinic", database="LAKE")


def having(**named: AnyConnection) -> Connections:
    return lambda account, name: named.get(name.replace("-", "_")) if account == ACCOUNT else None


def test_a_secrets_name_is_the_connections_with_or_without_what_its_arn_appends() -> None:
    other = parse_any("snowflake://other@acme-clinic", "p")
    assert connection_to(having(clinic=SNOWFLAKE), ACCOUNT, PATIENTS) is SNOWFLAKE
    assert connection_to(having(clinic=SNOWFLAKE, clinic_A1b2C3=other), ACCOUNT, PATIENTS) is other
    named = replace(PATIENTS, connection="the-clinic")
    assert connection_to(having(the_clinic=SNOWFLAKE), ACCOUNT, named) is SNOWFLAKE


@pytest.mark.parametrize(
    ("connections", "relation", "told"),
    [
        (having(), PATIENTS, f"whiteroom connections add --account {ACCOUNT} clinic snowflake://USER@ACCOUNT"),
        (having(clinic=POSTGRESQL), PATIENTS, "which leads to PostgreSQL"),
        (having(clinic=SNOWFLAKE), replace(PATIENTS, account="other"), "accountIdentifier is other"),
        (having(clinic=SNOWFLAKE), Relation("clinic", "public", "rows"), "tableReference.snowflake"),
        (having(clinic=POSTGRESQL), Relation("clinic-A1b2C3", "public", "rows"), "has no connection 'clinic-A1b2C3'"),
    ],
)
def test_a_connection_to_something_else_is_refused_by_name(
    connections: Connections, relation: Relation, told: str
) -> None:
    with pytest.raises(DatabaseRefused, match=told):
        connection_to(connections, ACCOUNT, relation)


def test_snowflake_is_off_until_the_operator_switches_it_on() -> None:
    with pytest.raises(DatabaseRefused, match="`snowflake = true`"):
        Databases(having(clinic=SNOWFLAKE)).look(ACCOUNT, PATIENTS)
    with pytest.raises(DatabaseRefused, match="has no connection 'clinic'"):
        Databases(having(), snowflake=True).look(ACCOUNT, PATIENTS)
