"""Work that leaves bytes is not begun where no byte is left for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, SQL
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server, must_refuse
from whiteroom.base.faults import QuotaExceeded
from whiteroom.domain.resources.holdings import Holding, HoldingKind
from whiteroom.domain.resources.quotas import Quota

LIMIT = 1_000


@pytest.fixture
def room(server: Server) -> Room:
    """With rows and a model, and a quota of bytes of which none is used."""
    room = a_furnished_room(server)
    room.rows = room.active_channel("rows")  # type: ignore[attr-defined]
    room.configure(CAROL)
    room.forest = room.active_model("forest", room.rows)  # type: ignore[attr-defined]
    return room


def fill(room: Room, account_id: str, size_bytes: int) -> None:
    membership = room.membership(account_id)
    holding = Holding(
        id=f"log/{account_id}",
        kind=HoldingKind.LOG,
        resource="arn",
        membership_id=membership,
        collaboration_id=room.collaboration_id,
        account_id=account_id,
        payer_account_id=account_id,
        size_bytes=size_bytes,
        is_held=True,
        created_at=room.server.now,
        ended_at=None,
    )
    with room.server.store.transaction() as tx:
        tx.holdings.add(holding)


REQUESTS: dict[tuple[str, str], Callable[[Any], dict[str, Any]]] = {
    ("cleanrooms-ml", "CreateMLInputChannel"): lambda room: room.channel_request("more"),
    ("cleanrooms-ml", "CreateTrainedModel"): lambda room: room.training_request("more", room.rows),
    ("cleanrooms-ml", "StartTrainedModelInferenceJob"): lambda room: room.inference_request(
        "more", room.forest["trainedModelArn"], room.rows
    ),
    ("cleanrooms", "StartProtectedQuery"): lambda _room: {
        "type": "SQL",
        "sqlParameters": {"queryString": SQL},
        "resultConfiguration": {"outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": "alices"}}},
    },
}


@pytest.mark.parametrize("quota", [Quota.STORED_BYTES_PER_MEMBERSHIP, Quota.STORED_BYTES_PER_COLLABORATION])
@pytest.mark.parametrize("operation", list(REQUESTS))
def test_it_is_refused_where_all_bytes_are_used_and_begun_where_one_is_left(
    room: Room, operation: tuple[str, str], quota: Quota
) -> None:
    room.server.set_quota(quota, LIMIT)
    request = {"membershipIdentifier": room.membership(ALICE), **REQUESTS[operation](room)}
    fill(room, ALICE if quota is Quota.STORED_BYTES_PER_MEMBERSHIP else BOB, LIMIT)
    fault = must_refuse(QuotaExceeded, lambda: room.server.call(ALICE, *operation, **request))
    assert (fault.members["quotaName"], fault.members["quotaValue"]) == (quota.value, float(LIMIT))
    assert f"{LIMIT:,}" in fault.message
    room.server.set_quota(quota, LIMIT + 1)
    room.server.call(ALICE, *operation, **request)


def test_what_another_member_holds_does_not_count_against_a_membership(room: Room) -> None:
    room.server.set_quota(Quota.STORED_BYTES_PER_MEMBERSHIP, LIMIT)
    fill(room, BOB, LIMIT)
    room.channel("more")
