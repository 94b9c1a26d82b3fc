from __future__ import annotations

from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, DAVE, collaboration_rule, custom_rule
from support.worlds.rooms import Room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, Conflict, ResourceNotFound, ValidationFault


@pytest.fixture
def table_id(room: Room) -> str:
    return room.configured_table(BOB, "patients")


@pytest.fixture
def here(room: Room, server: Server, table_id: str) -> dict[str, Any]:
    """An association whose table has a CUSTOM rule, and no collaboration rule yet."""
    server.cleanrooms(
        BOB,
        "CreateConfiguredTableAnalysisRule",
        configuredTableIdentifier=table_id,
        analysisRuleType="CUSTOM",
        analysisRulePolicy=custom_rule(),
    )
    return {
        "membershipIdentifier": room.membership(BOB),
        "configuredTableAssociationIdentifier": room.table_association(BOB, table_id, "patients"),
        "analysisRuleType": "CUSTOM",
    }


CREATE = "CreateConfiguredTableAssociationAnalysisRule"
GET = "GetConfiguredTableAssociationAnalysisRule"
UPDATE = "UpdateConfiguredTableAssociationAnalysisRule"
DELETE = "DeleteConfiguredTableAssociationAnalysisRule"


def test_the_collaboration_rule_can_be_set_read_changed_and_deleted(server: Server, here: dict[str, Any]) -> None:
    policy = collaboration_rule(allowedResultReceivers=[ALICE])
    rule = server.cleanrooms(BOB, CREATE, **here, analysisRulePolicy=policy)["analysisRule"]
    assert (rule["type"], rule["policy"]) == ("CUSTOM", policy)
    assert server.cleanrooms(BOB, GET, **here)["analysisRule"] == rule
    fault = server.refused(Conflict, BOB, CREATE, **here, analysisRulePolicy=policy)
    assert fault.members["reason"] == "ALREADY_EXISTS"
    nothing: dict[str, Any] = {"v1": {"custom": {}}}
    assert server.cleanrooms(BOB, UPDATE, **here, analysisRulePolicy=nothing)["analysisRule"]["policy"] == nothing
    server.cleanrooms(BOB, DELETE, **here)
    server.refused(ResourceNotFound, BOB, GET, **here)
    server.refused(ResourceNotFound, BOB, DELETE, **here)
    server.refused(ResourceNotFound, BOB, UPDATE, **here, analysisRulePolicy=nothing)


def test_the_collaboration_rule_is_of_its_tables_type(server: Server, room: Room, here: dict[str, Any]) -> None:
    listed: dict[str, Any] = {"v1": {"list": {}}}
    server.refused(ValidationFault, BOB, CREATE, **{**here, "analysisRuleType": "LIST"}, analysisRulePolicy=listed)
    server.refused(ValidationFault, BOB, CREATE, **here, analysisRulePolicy=listed)
    bare = room.table_association(BOB, room.configured_table(BOB, "bare"), "bare")
    there = {**here, "configuredTableAssociationIdentifier": bare}
    fault = server.refused(ValidationFault, BOB, CREATE, **there, analysisRulePolicy=collaboration_rule())
    assert "CreateConfiguredTableAnalysisRule" in fault.message


def test_receivers_are_members_of_the_collaboration(server: Server, here: dict[str, Any]) -> None:
    policy = collaboration_rule(allowedResultReceivers=[ALICE, DAVE])
    fault = server.refused(ValidationFault, BOB, CREATE, **here, analysisRulePolicy=policy)
    assert DAVE in fault.message


def test_another_members_collaboration_rule_is_out_of_reach(server: Server, room: Room, here: dict[str, Any]) -> None:
    policy = {"analysisRulePolicy": collaboration_rule()}
    server.cleanrooms(BOB, CREATE, **here, **policy)
    mine = {**here, "membershipIdentifier": room.membership(ALICE)}
    for operation, extra in ((CREATE, policy), (GET, {}), (UPDATE, policy), (DELETE, {})):
        server.refused(AccessDenied, ALICE, operation, **here, **extra)
        server.refused(ResourceNotFound, ALICE, operation, **mine, **extra)
