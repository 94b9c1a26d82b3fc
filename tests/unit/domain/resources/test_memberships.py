from __future__ import annotations

from datetime import UTC, datetime

import pytest

from whiteroom.domain.resources.collaborations import Collaboration, CollaborationStatus, Member, MemberStatus
from whiteroom.domain.resources.memberships import may_collect_metrics, may_set_result_configurations

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ALICE = "111111111111"


def a_member(*abilities: str) -> Member:
    return Member(
        id=f"room/{ALICE}",
        collaboration_id="room",
        account_id=ALICE,
        display_name="Alice",
        abilities=abilities,
        ml_abilities=(),
        payment_configuration={"queryCompute": {"isResponsible": False}},
        status=MemberStatus.ACTIVE,
        membership_id="membership",
        membership_arn="arn",
        created_at=NOW,
        updated_at=NOW,
    )


def a_collaboration(is_metrics_enabled: bool | None) -> Collaboration:
    return Collaboration(
        id="room",
        arn="arn",
        name="Trial",
        description=None,
        creator_account_id=ALICE,
        creator_display_name="Alice",
        query_log_status="DISABLED",
        job_log_status=None,
        analytics_engine="SPARK",
        data_encryption_metadata=None,
        auto_approved_change_types=(),
        allowed_result_regions=(),
        is_metrics_enabled=is_metrics_enabled,
        status=CollaborationStatus.ACTIVE,
        created_at=NOW,
        updated_at=NOW,
    )


@pytest.mark.parametrize(
    ("abilities", "given", "allowed"),
    [
        (("CAN_RECEIVE_RESULTS",), True, True),
        ((), False, True),
        ((), True, False),
        (("CAN_QUERY",), True, False),
    ],
)
def test_whoever_receives_results_says_where_they_go(abilities: tuple[str, ...], given: bool, allowed: bool) -> None:
    assert bool(may_set_result_configurations(a_member(*abilities), given=given)) is allowed


@pytest.mark.parametrize(
    ("enabled", "wished", "allowed"),
    [(True, True, True), (None, True, False), (False, True, False), (None, False, True), (True, False, True)],
)
def test_metrics_are_collected_where_the_collaboration_has_them(
    enabled: bool | None, wished: bool, allowed: bool
) -> None:
    assert bool(may_collect_metrics(a_collaboration(enabled), wished=wished)) is allowed
