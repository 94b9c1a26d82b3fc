from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from whiteroom.domain.resources.collaborations import (
    Ability,
    Collaboration,
    CollaborationStatus,
    Member,
    MemberStatus,
    coherent_membership,
    engine_offered,
    is_visible,
    may_be_removed,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ALICE, BOB, CAROL = "111111111111", "222222222222", "333333333333"


def a_member(account_id: str, *abilities: str, ml_abilities: tuple[str, ...] = ()) -> Member:
    return Member(
        id=f"room/{account_id}",
        collaboration_id="room",
        account_id=account_id,
        display_name=account_id,
        abilities=abilities,
        ml_abilities=ml_abilities,
        payment_configuration={"queryCompute": {"isResponsible": False}},
        status=MemberStatus.INVITED,
        membership_id=None,
        membership_arn=None,
        created_at=NOW,
        updated_at=NOW,
    )


def a_collaboration(**changes: Any) -> Collaboration:
    values: dict[str, Any] = {
        "id": "room",
        "arn": f"arn:aws:cleanrooms:eu-central-1:{ALICE}:collaboration/room",
        "name": "Trial",
        "description": None,
        "creator_account_id": ALICE,
        "creator_display_name": "Alice",
        "query_log_status": "DISABLED",
        "job_log_status": None,
        "analytics_engine": "SPARK",
        "data_encryption_metadata": None,
        "auto_approved_change_types": (),
        "allowed_result_regions": (),
        "is_metrics_enabled": None,
        "status": CollaborationStatus.ACTIVE,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Collaboration(**{**values, **changes})


def test_a_member_can_what_either_list_of_abilities_says() -> None:
    member = a_member(ALICE, "CAN_QUERY", ml_abilities=("CAN_RECEIVE_MODEL_OUTPUT",))
    assert {ability for ability in Ability if member.can(ability)} == {
        Ability.CAN_QUERY,
        Ability.CAN_RECEIVE_MODEL_OUTPUT,
    }


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ((a_member(ALICE, "CAN_QUERY"),), None),
        ((a_member(ALICE), a_member(BOB, "CAN_QUERY", "CAN_RECEIVE_RESULTS")), None),
        ((a_member(ALICE), a_member(BOB)), "none has it"),
        ((a_member(ALICE, "CAN_QUERY"), a_member(BOB), a_member(CAROL, "CAN_QUERY")), f"{ALICE}, {CAROL}"),
        ((a_member(ALICE, "CAN_QUERY"), a_member(ALICE)), "listed twice"),
        ((a_member(ALICE, "CAN_QUERY"), a_member(BOB), a_member(BOB)), BOB),
    ],
)
def test_a_collaboration_has_each_account_once_and_one_who_can_query(
    members: tuple[Member, ...], reason: str | None
) -> None:
    verdict = coherent_membership(members)
    assert bool(verdict) is (reason is None)
    assert reason is None or reason in verdict.reason  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("removed", "caller", "allowed"),
    [(BOB, ALICE, True), (ALICE, ALICE, False), (CAROL, BOB, False), (BOB, BOB, False), (ALICE, BOB, False)],
)
def test_the_creator_removes_anyone_but_itself(removed: str, caller: str, allowed: bool) -> None:
    assert bool(may_be_removed(a_collaboration(), removed, caller)) is allowed


@pytest.mark.parametrize(
    ("account_id", "status", "seen"),
    [
        (BOB, MemberStatus.INVITED, True),
        (BOB, MemberStatus.ACTIVE, True),
        (BOB, MemberStatus.LEFT, False),
        (BOB, MemberStatus.REMOVED, False),
        (ALICE, MemberStatus.INVITED, True),
        (ALICE, MemberStatus.ACTIVE, True),
        (ALICE, MemberStatus.LEFT, True),
    ],
)
def test_the_invited_the_active_and_the_creator_see_a_collaboration_until_it_is_deleted(
    account_id: str, status: MemberStatus, seen: bool
) -> None:
    member = replace(a_member(account_id), status=status)
    assert is_visible(a_collaboration(), member) is seen
    assert not is_visible(a_collaboration(status=CollaborationStatus.DELETED), member)


@pytest.mark.parametrize(("engine", "offered"), [(None, True), ("SPARK", True), ("CLEAN_ROOMS_SQL", False)])
def test_queries_are_written_for_spark(engine: str | None, offered: bool) -> None:
    assert bool(engine_offered(engine)) is offered
