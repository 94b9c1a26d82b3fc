from __future__ import annotations

from typing import Any

import pytest

from support.fake_data import MemoryCatalog
from support.worlds.requests import ALICE, BOB, CAROL, DAVE, collaboration_rule, custom_rule
from support.worlds.rooms import Room, an_invitation
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, ResourceNotFound, ValidationFault


def schema(server: Server, room: Room, name: str, account_id: str = ALICE) -> dict[str, Any]:
    answer = server.cleanrooms(account_id, "GetSchema", collaborationIdentifier=room.collaboration_id, name=name)
    return dict(answer["schema"])


def gaps(seen: dict[str, Any]) -> dict[str, list[str]]:
    """Reason codes by analysis type."""
    return {
        detail["analysisType"]: [reason["code"] for reason in detail["reasons"] or ()]
        for detail in seen["schemaStatusDetails"]
    }


def test_every_member_sees_the_allowed_columns_and_no_others(server: Server, room: Room) -> None:
    shared = room.shared_table(BOB, "patients", ("patient_id", "age"))
    seen = schema(server, room, "PATIENTS")
    assert seen["columns"] == [{"name": "patient_id", "type": "bigint"}, {"name": "age", "type": "bigint"}]
    assert seen["partitionKeys"] == []
    assert (seen["name"], seen["creatorAccountId"], seen["type"]) == ("patients", BOB, "TABLE")
    assert seen["schemaTypeProperties"] == {
        "configuredTableAssociation": {"configuredTableAssociationId": shared.association_id}
    }
    assert "secret" not in str(seen)


def test_a_table_for_algorithms_only_is_ready_for_them_alone(server: Server, room: Room) -> None:
    room.shared_table(BOB, "patients")
    seen = schema(server, room, "patients")
    assert {detail["analysisType"]: detail["status"] for detail in seen["schemaStatusDetails"]} == {
        "DIRECT_ANALYSIS": "NOT_READY",
        "ADDITIONAL_ANALYSIS": "READY",
    }
    assert gaps(seen)["DIRECT_ANALYSIS"][0] == "RESULT_RECEIVERS_NOT_ALLOWED"


def test_what_is_missing_is_told_step_by_step(server: Server, room: Room) -> None:
    table_id = room.configured_table(BOB, "patients")
    association_id = room.table_association(BOB, table_id, "patients")
    assert gaps(schema(server, room, "patients"))["ADDITIONAL_ANALYSIS"] == ["ANALYSIS_RULE_MISSING"]
    rule = {"configuredTableIdentifier": table_id, "analysisRuleType": "CUSTOM"}
    server.cleanrooms(
        BOB,
        "CreateConfiguredTableAnalysisRule",
        **rule,
        analysisRulePolicy=custom_rule(allowedAnalyses=[], additionalAnalyses="NOT_ALLOWED"),
    )
    assert gaps(schema(server, room, "patients"))["ADDITIONAL_ANALYSIS"] == [
        "ANALYSIS_TEMPLATES_NOT_CONFIGURED",
        "ADDITIONAL_ANALYSES_NOT_ALLOWED",
        "COLLABORATION_ANALYSIS_RULE_NOT_CONFIGURED",
    ]
    server.cleanrooms(
        BOB, "UpdateConfiguredTableAnalysisRule", **rule, analysisRulePolicy=custom_rule(additionalAnalyses="ALLOWED")
    )
    shared = {
        "membershipIdentifier": room.membership(BOB),
        "configuredTableAssociationIdentifier": association_id,
        "analysisRuleType": "CUSTOM",
    }
    empty: dict[str, Any] = {"v1": {"custom": {}}}
    server.cleanrooms(BOB, "CreateConfiguredTableAssociationAnalysisRule", **shared, analysisRulePolicy=empty)
    assert gaps(schema(server, room, "patients")) == {
        "DIRECT_ANALYSIS": ["RESULT_RECEIVERS_NOT_CONFIGURED"],
        "ADDITIONAL_ANALYSIS": ["ADDITIONAL_ANALYSES_NOT_CONFIGURED"],
    }
    full = collaboration_rule(allowedResultReceivers=[ALICE])
    server.cleanrooms(BOB, "UpdateConfiguredTableAssociationAnalysisRule", **shared, analysisRulePolicy=full)
    assert gaps(schema(server, room, "patients")) == {"DIRECT_ANALYSIS": [], "ADDITIONAL_ANALYSIS": []}


def test_a_rule_of_another_type_than_its_table_counts_as_none(server: Server, room: Room) -> None:
    shared = room.shared_table(BOB, "patients")
    its = {"configuredTableIdentifier": shared.configured_table_id}
    server.cleanrooms(BOB, "DeleteConfiguredTableAnalysisRule", **its, analysisRuleType="CUSTOM")
    assert gaps(schema(server, room, "patients"))["ADDITIONAL_ANALYSIS"] == ["ANALYSIS_RULE_MISSING"]
    policy = {"v1": {"list": {"joinColumns": ["patient_id"], "listColumns": ["age"]}}}
    server.cleanrooms(
        BOB, "CreateConfiguredTableAnalysisRule", **its, analysisRuleType="LIST", analysisRulePolicy=policy
    )
    here = {"collaborationIdentifier": room.collaboration_id, "name": "patients"}
    rule = server.cleanrooms(ALICE, "GetSchemaAnalysisRule", **here, type="LIST")["analysisRule"]
    assert rule["consolidatedPolicy"] is None
    assert schema(server, room, "patients")["analysisRuleTypes"] == ["LIST"]


