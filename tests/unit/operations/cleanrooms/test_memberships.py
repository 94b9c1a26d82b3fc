from __future__ import annotations

from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, DAVE, NO_PAYMENT, collaboration_request, role_of
from support.worlds.rooms import Room, an_invitation
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, Conflict, QuotaExceeded, ValidationFault
from whiteroom.domain.resources.quotas import Quota

PAYS = {"isResponsible": True}
PAYS_NOT = {"isResponsible": False}


def results(role_owner: str) -> dict[str, Any]:
    return {
        "outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": "results"}},
        "roleArn": role_of(role_owner),
    }


def bob_pays(server: Server) -> Room:
    """A collaboration where BOB, who cannot query, pays for queries and training."""
    payment = {"queryCompute": PAYS, "machineLearning": {"modelTraining": PAYS}}
    member = {"accountId": BOB, "displayName": "Bob", "memberAbilities": [], "paymentConfiguration": payment}
    return an_invitation(server, members=[member], creatorPaymentConfiguration={"queryCompute": PAYS_NOT})


def test_joining_makes_an_active_membership_with_the_members_abilities(server: Server) -> None:
    room = an_invitation(server)
    answer = server.cleanrooms(
        CAROL,
        "CreateMembership",
        collaborationIdentifier=room.collaboration_id,
        queryLogStatus="ENABLED",
        paymentConfiguration=NO_PAYMENT,
        tags={"team": "models"},
    )
    membership = answer["membership"]
    assert membership["status"] == "ACTIVE"
    assert membership["queryLogStatus"] == "ENABLED"
    assert list(membership["memberAbilities"]) == []
    assert list(membership["mlMemberAbilities"]["customMLMemberAbilities"]) == [
        "CAN_RECEIVE_MODEL_OUTPUT",
        "CAN_RECEIVE_INFERENCE_OUTPUT",
    ]
    assert membership["paymentConfiguration"] == NO_PAYMENT
    assert membership["collaborationCreatorAccountId"] == ALICE
    with server.store.reading() as tx:
        assert tx.tags.get(membership["arn"]) == {"team": "models"}


def test_the_member_who_can_query_need_not_repeat_what_it_pays(server: Server, room: Room) -> None:
    membership = server.cleanrooms(ALICE, "GetMembership", membershipIdentifier=room.membership(ALICE))["membership"]
    assert membership["paymentConfiguration"] == {
        "queryCompute": PAYS,
        "machineLearning": {"modelTraining": PAYS, "modelInference": PAYS},
    }


def test_whoever_can_query_pays_where_the_creator_named_nobody(server: Server) -> None:
    request = collaboration_request()
    del request["creatorPaymentConfiguration"]
    collaboration = server.cleanrooms(ALICE, "CreateCollaboration", **request)["collaboration"]
    room = Room(server, collaboration["id"], {})
    room.join(ALICE)
    membership = server.cleanrooms(ALICE, "GetMembership", membershipIdentifier=room.membership(ALICE))["membership"]
    assert membership["paymentConfiguration"]["queryCompute"] == PAYS


@pytest.mark.parametrize(
    "offered",
    [
        None,
        NO_PAYMENT,
        {"queryCompute": PAYS},
        {"queryCompute": PAYS, "machineLearning": {"modelTraining": PAYS_NOT}},
        {"queryCompute": PAYS, "machineLearning": {"modelTraining": PAYS, "modelInference": PAYS}},
        {"queryCompute": PAYS, "machineLearning": {"modelTraining": PAYS}, "jobCompute": PAYS},
    ],
)
def test_a_payer_accepts_exactly_what_was_assigned(server: Server, offered: dict[str, Any] | None) -> None:
    room = bob_pays(server)
    payment = {"paymentConfiguration": offered} if offered is not None else {}
    server.refused(
        ValidationFault,
        BOB,
        "CreateMembership",
        collaborationIdentifier=room.collaboration_id,
        queryLogStatus="DISABLED",
        **payment,
    )
    room.join(BOB, paymentConfiguration={"queryCompute": PAYS, "machineLearning": {"modelTraining": PAYS}})


