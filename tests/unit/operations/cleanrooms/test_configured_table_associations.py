from __future__ import annotations

from typing import Any

import pytest

from support.cleanrooms import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    Office,
    Room,
    a_clean_room,
    role_of,
)
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


def test_an_association_brings_a_table_into_a_room_under_a_name(office: Office, room: Room, table_id: str) -> None:
    request = a_request(room, table_id, description="Ward 3", tags={"ward": "3"})
    made = office.cleanrooms(BOB, "CreateConfiguredTableAssociation", **request)["configuredTableAssociation"]
    assert (made["name"], made["description"], made["configuredTableId"]) == ("patients", "Ward 3", table_id)
    assert made["analysisRuleTypes"] == []
    assert made["arn"].endswith(f":configuredtableassociation/{room.membership(BOB)}/{made['id']}")
    here = {"membershipIdentifier": room.membership(BOB), "configuredTableAssociationIdentifier": made["id"]}
    assert office.cleanrooms(BOB, "GetConfiguredTableAssociation", **here)["configuredTableAssociation"] == made
    with office.store.reading() as tx:
        assert tx.tags.get(made["arn"]) == {"ward": "3"}


def test_a_name_is_taken_in_the_whole_collaboration_whatever_its_case(office: Office, room: Room) -> None:
    room.shared_table(BOB, "patients")
    mine = room.configured_table(CAROL, "mine")
    request = a_request(
        room, mine, name="Patients", membershipIdentifier=room.membership(CAROL), roleArn=role_of(CAROL)
    )
    fault = office.refused(Conflict, CAROL, "CreateConfiguredTableAssociation", **request)
    assert fault.members["reason"] == "ALREADY_EXISTS"
    other = a_clean_room(office)
    other.association(CAROL, mine, "Patients")


def test_a_table_is_associated_by_its_owner_with_its_own_role(office: Office, room: Room, table_id: str) -> None:
    create = "CreateConfiguredTableAssociation"
    office.refused(AccessDenied, BOB, create, **a_request(room, table_id, roleArn=role_of(ALICE)))
    office.refused(ResourceNotFound, BOB, create, **a_request(room, NOWHERE))
    office.refused(AccessDenied, ALICE, create, **a_request(room, table_id))
    mine = {"membershipIdentifier": room.membership(ALICE), "roleArn": role_of(ALICE)}
    office.refused(ResourceNotFound, ALICE, create, **a_request(room, table_id, **mine))
    office.refused(ValidationFault, BOB, create, **a_request(room, table_id, tags={"aws:x": "y"}))


def test_associations_have_a_quota(office: Office, room: Room, table_id: str) -> None:
    office.set_quota(Quota.ASSOCIATIONS_PER_MEMBERSHIP, 1)
    room.association(BOB, table_id, "one")
    office.refused(QuotaExceeded, BOB, "CreateConfiguredTableAssociation", **a_request(room, table_id))


def test_an_ended_membership_associates_nothing(office: Office, room: Room, table_id: str) -> None:
    office.cleanrooms(BOB, "DeleteMembership", membershipIdentifier=room.membership(BOB))
    office.refused(AccessDenied, BOB, "CreateConfiguredTableAssociation", **a_request(room, table_id))
    listed = office.cleanrooms(BOB, "ListConfiguredTableAssociations", membershipIdentifier=room.membership(BOB))
    assert listed["configuredTableAssociationSummaries"] == []


def test_description_and_role_can_be_changed(office: Office, room: Room, table_id: str) -> None:
    here = {
        "membershipIdentifier": room.membership(BOB),
        "configuredTableAssociationIdentifier": room.association(BOB, table_id, "patients"),
    }
    update = "UpdateConfiguredTableAssociation"
    changed = office.cleanrooms(BOB, update, **here, roleArn=role_of(BOB, "other"))["configuredTableAssociation"]
    assert (changed["roleArn"], changed["description"]) == (role_of(BOB, "other"), None)
    changed = office.cleanrooms(BOB, update, **here, description="Ward 3")["configuredTableAssociation"]
    assert (changed["roleArn"], changed["description"]) == (role_of(BOB, "other"), "Ward 3")
    office.refused(AccessDenied, BOB, update, **here, roleArn=role_of(ALICE))


def test_an_association_is_found_in_its_own_membership_alone(office: Office, room: Room) -> None:
    shared = room.shared_table(BOB, "patients")
    its = {"configuredTableAssociationIdentifier": shared.association_id}
    for operation in (
        "GetConfiguredTableAssociation",
        "UpdateConfiguredTableAssociation",
        "DeleteConfiguredTableAssociation",
    ):
        office.refused(AccessDenied, ALICE, operation, membershipIdentifier=room.membership(BOB), **its)
        office.refused(ResourceNotFound, ALICE, operation, membershipIdentifier=room.membership(ALICE), **its)
        office.refused(AccessDenied, DAVE, operation, membershipIdentifier=NOWHERE, **its)
    office.refused(AccessDenied, ALICE, "ListConfiguredTableAssociations", membershipIdentifier=room.membership(BOB))


def test_associations_are_listed_page_by_page(office: Office, room: Room, table_id: str) -> None:
    for name in ("one", "two", "three"):
        room.association(BOB, table_id, name)
    here = {"membershipIdentifier": room.membership(BOB), "maxResults": 2}
    first = office.cleanrooms(BOB, "ListConfiguredTableAssociations", **here)
    second = office.cleanrooms(BOB, "ListConfiguredTableAssociations", **here, nextToken=first["nextToken"])
    pages = (first["configuredTableAssociationSummaries"], second["configuredTableAssociationSummaries"])
    assert [[item["name"] for item in page] for page in pages] == [["three", "two"], ["one"]]


def test_a_deleted_association_takes_its_rule_along_and_frees_its_name(office: Office, room: Room) -> None:
    shared = room.shared_table(BOB, "patients")
    here = {
        "membershipIdentifier": room.membership(BOB),
        "configuredTableAssociationIdentifier": shared.association_id,
    }
    office.cleanrooms(BOB, "DeleteConfiguredTableAssociation", **here)
    office.refused(ResourceNotFound, BOB, "DeleteConfiguredTableAssociation", **here)
    with office.store.reading() as tx:
        assert tx.configured_table_association_analysis_rules.get(shared.association_id) is None
    room.association(BOB, shared.configured_table_id, "PATIENTS")
