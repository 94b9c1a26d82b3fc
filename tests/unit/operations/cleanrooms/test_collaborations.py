from __future__ import annotations

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, DAVE, NO_PAYMENT, collaboration_request
from support.worlds.rooms import Room, a_clean_room, an_invitation
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, Conflict, QuotaExceeded, ResourceNotFound, ValidationFault
from whiteroom.domain.resources.quotas import Quota

NOWHERE = "99999999-0000-4000-8000-000000000000"


def test_the_creator_is_invited_until_it_joins(server: Server) -> None:
    answer = server.cleanrooms(ALICE, "CreateCollaboration", **collaboration_request())
    collaboration = answer["collaboration"]
    assert collaboration["memberStatus"] == "INVITED"
    assert collaboration["creatorAccountId"] == ALICE
    assert collaboration["analyticsEngine"] == "SPARK"
    assert collaboration.get("membershipId") is None


def test_every_named_account_is_a_member_from_the_invitation_on(server: Server) -> None:
    room = an_invitation(server)
    answer = server.cleanrooms(BOB, "ListMembers", collaborationIdentifier=room.collaboration_id)
    members = {member["accountId"]: member for member in answer["memberSummaries"]}
    assert members.keys() == {ALICE, BOB, CAROL}
    assert {member["status"] for member in members.values()} == {"INVITED"}
    assert list(members[ALICE]["abilities"]) == ["CAN_QUERY", "CAN_RECEIVE_RESULTS"]
    assert list(members[CAROL]["mlAbilities"]["customMLMemberAbilities"]) == [
        "CAN_RECEIVE_MODEL_OUTPUT",
        "CAN_RECEIVE_INFERENCE_OUTPUT",
    ]
    assert members[BOB]["paymentConfiguration"] == NO_PAYMENT


def test_a_member_without_a_payment_configuration_pays_for_nothing(server: Server) -> None:
    request = collaboration_request(members=[{"accountId": BOB, "displayName": "Bob", "memberAbilities": []}])
    collaboration = server.cleanrooms(ALICE, "CreateCollaboration", **request)["collaboration"]
    answer = server.cleanrooms(ALICE, "ListMembers", collaborationIdentifier=collaboration["id"])
    bob = next(member for member in answer["memberSummaries"] if member["accountId"] == BOB)
    assert bob["paymentConfiguration"] == {"queryCompute": {"isResponsible": False}}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"creatorMemberAbilities": []}, "CAN_QUERY"),
        (
            {"members": [{"accountId": BOB, "displayName": "Bob", "memberAbilities": ["CAN_QUERY"]}]},
            "CAN_QUERY",
        ),
        ({"members": [{"accountId": ALICE, "displayName": "Me", "memberAbilities": []}]}, "twice"),
        ({"members": [{"accountId": BOB, "displayName": "Bob", "memberAbilities": []}] * 2}, "twice"),
        ({"analyticsEngine": "CLEAN_ROOMS_SQL"}, "SPARK"),
        ({"tags": {"aws:owner": "me"}}, "aws:"),
    ],
)
def test_an_incoherent_collaboration_is_refused(server: Server, change: dict[str, object], word: str) -> None:
    fault = server.refused(ValidationFault, ALICE, "CreateCollaboration", **collaboration_request(**change))
    assert word in fault.message
    assert server.cleanrooms(ALICE, "ListCollaborations")["collaborationList"] == []


def test_collaborations_and_members_have_quotas(server: Server) -> None:
    server.set_quota(Quota.MEMBERS_PER_COLLABORATION, 2)
    fault = server.refused(QuotaExceeded, ALICE, "CreateCollaboration", **collaboration_request())
    assert fault.members == {"quotaName": "members-per-collaboration", "quotaValue": 2.0}
    server.set_quota(Quota.MEMBERS_PER_COLLABORATION, 3)
    server.set_quota(Quota.COLLABORATIONS_PER_ACCOUNT, 1)
    room = an_invitation(server)
    server.refused(QuotaExceeded, ALICE, "CreateCollaboration", **collaboration_request())
    server.cleanrooms(ALICE, "DeleteCollaboration", collaborationIdentifier=room.collaboration_id)
    an_invitation(server)


