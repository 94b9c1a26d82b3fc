from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from whiteroom.domain.resources.collaborations import Cost, Member, MemberStatus
from whiteroom.domain.resources.payments import acceptance, accepted, assigned, merged, stated

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PAYS, PAYS_NOT = {"isResponsible": True}, {"isResponsible": False}
NOTHING: dict[str, Any] = {"queryCompute": PAYS_NOT}


def a_member(account_id: str, payment: dict[str, Any], *abilities: str) -> Member:
    return Member(
        id=f"room/{account_id}",
        collaboration_id="room",
        account_id=account_id,
        display_name=account_id,
        abilities=abilities,
        ml_abilities=(),
        payment_configuration=payment,
        status=MemberStatus.INVITED,
        membership_id=None,
        membership_arn=None,
        created_at=NOW,
        updated_at=NOW,
    )


def a_room(querier: dict[str, Any], other: dict[str, Any]) -> tuple[Member, Member]:
    return a_member("querier", querier, "CAN_QUERY"), a_member("other", other)


@pytest.mark.parametrize("cost", list(Cost))
def test_whoever_the_creator_configured_pays_and_nobody_else(cost: Cost) -> None:
    payment = merged(NOTHING, {"queryCompute": PAYS, "jobCompute": PAYS, "machineLearning": ALL_ML})
    querier, other = a_room(NOTHING, payment)
    assert assigned(other, (querier, other), cost)
    assert not assigned(querier, (querier, other), cost)


ALL_ML = {"modelTraining": PAYS, "modelInference": PAYS, "syntheticDataGeneration": PAYS}


@pytest.mark.parametrize(
    ("cost", "by_default"),
    [
        (Cost.QUERY_COMPUTE, True),
        (Cost.MODEL_TRAINING, True),
        (Cost.MODEL_INFERENCE, True),
        (Cost.SYNTHETIC_DATA_GENERATION, False),
        (Cost.JOB_COMPUTE, False),
    ],
)
def test_where_nobody_is_configured_the_member_who_can_query_pays(cost: Cost, by_default: bool) -> None:
    querier, other = a_room(NOTHING, NOTHING)
    assert assigned(querier, (querier, other), cost) is by_default
    assert not assigned(other, (querier, other), cost)


def test_several_members_can_be_candidates() -> None:
    querier, other = a_room({"queryCompute": PAYS}, {"queryCompute": PAYS})
    assert assigned(querier, (querier, other), Cost.QUERY_COMPUTE)
    assert assigned(other, (querier, other), Cost.QUERY_COMPUTE)


@pytest.mark.parametrize(
    ("configured", "offered", "allowed"),
    [
        (NOTHING, None, True),
        (NOTHING, NOTHING, True),
        (NOTHING, {"queryCompute": PAYS}, False),
        (NOTHING, {"queryCompute": PAYS_NOT, "machineLearning": {"modelTraining": PAYS}}, False),
        ({"queryCompute": PAYS}, None, False),
        ({"queryCompute": PAYS}, NOTHING, False),
        ({"queryCompute": PAYS}, {"queryCompute": PAYS}, True),
        ({"queryCompute": PAYS_NOT, "jobCompute": PAYS}, NOTHING, False),
        ({"queryCompute": PAYS_NOT, "jobCompute": PAYS}, {"queryCompute": PAYS_NOT, "jobCompute": PAYS}, True),
    ],
)
def test_a_member_without_the_ability_to_query_accepts_word_for_word(
    configured: dict[str, Any], offered: dict[str, Any] | None, allowed: bool
) -> None:
    members = a_room({"queryCompute": PAYS_NOT}, configured)
    assert bool(acceptance(members[1], members, offered)) is allowed


@pytest.mark.parametrize(
    ("offered", "allowed"),
    [
        (None, True),
        ({"queryCompute": PAYS}, True),
        ({"queryCompute": PAYS, "machineLearning": {"modelTraining": PAYS}}, True),
        (NOTHING, False),
        ({"queryCompute": PAYS, "machineLearning": {"modelTraining": PAYS_NOT}}, False),
        ({"queryCompute": PAYS, "jobCompute": PAYS}, False),
    ],
)
def test_the_member_who_can_query_accepts_what_it_leaves_unsaid(offered: dict[str, Any] | None, allowed: bool) -> None:
    members = a_room(NOTHING, NOTHING)
    assert bool(acceptance(members[0], members, offered)) is allowed


def test_what_is_accepted_tells_every_cost_that_concerns_the_member() -> None:
    members = a_room(NOTHING, {"queryCompute": PAYS_NOT, "machineLearning": {"modelInference": PAYS}})
    assert accepted(members[0], members) == {
        "queryCompute": PAYS,
        "machineLearning": {"modelTraining": PAYS},
    }
    assert accepted(members[1], members) == {
        "queryCompute": PAYS_NOT,
        "machineLearning": {"modelInference": PAYS},
    }


def test_a_change_of_one_cost_leaves_the_others() -> None:
    held = {"queryCompute": PAYS, "machineLearning": {"modelTraining": PAYS}}
    assert merged(held, {"machineLearning": {"modelInference": PAYS_NOT}}) == {
        "queryCompute": PAYS,
        "machineLearning": {"modelTraining": PAYS, "modelInference": PAYS_NOT},
    }
    assert merged(held, None) == held


def test_a_configuration_can_say_nothing_about_a_cost() -> None:
    assert stated(None, Cost.QUERY_COMPUTE) is None
    assert stated({"queryCompute": PAYS, "machineLearning": {}}, Cost.MODEL_TRAINING) is None
    assert stated(NOTHING, Cost.QUERY_COMPUTE) is False
