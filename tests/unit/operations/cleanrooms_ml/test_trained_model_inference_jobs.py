from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, DAVE, EXPORTS, REGION, arn_of
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, Conflict, QuotaExceeded, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.instance_types import GIB, Shape
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.quotas import Quota

START = "StartTrainedModelInferenceJob"
GET = "GetTrainedModelInferenceJob"
LIST = "ListTrainedModelInferenceJobs"
LIST_SHARED = "ListCollaborationTrainedModelInferenceJobs"
CANCEL = "CancelTrainedModelInferenceJob"


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


def read(room: Room, job: str) -> Any:
    return room.call(GET, trainedModelInferenceJobArn=job)


def test_its_starter_reads_a_job_as_it_was_asked_for(room: Room, arn: str, channel: str) -> None:
    asked = {
        "description": "Scores.",
        "outputConfiguration": {"accept": "text/csv", "members": [{"accountId": CAROL}]},
        "containerExecutionParameters": {"maxPayloadInMB": 7},
        "environment": {"MODE": "fast"},
        "kmsKeyArn": f"arn:aws:kms:{REGION}:{ALICE}:key/1",
        "tags": {"team": "a"},
    }
    answer = read(room, room.inference_job("scores", arn, channel, **asked))
    assert {name: answer[name] for name in asked} == asked
    assert (answer["name"], answer["status"]) == ("scores", "CREATE_PENDING")
    assert (answer["trainedModelArn"], answer["trainedModelVersionIdentifier"]) == (arn, "NULL")
    assert answer["configuredModelAlgorithmAssociationArn"] == room.association_arn
    assert answer["dataSource"] == {"mlInputChannelArn": channel}
    assert answer["mlModelInferencePayerAccountId"] == ALICE


def test_what_was_left_out_stays_out(room: Room, arn: str, channel: str) -> None:
    answer = read(room, room.inference_job("scores", arn, channel))
    absent = ("containerExecutionParameters", "environment", "kmsKeyArn", "tags", "description", "logsStatusDetails")
    assert {name for name in absent if answer[name] is not None} == set()
    assert answer["outputConfiguration"]["accept"] is None


def test_other_members_see_a_job_in_their_list_alone(room: Room, arn: str, channel: str) -> None:
    job = room.inference_job("scores", arn, channel, environment={"MODE": "fast"}, tags={"team": "a"})
    (item,) = room.call(LIST_SHARED, BOB)["collaborationTrainedModelInferenceJobs"]
    assert (item["trainedModelInferenceJobArn"], item["creatorAccountId"]) == (job, ALICE)
    assert not {"environment", "tags", "dataSource", "kmsKeyArn", "resourceConfig"} & item.keys()
    room.refused(ResourceNotFound, GET, BOB, trainedModelInferenceJobArn=job)
    assert room.call(LIST, BOB)["trainedModelInferenceJobs"] == []
    room.refused(AccessDenied, LIST_SHARED, DAVE)


def test_only_the_member_who_can_query_infers_and_cancels(room: Room, arn: str, channel: str) -> None:
    request = room.inference_request("scores", arn, channel)
    assert "CAN_QUERY" in room.refused(AccessDenied, START, BOB, **request)
    job = room.inference_job("scores", arn, channel)
    assert "CAN_QUERY" in room.refused(AccessDenied, CANCEL, BOB, trainedModelInferenceJobArn=job)


def test_the_receiver_needs_the_ability_and_a_place(room: Room, arn: str, channel: str) -> None:
    def to(account_id: str) -> dict[str, Any]:
        output = {"members": [{"accountId": account_id}]}
        return room.inference_request("scores", arn, channel, outputConfiguration=output)

    assert "CAN_RECEIVE_INFERENCE_OUTPUT" in room.refused(AccessDenied, START, **to(BOB))
    assert DAVE in room.refused(AccessDenied, START, **to(DAVE))
    room.configure(CAROL, None)
    assert "PutMLConfiguration" in room.refused(ValidationFault, START, **to(CAROL))
    room.call("DeleteMLConfiguration", CAROL)
    assert "PutMLConfiguration" in room.refused(ValidationFault, START, **to(CAROL))


def test_a_model_must_be_active(room: Room, channel: str) -> None:
    waiting = room.model("waiting", channel)["trainedModelArn"]
    for version in ({}, {"trainedModelVersionIdentifier": "NULL"}):
        request = room.inference_request("scores", waiting, channel, **version)
        assert "CREATE_PENDING" in room.refused(Conflict, START, **request)
    unknown = arn_of("trained-model", room.membership(ALICE))
    room.refused(ResourceNotFound, START, **room.inference_request("scores", unknown, channel))


