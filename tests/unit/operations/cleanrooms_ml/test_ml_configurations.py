import pytest

from support.worlds.requests import ALICE, BOB, CAROL, role_of
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, ResourceNotFound, ValidationFault


@pytest.fixture
def room(server: Server) -> Room:
    return a_furnished_room(server)


def test_a_configuration_is_put_read_replaced_and_deleted(room: Room) -> None:
    room.configure(CAROL, "s3://one/prefix")
    first = room.call("GetMLConfiguration", CAROL)
    assert first["membershipIdentifier"] == room.membership(CAROL)
    assert first["defaultOutputLocation"] == {
        "destination": {"s3Destination": {"s3Uri": "s3://one/prefix"}},
        "roleArn": role_of(CAROL),
    }
    room.configure(CAROL, None)
    second = room.call("GetMLConfiguration", CAROL)
    assert second["defaultOutputLocation"]["destination"] is None
    assert second["createTime"] == first["createTime"]
    assert second["updateTime"] > first["updateTime"]
    room.call("DeleteMLConfiguration", CAROL)
    for operation in ("GetMLConfiguration", "DeleteMLConfiguration"):
        assert "PutMLConfiguration" in room.refused(ResourceNotFound, operation, CAROL)


def test_a_role_of_another_account_is_refused(room: Room) -> None:
    location = {"roleArn": role_of(BOB)}
    room.refused(AccessDenied, "PutMLConfiguration", CAROL, defaultOutputLocation=location)


@pytest.mark.parametrize("operation", ["PutMLConfiguration", "GetMLConfiguration", "DeleteMLConfiguration"])
def test_a_configuration_is_for_its_own_member(room: Room, operation: str) -> None:
    room.configure(CAROL)
    request = {"defaultOutputLocation": {"roleArn": role_of(ALICE)}} if operation.startswith("Put") else {}
    place = room.membership(CAROL)
    room.refused(AccessDenied, operation, ALICE, membershipIdentifier=place, **request)


@pytest.mark.parametrize("location", ["s3://../etc", "s3://bucket/a/../../etc", "s3://bucket/a\x00b", "s3://Bucket/a"])
def test_a_location_that_nothing_could_be_delivered_to_is_refused_at_once(room: Room, location: str) -> None:
    destination = {"destination": {"s3Destination": {"s3Uri": location}}, "roleArn": role_of(CAROL)}
    message = room.refused(ValidationFault, "PutMLConfiguration", CAROL, defaultOutputLocation=destination)
    assert "location" in message
