"""Templates of privacy budgets: made, shown, changed and deleted, and who takes them along."""

from __future__ import annotations

from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, DAVE
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
from unit.operations.cleanrooms.budgets import (
    LIFETIME,
    MISSING,
    PRIVATE,
    budget_of,
    counts,
    left,
    listed,
    private,
    query,
    request,
    request_of,
    resource,
)
from whiteroom.base.faults import AccessDenied, Conflict, ResourceNotFound, ValidationFault


@pytest.fixture
def room(server: Server) -> Room:
    return a_furnished_room(server)


def test_a_template_is_answered_as_it_was_given_to_its_owner_and_to_the_others(room: Room) -> None:
    server, calendar = room.server, {"type": "CALENDAR_WEEK", "budget": 3, "autoRefresh": "ENABLED"}
    made = budget_of(room, calendar, LIFETIME, tags={"a": "b"})
    here = {"membershipIdentifier": room.membership(BOB), "privacyBudgetTemplateIdentifier": made["id"]}
    assert server.cleanrooms(BOB, "GetPrivacyBudgetTemplate", **here)["privacyBudgetTemplate"] == made
    assert made["parameters"] == {
        "accessBudget": {"budgetParameters": (calendar, LIFETIME), "resourceArn": resource(room)}
    }
    assert (made["privacyBudgetType"], made["autoRefresh"]) == ("ACCESS_BUDGET", "NONE")
    tags = server.cleanrooms(BOB, "ListTagsForResource", resourceArn=made["arn"])["tags"]
    assert tags == {"a": "b"}
    there = {
        "collaborationIdentifier": room.collaboration_id,
        "privacyBudgetTemplateIdentifier": made["id"],
    }
    seen = server.cleanrooms(CAROL, "GetCollaborationPrivacyBudgetTemplate", **there)
    assert seen["collaborationPrivacyBudgetTemplate"]["creatorAccountId"] == BOB
    assert seen["collaborationPrivacyBudgetTemplate"]["parameters"] == made["parameters"]


def test_templates_are_listed_for_the_member_and_for_the_collaboration(room: Room) -> None:
    server, made = room.server, budget_of(room)
    own = {"membershipIdentifier": room.membership(BOB)}
    (mine,) = server.cleanrooms(BOB, "ListPrivacyBudgetTemplates", **own)["privacyBudgetTemplateSummaries"]
    answer = server.cleanrooms(ALICE, "ListCollaborationPrivacyBudgetTemplates", **room.here)
    (shared,) = answer["collaborationPrivacyBudgetTemplateSummaries"]
    assert (mine["id"], shared["id"], shared["creatorAccountId"]) == (made["id"], made["id"], BOB)
    carols = {"membershipIdentifier": room.membership(CAROL)}
    assert server.cleanrooms(CAROL, "ListPrivacyBudgetTemplates", **carols)["privacyBudgetTemplateSummaries"] == []
    server.refused(AccessDenied, DAVE, "ListCollaborationPrivacyBudgetTemplates", **room.here)


def test_a_table_has_one_budget(room: Room) -> None:
    budget_of(room)
    fault = room.server.refused(Conflict, BOB, "CreatePrivacyBudgetTemplate", **request(room))
    assert "UpdatePrivacyBudgetTemplate" in fault.message


@pytest.mark.parametrize(
    "changes",
    [
        {"privacyBudgetType": "DIFFERENTIAL_PRIVACY"},
        {"parameters": {"differentialPrivacy": {"epsilon": 3, "usersNoisePerQuery": 40}}},
        {"autoRefresh": "CALENDAR_MONTH"},
    ],
)
def test_what_is_not_kept_to_is_refused(room: Room, changes: dict[str, Any]) -> None:
    room.server.refused(ValidationFault, BOB, "CreatePrivacyBudgetTemplate", **request(room, **changes))


def test_only_its_owner_limits_a_table(room: Room) -> None:
    server = room.server
    alices = {"membershipIdentifier": room.membership(ALICE)}
    server.refused(ResourceNotFound, ALICE, "CreatePrivacyBudgetTemplate", **request(room, **alices))
    budget = {"budgetParameters": [LIFETIME], "resourceArn": resource(room, account=ALICE)}
    forged = request(room, parameters={"accessBudget": budget}, **alices)
    server.refused(ResourceNotFound, ALICE, "CreatePrivacyBudgetTemplate", **forged)
    made = budget_of(room)
    its = {"privacyBudgetTemplateIdentifier": made["id"]}
    for operation in ("GetPrivacyBudgetTemplate", "DeletePrivacyBudgetTemplate"):
        server.refused(ResourceNotFound, ALICE, operation, **alices, **its)
    for ghost in (MISSING, made["id"]):
        its = {"privacyBudgetTemplateIdentifier": ghost}
        server.refused(AccessDenied, ALICE, "GetPrivacyBudgetTemplate", **request_of(room, BOB), **its)