def test_a_channel_must_be_the_callers_and_active(room: Room, arn: str) -> None:
    unknown = arn_of("ml-input-channel", room.membership(ALICE))
    room.refused(ResourceNotFound, START, **room.inference_request("scores", arn, unknown))
    waiting = room.channel("waiting")
    room.refused(Conflict, START, **room.inference_request("scores", arn, waiting))


def test_the_latest_active_version_infers_where_none_is_named(
    room: Room, model: dict[str, str], arn: str, channel: str
) -> None:
    second = room.version("second", model, channel)
    assert read(room, room.inference_job("one", arn, channel))["trainedModelVersionIdentifier"] == "NULL"
    room.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    version = second["versionIdentifier"]
    assert read(room, room.inference_job("two", arn, channel))["trainedModelVersionIdentifier"] == version
    named = room.inference_job("three", arn, channel, trainedModelVersionIdentifier="NULL")
    assert read(room, named)["trainedModelVersionIdentifier"] == "NULL"


def test_jobs_are_listed_by_model_and_version(room: Room, model: dict[str, str], arn: str, channel: str) -> None:
    second = room.version("second", model, channel)
    room.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    other = room.active_model("other", channel)["trainedModelArn"]
    room.inference_job("base", arn, channel, trainedModelVersionIdentifier="NULL")
    room.inference_job("latest", arn, channel)
    room.inference_job("other", other, channel)

    def names(**request: Any) -> list[str]:
        mine = room.call(LIST, **request)["trainedModelInferenceJobs"]
        shared = room.call(LIST_SHARED, **request)["collaborationTrainedModelInferenceJobs"]
        assert [item["name"] for item in mine] == [item["name"] for item in shared]
        return [item["name"] for item in mine]

    assert names() == ["other", "latest", "base"]
    assert names(trainedModelArn=arn) == ["latest", "base"]
    assert names(trainedModelArn=arn, trainedModelVersionIdentifier="NULL") == ["base"]
    version = second["versionIdentifier"]
    assert names(trainedModelArn=arn, trainedModelVersionIdentifier=version) == ["latest"]
    assert names(trainedModelArn=arn_of("trained-model", room.membership(ALICE))) == []
    assert names(maxResults=1) == ["other"]
    room.refused(ValidationFault, LIST, trainedModelVersionIdentifier=version)


def test_an_algorithm_without_an_inference_container_does_not_infer(room: Room, channel: str) -> None:
    trainer = room.algorithm(name="trainer", inferenceContainerConfig=None)
    alone = room.association(name="trainer", algorithm=trainer, policies=EXPORTS)
    model = room.active_model("m", channel, configuredModelAlgorithmAssociationArn=alone)["trainedModelArn"]
    request = room.inference_request("scores", model, channel)
    assert "inferenceContainerConfig" in room.refused(ValidationFault, START, **request)
    served = room.inference_job("served", model, channel, configuredModelAlgorithmAssociationArn=room.association_arn)
    assert read(room, served)["configuredModelAlgorithmAssociationArn"] == room.association_arn


def test_an_image_of_another_provider_does_not_see_a_closed_model(room: Room, channel: str) -> None:
    closed = room.association(name="closed")
    model = room.active_model("m", channel, configuredModelAlgorithmAssociationArn=closed)["trainedModelArn"]
    mine = room.association(ALICE, "mine", room.algorithm(ALICE))
    request = room.inference_request("scores", model, channel, configuredModelAlgorithmAssociationArn=mine)
    assert closed in room.refused(AccessDenied, START, **request)


@pytest.mark.parametrize("count", [1, 2, 10])
def test_several_instances_are_taken_and_shown(room: Room, arn: str, channel: str, count: int) -> None:
    resources = {"instanceType": "ml.m5.large", "instanceCount": count}
    job = room.inference_job("scores", arn, channel, resourceConfig=resources)
    assert read(room, job)["resourceConfig"] == resources


def test_a_strict_server_refuses_a_job_larger_than_its_machine(room: Room, arn: str, channel: str) -> None:
    room.server.strict_machine = Shape(4, 16 * GIB)
    resources = {"instanceType": "ml.m5.large", "instanceCount": 3}
    request = room.inference_request("scores", arn, channel, resourceConfig=resources)
    refusal = room.refused(ValidationFault, START, **request)
    assert refusal.startswith(
        "ml.m5.large has 2 vCPUs and 8 GiB; this machine gives each of 3 instances 1 vCPU and 5.3 GiB."
    )
    assert "strict_instance_types" in refusal
    room.inference_job("scores", arn, channel, resourceConfig={**resources, "instanceCount": 2})


