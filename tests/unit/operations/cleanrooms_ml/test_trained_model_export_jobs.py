from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, DAVE, Office
from support.ml import Studio, a_studio, arn_of
from whiteroom.base.faults import AccessDenied, Conflict, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.lifecycle import Event

START = "StartTrainedModelExportJob"
LIST = "ListCollaborationTrainedModelExportJobs"


@pytest.fixture
def studio(office: Office) -> Studio:
    studio = a_studio(office)
    studio.configure(CAROL)
    return studio


@pytest.fixture
def channel(studio: Studio) -> str:
    return studio.active_channel()


@pytest.fixture
def model(studio: Studio, channel: str) -> dict[str, str]:
    return studio.active_model("forest", channel)


@pytest.fixture
def arn(model: dict[str, str]) -> str:
    return model["trainedModelArn"]


def listed(studio: Studio, arn: str, account_id: str = ALICE, **request: Any) -> Any:
    answer = studio.call(LIST, account_id, trainedModelArn=arn, **request)
    return answer["collaborationTrainedModelExportJobs"]


def test_every_member_sees_an_export_as_it_was_asked_for(studio: Studio, arn: str) -> None:
    assert not studio.call(START, **studio.export_request("out", arn, description="For Carol."))
    for account_id in (ALICE, BOB, CAROL):
        (item,) = listed(studio, arn, account_id)
        assert (item["name"], item["description"]) == ("out", "For Carol.")
        assert (item["status"], item["statusDetails"]) == ("CREATE_PENDING", None)
        assert item["outputConfiguration"] == {"members": [{"accountId": CAROL}]}
        assert (item["trainedModelArn"], item["trainedModelVersionIdentifier"]) == (arn, "NULL")
        assert (item["creatorAccountId"], item["membershipIdentifier"]) == (ALICE, studio.room.membership(ALICE))
    with studio.office.store.reading() as tx:
        assert [job.name for job in tx.trained_model_export_jobs.working()] == ["out"]


def test_a_stranger_sees_no_exports(studio: Studio, arn: str) -> None:
    studio.refused(AccessDenied, LIST, DAVE, trainedModelArn=arn)


def test_only_the_member_who_trained_exports(studio: Studio, arn: str) -> None:
    assert f"trained by member {ALICE}" in studio.refused(
        AccessDenied, START, CAROL, **studio.export_request("out", arn)
    )
    place = studio.room.membership(ALICE)
    studio.refused(AccessDenied, START, CAROL, **studio.export_request("out", arn, membershipIdentifier=place))


def test_the_receiver_needs_the_ability_and_a_place(studio: Studio, arn: str) -> None:
    assert "CAN_RECEIVE_MODEL_OUTPUT" in studio.refused(AccessDenied, START, **studio.export_request("out", arn, BOB))
    assert DAVE in studio.refused(AccessDenied, START, **studio.export_request("out", arn, DAVE))
    message = studio.refused(ValidationFault, START, **studio.export_request("out", arn, ALICE))
    assert f"{ALICE} has no ML configuration" in message
    studio.configure(ALICE, "s3://results/alice")
    studio.call(START, **studio.export_request("out", arn, ALICE))


@pytest.mark.parametrize("policies", [None, {"trainedModels": {}}])
def test_without_an_export_policy_nothing_is_exported(studio: Studio, channel: str, policies: Any) -> None:
    closed = studio.association(name="closed", policies=policies)
    model = studio.active_model("closed", channel, configuredModelAlgorithmAssociationArn=closed)["trainedModelArn"]
    assert "trainedModelExports" in studio.refused(AccessDenied, START, **studio.export_request("out", model))


def test_a_model_must_be_active(studio: Studio, channel: str) -> None:
    waiting = studio.model("waiting", channel)["trainedModelArn"]
    for version in ({}, {"trainedModelVersionIdentifier": "NULL"}):
        studio.refused(Conflict, START, **studio.export_request("out", waiting, **version))
    unknown = arn_of("trained-model", studio.room.membership(ALICE))
    studio.refused(ResourceNotFound, START, **studio.export_request("out", unknown))


def test_a_jobs_name_is_unique_on_its_model(studio: Studio, arn: str, channel: str) -> None:
    studio.call(START, **studio.export_request("out", arn))
    assert "'out'" in studio.refused(Conflict, START, **studio.export_request("out", arn))
    studio.call(START, **studio.export_request("out", studio.active_model("other", channel)["trainedModelArn"]))


def test_exports_are_listed_by_version(studio: Studio, model: dict[str, str], arn: str, channel: str) -> None:
    studio.call(START, **studio.export_request("base", arn))
    second = studio.version("second", model, channel)
    studio.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    studio.call(START, **studio.export_request("latest", arn))
    assert [item["name"] for item in listed(studio, arn)] == ["latest", "base"]
    version = second["versionIdentifier"]
    assert [item["name"] for item in listed(studio, arn, trainedModelVersionIdentifier=version)] == ["latest"]
    assert [item["name"] for item in listed(studio, arn, trainedModelVersionIdentifier="NULL")] == ["base"]
    assert listed(studio, arn_of("trained-model", studio.room.membership(ALICE))) == []
    answer = studio.call(LIST, trainedModelArn=arn, maxResults=1)
    (rest,) = listed(studio, arn, nextToken=answer["nextToken"])
    assert rest["name"] == "base"


def test_what_is_kept_of_a_training_that_ran_too_long_is_not_exported(studio: Studio, channel: str) -> None:
    model = studio.model("long", channel)
    studio.advance_model(model, Event.STARTED, Event.FAILED, partial_bytes=10)
    for version in ({}, {"trainedModelVersionIdentifier": "NULL"}):
        request = studio.export_request("out", model["trainedModelArn"], **version)
        assert "CREATE_FAILED" in studio.refused(Conflict, START, **request)
