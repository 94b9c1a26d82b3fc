from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, DAVE, REGION, Office
from support.ml import EXPORTS, Studio, a_studio, arn_of
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


def read(studio: Studio, job: str) -> Any:
    return studio.call(GET, trainedModelInferenceJobArn=job)


def test_its_starter_reads_a_job_as_it_was_asked_for(studio: Studio, arn: str, channel: str) -> None:
    asked = {
        "description": "Scores.",
        "outputConfiguration": {"accept": "text/csv", "members": [{"accountId": CAROL}]},
        "containerExecutionParameters": {"maxPayloadInMB": 7},
        "environment": {"MODE": "fast"},
        "kmsKeyArn": f"arn:aws:kms:{REGION}:{ALICE}:key/1",
        "tags": {"team": "a"},
    }
    answer = read(studio, studio.inference_job("scores", arn, channel, **asked))
    assert {name: answer[name] for name in asked} == asked
    assert (answer["name"], answer["status"]) == ("scores", "CREATE_PENDING")
    assert (answer["trainedModelArn"], answer["trainedModelVersionIdentifier"]) == (arn, "NULL")
    assert answer["configuredModelAlgorithmAssociationArn"] == studio.association_arn
    assert answer["dataSource"] == {"mlInputChannelArn": channel}
    assert answer["mlModelInferencePayerAccountId"] == ALICE


def test_what_was_left_out_stays_out(studio: Studio, arn: str, channel: str) -> None:
    answer = read(studio, studio.inference_job("scores", arn, channel))
    absent = ("containerExecutionParameters", "environment", "kmsKeyArn", "tags", "description", "logsStatusDetails")
    assert {name for name in absent if answer[name] is not None} == set()
    assert answer["outputConfiguration"]["accept"] is None


def test_other_members_see_a_job_in_their_list_alone(studio: Studio, arn: str, channel: str) -> None:
    job = studio.inference_job("scores", arn, channel, environment={"MODE": "fast"}, tags={"team": "a"})
    (item,) = studio.call(LIST_SHARED, BOB)["collaborationTrainedModelInferenceJobs"]
    assert (item["trainedModelInferenceJobArn"], item["creatorAccountId"]) == (job, ALICE)
    assert not {"environment", "tags", "dataSource", "kmsKeyArn", "resourceConfig"} & item.keys()
    studio.refused(ResourceNotFound, GET, BOB, trainedModelInferenceJobArn=job)
    assert studio.call(LIST, BOB)["trainedModelInferenceJobs"] == []
    studio.refused(AccessDenied, LIST_SHARED, DAVE)


def test_only_the_member_who_can_query_infers_and_cancels(studio: Studio, arn: str, channel: str) -> None:
    request = studio.inference_request("scores", arn, channel)
    assert "CAN_QUERY" in studio.refused(AccessDenied, START, BOB, **request)
    job = studio.inference_job("scores", arn, channel)
    assert "CAN_QUERY" in studio.refused(AccessDenied, CANCEL, BOB, trainedModelInferenceJobArn=job)


def test_the_receiver_needs_the_ability_and_a_place(studio: Studio, arn: str, channel: str) -> None:
    def to(account_id: str) -> dict[str, Any]:
        output = {"members": [{"accountId": account_id}]}
        return studio.inference_request("scores", arn, channel, outputConfiguration=output)

    assert "CAN_RECEIVE_INFERENCE_OUTPUT" in studio.refused(AccessDenied, START, **to(BOB))
    assert DAVE in studio.refused(AccessDenied, START, **to(DAVE))
    studio.configure(CAROL, None)
    assert "PutMLConfiguration" in studio.refused(ValidationFault, START, **to(CAROL))
    studio.call("DeleteMLConfiguration", CAROL)
    assert "PutMLConfiguration" in studio.refused(ValidationFault, START, **to(CAROL))


def test_a_model_must_be_active(studio: Studio, channel: str) -> None:
    waiting = studio.model("waiting", channel)["trainedModelArn"]
    for version in ({}, {"trainedModelVersionIdentifier": "NULL"}):
        request = studio.inference_request("scores", waiting, channel, **version)
        assert "CREATE_PENDING" in studio.refused(Conflict, START, **request)
    unknown = arn_of("trained-model", studio.room.membership(ALICE))
    studio.refused(ResourceNotFound, START, **studio.inference_request("scores", unknown, channel))


def test_a_channel_must_be_the_callers_and_active(studio: Studio, arn: str) -> None:
    unknown = arn_of("ml-input-channel", studio.room.membership(ALICE))
    studio.refused(ResourceNotFound, START, **studio.inference_request("scores", arn, unknown))
    waiting = studio.channel("waiting")
    studio.refused(Conflict, START, **studio.inference_request("scores", arn, waiting))


