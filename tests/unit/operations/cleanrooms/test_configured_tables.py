from __future__ import annotations

from typing import Any

import pytest

from support.fake_data import MemoryCatalog
from support.worlds.requests import ALICE, BOB, REGION
from support.worlds.rooms import Room
from support.worlds.servers import Server
from whiteroom.base.faults import Conflict, Fault, QuotaExceeded, ResourceNotFound, ValidationFault
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat
from whiteroom.domain.privacy.relations import Relation
from whiteroom.domain.resources.quotas import Quota

NOWHERE = "99999999-0000-4000-8000-000000000000"
GLUE = {"glue": {"databaseName": "lake", "tableName": "patients"}}


def a_request(**changes: Any) -> dict[str, Any]:
    request = {
        "name": "patients",
        "tableReference": GLUE,
        "allowedColumns": ["patient_id", "age"],
        "analysisMethod": "DIRECT_QUERY",
    }
    return {**request, **changes}


@pytest.fixture(autouse=True)
def lake(server: Server) -> MemoryCatalog:
    assert isinstance(server.catalog, MemoryCatalog)
    server.catalog.put(BOB, "lake", "patients", {"patient_id": "bigint", "Age": "int", "weight": "double"})
    return server.catalog


def create(server: Server, **changes: Any) -> dict[str, Any]:
    return dict(server.cleanrooms(BOB, "CreateConfiguredTable", **a_request(**changes))["configuredTable"])


def test_a_table_of_the_catalog_is_configured_with_its_columns_in_any_case(server: Server) -> None:
    table = create(server, description="Ward 3", tags={"ward": "3"})
    assert table["tableType"] == "GLUE"
    assert list(table["allowedColumns"]) == ["patient_id", "age"]
    assert table["analysisRuleTypes"] == []
    assert table["arn"] == f"arn:aws:cleanrooms:eu-central-1:{BOB}:configuredtable/{table['id']}"
    assert server.cleanrooms(BOB, "GetConfiguredTable", configuredTableIdentifier=table["id"]) == {
        "configuredTable": table
    }
    with server.store.reading() as tx:
        assert tx.tags.get(table["arn"]) == {"ward": "3"}


def test_an_athena_reference_names_the_same_catalog(server: Server) -> None:
    reference = {"athena": {"databaseName": "lake", "tableName": "patients", "workGroup": "primary"}}
    assert create(server, tableReference=reference)["tableType"] == "ATHENA"


SNOWFLAKE = {
    "snowflake": {
        "secretArn": f"arn:aws:secretsmanager:us-east-1:{BOB}:secret:clinic-A1b2C3",
        "accountIdentifier": "acme",
        "databaseName": "lake",
        "tableName": "patients",
        "schemaName": "public",
        "tableSchema": {"v1": [{"columnName": "age", "columnType": "int"}]},
    }
}


SECRET = "arn:aws:secretsmanager:us-east-1"
AGE = {"columnName": "age", "columnType": "int"}


def snowflake(**changes: Any) -> dict[str, Any]:
    """The reference with other members."""
    return {"snowflake": {**SNOWFLAKE["snowflake"], **changes}}


_UUID = "00000000-0000-4000-8000-000000000001"
DATABRICKS = {
    "databricks": {
        "schemaName": "lake",
        "tableName": "patients",
        "workspaceUrl": "https://acme.cloud.databricks.com",
        "connectionType": {
            "deltaSharing": {
                "deltaShareEndpoint": (
                    f"https://acme.cloud.databricks.com/api/2.0/delta-sharing/metastores/{_UUID}/recipients/{_UUID}"
                ),
                "shareName": "share",
            }
        },
    }
}


PATIENTS = {"databaseName": "lake", "tableName": "patients"}


