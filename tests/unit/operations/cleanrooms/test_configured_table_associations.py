from __future__ import annotations

from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, DAVE, role_of
from support.worlds.rooms import Room, a_clean_room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, Conflict, QuotaExceeded, ResourceNotFound, ValidationFault
from whiteroom.domain.resources.quotas import Quota

NOWHERE = "99999999-0000-4000-8000-000000000000"


def a_request(room: Room, table_id: str, **changes: Any) -> dict[str, Any]:
    request = {
        "name": "patients",
        "membershipIdentifier": room.membership(BOB),
        "configuredTableIdentifier": table_id,
        "roleArn": role_of(BOB),
    }
    return {**request, **changes}


@pytest.fixture
def table_id(room: Room) -> str:
    return room.configured_table(BOB, "patients")


def test_an_association_brings_a_table_into_a_room_under_a_name(server: Server, room: Room, table_id: str) -> None:
    request = a_request(room, table_id, description="Ward 3", tags={"ward": "3"})
    made = server.cleanrooms(BOB, "CreateConfiguredTableAssociation", **request)["configuredTableAssociation"]
    assert (made["name"], made["description"], made["configuredTableId"]) == ("patients", "Ward 3", table_id)
    assert made["analysisRuleTypes"] == []
    assert made["arn"].endswith(f":configuredtableassociation/{room.membership(BOB)}/{made['id']}")
    here = {"membershipIdentifier": room.membership(BOB), "configuredTableAssociationIdentifier": made["id"]}
    assert server.cleanrooms(BOB, "GetConfiguredTableAssociation", **here)["configuredTableAssociation"] == made
    with server.store.reading() as tx:
        assert tx.tags.get(made["arn"]) == {"ward": "3"}


def test_a_name_is_taken_in_the_whole_collaboration_whatever_its_case(server: Server, room: Room) -> None:
    room.shared_table(BOB, "patients")
    mine = room.configured_table(CAROL, "mine")
    request = a_request(
        room, mine, name="Patients", membershipIdentifier=room.membership(CAROL), roleArn=role_of(CAROL)
    )
    fault = server.refused(Conflict, CAROL, "CreateConfiguredTableAssociation", **request)
    assert fault.members["reason"] == "ALREADY_EXISTS"
    other = a_clean_room(server)
    other.table_association(CAROL, mine, "Patients")


def test_a_table_is_associated_by_its_owner_with_its_own_role(server: Server, room: Room, table_id: str) -> None:
    create = "CreateConfiguredTableAssociation"
    server.refused(AccessDenied, BOB, create, **a_request(room, table_id, roleArn=role_of(ALICE)))
    server.refused(ResourceNotFound, BOB, create, **a_request(room, NOWHERE))
    server.refused(AccessDenied, ALICE, create, **a_request(room, table_id))
    mine = {"membershipIdentifier": room.membership(ALICE), "roleArn": role_of(ALICE)}
    server.refused(ResourceNotFound, ALICE, create, **a_request(room, table_id, **mine))
    server.refused(ValidationFault, BOB, create, **a_request(room, table_id, tags={"aws:x": "y"}))


def test_associations_have_a_quota(server: Server, room: Room, table_id: str) -> None:
    server.set_quota(Quota.ASSOCIATIONS_PER_MEMBERSHIP, 1)
    room.table_association(BOB, table_id, "one")
    server.refused(QuotaExceeded, BOB, "CreateConfiguredTableAssociation", **a_request(room, table_id))


def test_an_ended_membership_associates_nothing(server: Server, room: Room, table_id: str) -> None:
    server.cleanrooms(BOB, "DeleteMembership", membershipIdentifier=room.membership(BOB))
    server.refused(AccessDenied, BOB, "CreateConfiguredTableAssociation", **a_request(room, table_id))
    listed = server.cleanrooms(BOB, "ListConfiguredTableAssociations", membershipIdentifier=room.membership(BOB))
    assert listed["configuredTableAssociationSummaries"] == []


def test_description_and_role_can_be_changed(server: Server, room: Room, table_id: str) -> None:
    here = {
        "membershipIdentifier": room.membership(BOB),
        "configuredTableAssociationIdentifier": room.table_association(BOB, table_id, "patients"),
    }
    update = "UpdateConfiguredTableAssociation"
    changed = server.cleanrooms(BOB, update, **here, roleArn=role_of(BOB, "other"))["configuredTableAssociation"]
    assert (changed["roleArn"], changed["description"]) == (role_of(BOB, "other"), None)
    changed = server.cleanrooms(BOB, update, **here, description="Ward 3")["configuredTableAssociation"]
    assert (changed["roleArn"], changed["description"]) == (role_of(BOB, "other"), "Ward 3")
    server.refused(AccessDenied, BOB, update, **here, roleArn=role_of(ALICE))


def test_an_association_is_found_in_its_own_membership_alone(server: Server, room: Room) -> None:
    shared = room.shared_table(BOB, "patients")
    its = {"configuredTableAssociationIdentifier": shared.association_id}
    for operation in (
        "GetConfiguredTableAssociation",
        "UpdateConfiguredTableAssociation",
        "DeleteConfiguredTableAssociation",
    ):
        server.refused(AccessDenied, ALICE, operation, membershipIdentifier=room.membership(BOB), **its)
        server.refused(ResourceNotFound, ALICE, operation, membershipIdentifier=room.membership(ALICE), **its)
        server.refused(AccessDenied, DAVE, operation, membershipIdentifier=NOWHERE, **its)
    server.refused(AccessDenied, ALICE, "ListConfiguredTableAssociations", membershipIdentifier=room.membership(BOB))


def test_associations_are_listed_page_by_page(server: Server, room: Room, table_id: str) -> None:
    for name in ("one", "two", "three"):
        room.table_association(BOB, table_id, name)
    here = {"membershipIdentifier": room.membership(BOB), "maxResults": 2}
    first = server.cleanrooms(BOB, "ListConfiguredTableAssociations", **here)
    second = server.cleanrooms(BOB, "ListConfiguredTableAssociations", **here, nextToken=first["nextToken"])
    pages = (first["configuredTableAssociationSummaries"], second["configuredTableAssociationSummaries"])
    assert [[item["name"] for item in page] for page in pages] == [["three", "two"], ["one"]]


def test_a_deleted_association_takes_its_rule_along_and_frees_its_name(server: Server, room: Room) -> None:
    shared = room.shared_table(BOB, "patients")
    here = {
        "membershipIdentifier": room.membership(BOB),
        "configuredTableAssociationIdentifier": shared.association_id,
    }
    server.cleanrooms(BOB, "DeleteConfiguredTableAssociation", **here)
    server.refused(ResourceNotFound, BOB, "DeleteConfiguredTableAssociation", **here)
    with server.store.reading() as tx:
        assert tx.configured_table_association_analysis_rules.get(shared.association_id) is None
    room.table_association(BOB, shared.configured_table_id, "PATIENTS")