def test_a_claim_to_pay_that_was_not_assigned_is_refused(server: Server) -> None:
    room = bob_pays(server)
    fault = server.refused(
        ValidationFault,
        ALICE,
        "CreateMembership",
        collaborationIdentifier=room.collaboration_id,
        queryLogStatus="DISABLED",
        paymentConfiguration={"queryCompute": PAYS},
    )
    assert "queryCompute" in fault.message


def test_joining_twice_is_a_conflict_that_names_the_membership(server: Server, room: Room) -> None:
    fault = server.refused(
        Conflict,
        BOB,
        "CreateMembership",
        collaborationIdentifier=room.collaboration_id,
        queryLogStatus="DISABLED",
    )
    assert fault.members == {
        "resourceId": room.membership(BOB),
        "resourceType": "MEMBERSHIP",
        "reason": "ALREADY_EXISTS",
    }


def test_a_stranger_cannot_join(server: Server, room: Room) -> None:
    server.refused(
        AccessDenied,
        DAVE,
        "CreateMembership",
        collaborationIdentifier=room.collaboration_id,
        queryLogStatus="DISABLED",
    )


def test_memberships_have_a_quota_of_active_ones(server: Server) -> None:
    server.set_quota(Quota.MEMBERSHIPS_PER_ACCOUNT, 1)
    first, second = an_invitation(server), an_invitation(server)
    first.join(BOB)
    there = {"collaborationIdentifier": second.collaboration_id, "queryLogStatus": "DISABLED"}
    server.refused(QuotaExceeded, BOB, "CreateMembership", **there)
    server.cleanrooms(BOB, "DeleteMembership", membershipIdentifier=first.membership(BOB))
    second.join(BOB)


@pytest.mark.parametrize(
    ("account_id", "extra", "fault"),
    [
        (BOB, {"defaultResultConfiguration": results(BOB)}, ValidationFault),
        (ALICE, {"defaultResultConfiguration": results(BOB)}, AccessDenied),
        (ALICE, {"isMetricsEnabled": True}, ValidationFault),
        (ALICE, {"tags": {"AWS:x": "y"}}, ValidationFault),
    ],
)
def test_a_membership_sets_only_what_its_member_may(
    server: Server, account_id: str, extra: dict[str, Any], fault: type[Any]
) -> None:
    room = an_invitation(server)
    here = {"collaborationIdentifier": room.collaboration_id, "queryLogStatus": "DISABLED"}
    server.refused(fault, account_id, "CreateMembership", **here, **extra)


def test_a_receiver_says_where_results_go_and_changes_it(server: Server) -> None:
    room = an_invitation(server, isMetricsEnabled=True)
    room.join(ALICE, defaultResultConfiguration=results(ALICE), isMetricsEnabled=True)
    here = {"membershipIdentifier": room.membership(ALICE)}
    other = {"outputConfiguration": {"s3": {"resultFormat": "PARQUET", "bucket": "elsewhere"}}}
    changed = server.cleanrooms(ALICE, "UpdateMembership", **here, defaultResultConfiguration=other)["membership"]
    assert changed["defaultResultConfiguration"] == other
    assert changed["queryLogStatus"] == "DISABLED"
    assert changed["isMetricsEnabled"] is True


def test_an_update_changes_what_it_names_and_keeps_the_payments(server: Server, room: Room) -> None:
    here = {"membershipIdentifier": room.membership(ALICE)}
    before = server.cleanrooms(ALICE, "GetMembership", **here)["membership"]
    changed = server.cleanrooms(
        ALICE,
        "UpdateMembership",
        **here,
        queryLogStatus="ENABLED",
        jobLogStatus="ENABLED",
        membershipPaymentConfiguration={"machineLearning": {"modelTraining": PAYS}},
    )["membership"]
    assert (changed["queryLogStatus"], changed["jobLogStatus"]) == ("ENABLED", "ENABLED")
    assert changed["paymentConfiguration"] == before["paymentConfiguration"]
    server.refused(
        ValidationFault,
        ALICE,
        "UpdateMembership",
        **here,
        membershipPaymentConfiguration={"queryCompute": PAYS_NOT},
    )
    server.refused(
        ValidationFault,
        BOB,
        "UpdateMembership",
        membershipIdentifier=room.membership(BOB),
        membershipPaymentConfiguration={"queryCompute": PAYS},
    )


