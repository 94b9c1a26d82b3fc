"""Privacy budgets over the store: what spends them, and who sees what is left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, DAVE, SQL, custom_rule, input_channel
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
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
def room(server: Server) -> Room:
    return a_furnished_room(server)


def test_each_query_channel_training_and_inference_uses_its_tables_once(room: Room) -> None:
    budget_of(room, {"type": "LIFETIME", "budget": 10})
    query(room)
    assert left(room) == 9
    channel = room.active_channel()
    assert left(room) == 8
    other = room.active_channel("other")
    model = room.active_model("model", channel, other)  # two channels of one table are one use of it
    assert left(room) == 6
    room.configure(CAROL)
    room.inference_job("job", model["trainedModelArn"], channel)
    assert left(room) == 5


def test_a_spent_budget_refuses_everything_that_would_use_the_table(room: Room) -> None:
    channel = room.active_channel()
    model = room.active_model("model", channel)
    room.configure(CAROL)
    budget_of(room, {"type": "LIFETIME", "budget": 0})
    for attempt in (
        lambda: query(room),
        lambda: room.channel("another"),
        lambda: room.model("again", channel),
        lambda: room.inference_job("job", model["trainedModelArn"], channel),
    ):
        with pytest.raises(AccessDenied) as caught:
            attempt()
        assert "access budget of the table 'patients'" in caught.value.message
        assert caught.value.message.endswith(".")


def test_what_is_refused_uses_nothing(room: Room) -> None:
    """Of two tables one is spent: the other's count, made first, is taken back with the rest."""
    room.channel("rows")
    budget_of(room)
    room.shared_table(BOB, "visits")
    with room.server.store.transaction() as tx:
        spent = tx.configured_table_associations.find(collaboration_id=room.collaboration_id, name_folded="visits")
    assert spent is not None
    budget = {"budgetParameters": [{"type": "LIFETIME", "budget": 0}], "resourceArn": resource(room, spent.id)}
    budget_of(room, parameters={"accessBudget": budget})
    with pytest.raises(AccessDenied):
        query(room, "SELECT age FROM patients JOIN visits USING (patient_id)")
    with pytest.raises(Conflict):
        room.channel("rows")
    remaining = {
        item["budget"]["accessBudget"]["resourceArn"]: item["budget"]["accessBudget"]["aggregateRemainingBudget"]
        for item in listed(room)
    }
    assert remaining == {resource(room): 2, resource(room, spent.id): 0}


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
def test_however_a_query_names_a_table_it_counts_once(room: Room, sql: str) -> None:
    budget_of(room, {"type": "LIFETIME", "budget": 10})
    query(room, sql)
    assert left(room) == 9


@pytest.mark.parametrize("sql", ["SELECT 'patients'", "SELECT 1 -- patients", "SELECT 1 /* patients */"])
def test_a_name_that_is_no_table_counts_nothing(room: Room, sql: str) -> None:
    budget_of(room, {"type": "LIFETIME", "budget": 10})
    query(room, sql)
    assert left(room) == 10


def test_a_query_from_a_template_counts_what_the_template_names(room: Room) -> None:
    budget_of(room)
    template = room.server.cleanrooms(
        ALICE,
        "CreateAnalysisTemplate",
        **request_of(room, ALICE),
        name="t",
        format="SQL",
        source={"text": SQL},
    )["analysisTemplate"]["arn"]
    room.channel(inputChannel=input_channel({"analysisTemplateArn": template}))
    assert left(room) == 1


def test_a_calendar_budget_is_refreshed_by_the_clock(room: Room) -> None:
    budget_of(room, {"type": "CALENDAR_MONTH", "budget": 1, "autoRefresh": "ENABLED"})
    query(room)
    with pytest.raises(AccessDenied, match="is spent until 2026-04-01 00:00 UTC"):
        query(room)
    room.server.now = room.server.now.replace(month=4, day=1, hour=0, minute=0, second=0)
    query(room)
    (summary,) = listed(room)
    (details,) = summary["budget"]["accessBudget"]["details"]
    assert details["startTime"] == room.server.now.replace(second=0)
    assert details["endTime"] == details["startTime"] + timedelta(days=30)
    assert (details["remainingBudget"], details["budget"], details["budgetType"]) == (0, 1, "CALENDAR_MONTH")
    assert details["autoRefresh"] == "ENABLED"


