from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, DAVE, arn_of
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, Conflict, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.lifecycle import Event

START = "StartTrainedModelExportJob"
LIST = "ListCollaborationTrainedModelExportJobs"


@pytest.fixture
def room(server: Server) -> Room:
    room = a_furnished_room(server)
    room.configure(CAROL)
    return room


@pytest.fixture
def channel(room: Room) -> str:
    return room.active_channel()


@pytest.fixture
def model(room: Room, channel: str) -> dict[str, str]:
    return room.active_model("forest", channel)


@pytest.fixture
def arn(model: dict[str, str]) -> str:
    return model["trainedModelArn"]


def listed(room: Room, arn: str, account_id: str = ALICE, **request: Any) -> Any:
    answer = room.call(LIST, account_id, trainedModelArn=arn, **request)
    return answer["collaborationTrainedModelExportJobs"]


def test_every_member_sees_an_export_as_it_was_asked_for(room: Room, arn: str) -> None:
    assert not room.call(START, **room.export_request("out", arn, description="For Carol."))
    for account_id in (ALICE, BOB, CAROL):
        (item,) = listed(room, arn, account_id)
        assert (item["name"], item["description"]) == ("out", "For Carol.")
        assert (item["status"], item["statusDetails"]) == ("CREATE_PENDING", None)
        assert item["outputConfiguration"] == {"members": [{"accountId": CAROL}]}
        assert (item["trainedModelArn"], item["trainedModelVersionIdentifier"]) == (arn, "NULL")
        assert (item["creatorAccountId"], item["membershipIdentifier"]) == (ALICE, room.membership(ALICE))
    with room.server.store.reading() as tx:
        assert [job.name for job in tx.trained_model_export_jobs.working()] == ["out"]


def test_a_stranger_sees_no_exports(room: Room, arn: str) -> None:
    room.refused(AccessDenied, LIST, DAVE, trainedModelArn=arn)


def test_only_the_member_who_trained_exports(room: Room, arn: str) -> None:
    assert f"trained by member {ALICE}" in room.refused(AccessDenied, START, CAROL, **room.export_request("out", arn))
    place = room.membership(ALICE)
    room.refused(AccessDenied, START, CAROL, **room.export_request("out", arn, membershipIdentifier=place))


def test_the_receiver_needs_the_ability_and_a_place(room: Room, arn: str) -> None:
    assert "CAN_RECEIVE_MODEL_OUTPUT" in room.refused(AccessDenied, START, **room.export_request("out", arn, BOB))
    assert DAVE in room.refused(AccessDenied, START, **room.export_request("out", arn, DAVE))
    message = room.refused(ValidationFault, START, **room.export_request("out", arn, ALICE))
    assert f"{ALICE} has no ML configuration" in message
    room.configure(ALICE, "s3://results/alice")
    room.call(START, **room.export_request("out", arn, ALICE))


@pytest.mark.parametrize("policies", [None, {"trainedModels": {}}])
def test_without_an_export_policy_nothing_is_exported(room: Room, channel: str, policies: Any) -> None:
    closed = room.association(name="closed", policies=policies)
    model = room.active_model("closed", channel, configuredModelAlgorithmAssociationArn=closed)["trainedModelArn"]
    assert "trainedModelExports" in room.refused(AccessDenied, START, **room.export_request("out", model))


def test_a_model_must_be_active(room: Room, channel: str) -> None:
    waiting = room.model("waiting", channel)["trainedModelArn"]
    for version in ({}, {"trainedModelVersionIdentifier": "NULL"}):
        room.refused(Conflict, START, **room.export_request("out", waiting, **version))
    unknown = arn_of("trained-model", room.membership(ALICE))
    room.refused(ResourceNotFound, START, **room.export_request("out", unknown))


def test_a_jobs_name_is_unique_on_its_model(room: Room, arn: str, channel: str) -> None:
    room.call(START, **room.export_request("out", arn))
    assert "'out'" in room.refused(Conflict, START, **room.export_request("out", arn))
    room.call(START, **room.export_request("out", room.active_model("other", channel)["trainedModelArn"]))


def test_exports_are_listed_by_version(room: Room, model: dict[str, str], arn: str, channel: str) -> None:
    room.call(START, **room.export_request("base", arn))
    second = room.version("second", model, channel)
    room.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    room.call(START, **room.export_request("latest", arn))
    assert [item["name"] for item in listed(room, arn)] == ["latest", "base"]
    version = second["versionIdentifier"]
    assert [item["name"] for item in listed(room, arn, trainedModelVersionIdentifier=version)] == ["latest"]
    assert [item["name"] for item in listed(room, arn, trainedModelVersionIdentifier="NULL")] == ["base"]
    assert listed(room, arn_of("trained-model", room.membership(ALICE))) == []
    answer = room.call(LIST, trainedModelArn=arn, maxResults=1)
    (rest,) = listed(room, arn, nextToken=answer["nextToken"])
    assert rest["name"] == "base"


def test_what_is_kept_of_a_training_that_ran_too_long_is_not_exported(room: Room, channel: str) -> None:
    model = room.model("long", channel)
    room.advance_model(model, Event.STARTED, Event.FAILED, partial_bytes=10)
    for version in ({}, {"trainedModelVersionIdentifier": "NULL"}):
        request = room.export_request("out", model["trainedModelArn"], **version)
        assert "CREATE_FAILED" in room.refused(Conflict, START, **request)
