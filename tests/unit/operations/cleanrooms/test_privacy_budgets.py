"""Privacy budgets over the store: their templates, who spends access budgets, and who sees what is left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, DAVE, REGION, Office, custom_rule
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


PRIVATE = {
    "privacyBudgetType": "DIFFERENTIAL_PRIVACY",
    "parameters": {"differentialPrivacy": {"epsilon": 3, "usersNoisePerQuery": 30}},
}


def private(studio: Studio, account: str = BOB, **changes: Any) -> Any:
    """CreatePrivacyBudgetTemplate for a budget of differential privacy; the template."""
    wanted = {"membershipIdentifier": studio.room.membership(account), **PRIVATE, **changes}
    return studio.office.cleanrooms(account, "CreatePrivacyBudgetTemplate", **wanted)["privacyBudgetTemplate"]


def counts(studio: Studio) -> dict[str, tuple[int, int]]:
    """What ALICE sees of the collaboration's budget."""
    (summary,) = studio.office.cleanrooms(
        ALICE,
        "ListCollaborationPrivacyBudgets",
        collaborationIdentifier=studio.room.collaboration_id,
        privacyBudgetType="DIFFERENTIAL_PRIVACY",
    )["collaborationPrivacyBudgetSummaries"]
    found = summary["budget"]["differentialPrivacy"]["aggregations"]
    return {item["type"]: (item["maxCount"], item["remainingCount"]) for item in found}


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


def test_every_member_sees_what_the_budget_pays_for(studio: Studio) -> None:
    private(studio)
    assert counts(studio) == {
        "AVG": (22, 22),
        "COUNT": (45, 45),
        "COUNT_DISTINCT": (90, 90),
        "SUM": (30, 30),
        "STDDEV": (18, 18),
    }


def test_a_preview_says_what_the_budget_would_pay_for_and_changes_nothing(studio: Studio) -> None:
    asked = {"membershipIdentifier": studio.room.membership(BOB), "parameters": PRIVATE["parameters"]}
    answer = studio.office.cleanrooms(BOB, "PreviewPrivacyImpact", **asked)
    previewed = answer["privacyImpact"]["differentialPrivacy"]["aggregations"]
    assert listed(studio, privacyBudgetType="DIFFERENTIAL_PRIVACY") == []
    private(studio)
    assert {item["type"]: item["maxCount"] for item in previewed} == {
        kind: most for kind, (most, _) in counts(studio).items()
    }
    studio.office.refused(AccessDenied, DAVE, "PreviewPrivacyImpact", **asked)


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


def test_without_its_budget_a_protected_table_is_not_ready_and_says_why(studio: Studio) -> None:
    missing = "DIFFERENTIAL_PRIVACY_POLICY_NOT_CONFIGURED"
    protect(studio)
    assert missing in reasons(studio)
    made = private(studio)
    assert missing not in reasons(studio)
    here = {"membershipIdentifier": studio.room.membership(BOB), "privacyBudgetTemplateIdentifier": made["id"]}
    studio.office.cleanrooms(BOB, "DeletePrivacyBudgetTemplate", **here)
    private(studio, CAROL)
    assert missing in reasons(studio)


def test_no_channel_is_made_of_a_protected_table_whatever_its_budget(studio: Studio) -> None:
    protect(studio)
    private(studio)
    assert reasons(studio, "ADDITIONAL_ANALYSIS") == ["ADDITIONAL_ANALYSES_NOT_ALLOWED"]


def protect(studio: Studio) -> None:
    """Turn differential privacy on for BOB's table."""
    rule = custom_rule(differentialPrivacy={"columns": [{"name": "patient_id"}]}, additionalAnalyses="ALLOWED")
    studio.office.cleanrooms(
        BOB,
        "UpdateConfiguredTableAnalysisRule",
        configuredTableIdentifier=studio.table.configured_table_id,
        analysisRuleType="CUSTOM",
        analysisRulePolicy=rule,
    )


def reasons(studio: Studio, analysis_type: str = "DIRECT_ANALYSIS") -> list[str]:
    answer = studio.office.cleanrooms(
        ALICE, "GetSchema", collaborationIdentifier=studio.room.collaboration_id, name="patients"
    )
    details = answer["schema"]["schemaStatusDetails"]
    (status,) = [item for item in details if item["analysisType"] == analysis_type]
    assert status["configurations"] == ["DIFFERENTIAL_PRIVACY"]
    return [reason["code"] for reason in status["reasons"] or []]


def test_who_leaves_takes_its_budget_of_differential_privacy_along_and_another_can_have_one(studio: Studio) -> None:
    office, made = studio.office, private(studio, CAROL)
    carols = {"membershipIdentifier": studio.room.membership(CAROL)}
    fault = office.refused(Conflict, CAROL, "DeleteMembership", **carols)
    assert "privacy budget templates" in fault.message
    office.cleanrooms(ALICE, "DeleteMember", collaborationIdentifier=studio.room.collaboration_id, accountId=CAROL)
    assert private(studio)["id"] != made["id"]