def test_a_channel_shows_the_budgets_of_its_tables_to_its_maker_and_to_the_others(room: Room) -> None:
    without = room.call("GetMLInputChannel", mlInputChannelArn=room.active_channel("before"))
    assert without["privacyBudgets"] is None
    budget_of(room, {"type": "LIFETIME", "budget": 5})
    channel = room.channel()
    for operation, account in (("GetMLInputChannel", ALICE), ("GetCollaborationMLInputChannel", CAROL)):
        (shown,) = room.call(operation, account, mlInputChannelArn=channel)["privacyBudgets"]["accessBudgets"]
        assert shown["resourceArn"] == resource(room)
        assert shown["aggregateRemainingBudget"] == 4
        (details,) = shown["details"]
        assert (details["budgetType"], details["endTime"], details["autoRefresh"]) == ("LIFETIME", None, None)


def test_budgets_are_listed_by_table_and_by_type(room: Room) -> None:
    budget_of(room)
    (summary,) = listed(room, accessBudgetResourceArn=resource(room))
    assert summary["membershipId"] == room.membership(BOB)
    assert listed(room, accessBudgetResourceArn=resource(room, MISSING)) == []
    assert listed(room, privacyBudgetType="DIFFERENTIAL_PRIVACY") == []
    assert left(room) == 2


def test_every_member_sees_what_the_budget_pays_for(room: Room) -> None:
    private(room)
    assert counts(room) == {
        "AVG": (22, 22),
        "COUNT": (45, 45),
        "COUNT_DISTINCT": (90, 90),
        "SUM": (30, 30),
        "STDDEV": (18, 18),
    }


def test_a_preview_says_what_the_budget_would_pay_for_and_changes_nothing(room: Room) -> None:
    asked = {"membershipIdentifier": room.membership(BOB), "parameters": PRIVATE["parameters"]}
    answer = room.server.cleanrooms(BOB, "PreviewPrivacyImpact", **asked)
    previewed = answer["privacyImpact"]["differentialPrivacy"]["aggregations"]
    assert listed(room, privacyBudgetType="DIFFERENTIAL_PRIVACY") == []
    private(room)
    assert {item["type"]: item["maxCount"] for item in previewed} == {
        kind: most for kind, (most, _) in counts(room).items()
    }
    room.server.refused(AccessDenied, DAVE, "PreviewPrivacyImpact", **asked)


def test_without_its_budget_a_protected_table_is_not_ready_and_says_why(room: Room) -> None:
    missing = "DIFFERENTIAL_PRIVACY_POLICY_NOT_CONFIGURED"
    protect(room)
    assert missing in reasons(room)
    made = private(room)
    assert missing not in reasons(room)
    here = {"membershipIdentifier": room.membership(BOB), "privacyBudgetTemplateIdentifier": made["id"]}
    room.server.cleanrooms(BOB, "DeletePrivacyBudgetTemplate", **here)
    private(room, CAROL)
    assert missing in reasons(room)


def test_no_channel_is_made_of_a_protected_table_whatever_its_budget(room: Room) -> None:
    protect(room)
    private(room)
    assert reasons(room, "ADDITIONAL_ANALYSIS") == ["ADDITIONAL_ANALYSES_NOT_ALLOWED"]


def protect(room: Room) -> None:
    """Turn differential privacy on for BOB's table."""
    rule = custom_rule(differentialPrivacy={"columns": [{"name": "patient_id"}]}, additionalAnalyses="ALLOWED")
    room.server.cleanrooms(
        BOB,
        "UpdateConfiguredTableAnalysisRule",
        configuredTableIdentifier=room.table.configured_table_id,
        analysisRuleType="CUSTOM",
        analysisRulePolicy=rule,
    )


def reasons(room: Room, analysis_type: str = "DIRECT_ANALYSIS") -> list[str]:
    answer = room.server.cleanrooms(ALICE, "GetSchema", collaborationIdentifier=room.collaboration_id, name="patients")
    details = answer["schema"]["schemaStatusDetails"]
    (status,) = [item for item in details if item["analysisType"] == analysis_type]
    assert status["configurations"] == ["DIFFERENTIAL_PRIVACY"]
    return [reason["code"] for reason in status["reasons"] or []]
