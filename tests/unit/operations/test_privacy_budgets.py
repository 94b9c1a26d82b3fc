"""Access budgets over the store: their templates, who spends them, and who sees what is left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, DAVE, REGION, Office
from support.ml import SQL, Studio, a_studio, input_channel
from whiteroom.base.faults import AccessDenied, Conflict, ResourceNotFound, ValidationFault

LIFETIME = {"type": "LIFETIME", "budget": 2}
MISSING = "99999999-0000-4000-8000-000000000000"


@pytest.fixture
def studio(office: Office) -> Studio:
    return a_studio(office)


def resource(studio: Studio, association: str = "", account: str = BOB) -> str:
    place = f"membership/{studio.room.membership(account)}/configuredtableassociation"
    return f"arn:aws:cleanrooms:{REGION}:{account}:{place}/{association or studio.table.association_id}"


def request(studio: Studio, *parameters: dict[str, Any], **changes: Any) -> dict[str, Any]:
    budget = {"budgetParameters": list(parameters) or [LIFETIME], "resourceArn": resource(studio)}
    return {
        "membershipIdentifier": studio.room.membership(BOB),
        "privacyBudgetType": "ACCESS_BUDGET",
        "parameters": {"accessBudget": budget},
        **changes,
    }


def budget_of(studio: Studio, *parameters: dict[str, Any], **changes: Any) -> Any:
    """CreatePrivacyBudgetTemplate as BOB; the template."""
    answer = studio.office.cleanrooms(BOB, "CreatePrivacyBudgetTemplate", **request(studio, *parameters, **changes))
    return answer["privacyBudgetTemplate"]


def left(studio: Studio) -> int:
    """What ALICE sees of BOB's budget."""
    listed = studio.office.cleanrooms(
        ALICE,
        "ListCollaborationPrivacyBudgets",
        collaborationIdentifier=studio.room.collaboration_id,
        privacyBudgetType="ACCESS_BUDGET",
    )["collaborationPrivacyBudgetSummaries"]
    return int(listed[0]["budget"]["accessBudget"]["aggregateRemainingBudget"])


def query(studio: Studio, sql: str = SQL) -> Any:
    s3 = {"resultFormat": "CSV", "bucket": "alices"}
    return studio.office.cleanrooms(
        ALICE,
        "StartProtectedQuery",
        type="SQL",
        membershipIdentifier=studio.room.membership(ALICE),
        sqlParameters={"queryString": sql},
        resultConfiguration={"outputConfiguration": {"s3": s3}},
    )


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


def request_of(studio: Studio, account: str) -> dict[str, str]:
    return {"membershipIdentifier": studio.room.membership(account)}


def test_each_query_channel_training_and_inference_uses_its_tables_once(studio: Studio) -> None:
    budget_of(studio, {"type": "LIFETIME", "budget": 10})
    query(studio)
    assert left(studio) == 9
    channel = studio.active_channel()
    assert left(studio) == 8
    other = studio.active_channel("other")
    model = studio.active_model("model", channel, other)  # two channels of one table are one use of it
    assert left(studio) == 6
    studio.configure(CAROL)
    studio.inference_job("job", model["trainedModelArn"], channel)
    assert left(studio) == 5


def test_a_spent_budget_refuses_everything_that_would_use_the_table(studio: Studio) -> None:
    channel = studio.active_channel()
    model = studio.active_model("model", channel)
    studio.configure(CAROL)
    budget_of(studio, {"type": "LIFETIME", "budget": 0})
    for attempt in (
        lambda: query(studio),
        lambda: studio.channel("another"),
        lambda: studio.model("again", channel),
        lambda: studio.inference_job("job", model["trainedModelArn"], channel),
    ):
        with pytest.raises(AccessDenied) as caught:
            attempt()
        assert "access budget of the table 'patients'" in caught.value.message
        assert caught.value.message.endswith(".")


def test_what_is_refused_uses_nothing(studio: Studio) -> None:
    """Of two tables one is spent: the other's count, made first, is taken back with the rest."""
    studio.channel("rows")
    budget_of(studio)
    studio.room.shared_table(BOB, "visits")
    with studio.office.store.transaction() as tx:
        spent = tx.configured_table_associations.find(
            collaboration_id=studio.room.collaboration_id, name_folded="visits"
        )
    assert spent is not None
    budget = {"budgetParameters": [{"type": "LIFETIME", "budget": 0}], "resourceArn": resource(studio, spent.id)}
    budget_of(studio, parameters={"accessBudget": budget})
    with pytest.raises(AccessDenied):
        query(studio, "SELECT age FROM patients JOIN visits USING (patient_id)")
    with pytest.raises(Conflict):
        studio.channel("rows")
    remaining = {
        item["budget"]["accessBudget"]["resourceArn"]: item["budget"]["accessBudget"]["aggregateRemainingBudget"]
        for item in listed(studio)
    }
    assert remaining == {resource(studio): 2, resource(studio, spent.id): 0}


