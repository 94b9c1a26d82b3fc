from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.session import Session

from whiteroom.domain.resources.collaborations import Cost, Member, MemberStatus, member_id
from whiteroom.domain.resources.payers import FIELDS, is_responsible, payer
from whiteroom.domain.verdicts import Denied

QUERIER, OWNER, PROVIDER, STRANGER = "111111111111", "222222222222", "333333333333", "444444444444"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def paying(cost: Cost | None) -> dict[str, Any]:
    configuration: dict[str, Any] = {}
    if cost is not None:
        part = configuration
        for field in FIELDS[cost]:
            part = part.setdefault(field, {})
        part["isResponsible"] = True
    return configuration


def a_member(account_id: str, cost: Cost | None = None, status: MemberStatus = MemberStatus.ACTIVE) -> Member:
    return Member(
        id=member_id("room", account_id),
        collaboration_id="room",
        account_id=account_id,
        display_name=account_id,
        abilities=(),
        ml_abilities=(),
        payment_configuration=paying(cost),
        status=status,
        membership_id=None,
        membership_arn=None,
        created_at=NOON,
        updated_at=NOON,
    )


@pytest.mark.parametrize("cost", Cost)
def test_the_field_of_every_cost_is_one_of_the_service_model(cost: Cost) -> None:
    shape: Any = Session().get_service_model("cleanrooms").shape_for("PaymentConfiguration")
    for field in FIELDS[cost]:
        shape = shape.members[field]
    assert "isResponsible" in shape.members


@pytest.mark.parametrize("cost", Cost)
@pytest.mark.parametrize("other", Cost)
def test_a_member_is_responsible_for_what_it_was_given_and_nothing_else(cost: Cost, other: Cost) -> None:
    assert is_responsible(paying(cost), other) is (cost is other)


@pytest.mark.parametrize("cost", Cost)
@pytest.mark.parametrize("named", [None, OWNER])
def test_the_one_member_configured_pays(cost: Cost, named: str | None) -> None:
    assert payer([a_member(QUERIER), a_member(OWNER, cost)], cost, named, QUERIER) == OWNER


@pytest.mark.parametrize("cost", [Cost.QUERY_COMPUTE, Cost.MODEL_TRAINING, Cost.MODEL_INFERENCE])
@pytest.mark.parametrize("named", [None, QUERIER])
def test_the_member_who_can_query_pays_where_nobody_is_configured(cost: Cost, named: str | None) -> None:
    assert payer([a_member(QUERIER), a_member(OWNER)], cost, named, QUERIER) == QUERIER


def test_nobody_pays_for_synthetic_data_unless_configured() -> None:
    outcome = payer([a_member(QUERIER)], Cost.SYNTHETIC_DATA_GENERATION, None, QUERIER)
    assert isinstance(outcome, Denied)
    assert "machineLearning.syntheticDataGeneration" in outcome.reason
    assert "CreateCollaboration" in outcome.reason


@pytest.mark.parametrize("named", [QUERIER, PROVIDER, STRANGER])
def test_an_account_that_is_not_configured_cannot_be_named(named: str) -> None:
    outcome = payer([a_member(QUERIER), a_member(OWNER, Cost.MODEL_TRAINING)], Cost.MODEL_TRAINING, named, QUERIER)
    assert isinstance(outcome, Denied)
    assert f"Name {OWNER}" in outcome.reason


@pytest.mark.parametrize("status", [status for status in MemberStatus if status is not MemberStatus.ACTIVE])
@pytest.mark.parametrize("named", [None, OWNER])
def test_a_payer_that_is_not_there_does_not_pay_nor_does_anybody_else(status: MemberStatus, named: str | None) -> None:
    members = [a_member(QUERIER), a_member(OWNER, Cost.MODEL_TRAINING, status)]
    outcome = payer(members, Cost.MODEL_TRAINING, named, QUERIER)
    assert isinstance(outcome, Denied)
    assert f"{OWNER} ({status.value})" in outcome.reason
    assert "CreateMembership" in outcome.reason


def test_of_several_candidates_the_querier_pays_and_another_must_be_named() -> None:
    cost = Cost.MODEL_TRAINING
    assert payer([a_member(QUERIER, cost), a_member(OWNER, cost)], cost, None, QUERIER) == QUERIER
    assert payer([a_member(QUERIER, cost), a_member(OWNER, cost)], cost, OWNER, QUERIER) == OWNER
    outcome = payer([a_member(QUERIER), a_member(OWNER, cost), a_member(PROVIDER, cost)], cost, None, QUERIER)
    assert isinstance(outcome, Denied)
    assert OWNER in outcome.reason
    assert PROVIDER in outcome.reason