def test_tags_are_kept_with_the_collaboration(server: Server) -> None:
    request = collaboration_request(tags={"study": "7"})
    arn = server.cleanrooms(ALICE, "CreateCollaboration", **request)["collaboration"]["arn"]
    with server.store.reading() as tx:
        assert tx.tags.get(arn) == {"study": "7"}


def test_each_member_sees_its_own_status_and_strangers_see_nothing(server: Server) -> None:
    room = an_invitation(server)
    membership_id = room.join(BOB)

    def seen(account_id: str) -> dict[str, object]:
        answer = server.cleanrooms(account_id, "GetCollaboration", collaborationIdentifier=room.collaboration_id)
        return dict(answer["collaboration"])

    assert seen(BOB)["memberStatus"] == "ACTIVE"
    assert seen(BOB)["membershipId"] == membership_id
    assert seen(ALICE)["memberStatus"] == "INVITED"
    hidden = server.refused(AccessDenied, DAVE, "GetCollaboration", collaborationIdentifier=room.collaboration_id)
    absent = server.refused(AccessDenied, DAVE, "GetCollaboration", collaborationIdentifier=NOWHERE)
    assert hidden.message.replace(room.collaboration_id, "") == absent.message.replace(NOWHERE, "")


def test_the_list_holds_what_one_is_invited_to_or_active_in(server: Server) -> None:
    joined, invited, removed = (an_invitation(server, name=name) for name in ("joined", "invited", "removed"))
    joined.join(BOB)
    server.cleanrooms(ALICE, "DeleteMember", collaborationIdentifier=removed.collaboration_id, accountId=BOB)

    def names(**request: object) -> list[str]:
        answer = server.cleanrooms(BOB, "ListCollaborations", **request)
        return [collaboration["name"] for collaboration in answer["collaborationList"]]

    assert names() == ["invited", "joined"]
    assert names(memberStatus="ACTIVE") == ["joined"]
    assert names(memberStatus="INVITED") == ["invited"]
    assert server.cleanrooms(DAVE, "ListCollaborations")["collaborationList"] == []
    del invited


def test_the_list_is_paged_without_gaps_around_what_is_hidden(server: Server) -> None:
    rooms = [an_invitation(server, name=f"room {number}") for number in range(6)]
    for room in rooms[1::2]:
        server.cleanrooms(ALICE, "DeleteMember", collaborationIdentifier=room.collaboration_id, accountId=BOB)
    first = server.cleanrooms(BOB, "ListCollaborations", maxResults=2)
    assert [item["name"] for item in first["collaborationList"]] == ["room 4", "room 2"]
    second = server.cleanrooms(BOB, "ListCollaborations", maxResults=2, nextToken=first["nextToken"])
    assert [item["name"] for item in second["collaborationList"]] == ["room 0"]
    assert second["nextToken"] is None
    server.refused(ValidationFault, CAROL, "ListCollaborations", nextToken=first["nextToken"])
    server.refused(ValidationFault, BOB, "ListCollaborations", nextToken="%%%")


def test_the_creator_renames_the_collaboration_and_nobody_else_does(server: Server, room: Room) -> None:
    here = {"collaborationIdentifier": room.collaboration_id}
    changed = server.cleanrooms(ALICE, "UpdateCollaboration", **here, name="Second trial")["collaboration"]
    assert (changed["name"], changed["description"]) == ("Second trial", "Three hospitals.")
    assert changed["updateTime"] > changed["createTime"]
    assert server.cleanrooms(BOB, "GetCollaboration", **here)["collaboration"]["name"] == "Second trial"
    server.refused(AccessDenied, BOB, "UpdateCollaboration", **here, name="Mine")
    server.refused(AccessDenied, DAVE, "UpdateCollaboration", **here, name="Mine")
    server.refused(ValidationFault, ALICE, "UpdateCollaboration", **here, analyticsEngine="CLEAN_ROOMS_SQL")


