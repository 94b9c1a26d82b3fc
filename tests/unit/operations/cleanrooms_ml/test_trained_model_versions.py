from dataclasses import replace
from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, Office
from support.ml import EXPORTS, Studio, a_studio, arn_of
from whiteroom.base.faults import AccessDenied, Conflict, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.lifecycle import Event

UNKNOWN = "ffffffff-ffff-4fff-8fff-ffffffffffff"
LATEST = {"versionIdentifier": None}


@pytest.fixture
def studio(office: Office) -> Studio:
    return a_studio(office)


@pytest.fixture
def channel(studio: Studio) -> str:
    return studio.active_channel()


@pytest.fixture
def base(studio: Studio, channel: str) -> dict[str, str]:
    return studio.active_model("base", channel)


def name_of(studio: Studio, model: dict[str, str], **request: Any) -> str:
    return str(studio.call("GetTrainedModel", trainedModelArn=model["trainedModelArn"], **request)["name"])


def versions(studio: Studio, model: dict[str, str], **request: Any) -> list[str]:
    answer = studio.call("ListTrainedModelVersions", trainedModelArn=model["trainedModelArn"], **request)
    return [item["name"] for item in answer["trainedModels"]]


def test_going_on_from_a_model_makes_a_version_of_it(studio: Studio, channel: str, base: dict[str, str]) -> None:
    second = studio.version("second", base, channel)
    assert second["trainedModelArn"] == base["trainedModelArn"]
    assert second["versionIdentifier"] not in ("NULL", base["trainedModelArn"].rsplit("/", 1)[-1])
    answer = studio.call("GetTrainedModel", **second)
    assert (answer["name"], answer["status"]) == ("second", "CREATE_PENDING")
    assert list(answer["incrementalTrainingDataChannels"]) == [
        {"channelName": "base", "versionIdentifier": "NULL", "modelName": "base"}
    ]


def test_a_get_without_a_version_answers_the_latest_and_null_the_base(
    studio: Studio, channel: str, base: dict[str, str]
) -> None:
    second = studio.version("second", base, channel)
    assert name_of(studio, base) == "second"
    assert name_of(studio, base, versionIdentifier="NULL") == "base"
    assert name_of(studio, base, versionIdentifier=second["versionIdentifier"]) == "second"
    shared = studio.call("GetCollaborationTrainedModel", trainedModelArn=base["trainedModelArn"])
    assert shared["name"] == "second"


def test_a_version_that_is_not_there_is_not_found(studio: Studio, channel: str, base: dict[str, str]) -> None:
    other = studio.active_model("other", channel)
    arn = base["trainedModelArn"]
    for identifier in (UNKNOWN, arn.rsplit("/", 1)[-1], studio.version("x", other, channel)["versionIdentifier"]):
        studio.refused(ResourceNotFound, "GetTrainedModel", trainedModelArn=arn, versionIdentifier=identifier)


def test_a_list_of_models_has_one_row_a_model_and_that_of_versions_all(
    studio: Studio, channel: str, base: dict[str, str]
) -> None:
    second = studio.version("second", base, channel)
    studio.model("other", channel)
    assert [item["name"] for item in studio.call("ListTrainedModels")["trainedModels"]] == ["other", "second"]
    shared = studio.call("ListCollaborationTrainedModels")["collaborationTrainedModels"]
    assert [item["name"] for item in shared] == ["other", "second"]
    assert versions(studio, base) == ["second", "base"]
    assert versions(studio, base, status="ACTIVE") == ["base"]
    assert versions(studio, base, status="INACTIVE") == []
    studio.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    third = studio.version("third", second, channel)
    assert versions(studio, third, maxResults=2) == ["third", "second"]
    assert name_of(studio, base) == "third"


def test_a_new_version_changes_nothing_else_of_the_one_before(
    studio: Studio, channel: str, base: dict[str, str]
) -> None:
    before = studio.call("GetTrainedModel", **base)
    studio.version("second", base, channel)
    assert studio.call("GetTrainedModel", **base) == before


def test_an_incremental_channel_without_a_version_takes_the_latest_active(
    studio: Studio, channel: str, base: dict[str, str]
) -> None:
    second = studio.version("second", base, channel)
    third = studio.version("third", {**base, **LATEST}, channel)  # type: ignore[dict-item]
    answer = studio.call("GetTrainedModel", **third)
    assert answer["incrementalTrainingDataChannels"][0]["modelName"] == "base"
    studio.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    fourth = studio.version("fourth", {**base, **LATEST}, channel)  # type: ignore[dict-item]
    (read,) = studio.call("GetTrainedModel", **fourth)["incrementalTrainingDataChannels"]
    assert read == {"channelName": "base", "versionIdentifier": second["versionIdentifier"], "modelName": "second"}


def test_the_base_must_be_active(studio: Studio, channel: str) -> None:
    waiting = studio.model("waiting", channel)
    incremental = {"trainedModelArn": waiting["trainedModelArn"], "channelName": "base"}
    for version in ({}, {"versionIdentifier": "NULL"}):
        request = studio.training_request("next", channel, incrementalTrainingDataChannels=[{**incremental, **version}])
        assert "CREATE_PENDING" in studio.refused(Conflict, "CreateTrainedModel", **request)


def test_a_base_that_is_not_there_is_not_found(studio: Studio, channel: str, base: dict[str, str]) -> None:
    for arn, version in ((base["trainedModelArn"], UNKNOWN), (base["trainedModelArn"][:-4] + "ffff", None)):
        incremental = {"trainedModelArn": arn, "channelName": "base"}
        if version is not None:
            incremental["versionIdentifier"] = version
        request = studio.training_request("next", channel, incrementalTrainingDataChannels=[incremental])
        studio.refused(ResourceNotFound, "CreateTrainedModel", **request)