def listed(studio: Studio, **filters: str) -> Any:
    """ListPrivacyBudgets as BOB."""
    asked = {"privacyBudgetType": "ACCESS_BUDGET", **filters}
    return studio.office.cleanrooms(BOB, "ListPrivacyBudgets", **request_of(studio, BOB), **asked)[
        "privacyBudgetSummaries"
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT age FROM PATIENTS",
        "SELECT age FROM `Patients`",
        "WITH p AS (SELECT * FROM patients) SELECT age FROM p",
        "SELECT (SELECT max(age) FROM patients)",
        "SELECT age/**/FROM/**/patients",
        "SELECT age FROM patients -- patients",
        "SELECT age FROM patients a JOIN patients b USING (patient_id)",
    ],
)
def test_however_a_query_names_a_table_it_counts_once(studio: Studio, sql: str) -> None:
    budget_of(studio, {"type": "LIFETIME", "budget": 10})
    query(studio, sql)
    assert left(studio) == 9


@pytest.mark.parametrize("sql", ["SELECT 'patients'", "SELECT 1 -- patients", "SELECT 1 /* patients */"])
def test_a_name_that_is_no_table_counts_nothing(studio: Studio, sql: str) -> None:
    budget_of(studio, {"type": "LIFETIME", "budget": 10})
    query(studio, sql)
    assert left(studio) == 10


def test_a_query_from_a_template_counts_what_the_template_names(studio: Studio) -> None:
    budget_of(studio)
    template = studio.office.cleanrooms(
        ALICE,
        "CreateAnalysisTemplate",
        **request_of(studio, ALICE),
        name="t",
        format="SQL",
        source={"text": SQL},
    )["analysisTemplate"]["arn"]
    studio.channel(inputChannel=input_channel({"analysisTemplateArn": template}))
    assert left(studio) == 1


def test_a_calendar_budget_is_refreshed_by_the_clock(studio: Studio) -> None:
    budget_of(studio, {"type": "CALENDAR_MONTH", "budget": 1, "autoRefresh": "ENABLED"})
    query(studio)
    with pytest.raises(AccessDenied, match="is spent until 2026-04-01 00:00 UTC"):
        query(studio)
    studio.office.now = studio.office.now.replace(month=4, day=1, hour=0, minute=0, second=0)
    query(studio)
    (summary,) = listed(studio)
    (details,) = summary["budget"]["accessBudget"]["details"]
    assert details["startTime"] == studio.office.now.replace(second=0)
    assert details["endTime"] == details["startTime"] + timedelta(days=30)
    assert (details["remainingBudget"], details["budget"], details["budgetType"]) == (0, 1, "CALENDAR_MONTH")
    assert details["autoRefresh"] == "ENABLED"


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


def test_a_channel_shows_the_budgets_of_its_tables_to_its_maker_and_to_the_others(studio: Studio) -> None:
    without = studio.call("GetMLInputChannel", mlInputChannelArn=studio.active_channel("before"))
    assert without["privacyBudgets"] is None
    budget_of(studio, {"type": "LIFETIME", "budget": 5})
    channel = studio.channel()
    for operation, account in (("GetMLInputChannel", ALICE), ("GetCollaborationMLInputChannel", CAROL)):
        (shown,) = studio.call(operation, account, mlInputChannelArn=channel)["privacyBudgets"]["accessBudgets"]
        assert shown["resourceArn"] == resource(studio)
        assert shown["aggregateRemainingBudget"] == 4
        (details,) = shown["details"]
        assert (details["budgetType"], details["endTime"], details["autoRefresh"]) == ("LIFETIME", None, None)


def test_budgets_are_listed_by_table_and_by_type(studio: Studio) -> None:
    budget_of(studio)
    (summary,) = listed(studio, accessBudgetResourceArn=resource(studio))
    assert summary["membershipId"] == studio.room.membership(BOB)
    assert listed(studio, accessBudgetResourceArn=resource(studio, MISSING)) == []
    assert listed(studio, privacyBudgetType="DIFFERENTIAL_PRIVACY") == []
    assert left(studio) == 2