def test_an_update_replaces_the_budget_and_resets_what_was_used(room: Room) -> None:
    made = budget_of(room)
    query(room)
    assert left(room) == 1
    change = {"privacyBudgetTemplateIdentifier": made["id"], "privacyBudgetType": "ACCESS_BUDGET"}
    parameters = {"accessBudget": {"budgetParameters": [{"type": "CALENDAR_DAY", "budget": 7}]}}
    answer = room.server.cleanrooms(
        BOB, "UpdatePrivacyBudgetTemplate", **request_of(room, BOB), **change, parameters=parameters
    )["privacyBudgetTemplate"]
    assert answer["parameters"]["accessBudget"]["budgetParameters"] == ({"type": "CALENDAR_DAY", "budget": 7},)
    assert answer["parameters"]["accessBudget"]["resourceArn"] == resource(room)
    assert answer["updateTime"] > answer["createTime"]
    assert left(room) == 7
    broken = {"accessBudget": {"budgetParameters": [LIFETIME, LIFETIME]}}
    update = {**request_of(room, BOB), **change}
    room.server.refused(ValidationFault, BOB, "UpdatePrivacyBudgetTemplate", **update, parameters=broken)
    query(room)
    room.server.cleanrooms(BOB, "UpdatePrivacyBudgetTemplate", **update)
    assert left(room) == 6, "an update without parameters changes nothing"


def test_a_deleted_budget_limits_nothing(room: Room) -> None:
    made = budget_of(room, {"type": "LIFETIME", "budget": 0})
    its = {"privacyBudgetTemplateIdentifier": made["id"]}
    room.server.cleanrooms(BOB, "DeletePrivacyBudgetTemplate", **request_of(room, BOB), **its)
    query(room)
    room.server.refused(ResourceNotFound, BOB, "GetPrivacyBudgetTemplate", **request_of(room, BOB), **its)
    assert listed(room) == []


def test_a_table_that_is_taken_out_takes_its_budget_along(room: Room) -> None:
    budget_of(room)
    room.server.cleanrooms(
        BOB,
        "DeleteConfiguredTableAssociation",
        **request_of(room, BOB),
        configuredTableAssociationIdentifier=room.table.association_id,
    )
    assert listed(room) == []


def test_a_member_that_is_removed_takes_its_budgets_along(room: Room) -> None:
    budget_of(room)
    room.server.cleanrooms(ALICE, "DeleteMember", **room.here, accountId=BOB)
    answer = room.server.cleanrooms(ALICE, "ListCollaborationPrivacyBudgetTemplates", **room.here)
    assert answer["collaborationPrivacyBudgetTemplateSummaries"] == []


def test_a_budget_of_differential_privacy_is_answered_as_it_was_given(room: Room) -> None:
    made = private(room, autoRefresh="CALENDAR_MONTH")
    assert (made["privacyBudgetType"], made["autoRefresh"]) == ("DIFFERENTIAL_PRIVACY", "CALENDAR_MONTH")
    assert made["parameters"] == PRIVATE["parameters"]
    here = {"membershipIdentifier": room.membership(BOB), "privacyBudgetTemplateIdentifier": made["id"]}
    assert room.server.cleanrooms(BOB, "GetPrivacyBudgetTemplate", **here)["privacyBudgetTemplate"] == made


def test_a_collaboration_has_one_budget_of_differential_privacy_beside_those_of_its_tables(room: Room) -> None:
    budget_of(room)
    private(room)
    for account in (BOB, CAROL):
        wanted = {"membershipIdentifier": room.membership(account), **PRIVATE}
        fault = room.server.refused(Conflict, account, "CreatePrivacyBudgetTemplate", **wanted)
        assert "can have one only" in fault.message
    assert len(listed(room, privacyBudgetType="DIFFERENTIAL_PRIVACY")) == 1
    assert len(listed(room)) == 1


def test_its_owner_changes_the_one_number_or_the_other(room: Room) -> None:
    made = private(room)
    here = {
        "membershipIdentifier": room.membership(BOB),
        "privacyBudgetTemplateIdentifier": made["id"],
        "privacyBudgetType": "DIFFERENTIAL_PRIVACY",
    }
    more = {"differentialPrivacy": {"epsilon": 6}}
    answer = room.server.cleanrooms(BOB, "UpdatePrivacyBudgetTemplate", parameters=more, **here)
    assert answer["privacyBudgetTemplate"]["parameters"]["differentialPrivacy"] == {
        "epsilon": 6,
        "usersNoisePerQuery": 30,
    }
    assert counts(room)["COUNT"] == (90, 90)
    here["privacyBudgetType"] = "ACCESS_BUDGET"
    fault = room.server.refused(ValidationFault, BOB, "UpdatePrivacyBudgetTemplate", **here)
    assert "type cannot be changed" in fault.message


def test_who_leaves_takes_its_budget_of_differential_privacy_along_and_another_can_have_one(room: Room) -> None:
    server, made = room.server, private(room, CAROL)
    carols = {"membershipIdentifier": room.membership(CAROL)}
    fault = server.refused(Conflict, CAROL, "DeleteMembership", **carols)
    assert "privacy budget templates" in fault.message
    server.cleanrooms(ALICE, "DeleteMember", collaborationIdentifier=room.collaboration_id, accountId=CAROL)
    assert private(room)["id"] != made["id"]