def test_the_incremental_channels_name_is_one_of_the_jobs(studio: Studio, channel: str, base: dict[str, str]) -> None:
    incremental = {"trainedModelArn": base["trainedModelArn"], "channelName": "channel0"}
    request = studio.training_request("next", channel, incrementalTrainingDataChannels=[incremental])
    assert "channel0" in studio.refused(ValidationFault, "CreateTrainedModel", **request)


def test_a_versions_name_is_new_in_the_membership(studio: Studio, channel: str, base: dict[str, str]) -> None:
    incremental = {"trainedModelArn": base["trainedModelArn"], "channelName": "base"}
    request = studio.training_request("base", channel, incrementalTrainingDataChannels=[incremental])
    studio.refused(Conflict, "CreateTrainedModel", **request)
    assert versions(studio, base) == ["base"]


def test_cancel_and_delete_without_a_version_mean_the_base(studio: Studio, channel: str, base: dict[str, str]) -> None:
    second = studio.version("second", base, channel)
    arn = base["trainedModelArn"]
    studio.refused(Conflict, "CancelTrainedModel", trainedModelArn=arn)  # the base is ACTIVE
    studio.call("CancelTrainedModel", **second)
    assert studio.call("GetTrainedModel", **second)["status"] == "CANCEL_PENDING"
    studio.call("DeleteTrainedModelOutput", trainedModelArn=arn)
    assert studio.call("GetTrainedModel", **base)["status"] == "DELETE_PENDING"
    assert studio.call("GetTrainedModel", **second)["status"] == "CANCEL_PENDING"


def test_a_version_that_a_training_goes_on_from_is_not_erased(
    studio: Studio, channel: str, base: dict[str, str]
) -> None:
    second = studio.version("second", base, channel)
    message = studio.refused(Conflict, "DeleteTrainedModelOutput", **base)
    assert "second" in message
    studio.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    studio.call("DeleteTrainedModelOutput", **base)


def test_all_versions_share_their_tags(studio: Studio, channel: str) -> None:
    base = studio.active_model("base", channel, tags={"team": "a", "kind": "forest"})
    second = studio.version("second", base, channel, tags={"team": "b"})
    assert studio.call("GetTrainedModel", **second)["tags"] == {"team": "b", "kind": "forest"}
    many = {f"key {number}": "" for number in range(49)}
    incremental = {"trainedModelArn": base["trainedModelArn"], "channelName": "base"}
    request = studio.training_request("third", channel, incrementalTrainingDataChannels=[incremental], tags=many)
    studio.refused(ValidationFault, "CreateTrainedModel", **request)


def test_a_model_stays_with_its_provider_unless_it_may_be_exported(studio: Studio, channel: str) -> None:
    closed = studio.association(name="closed")
    mine = studio.association(ALICE, "mine", studio.algorithm(ALICE))
    model = studio.active_model("closed", channel, configuredModelAlgorithmAssociationArn=closed)
    incremental = {"trainedModelArn": model["trainedModelArn"], "channelName": "base"}
    request = studio.training_request(
        "taken", channel, configuredModelAlgorithmAssociationArn=mine, incrementalTrainingDataChannels=[incremental]
    )
    assert closed in studio.refused(AccessDenied, "CreateTrainedModel", **request)
    again = studio.association(name="again")
    studio.version("provider", model, channel, configuredModelAlgorithmAssociationArn=again)
    opened = studio.association(name="open", policies=EXPORTS)
    free = studio.active_model("open", channel, configuredModelAlgorithmAssociationArn=opened)
    studio.version("own", free, channel, configuredModelAlgorithmAssociationArn=mine)


def test_a_version_by_another_association_is_read_under_its_own(
    studio: Studio, channel: str, base: dict[str, str]
) -> None:
    other = studio.association(name="other", policies=EXPORTS)
    second = studio.version("second", base, channel, configuredModelAlgorithmAssociationArn=other)
    answer = studio.call("GetTrainedModel", **second)
    assert answer["configuredModelAlgorithmAssociationArn"] == other
    assert f":{CAROL}:" in other


def test_going_on_from_another_memberships_model_makes_a_model_of_the_callers(
    studio: Studio, channel: str, base: dict[str, str]
) -> None:
    place = studio.room.membership(BOB)
    theirs = {"trainedModelArn": arn_of("trained-model", place, BOB), "versionIdentifier": "NULL"}
    with studio.office.store.transaction() as tx:
        record = tx.trained_models.find(arn=base["trainedModelArn"], is_latest=True)
        assert record is not None
        arn = theirs["trainedModelArn"]
        bobs = replace(record, id=UNKNOWN, arn=arn, membership_id=place, account_id=BOB, name="bobs")
        tx.trained_models.submit(bobs, actor=BOB)
    mine = studio.version("mine", theirs, channel)
    assert mine["versionIdentifier"] == "NULL"
    assert f":{ALICE}:membership/{studio.room.membership(ALICE)}/trained-model/" in mine["trainedModelArn"]
    (read,) = studio.call("GetTrainedModel", **mine)["incrementalTrainingDataChannels"]
    assert read == {"channelName": "base", "versionIdentifier": "NULL", "modelName": "bobs"}
    studio.refused(ResourceNotFound, "GetTrainedModel", **theirs)
    studio.refused(AccessDenied, "StartTrainedModelExportJob", **studio.export_request("out", arn))
    names = [item["name"] for item in studio.call("ListCollaborationTrainedModels")["collaborationTrainedModels"]]
    assert sorted(names) == ["base", "bobs", "mine"]
