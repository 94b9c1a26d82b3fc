from dataclasses import replace
from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, EXPORTS, arn_of
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, Conflict, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.lifecycle import Event

UNKNOWN = "ffffffff-ffff-4fff-8fff-ffffffffffff"


@pytest.fixture
def room(server: Server) -> Room:
    return a_furnished_room(server)


@pytest.fixture
def channel(room: Room) -> str:
    return room.active_channel()


@pytest.fixture
def base(room: Room, channel: str) -> dict[str, str]:
    return room.active_model("base", channel)


def name_of(room: Room, model: dict[str, str], **request: Any) -> str:
    return str(room.call("GetTrainedModel", trainedModelArn=model["trainedModelArn"], **request)["name"])


def versions(room: Room, model: dict[str, str], **request: Any) -> list[str]:
    answer = room.call("ListTrainedModelVersions", trainedModelArn=model["trainedModelArn"], **request)
    return [item["name"] for item in answer["trainedModels"]]


def test_going_on_from_a_model_makes_a_version_of_it(room: Room, channel: str, base: dict[str, str]) -> None:
    second = room.version("second", base, channel)
    assert second["trainedModelArn"] == base["trainedModelArn"]
    assert second["versionIdentifier"] not in ("NULL", base["trainedModelArn"].rsplit("/", 1)[-1])
    answer = room.call("GetTrainedModel", **second)
    assert (answer["name"], answer["status"]) == ("second", "CREATE_PENDING")
    assert list(answer["incrementalTrainingDataChannels"]) == [
        {"channelName": "base", "versionIdentifier": "NULL", "modelName": "base"}
    ]


def test_a_get_without_a_version_answers_the_latest_and_null_the_base(
    room: Room, channel: str, base: dict[str, str]
) -> None:
    second = room.version("second", base, channel)
    assert name_of(room, base) == "second"
    assert name_of(room, base, versionIdentifier="NULL") == "base"
    assert name_of(room, base, versionIdentifier=second["versionIdentifier"]) == "second"
    shared = room.call("GetCollaborationTrainedModel", trainedModelArn=base["trainedModelArn"])
    assert shared["name"] == "second"


def test_a_version_that_is_not_there_is_not_found(room: Room, channel: str, base: dict[str, str]) -> None:
    other = room.active_model("other", channel)
    arn = base["trainedModelArn"]
    for identifier in (UNKNOWN, arn.rsplit("/", 1)[-1], room.version("x", other, channel)["versionIdentifier"]):
        room.refused(ResourceNotFound, "GetTrainedModel", trainedModelArn=arn, versionIdentifier=identifier)


def test_a_list_of_models_has_one_row_a_model_and_that_of_versions_all(
    room: Room, channel: str, base: dict[str, str]
) -> None:
    second = room.version("second", base, channel)
    room.model("other", channel)
    assert [item["name"] for item in room.call("ListTrainedModels")["trainedModels"]] == ["other", "second"]
    shared = room.call("ListCollaborationTrainedModels")["collaborationTrainedModels"]
    assert [item["name"] for item in shared] == ["other", "second"]
    assert versions(room, base) == ["second", "base"]
    assert versions(room, base, status="ACTIVE") == ["base"]
    assert versions(room, base, status="INACTIVE") == []
    room.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    third = room.version("third", second, channel)
    assert versions(room, third, maxResults=2) == ["third", "second"]
    assert name_of(room, base) == "third"


def test_a_new_version_changes_nothing_else_of_the_one_before(room: Room, channel: str, base: dict[str, str]) -> None:
    before = room.call("GetTrainedModel", **base)
    room.version("second", base, channel)
    assert room.call("GetTrainedModel", **base) == before


def test_an_incremental_channel_without_a_version_takes_the_latest_active(
    room: Room, channel: str, base: dict[str, str]
) -> None:
    latest = {"trainedModelArn": base["trainedModelArn"]}
    second = room.version("second", base, channel)
    third = room.version("third", latest, channel)
    answer = room.call("GetTrainedModel", **third)
    assert answer["incrementalTrainingDataChannels"][0]["modelName"] == "base"
    room.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    fourth = room.version("fourth", latest, channel)
    (read,) = room.call("GetTrainedModel", **fourth)["incrementalTrainingDataChannels"]
    assert read == {"channelName": "base", "versionIdentifier": second["versionIdentifier"], "modelName": "second"}


def test_the_base_must_be_active(room: Room, channel: str) -> None:
    waiting = room.model("waiting", channel)
    incremental = {"trainedModelArn": waiting["trainedModelArn"], "channelName": "base"}
    for version in ({}, {"versionIdentifier": "NULL"}):
        request = room.training_request("next", channel, incrementalTrainingDataChannels=[{**incremental, **version}])
        assert "CREATE_PENDING" in room.refused(Conflict, "CreateTrainedModel", **request)


def test_a_base_that_is_not_there_is_not_found(room: Room, channel: str, base: dict[str, str]) -> None:
    for arn, version in ((base["trainedModelArn"], UNKNOWN), (base["trainedModelArn"][:-4] + "ffff", None)):
        incremental = {"trainedModelArn": arn, "channelName": "base"}
        if version is not None:
            incremental["versionIdentifier"] = version
        request = room.training_request("next", channel, incrementalTrainingDataChannels=[incremental])
        room.refused(ResourceNotFound, "CreateTrainedModel", **request)


