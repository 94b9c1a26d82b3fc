"""Whatever members do, in whatever order: refusals are modelled, and nothing outlives its membership."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.worlds.requests import ALICE, BOB, CAROL, DAVE, role_of
from support.worlds.rooms import Room, an_invitation
from support.worlds.servers import Server, a_server
from whiteroom.base.faults import Fault
from whiteroom.domain.resources.collaborations import CollaborationStatus, MemberStatus
from whiteroom.domain.resources.memberships import MembershipStatus
from whiteroom.domain.resources.quotas import Quota
from whiteroom.store.sqlite import SqliteStore

ACCOUNTS = (ALICE, BOB, CAROL, DAVE)
NOWHERE = "99999999-0000-4000-8000-000000000000"
STEPS = ("join", "associate", "associate", "write", "detach", "leave", "remove", "remove", "end")


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    store = SqliteStore(tmp_path_factory.mktemp("time") / "whiteroom.db")
    server = a_server(store)
    for quota in Quota:
        server.set_quota(quota, 1_000_000)
    yield server
    store.close()


def step(room: Room, kind: str, account_id: str, other: str) -> None:
    server, here = room.server, {"collaborationIdentifier": room.collaboration_id}
    mine = {"membershipIdentifier": room.memberships.get(account_id, NOWHERE)}
    match kind:
        case "join":
            room.join(account_id)
        case "associate":
            table_id = room.configured_table(account_id, f"t{next(server.ids)}")
            server.cleanrooms(
                account_id,
                "CreateConfiguredTableAssociation",
                **mine,
                configuredTableIdentifier=table_id,
                name=f"shared_{account_id}",
                roleArn=role_of(account_id),
            )
        case "write":
            server.cleanrooms(
                account_id, "CreateAnalysisTemplate", **mine, name="t", format="SQL", source={"text": "SELECT 1"}
            )
        case "detach":
            listed = server.cleanrooms(account_id, "ListConfiguredTableAssociations", **mine)
            for item in listed["configuredTableAssociationSummaries"]:
                its = {"configuredTableAssociationIdentifier": item["id"]}
                server.cleanrooms(account_id, "DeleteConfiguredTableAssociation", **mine, **its)
        case "leave":
            server.cleanrooms(account_id, "DeleteMembership", **mine)
        case "remove":
            server.cleanrooms(account_id, "DeleteMember", **here, accountId=other)
        case "end":
            server.cleanrooms(account_id, "DeleteCollaboration", **here)


def assert_sound(room: Room) -> None:
    with room.server.store.reading() as tx:
        collaboration = tx.collaborations.get(room.collaboration_id)
        assert collaboration is not None
        memberships = {m.id: m for m in tx.memberships.all(collaboration_id=room.collaboration_id)}
        active = {m.account_id for m in memberships.values() if m.status is MembershipStatus.ACTIVE}
        members = tx.members.all(collaboration_id=room.collaboration_id)
        assert active == {m.account_id for m in members if m.status is MemberStatus.ACTIVE}
        assert len(memberships) == len({m.account_id for m in memberships.values()}), "nobody joins twice"
        if collaboration.status is CollaborationStatus.DELETED:
            assert not active
        tables = tx.configured_table_associations.all(collaboration_id=room.collaboration_id)
        templates = tx.analysis_templates.all(collaboration_id=room.collaboration_id)
        owners = {table.account_id for table in tables} | {template.account_id for template in templates}
        assert owners <= active, "nothing outlives its membership"


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        # ALICE, the creator, acts more often: what she does ends other members' business.
        st.tuples(st.sampled_from(STEPS), st.sampled_from((ALICE, *ACCOUNTS)), st.sampled_from(ACCOUNTS)),
        min_size=5,
        max_size=25,
    )
)
def test_nothing_outlives_its_membership_whatever_the_order(
    long_lived: Server, steps: list[tuple[str, str, str]]
) -> None:
    room = an_invitation(long_lived)
    for account_id in (BOB, CAROL):
        room.join(account_id)
        step(room, "associate", account_id, account_id)
        step(room, "write", account_id, account_id)
    for kind, account_id, other in steps:
        with contextlib.suppress(Fault):  # Server.call has seen that the model declares it
            step(room, kind, account_id, other)
        assert_sound(room)
