"""Templates of privacy budgets: made, shown, changed and deleted, and who takes them along."""

from __future__ import annotations

from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, DAVE, Office
from support.ml import Studio, a_studio
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
def studio(office: Office) -> Studio:
    return a_studio(office)


def test_a_template_is_answered_as_it_was_given_to_its_owner_and_to_the_others(studio: Studio) -> None:
    office, calendar = studio.office, {"type": "CALENDAR_WEEK", "budget": 3, "autoRefresh": "ENABLED"}
    made = budget_of(studio, calendar, LIFETIME, tags={"a": "b"})
    here = {"membershipIdentifier": studio.room.membership(BOB), "privacyBudgetTemplateIdentifier": made["id"]}
    assert office.cleanrooms(BOB, "GetPrivacyBudgetTemplate", **here)["privacyBudgetTemplate"] == made
    assert made["parameters"] == {
        "accessBudget": {"budgetParameters": (calendar, LIFETIME), "resourceArn": resource(studio)}
    }
    assert (made["privacyBudgetType"], made["autoRefresh"]) == ("ACCESS_BUDGET", "NONE")
    tags = office.cleanrooms(BOB, "ListTagsForResource", resourceArn=made["arn"])["tags"]
    assert tags == {"a": "b"}
    there = {
        "collaborationIdentifier": studio.room.collaboration_id,
        "privacyBudgetTemplateIdentifier": made["id"],
    }
    seen = office.cleanrooms(CAROL, "GetCollaborationPrivacyBudgetTemplate", **there)
    assert seen["collaborationPrivacyBudgetTemplate"]["creatorAccountId"] == BOB
    assert seen["collaborationPrivacyBudgetTemplate"]["parameters"] == made["parameters"]


def test_templates_are_listed_for_the_member_and_for_the_collaboration(studio: Studio) -> None:
    office, made = studio.office, budget_of(studio)
    own = {"membershipIdentifier": studio.room.membership(BOB)}
    (mine,) = office.cleanrooms(BOB, "ListPrivacyBudgetTemplates", **own)["privacyBudgetTemplateSummaries"]
    room = {"collaborationIdentifier": studio.room.collaboration_id}
    answer = office.cleanrooms(ALICE, "ListCollaborationPrivacyBudgetTemplates", **room)
    (shared,) = answer["collaborationPrivacyBudgetTemplateSummaries"]
    assert (mine["id"], shared["id"], shared["creatorAccountId"]) == (made["id"], made["id"], BOB)
    carols = {"membershipIdentifier": studio.room.membership(CAROL)}
    assert office.cleanrooms(CAROL, "ListPrivacyBudgetTemplates", **carols)["privacyBudgetTemplateSummaries"] == []
    office.refused(AccessDenied, DAVE, "ListCollaborationPrivacyBudgetTemplates", **room)


def test_a_table_has_one_budget(studio: Studio) -> None:
    budget_of(studio)
    fault = studio.office.refused(Conflict, BOB, "CreatePrivacyBudgetTemplate", **request(studio))
    assert "UpdatePrivacyBudgetTemplate" in fault.message


@pytest.mark.parametrize(
    "changes",
    [
        {"privacyBudgetType": "DIFFERENTIAL_PRIVACY"},
        {"parameters": {"differentialPrivacy": {"epsilon": 3, "usersNoisePerQuery": 40}}},
        {"autoRefresh": "CALENDAR_MONTH"},
    ],
)
def test_what_is_not_kept_to_is_refused(studio: Studio, changes: dict[str, Any]) -> None:
    studio.office.refused(ValidationFault, BOB, "CreatePrivacyBudgetTemplate", **request(studio, **changes))


def test_only_its_owner_limits_a_table(studio: Studio) -> None:
    office = studio.office
    alices = {"membershipIdentifier": studio.room.membership(ALICE)}
    office.refused(ResourceNotFound, ALICE, "CreatePrivacyBudgetTemplate", **request(studio, **alices))
    budget = {"budgetParameters": [LIFETIME], "resourceArn": resource(studio, account=ALICE)}
    forged = request(studio, parameters={"accessBudget": budget}, **alices)
    office.refused(ResourceNotFound, ALICE, "CreatePrivacyBudgetTemplate", **forged)
    made = budget_of(studio)
    its = {"privacyBudgetTemplateIdentifier": made["id"]}
    for operation in ("GetPrivacyBudgetTemplate", "DeletePrivacyBudgetTemplate"):
        office.refused(ResourceNotFound, ALICE, operation, **alices, **its)
    for ghost in (MISSING, made["id"]):
        its = {"privacyBudgetTemplateIdentifier": ghost}
        office.refused(AccessDenied, ALICE, "GetPrivacyBudgetTemplate", **request_of(studio, BOB), **its)


