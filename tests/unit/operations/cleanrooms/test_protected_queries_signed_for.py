"""Who signs for the receivers of a query, where their locations are buckets of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.worlds.requests import ALICE
from support.worlds.rooms import Room
from support.worlds.servers import Server
from unit.operations.logged_room import a_logged_room, ask
from whiteroom.base.faults import ValidationFault


@pytest.fixture
def room(server: Server, tmp_path: Path) -> Room:
    return a_logged_room(server, tmp_path)


def test_a_query_whose_rows_nobody_may_write_to_the_receivers_bucket_is_refused_before_it_runs(room: Room) -> None:
    room.server.signed_for = ()
    with pytest.raises(ValidationFault, match=r"defaultResultConfiguration\.roleArn"):
        ask(room)
    with room.server.store.reading() as tx:
        assert not tx.protected_queries.working()


def test_a_mapped_profile_is_enough(room: Room) -> None:
    room.server.signed_for = (ALICE,)
    assert ask(room)


def test_the_receivers_own_role_is_enough(room: Room) -> None:
    room.server.signed_for = ()
    s3 = {"resultFormat": "CSV", "bucket": "alices"}
    role = {"outputConfiguration": {"s3": s3}, "roleArn": f"arn:aws:iam::{ALICE}:role/results"}
    here = {"membershipIdentifier": room.membership(ALICE)}
    room.server.cleanrooms(ALICE, "UpdateMembership", **here, defaultResultConfiguration=role)
    assert ask(room)