def test_a_membership_is_nobody_elses_to_see_or_change(server: Server, room: Room) -> None:
    here = {"membershipIdentifier": room.membership(BOB)}
    for operation in ("GetMembership", "UpdateMembership", "DeleteMembership"):
        server.refused(AccessDenied, ALICE, operation, **here)
        server.refused(AccessDenied, DAVE, operation, **here)


def test_memberships_are_listed_by_status(server: Server) -> None:
    rooms = [an_invitation(server, name=name) for name in ("left", "deleted", "active")]
    for room in rooms:
        room.join(BOB)
    server.cleanrooms(BOB, "DeleteMembership", membershipIdentifier=rooms[0].membership(BOB))
    server.cleanrooms(ALICE, "DeleteCollaboration", collaborationIdentifier=rooms[1].collaboration_id)

    def names(**request: Any) -> list[str]:
        answer = server.cleanrooms(BOB, "ListMemberships", **request)
        return [summary["collaborationName"] for summary in answer["membershipSummaries"]]

    assert names() == ["active", "deleted", "left"]
    assert names(status="ACTIVE") == ["active"]
    assert names(status="REMOVED") == ["left"]
    assert names(status="COLLABORATION_DELETED") == ["deleted"]
    first = server.cleanrooms(BOB, "ListMemberships", maxResults=2)
    rest = server.cleanrooms(BOB, "ListMemberships", maxResults=2, nextToken=first["nextToken"])
    assert [summary["collaborationName"] for summary in rest["membershipSummaries"]] == ["left"]
    server.refused(ValidationFault, BOB, "ListMemberships", status="ACTIVE", nextToken=first["nextToken"])


def test_whoever_leaves_is_left_for_good(server: Server, room: Room) -> None:
    here = {"membershipIdentifier": room.membership(BOB)}
    server.cleanrooms(BOB, "DeleteMembership", **here)
    server.cleanrooms(BOB, "DeleteMembership", **here)
    assert server.cleanrooms(BOB, "GetMembership", **here)["membership"]["status"] == "REMOVED"
    members = server.cleanrooms(ALICE, "ListMembers", collaborationIdentifier=room.collaboration_id)
    assert {m["accountId"]: m["status"] for m in members["memberSummaries"]}[BOB] == "LEFT"
    server.refused(
        AccessDenied,
        BOB,
        "CreateMembership",
        collaborationIdentifier=room.collaboration_id,
        queryLogStatus="DISABLED",
    )
    fault = server.refused(Conflict, BOB, "UpdateMembership", **here, queryLogStatus="ENABLED")
    assert fault.members["reason"] == "INVALID_STATE"


def test_a_membership_is_emptied_before_it_is_deleted(server: Server, room: Room) -> None:
    here = {"membershipIdentifier": room.membership(BOB)}
    shared = room.shared_table(BOB, "patients")
    fault = server.refused(Conflict, BOB, "DeleteMembership", **here)
    assert fault.members["reason"] == "SUBRESOURCES_EXIST"
    assert "configured table associations" in fault.message
    server.cleanrooms(
        BOB,
        "DeleteConfiguredTableAssociation",
        **here,
        configuredTableAssociationIdentifier=shared.association_id,
    )
    server.cleanrooms(BOB, "DeleteMembership", **here)


def test_a_creator_who_left_still_owns_the_collaboration_but_is_no_member(server: Server, room: Room) -> None:
    here = {"collaborationIdentifier": room.collaboration_id}
    server.cleanrooms(ALICE, "DeleteMembership", membershipIdentifier=room.membership(ALICE))
    seen = server.cleanrooms(ALICE, "GetCollaboration", **here)["collaboration"]
    assert (seen["memberStatus"], seen["membershipId"]) == ("LEFT", None)
    listed = server.cleanrooms(ALICE, "ListCollaborations")["collaborationList"]
    assert [item["id"] for item in listed] == [room.collaboration_id]
    server.refused(AccessDenied, ALICE, "ListSchemas", **here)
    server.refused(AccessDenied, ALICE, "CreateMembership", **here, queryLogStatus="DISABLED")
    server.cleanrooms(ALICE, "DeleteMember", **here, accountId=BOB)
    server.cleanrooms(ALICE, "DeleteCollaboration", **here)
    assert server.cleanrooms(ALICE, "ListCollaborations")["collaborationList"] == []
    server.refused(AccessDenied, ALICE, "GetCollaboration", **here)