def test_an_update_replaces_the_budget_and_resets_what_was_used(studio: Studio) -> None:
    made = budget_of(studio)
    query(studio)
    assert left(studio) == 1
    change = {"privacyBudgetTemplateIdentifier": made["id"], "privacyBudgetType": "ACCESS_BUDGET"}
    parameters = {"accessBudget": {"budgetParameters": [{"type": "CALENDAR_DAY", "budget": 7}]}}
    answer = studio.office.cleanrooms(
        BOB, "UpdatePrivacyBudgetTemplate", **request_of(studio, BOB), **change, parameters=parameters
    )["privacyBudgetTemplate"]
    assert answer["parameters"]["accessBudget"]["budgetParameters"] == ({"type": "CALENDAR_DAY", "budget": 7},)
    assert answer["parameters"]["accessBudget"]["resourceArn"] == resource(studio)
    assert answer["updateTime"] > answer["createTime"]
    assert left(studio) == 7
    broken = {"accessBudget": {"budgetParameters": [LIFETIME, LIFETIME]}}
    update = {**request_of(studio, BOB), **change}
    studio.office.refused(ValidationFault, BOB, "UpdatePrivacyBudgetTemplate", **update, parameters=broken)
    query(studio)
    studio.office.cleanrooms(BOB, "UpdatePrivacyBudgetTemplate", **update)
    assert left(studio) == 6, "an update without parameters changes nothing"


def test_a_deleted_budget_limits_nothing(studio: Studio) -> None:
    made = budget_of(studio, {"type": "LIFETIME", "budget": 0})
    its = {"privacyBudgetTemplateIdentifier": made["id"]}
    studio.office.cleanrooms(BOB, "DeletePrivacyBudgetTemplate", **request_of(studio, BOB), **its)
    query(studio)
    studio.office.refused(ResourceNotFound, BOB, "GetPrivacyBudgetTemplate", **request_of(studio, BOB), **its)
    assert listed(studio) == []


def test_a_table_that_is_taken_out_takes_its_budget_along(studio: Studio) -> None:
    budget_of(studio)
    studio.office.cleanrooms(
        BOB,
        "DeleteConfiguredTableAssociation",
        **request_of(studio, BOB),
        configuredTableAssociationIdentifier=studio.table.association_id,
    )
    assert listed(studio) == []


def test_a_member_that_is_removed_takes_its_budgets_along(studio: Studio) -> None:
    budget_of(studio)
    room = {"collaborationIdentifier": studio.room.collaboration_id}
    studio.office.cleanrooms(ALICE, "DeleteMember", **room, accountId=BOB)
    answer = studio.office.cleanrooms(ALICE, "ListCollaborationPrivacyBudgetTemplates", **room)
    assert answer["collaborationPrivacyBudgetTemplateSummaries"] == []


def test_a_budget_of_differential_privacy_is_answered_as_it_was_given(studio: Studio) -> None:
    made = private(studio, autoRefresh="CALENDAR_MONTH")
    assert (made["privacyBudgetType"], made["autoRefresh"]) == ("DIFFERENTIAL_PRIVACY", "CALENDAR_MONTH")
    assert made["parameters"] == PRIVATE["parameters"]
    here = {"membershipIdentifier": studio.room.membership(BOB), "privacyBudgetTemplateIdentifier": made["id"]}
    assert studio.office.cleanrooms(BOB, "GetPrivacyBudgetTemplate", **here)["privacyBudgetTemplate"] == made


def test_a_collaboration_has_one_budget_of_differential_privacy_beside_those_of_its_tables(studio: Studio) -> None:
    budget_of(studio)
    private(studio)
    for account in (BOB, CAROL):
        wanted = {"membershipIdentifier": studio.room.membership(account), **PRIVATE}
        fault = studio.office.refused(Conflict, account, "CreatePrivacyBudgetTemplate", **wanted)
        assert "can have one only" in fault.message
    assert len(listed(studio, privacyBudgetType="DIFFERENTIAL_PRIVACY")) == 1
    assert len(listed(studio)) == 1


def test_its_owner_changes_the_one_number_or_the_other(studio: Studio) -> None:
    made = private(studio)
    here = {
        "membershipIdentifier": studio.room.membership(BOB),
        "privacyBudgetTemplateIdentifier": made["id"],
        "privacyBudgetType": "DIFFERENTIAL_PRIVACY",
    }
    more = {"differentialPrivacy": {"epsilon": 6}}
    answer = studio.office.cleanrooms(BOB, "UpdatePrivacyBudgetTemplate", parameters=more, **here)
    assert answer["privacyBudgetTemplate"]["parameters"]["differentialPrivacy"] == {
        "epsilon": 6,
        "usersNoisePerQuery": 30,
    }
    assert counts(studio)["COUNT"] == (90, 90)
    here["privacyBudgetType"] = "ACCESS_BUDGET"
    fault = studio.office.refused(ValidationFault, BOB, "UpdatePrivacyBudgetTemplate", **here)
    assert "type cannot be changed" in fault.message


def test_who_leaves_takes_its_budget_of_differential_privacy_along_and_another_can_have_one(studio: Studio) -> None:
    office, made = studio.office, private(studio, CAROL)
    carols = {"membershipIdentifier": studio.room.membership(CAROL)}
    fault = office.refused(Conflict, CAROL, "DeleteMembership", **carols)
    assert "privacy budget templates" in fault.message
    office.cleanrooms(ALICE, "DeleteMember", collaborationIdentifier=studio.room.collaboration_id, accountId=CAROL)
    assert private(studio)["id"] != made["id"]