def test_what_the_machine_lacks_is_shown_until_something_worse_is_known(room: Room, arn: str, channel: str) -> None:
    job = room.inference_job("scores", arn, channel)
    clamped = {"status_code": "InstanceClamped", "status_message": "This machine gives 2 vCPUs."}
    room.advance("trained_model_inference_jobs", job, Event.STARTED, **clamped)
    shown = {"statusCode": "InstanceClamped", "message": "This machine gives 2 vCPUs."}
    assert read(room, job)["statusDetails"] == shown
    room.advance("trained_model_inference_jobs", job, Event.SUCCEEDED)
    answer = read(room, job)
    assert (answer["status"], answer["statusDetails"]) == ("ACTIVE", shown)


def test_a_model_of_which_only_something_partial_is_kept_is_not_served(room: Room, channel: str) -> None:
    model = room.model("long", channel)
    room.advance_model(model, Event.STARTED, Event.FAILED, partial_bytes=10)
    for version in ({}, {"trainedModelVersionIdentifier": "NULL"}):
        request = room.inference_request("scores", model["trainedModelArn"], channel, **version)
        assert "CREATE_FAILED" in room.refused(Conflict, START, **request)


def test_a_member_that_does_not_pay_for_inference_cannot_be_named(room: Room, arn: str, channel: str) -> None:
    request = room.inference_request("scores", arn, channel, mlModelInferencePayerAccountId=BOB)
    room.refused(ValidationFault, START, **request)


def test_names_are_unique_while_live(room: Room, arn: str, channel: str) -> None:
    job = room.inference_job("scores", arn, channel)
    room.refused(Conflict, START, **room.inference_request("scores", arn, channel))
    room.advance("trained_model_inference_jobs", job, Event.FAILED)
    room.inference_job("scores", arn, channel)


def test_the_quota_counts_jobs_under_way(room: Room, arn: str, channel: str) -> None:
    room.server.set_quota(Quota.WORKING_INFERENCES_PER_MEMBERSHIP, 1)
    job = room.inference_job("one", arn, channel)
    room.refused(QuotaExceeded, START, **room.inference_request("two", arn, channel))
    room.call(CANCEL, trainedModelInferenceJobArn=job)
    room.inference_job("two", arn, channel)


def test_a_job_is_cancelled_while_it_runs_and_not_after(room: Room, arn: str, channel: str) -> None:
    job = room.inference_job("scores", arn, channel)
    room.call(CANCEL, trainedModelInferenceJobArn=job)
    assert read(room, job)["status"] == "CANCEL_PENDING"
    assert "CANCEL_PENDING" in room.refused(Conflict, CANCEL, trainedModelInferenceJobArn=job)
    unknown = arn_of("trained-model-inference-job", room.membership(ALICE))
    for operation in (CANCEL, GET):
        room.refused(ResourceNotFound, operation, trainedModelInferenceJobArn=unknown)


@pytest.mark.parametrize("operation", [GET, CANCEL, LIST, START])
def test_another_accounts_membership_is_denied(room: Room, arn: str, channel: str, operation: str) -> None:
    request: dict[str, Any] = {
        LIST: {},
        START: room.inference_request("scores", arn, channel),
    }.get(operation, {"trainedModelInferenceJobArn": room.inference_job("x", arn, channel)})
    place = room.membership(ALICE)
    room.refused(AccessDenied, operation, BOB, membershipIdentifier=place, **request)


def test_each_member_is_told_of_its_own_logs(room: Room, channel: str) -> None:
    policies = {"trainedModelInferenceJobs": {"containerLogs": [{"allowedAccountIds": [BOB]}]}}
    logged = room.association(name="logged", policies=policies)
    arn = room.active_model("m", channel, configuredModelAlgorithmAssociationArn=logged)["trainedModelArn"]
    job = room.inference_job("scores", arn, channel)
    room.advance("trained_model_inference_jobs", job, Event.STARTED, run_started_at=room.server.now)
    (mine,) = room.call(LIST)["trainedModelInferenceJobs"]
    assert mine["logsStatus"] is None
    assert f"{ALICE} is not in allowedAccountIds" in mine["logsStatusDetails"]
    (bobs,) = room.call(LIST_SHARED, BOB)["collaborationTrainedModelInferenceJobs"]
    assert bobs["logsStatus"] == "PUBLISH_FAILED"
    assert "no ML Config role is set" in bobs["logsStatusDetails"]