def test_the_latest_active_version_infers_where_none_is_named(
    studio: Studio, model: dict[str, str], arn: str, channel: str
) -> None:
    second = studio.version("second", model, channel)
    assert read(studio, studio.inference_job("one", arn, channel))["trainedModelVersionIdentifier"] == "NULL"
    studio.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    version = second["versionIdentifier"]
    assert read(studio, studio.inference_job("two", arn, channel))["trainedModelVersionIdentifier"] == version
    named = studio.inference_job("three", arn, channel, trainedModelVersionIdentifier="NULL")
    assert read(studio, named)["trainedModelVersionIdentifier"] == "NULL"


def test_jobs_are_listed_by_model_and_version(studio: Studio, model: dict[str, str], arn: str, channel: str) -> None:
    second = studio.version("second", model, channel)
    studio.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    other = studio.active_model("other", channel)["trainedModelArn"]
    studio.inference_job("base", arn, channel, trainedModelVersionIdentifier="NULL")
    studio.inference_job("latest", arn, channel)
    studio.inference_job("other", other, channel)

    def names(**request: Any) -> list[str]:
        mine = studio.call(LIST, **request)["trainedModelInferenceJobs"]
        shared = studio.call(LIST_SHARED, **request)["collaborationTrainedModelInferenceJobs"]
        assert [item["name"] for item in mine] == [item["name"] for item in shared]
        return [item["name"] for item in mine]

    assert names() == ["other", "latest", "base"]
    assert names(trainedModelArn=arn) == ["latest", "base"]
    assert names(trainedModelArn=arn, trainedModelVersionIdentifier="NULL") == ["base"]
    version = second["versionIdentifier"]
    assert names(trainedModelArn=arn, trainedModelVersionIdentifier=version) == ["latest"]
    assert names(trainedModelArn=arn_of("trained-model", studio.room.membership(ALICE))) == []
    assert names(maxResults=1) == ["other"]
    studio.refused(ValidationFault, LIST, trainedModelVersionIdentifier=version)


def test_an_algorithm_without_an_inference_container_does_not_infer(studio: Studio, channel: str) -> None:
    trainer = studio.algorithm(name="trainer", inferenceContainerConfig=None)
    alone = studio.association(name="trainer", algorithm=trainer, policies=EXPORTS)
    model = studio.active_model("m", channel, configuredModelAlgorithmAssociationArn=alone)["trainedModelArn"]
    request = studio.inference_request("scores", model, channel)
    assert "inferenceContainerConfig" in studio.refused(ValidationFault, START, **request)
    served = studio.inference_job(
        "served", model, channel, configuredModelAlgorithmAssociationArn=studio.association_arn
    )
    assert read(studio, served)["configuredModelAlgorithmAssociationArn"] == studio.association_arn


def test_an_image_of_another_provider_does_not_see_a_closed_model(studio: Studio, channel: str) -> None:
    closed = studio.association(name="closed")
    model = studio.active_model("m", channel, configuredModelAlgorithmAssociationArn=closed)["trainedModelArn"]
    mine = studio.association(ALICE, "mine", studio.algorithm(ALICE))
    request = studio.inference_request("scores", model, channel, configuredModelAlgorithmAssociationArn=mine)
    assert closed in studio.refused(AccessDenied, START, **request)


@pytest.mark.parametrize("count", [1, 2, 10])
def test_several_instances_are_taken_and_shown(studio: Studio, arn: str, channel: str, count: int) -> None:
    resources = {"instanceType": "ml.m5.large", "instanceCount": count}
    job = studio.inference_job("scores", arn, channel, resourceConfig=resources)
    assert read(studio, job)["resourceConfig"] == resources


def test_a_strict_server_refuses_a_job_larger_than_its_machine(studio: Studio, arn: str, channel: str) -> None:
    studio.office.strict_machine = Shape(4, 16 * GIB)
    resources = {"instanceType": "ml.m5.large", "instanceCount": 3}
    request = studio.inference_request("scores", arn, channel, resourceConfig=resources)
    refusal = studio.refused(ValidationFault, START, **request)
    assert refusal.startswith(
        "ml.m5.large has 2 vCPUs and 8 GiB; this machine gives each of 3 instances 1 vCPU and 5.3 GiB."
    )
    assert "strict_instance_types" in refusal
    studio.inference_job("scores", arn, channel, resourceConfig={**resources, "instanceCount": 2})