def test_the_incremental_channels_name_is_one_of_the_jobs(room: Room, channel: str, base: dict[str, str]) -> None:
    incremental = {"trainedModelArn": base["trainedModelArn"], "channelName": "channel0"}
    request = room.training_request("next", channel, incrementalTrainingDataChannels=[incremental])
    assert "channel0" in room.refused(ValidationFault, "CreateTrainedModel", **request)


def test_a_versions_name_is_new_in_the_membership(room: Room, channel: str, base: dict[str, str]) -> None:
    incremental = {"trainedModelArn": base["trainedModelArn"], "channelName": "base"}
    request = room.training_request("base", channel, incrementalTrainingDataChannels=[incremental])
    room.refused(Conflict, "CreateTrainedModel", **request)
    assert versions(room, base) == ["base"]


def test_cancel_and_delete_without_a_version_mean_the_base(room: Room, channel: str, base: dict[str, str]) -> None:
    second = room.version("second", base, channel)
    arn = base["trainedModelArn"]
    room.refused(Conflict, "CancelTrainedModel", trainedModelArn=arn)  # the base is ACTIVE
    room.call("CancelTrainedModel", **second)
    assert room.call("GetTrainedModel", **second)["status"] == "CANCEL_PENDING"
    room.call("DeleteTrainedModelOutput", trainedModelArn=arn)
    assert room.call("GetTrainedModel", **base)["status"] == "DELETE_PENDING"
    assert room.call("GetTrainedModel", **second)["status"] == "CANCEL_PENDING"


def test_a_version_that_a_training_goes_on_from_is_not_erased(room: Room, channel: str, base: dict[str, str]) -> None:
    second = room.version("second", base, channel)
    message = room.refused(Conflict, "DeleteTrainedModelOutput", **base)
    assert "second" in message
    room.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    room.call("DeleteTrainedModelOutput", **base)


def test_all_versions_share_their_tags(room: Room, channel: str) -> None:
    base = room.active_model("base", channel, tags={"team": "a", "kind": "forest"})
    second = room.version("second", base, channel, tags={"team": "b"})
    assert room.call("GetTrainedModel", **second)["tags"] == {"team": "b", "kind": "forest"}
    many = {f"key {number}": "" for number in range(49)}
    incremental = {"trainedModelArn": base["trainedModelArn"], "channelName": "base"}
    request = room.training_request("third", channel, incrementalTrainingDataChannels=[incremental], tags=many)
    room.refused(ValidationFault, "CreateTrainedModel", **request)


def test_a_model_stays_with_its_provider_unless_it_may_be_exported(room: Room, channel: str) -> None:
    closed = room.association(name="closed")
    mine = room.association(ALICE, "mine", room.algorithm(ALICE))
    model = room.active_model("closed", channel, configuredModelAlgorithmAssociationArn=closed)
    incremental = {"trainedModelArn": model["trainedModelArn"], "channelName": "base"}
    request = room.training_request(
        "taken", channel, configuredModelAlgorithmAssociationArn=mine, incrementalTrainingDataChannels=[incremental]
    )
    assert closed in room.refused(AccessDenied, "CreateTrainedModel", **request)
    again = room.association(name="again")
    room.version("provider", model, channel, configuredModelAlgorithmAssociationArn=again)
    opened = room.association(name="open", policies=EXPORTS)
    free = room.active_model("open", channel, configuredModelAlgorithmAssociationArn=opened)
    room.version("own", free, channel, configuredModelAlgorithmAssociationArn=mine)


def test_a_version_by_another_association_is_read_under_its_own(room: Room, channel: str, base: dict[str, str]) -> None:
    other = room.association(name="other", policies=EXPORTS)
    second = room.version("second", base, channel, configuredModelAlgorithmAssociationArn=other)
    answer = room.call("GetTrainedModel", **second)
    assert answer["configuredModelAlgorithmAssociationArn"] == other
    assert f":{CAROL}:" in other


def test_going_on_from_another_memberships_model_makes_a_model_of_the_callers(
    room: Room, channel: str, base: dict[str, str]
) -> None:
    place = room.membership(BOB)
    theirs = {"trainedModelArn": arn_of("trained-model", place, BOB), "versionIdentifier": "NULL"}
    with room.server.store.transaction() as tx:
        record = tx.trained_models.find(arn=base["trainedModelArn"], is_latest=True)
        assert record is not None
        arn = theirs["trainedModelArn"]
        bobs = replace(record, id=UNKNOWN, arn=arn, membership_id=place, account_id=BOB, name="bobs")
        tx.trained_models.submit(bobs, actor=BOB)
    mine = room.version("mine", theirs, channel)
    assert mine["versionIdentifier"] == "NULL"
    assert f":{ALICE}:membership/{room.membership(ALICE)}/trained-model/" in mine["trainedModelArn"]
    (read,) = room.call("GetTrainedModel", **mine)["incrementalTrainingDataChannels"]
    assert read == {"channelName": "base", "versionIdentifier": "NULL", "modelName": "bobs"}
    room.refused(ResourceNotFound, "GetTrainedModel", **theirs)
    room.refused(AccessDenied, "StartTrainedModelExportJob", **room.export_request("out", arn))
    names = [item["name"] for item in room.call("ListCollaborationTrainedModels")["collaborationTrainedModels"]]
    assert sorted(names) == ["base", "bobs", "mine"]