def test_a_reference_may_name_the_region_of_the_request_and_athenas_own_work_group_and_catalog(server: Server) -> None:
    for kind, more in (("glue", {}), ("athena", {"workGroup": "primary", "catalogName": "AwsDataCatalog"})):
        table = create(server, name=kind, tableReference={kind: {**PATIENTS, **more, "region": REGION}})
        assert table["tableReference"][kind]["region"] == REGION


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"tableReference": SNOWFLAKE}, "no table acme/lake.public.patients"),
        ({"tableReference": snowflake(secretArn=f"{SECRET}:{ALICE}:secret:clinic")}, "secretArn is of account"),
        ({"tableReference": snowflake(tableSchema={"v1": [AGE, AGE]})}, "names each column once"),
        ({"tableReference": DATABRICKS}, "databricks"),
        ({"tableReference": {"glue": {"databaseName": "lake", "tableName": "ghosts"}}}, "no table lake.ghosts"),
        ({"allowedColumns": ["age", "salary"]}, "salary"),
        ({"allowedColumns": ["age", "age"]}, "more than once"),
        ({"analysisMethod": "DIRECT_JOB"}, "DIRECT_JOB"),
        ({"analysisMethod": "MULTIPLE", "selectedAnalysisMethods": ["DIRECT_QUERY", "DIRECT_JOB"]}, "PySpark"),
        ({"analysisMethod": "DIRECT_QUERY", "selectedAnalysisMethods": ["DIRECT_QUERY"]}, "MULTIPLE"),
        ({"tableReference": {"glue": {**PATIENTS, "region": "eu-west-1"}}}, "eu-west-1"),
        ({"tableReference": {"athena": {**PATIENTS, "workGroup": "primary", "region": "eu-west-1"}}}, "eu-west-1"),
        ({"tableReference": {"athena": {**PATIENTS, "workGroup": "analysts"}}}, "workGroup"),
        ({"tableReference": {"athena": {**PATIENTS, "workGroup": "primary", "catalogName": "other"}}}, "catalogName"),
        (
            {"tableReference": {"athena": {**PATIENTS, "workGroup": "primary", "outputLocation": "s3://athena/b"}}},
            "outputLocation",
        ),
        ({"tags": {"aws:x": "y"}}, "aws:"),
    ],
)
def test_a_table_that_could_not_be_queried_is_refused_when_it_is_configured(
    server: Server, change: dict[str, Any], word: str
) -> None:
    fault = server.refused(ValidationFault, BOB, "CreateConfiguredTable", **a_request(**change))
    assert word in fault.message
    assert server.cleanrooms(BOB, "ListConfiguredTables")["configuredTableSummaries"] == []


def test_every_member_of_a_reference_to_snowflake_says_what_is_read(server: Server, lake: MemoryCatalog) -> None:
    asked: list[Relation] = []

    def found(relation: Relation) -> CatalogTable:
        asked.append(relation)
        kept = tuple(Column(name, "bigint") for name in relation.types)
        return CatalogTable((), FileFormat.PARQUET, kept, elsewhere=True, relation=relation)

    lake.relations[BOB, "acme/lake.public.patients"] = found
    table = create(server, tableReference=SNOWFLAKE, allowedColumns=["age"])
    assert table["tableType"] == "SNOWFLAKE"
    assert table["tableReference"] == SNOWFLAKE
    assert asked == [Relation("clinic-A1b2C3", "public", "patients", {"age": "int"}, account="acme", database="lake")]
    more = a_request(tableReference=SNOWFLAKE, allowedColumns=["age", "weight"], name="more")
    assert "weight" in server.refused(ValidationFault, BOB, "CreateConfiguredTable", **more).message
    for member in ("accountIdentifier", "databaseName", "schemaName", "tableName"):
        other = a_request(tableReference=snowflake(**{member: "other"}), allowedColumns=["age"], name=member)
        assert "no table" in server.refused(ValidationFault, BOB, "CreateConfiguredTable", **other).message
    secret = snowflake(secretArn=f"{SECRET}:{BOB}:secret:other")
    create(server, name="by another", tableReference=secret, allowedColumns=["age"])
    assert asked[-1].connection == "other"
    typed = snowflake(tableSchema={"v1": [{**AGE, "columnType": "date"}]})
    create(server, name="of another type", tableReference=typed, allowedColumns=["age"])
    assert asked[-1].types == {"age": "date"}


def test_another_accounts_catalog_is_out_of_reach(server: Server) -> None:
    server.refused(ValidationFault, ALICE, "CreateConfiguredTable", **a_request())


def test_names_are_unique_in_an_account(server: Server, lake: MemoryCatalog) -> None:
    create(server)
    fault = server.refused(Conflict, BOB, "CreateConfiguredTable", **a_request())
    assert fault.members["reason"] == "ALREADY_EXISTS"
    lake.put(ALICE, "lake", "patients", {"patient_id": "bigint", "age": "int"})
    server.cleanrooms(ALICE, "CreateConfiguredTable", **a_request())


def test_configured_tables_have_a_quota(server: Server) -> None:
    server.set_quota(Quota.CONFIGURED_TABLES_PER_ACCOUNT, 1)
    create(server)
    server.refused(QuotaExceeded, BOB, "CreateConfiguredTable", **a_request(name="more"))


