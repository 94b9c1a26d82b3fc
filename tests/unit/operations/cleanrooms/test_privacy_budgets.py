"""Privacy budgets over the store: what spends them, and who sees what is left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, DAVE, Office, custom_rule
from support.ml import SQL, Studio, a_studio, input_channel
from unit.operations.cleanrooms.budgets import (
    MISSING,
    PRIVATE,
    budget_of,
    counts,
    left,
    listed,
    private,
    query,
    request_of,
    resource,
)
from whiteroom.base.faults import AccessDenied, Conflict


@pytest.fixture
def studio(office: Office) -> Studio:
    return a_studio(office)


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
