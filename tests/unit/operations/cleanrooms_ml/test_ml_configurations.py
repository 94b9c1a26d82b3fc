import pytest

from support.cleanrooms import ALICE, BOB, CAROL, Office, role_of
from support.ml import Studio, a_studio
from whiteroom.base.faults import AccessDenied, ResourceNotFound, ValidationFault


@pytest.fixture
def studio(office: Office) -> Studio:
    return a_studio(office)


def test_a_configuration_is_put_read_replaced_and_deleted(studio: Studio) -> None:
    studio.configure(CAROL, "s3://one/prefix")
    first = studio.call("GetMLConfiguration", CAROL)
    assert first["membershipIdentifier"] == studio.room.membership(CAROL)
    assert first["defaultOutputLocation"] == {
        "destination": {"s3Destination": {"s3Uri": "s3://one/prefix"}},
        "roleArn": role_of(CAROL),
    }
    studio.configure(CAROL, None)
    second = studio.call("GetMLConfiguration", CAROL)
    assert second["defaultOutputLocation"]["destination"] is None
    assert second["createTime"] == first["createTime"]
    assert second["updateTime"] > first["updateTime"]
    studio.call("DeleteMLConfiguration", CAROL)
    for operation in ("GetMLConfiguration", "DeleteMLConfiguration"):
        assert "PutMLConfiguration" in studio.refused(ResourceNotFound, operation, CAROL)


def test_a_role_of_another_account_is_refused(studio: Studio) -> None:
    location = {"roleArn": role_of(BOB)}
    studio.refused(AccessDenied, "PutMLConfiguration", CAROL, defaultOutputLocation=location)


@pytest.mark.parametrize("operation", ["PutMLConfiguration", "GetMLConfiguration", "DeleteMLConfiguration"])
def test_a_configuration_is_for_its_own_member(studio: Studio, operation: str) -> None:
    studio.configure(CAROL)
    request = {"defaultOutputLocation": {"roleArn": role_of(ALICE)}} if operation.startswith("Put") else {}
    place = studio.room.membership(CAROL)
    studio.refused(AccessDenied, operation, ALICE, membershipIdentifier=place, **request)


@pytest.mark.parametrize("location", ["s3://../etc", "s3://bucket/a/../../etc", "s3://bucket/a\x00b", "s3://Bucket/a"])
def test_a_location_that_nothing_could_be_delivered_to_is_refused_at_once(studio: Studio, location: str) -> None:
    destination = {"destination": {"s3Destination": {"s3Uri": location}}, "roleArn": role_of(CAROL)}
    message = studio.refused(ValidationFault, "PutMLConfiguration", CAROL, defaultOutputLocation=destination)
    assert "location" in message