def test_an_update_changes_what_it_names_alone(server: Server) -> None:
    table = create(server, description="Ward 3")
    here = {"configuredTableIdentifier": table["id"]}
    changed = server.cleanrooms(BOB, "UpdateConfiguredTable", **here, allowedColumns=["weight"])["configuredTable"]
    assert list(changed["allowedColumns"]) == ["weight"]
    assert (changed["name"], changed["description"]) == ("patients", "Ward 3")
    assert changed["updateTime"] > changed["createTime"]
    changed = server.cleanrooms(BOB, "UpdateConfiguredTable", **here, analysisMethod="DIRECT_QUERY")["configuredTable"]
    assert changed["selectedAnalysisMethods"] is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"allowedColumns": ["salary"]}, ValidationFault),
        ({"tableReference": SNOWFLAKE}, ValidationFault),
        ({"tableReference": {"glue": {"databaseName": "lake", "tableName": "ghosts"}}}, ValidationFault),
        ({"name": "taken"}, Conflict),
    ],
)
def test_an_update_is_held_to_the_same_rules_and_changes_nothing_when_refused(
    server: Server, change: dict[str, Any], fault: type[Fault]
) -> None:
    create(server, name="taken")
    table = create(server)
    here = {"configuredTableIdentifier": table["id"]}
    server.refused(fault, BOB, "UpdateConfiguredTable", **here, **change)
    assert server.cleanrooms(BOB, "GetConfiguredTable", **here)["configuredTable"] == table


def test_a_column_that_the_rule_names_stays_allowed(server: Server) -> None:
    table = create(server)
    here = {"configuredTableIdentifier": table["id"]}
    rule = {"v1": {"list": {"joinColumns": ["patient_id"], "listColumns": ["age"]}}}
    server.cleanrooms(
        BOB, "CreateConfiguredTableAnalysisRule", **here, analysisRuleType="LIST", analysisRulePolicy=rule
    )
    fault = server.refused(Conflict, BOB, "UpdateConfiguredTable", **here, allowedColumns=["patient_id"])
    assert "age" in fault.message
    server.cleanrooms(BOB, "UpdateConfiguredTable", **here, allowedColumns=["weight", "patient_id", "age"])


def test_another_accounts_table_is_not_found(server: Server) -> None:
    table = create(server)
    for table_id in (table["id"], NOWHERE):
        for operation in ("GetConfiguredTable", "UpdateConfiguredTable", "DeleteConfiguredTable"):
            fault = server.refused(ResourceNotFound, ALICE, operation, configuredTableIdentifier=table_id)
            assert fault.members == {"resourceId": table_id, "resourceType": "CONFIGURED_TABLE"}


def test_tables_are_listed_newest_first_page_by_page(server: Server) -> None:
    for number in range(3):
        create(server, name=f"table {number}")
    first = server.cleanrooms(BOB, "ListConfiguredTables", maxResults=2)
    second = server.cleanrooms(BOB, "ListConfiguredTables", maxResults=2, nextToken=first["nextToken"])
    names = [item["name"] for item in (*first["configuredTableSummaries"], *second["configuredTableSummaries"])]
    assert names == ["table 2", "table 1", "table 0"]
    assert second["nextToken"] is None
    assert server.cleanrooms(ALICE, "ListConfiguredTables")["configuredTableSummaries"] == []


def test_a_table_is_deleted_with_its_rule_once_no_collaboration_uses_it(server: Server, room: Room) -> None:
    shared = room.shared_table(BOB, "visits")
    here = {"configuredTableIdentifier": shared.configured_table_id}
    fault = server.refused(Conflict, BOB, "DeleteConfiguredTable", **here)
    assert fault.members == {
        "resourceId": shared.configured_table_id,
        "resourceType": "CONFIGURED_TABLE",
        "reason": "SUBRESOURCES_EXIST",
    }
    server.cleanrooms(
        BOB,
        "DeleteConfiguredTableAssociation",
        membershipIdentifier=room.membership(BOB),
        configuredTableAssociationIdentifier=shared.association_id,
    )
    server.cleanrooms(BOB, "DeleteConfiguredTable", **here)
    server.refused(ResourceNotFound, BOB, "DeleteConfiguredTable", **here)
    with server.store.reading() as tx:
        assert tx.configured_table_analysis_rules.get(shared.configured_table_id) is None
