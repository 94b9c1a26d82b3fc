from dataclasses import replace
from datetime import UTC, datetime

import pytest

from whiteroom.domain.execution.deliveries import Destination
from whiteroom.domain.resources.collaborations import Ability, Member, MemberStatus
from whiteroom.domain.resources.ml_configurations import MLConfiguration
from whiteroom.domain.resources.receivers import may_receive, output_of
from whiteroom.domain.verdicts import Denied

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAROL = "333333333333"
MEMBER = Member(
    "room/3", "room", CAROL, "Carol", (), ("CAN_RECEIVE_MODEL_OUTPUT",), {}, MemberStatus.ACTIVE, "m", "a", NOON, NOON
)
SOMEWHERE = MLConfiguration("m", CAROL, "role", {"s3Destination": {"s3Uri": "s3://bucket/carol"}}, NOON, NOON)


def test_a_member_receives_what_it_has_the_ability_for() -> None:
    assert may_receive(CAROL, MEMBER, Ability.CAN_RECEIVE_MODEL_OUTPUT)
    verdict = may_receive(CAROL, MEMBER, Ability.CAN_RECEIVE_INFERENCE_OUTPUT)
    assert not verdict
    assert "CAN_RECEIVE_INFERENCE_OUTPUT" in verdict.reason


@pytest.mark.parametrize("status", sorted(set(MemberStatus) - {MemberStatus.ACTIVE}))
def test_an_account_that_has_not_joined_receives_nothing(status: MemberStatus) -> None:
    assert not may_receive(CAROL, replace(MEMBER, status=status), Ability.CAN_RECEIVE_MODEL_OUTPUT)
    assert not may_receive(CAROL, None, Ability.CAN_RECEIVE_MODEL_OUTPUT)


def test_a_receiver_must_say_where_its_results_go() -> None:
    assert output_of(CAROL, SOMEWHERE) == Destination("s3://bucket/carol", CAROL, "role")
    for configuration in (None, replace(SOMEWHERE, destination=None)):
        verdict = output_of(CAROL, configuration)
        assert isinstance(verdict, Denied)
        assert "PutMLConfiguration" in verdict.reason