def test_a_column_that_left_the_table_leaves_the_schema(server: Server, room: Room) -> None:
    room.shared_table(BOB, "patients")
    assert isinstance(server.catalog, MemoryCatalog)
    server.catalog.put(BOB, "lake", "patients", {"age": "int"})
    assert schema(server, room, "patients")["columns"] == [{"name": "age", "type": "int"}]


def test_a_table_whose_files_are_gone_is_not_found_and_its_path_is_not_told(server: Server, room: Room) -> None:
    room.shared_table(BOB, "patients")
    assert isinstance(server.catalog, MemoryCatalog)
    server.catalog.tables.clear()
    here = {"collaborationIdentifier": room.collaboration_id}
    fault = server.refused(ResourceNotFound, ALICE, "GetSchema", **here, name="patients")
    assert BOB in fault.message
    assert "lake" not in fault.message
    assert len(server.cleanrooms(ALICE, "ListSchemas", **here)["schemaSummaries"]) == 1


def test_schemas_are_listed_newest_first_page_by_page(server: Server, room: Room) -> None:
    for account_id, name in ((BOB, "one"), (CAROL, "two"), (BOB, "three")):
        room.table_association(account_id, room.configured_table(account_id, name), name)
    here = {"collaborationIdentifier": room.collaboration_id, "maxResults": 2}
    first = server.cleanrooms(ALICE, "ListSchemas", **here, schemaType="TABLE")
    second = server.cleanrooms(ALICE, "ListSchemas", **here, schemaType="TABLE", nextToken=first["nextToken"])
    pages = (first["schemaSummaries"], second["schemaSummaries"])
    assert [[item["name"] for item in page] for page in pages] == [["three", "two"], ["one"]]
    assert server.cleanrooms(ALICE, "ListSchemas", **here, schemaType="ID_MAPPING_TABLE")["schemaSummaries"] == []
    server.refused(ValidationFault, ALICE, "ListSchemas", **here, nextToken=first["nextToken"])


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("ListSchemas", {}),
        ("GetSchema", {"name": "patients"}),
        ("BatchGetSchema", {"names": ["patients"]}),
        ("GetSchemaAnalysisRule", {"name": "patients", "type": "CUSTOM"}),
        ("BatchGetSchemaAnalysisRule", {"schemaAnalysisRuleRequests": [{"name": "patients", "type": "CUSTOM"}]}),
    ],
)
def test_schemas_are_for_members_who_have_joined(
    server: Server, room: Room, operation: str, request_: dict[str, Any]
) -> None:
    room.shared_table(BOB, "patients")
    here = {"collaborationIdentifier": room.collaboration_id, **request_}
    server.cleanrooms(CAROL, operation, **here)
    server.refused(AccessDenied, DAVE, operation, **here)
    unjoined = an_invitation(server)
    server.refused(AccessDenied, BOB, operation, **{**here, "collaborationIdentifier": unjoined.collaboration_id})


def test_a_batch_answers_what_is_there_and_names_what_is_not(server: Server, room: Room) -> None:
    room.shared_table(BOB, "patients")
    answer = server.cleanrooms(
        ALICE, "BatchGetSchema", collaborationIdentifier=room.collaboration_id, names=["patients", "ghosts"]
    )
    assert [item["name"] for item in answer["schemas"]] == ["patients"]
    assert [(item["name"], item["code"]) for item in answer["errors"]] == [("ghosts", "ResourceNotFoundException")]


def test_every_member_reads_both_rules_of_a_table_and_their_sum(server: Server, room: Room) -> None:
    room.shared_table(BOB, "patients")
    here = {"collaborationIdentifier": room.collaboration_id}
    rule = server.cleanrooms(ALICE, "GetSchemaAnalysisRule", **here, name="patients", type="CUSTOM")["analysisRule"]
    assert rule["policy"] == custom_rule()
    assert rule["collaborationPolicy"] == collaboration_rule()
    merged = {**custom_rule()["v1"]["custom"], **collaboration_rule()["v1"]["custom"]}
    assert rule["consolidatedPolicy"] == {"v1": {"custom": merged}}
    for name, kind in (("patients", "LIST"), ("ghosts", "CUSTOM"), ("patients", "ID_MAPPING_TABLE")):
        server.refused(ResourceNotFound, ALICE, "GetSchemaAnalysisRule", **here, name=name, type=kind)


def test_a_batch_of_rules_answers_what_is_there_and_names_what_is_not(server: Server, room: Room) -> None:
    room.shared_table(BOB, "patients")
    wanted = [
        {"name": "patients", "type": "CUSTOM"},
        {"name": "patients", "type": "LIST"},
        {"name": "ghosts", "type": "CUSTOM"},
    ]
    answer = server.cleanrooms(
        ALICE,
        "BatchGetSchemaAnalysisRule",
        collaborationIdentifier=room.collaboration_id,
        schemaAnalysisRuleRequests=wanted,
    )
    assert [(item["name"], item["type"]) for item in answer["analysisRules"]] == [("patients", "CUSTOM")]
    assert [{"name": item["name"], "type": item["type"]} for item in answer["errors"]] == wanted[1:]