def test_what_the_machine_lacks_is_shown_until_something_worse_is_known(studio: Studio, arn: str, channel: str) -> None:
    job = studio.inference_job("scores", arn, channel)
    clamped = {"status_code": "InstanceClamped", "status_message": "This machine gives 2 vCPUs."}
    studio.advance("trained_model_inference_jobs", job, Event.STARTED, **clamped)
    shown = {"statusCode": "InstanceClamped", "message": "This machine gives 2 vCPUs."}
    assert read(studio, job)["statusDetails"] == shown
    studio.advance("trained_model_inference_jobs", job, Event.SUCCEEDED)
    answer = read(studio, job)
    assert (answer["status"], answer["statusDetails"]) == ("ACTIVE", shown)


def test_a_model_of_which_only_something_partial_is_kept_is_not_served(studio: Studio, channel: str) -> None:
    model = studio.model("long", channel)
    studio.advance_model(model, Event.STARTED, Event.FAILED, partial_bytes=10)
    for version in ({}, {"trainedModelVersionIdentifier": "NULL"}):
        request = studio.inference_request("scores", model["trainedModelArn"], channel, **version)
        assert "CREATE_FAILED" in studio.refused(Conflict, START, **request)


def test_a_member_that_does_not_pay_for_inference_cannot_be_named(studio: Studio, arn: str, channel: str) -> None:
    request = studio.inference_request("scores", arn, channel, mlModelInferencePayerAccountId=BOB)
    studio.refused(ValidationFault, START, **request)


def test_names_are_unique_while_live(studio: Studio, arn: str, channel: str) -> None:
    job = studio.inference_job("scores", arn, channel)
    studio.refused(Conflict, START, **studio.inference_request("scores", arn, channel))
    studio.advance("trained_model_inference_jobs", job, Event.FAILED)
    studio.inference_job("scores", arn, channel)


def test_the_quota_counts_jobs_under_way(studio: Studio, arn: str, channel: str) -> None:
    studio.office.set_quota(Quota.WORKING_INFERENCES_PER_MEMBERSHIP, 1)
    job = studio.inference_job("one", arn, channel)
    studio.refused(QuotaExceeded, START, **studio.inference_request("two", arn, channel))
    studio.call(CANCEL, trainedModelInferenceJobArn=job)
    studio.inference_job("two", arn, channel)


def test_a_job_is_cancelled_while_it_runs_and_not_after(studio: Studio, arn: str, channel: str) -> None:
    job = studio.inference_job("scores", arn, channel)
    studio.call(CANCEL, trainedModelInferenceJobArn=job)
    assert read(studio, job)["status"] == "CANCEL_PENDING"
    assert "CANCEL_PENDING" in studio.refused(Conflict, CANCEL, trainedModelInferenceJobArn=job)
    unknown = arn_of("trained-model-inference-job", studio.room.membership(ALICE))
    for operation in (CANCEL, GET):
        studio.refused(ResourceNotFound, operation, trainedModelInferenceJobArn=unknown)


@pytest.mark.parametrize("operation", [GET, CANCEL, LIST, START])
def test_another_accounts_membership_is_denied(studio: Studio, arn: str, channel: str, operation: str) -> None:
    request: dict[str, Any] = {
        LIST: {},
        START: studio.inference_request("scores", arn, channel),
    }.get(operation, {"trainedModelInferenceJobArn": studio.inference_job("x", arn, channel)})
    place = studio.room.membership(ALICE)
    studio.refused(AccessDenied, operation, BOB, membershipIdentifier=place, **request)


def test_each_member_is_told_of_its_own_logs(studio: Studio, channel: str) -> None:
    policies = {"trainedModelInferenceJobs": {"containerLogs": [{"allowedAccountIds": [BOB]}]}}
    logged = studio.association(name="logged", policies=policies)
    arn = studio.active_model("m", channel, configuredModelAlgorithmAssociationArn=logged)["trainedModelArn"]
    job = studio.inference_job("scores", arn, channel)
    studio.advance("trained_model_inference_jobs", job, Event.STARTED, run_started_at=studio.office.now)
    (mine,) = studio.call(LIST)["trainedModelInferenceJobs"]
    assert mine["logsStatus"] is None
    assert f"{ALICE} is not in allowedAccountIds" in mine["logsStatusDetails"]
    (bobs,) = studio.call(LIST_SHARED, BOB)["collaborationTrainedModelInferenceJobs"]
    assert bobs["logsStatus"] == "PUBLISH_FAILED"
    assert "no ML Config role is set" in bobs["logsStatusDetails"]