def test_deleting_the_collaboration_ends_every_membership_and_hides_it(server: Server, room: Room) -> None:
    here = {"collaborationIdentifier": room.collaboration_id}
    shared = room.shared_table(BOB, "patients")
    server.refused(AccessDenied, BOB, "DeleteCollaboration", **here)
    server.cleanrooms(ALICE, "DeleteCollaboration", **here)
    for account_id in (ALICE, BOB, CAROL):
        server.refused(AccessDenied, account_id, "GetCollaboration", **here)
        membership = server.cleanrooms(account_id, "GetMembership", membershipIdentifier=room.membership(account_id))
        assert membership["membership"]["status"] == "COLLABORATION_DELETED"
        assert server.cleanrooms(account_id, "ListCollaborations")["collaborationList"] == []
    server.cleanrooms(BOB, "DeleteConfiguredTable", configuredTableIdentifier=shared.configured_table_id)
    server.refused(
        AccessDenied, BOB, "CreateMembership", **here, queryLogStatus="DISABLED", paymentConfiguration=NO_PAYMENT
    )


def test_deleting_a_collaboration_again_is_harmless_for_its_creator_alone(server: Server, room: Room) -> None:
    here = {"collaborationIdentifier": room.collaboration_id}
    server.cleanrooms(ALICE, "DeleteCollaboration", **here)
    server.cleanrooms(ALICE, "DeleteCollaboration", **here)
    server.refused(AccessDenied, BOB, "DeleteCollaboration", **here)
    server.refused(AccessDenied, ALICE, "DeleteCollaboration", collaborationIdentifier=NOWHERE)


def test_a_removed_member_loses_sight_and_its_tables_leave_the_room(server: Server, room: Room) -> None:
    here = {"collaborationIdentifier": room.collaboration_id}
    room.shared_table(BOB, "patients")
    server.cleanrooms(ALICE, "DeleteMember", **here, accountId=BOB)
    server.cleanrooms(ALICE, "DeleteMember", **here, accountId=BOB)
    members = server.cleanrooms(ALICE, "ListMembers", **here)["memberSummaries"]
    assert {member["accountId"]: member["status"] for member in members}[BOB] == "REMOVED"
    assert server.cleanrooms(ALICE, "ListSchemas", **here)["schemaSummaries"] == []
    membership = server.cleanrooms(BOB, "GetMembership", membershipIdentifier=room.membership(BOB))["membership"]
    assert membership["status"] == "REMOVED"
    assert len(server.cleanrooms(BOB, "ListConfiguredTables")["configuredTableSummaries"]) == 1
    server.refused(AccessDenied, BOB, "ListSchemas", **here)
    server.refused(AccessDenied, BOB, "ListMembers", **here)
    server.refused(AccessDenied, BOB, "CreateMembership", **here, queryLogStatus="DISABLED")


def test_an_invited_member_can_be_removed_before_it_joins(server: Server) -> None:
    room = an_invitation(server)
    here = {"collaborationIdentifier": room.collaboration_id}
    server.cleanrooms(ALICE, "DeleteMember", **here, accountId=BOB)
    server.refused(AccessDenied, BOB, "CreateMembership", **here, queryLogStatus="DISABLED")


def test_only_the_creator_removes_members_and_never_itself(server: Server) -> None:
    room = a_clean_room(server)
    here = {"collaborationIdentifier": room.collaboration_id}
    server.refused(AccessDenied, BOB, "DeleteMember", **here, accountId=CAROL)
    server.refused(AccessDenied, DAVE, "DeleteMember", **here, accountId=CAROL)
    server.refused(ValidationFault, ALICE, "DeleteMember", **here, accountId=ALICE)
    server.refused(ResourceNotFound, ALICE, "DeleteMember", **here, accountId=DAVE)
    server.cleanrooms(BOB, "DeleteMembership", membershipIdentifier=room.membership(BOB))
    fault = server.refused(Conflict, ALICE, "DeleteMember", **here, accountId=BOB)
    assert fault.members["reason"] == "INVALID_STATE"


def test_members_are_listed_to_the_invited_and_to_nobody_outside(server: Server) -> None:
    room = an_invitation(server)
    here = {"collaborationIdentifier": room.collaboration_id}
    first = server.cleanrooms(CAROL, "ListMembers", **here, maxResults=2)
    second = server.cleanrooms(CAROL, "ListMembers", **here, maxResults=2, nextToken=first["nextToken"])
    seen = [member["accountId"] for member in (*first["memberSummaries"], *second["memberSummaries"])]
    assert sorted(seen) == [ALICE, BOB, CAROL]
    server.refused(AccessDenied, DAVE, "ListMembers", **here)
