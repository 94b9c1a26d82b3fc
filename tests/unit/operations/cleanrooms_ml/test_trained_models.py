from datetime import timedelta
from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, DAVE, REGION, Office, collaboration_rule
from support.ml import EXPORTS, INSTANCE, Studio, a_studio, arn_of
from whiteroom.base.faults import AccessDenied, Conflict, QuotaExceeded, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.instance_types import GIB, Shape
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.quotas import Quota

CREATE = "CreateTrainedModel"
KEY = f"arn:aws:kms:{REGION}:{ALICE}:key/1"
SETTINGS = {
    "hyperparameters": {"depth": "3"},
    "environment": {"MODE": "fast"},
    "resourceConfig": {**INSTANCE, "instanceCount": 1},
    "stoppingCondition": {"maxRuntimeInSeconds": 60},
    "trainingInputMode": "File",
    "description": "A forest.",
    "kmsKeyArn": KEY,
    "tags": {"team": "a"},
}
HIDDEN = {"hyperparameters", "environment", "kmsKeyArn", "tags", "dataChannels"}


@pytest.fixture
def studio(office: Office) -> Studio:
    return a_studio(office)


@pytest.fixture
def channel(studio: Studio) -> str:
    return studio.active_channel()


def read(studio: Studio, model: dict[str, str], **request: Any) -> Any:
    return studio.call("GetTrainedModel", trainedModelArn=model["trainedModelArn"], **request)


def test_its_trainer_reads_a_model_as_it_was_asked_for(studio: Studio, channel: str) -> None:
    model = studio.model("forest", channel, **SETTINGS)
    assert model["versionIdentifier"] == "NULL"
    answer = read(studio, model)
    assert {name: answer[name] for name in SETTINGS} == SETTINGS
    assert (answer["name"], answer["status"]) == ("forest", "CREATE_PENDING")
    assert answer["versionIdentifier"] == "NULL"
    assert list(answer["dataChannels"]) == [{"mlInputChannelArn": channel, "channelName": "channel0"}]
    assert answer["mlModelTrainingPayerAccountId"] == ALICE
    absent = ("statusDetails", "incrementalTrainingDataChannels", "logsStatus", "trainingContainerImageDigest")
    assert {answer[name] for name in absent} == {None}
    with studio.office.store.reading() as tx:
        assert [waiting.name for waiting in tx.trained_models.working()] == ["forest"]


def test_what_was_left_out_stays_out(studio: Studio, channel: str) -> None:
    answer = read(studio, studio.model("forest", channel))
    absent = ("hyperparameters", "environment", "stoppingCondition", "description", "kmsKeyArn", "tags")
    assert {name for name in absent if answer[name] is not None} == set()


def test_other_members_see_a_model_without_its_settings(studio: Studio, channel: str) -> None:
    model = studio.model("forest", channel, **SETTINGS)
    answer = studio.call("GetCollaborationTrainedModel", BOB, trainedModelArn=model["trainedModelArn"])
    assert (answer["creatorAccountId"], answer["name"]) == (ALICE, "forest")
    assert not HIDDEN & answer.keys()
    (item,) = studio.call("ListCollaborationTrainedModels", BOB)["collaborationTrainedModels"]
    assert (item["creatorAccountId"], item["versionIdentifier"]) == (ALICE, "NULL")
    assert not HIDDEN & item.keys()
    studio.refused(ResourceNotFound, "GetTrainedModel", BOB, trainedModelArn=model["trainedModelArn"])
    studio.refused(AccessDenied, "GetCollaborationTrainedModel", DAVE, trainedModelArn=model["trainedModelArn"])


@pytest.mark.parametrize("account_id", [BOB, CAROL])
def test_only_the_member_who_can_query_trains(studio: Studio, channel: str, account_id: str) -> None:
    request = studio.training_request("forest", channel)
    assert "CAN_QUERY" in studio.refused(AccessDenied, CREATE, account_id, **request)
    model = studio.model("forest", channel)["trainedModelArn"]
    assert "CAN_QUERY" in studio.refused(AccessDenied, "CancelTrainedModel", account_id, trainedModelArn=model)


def test_a_channel_must_be_the_callers_and_active(studio: Studio, channel: str) -> None:
    place = studio.room.membership(ALICE)
    unknown = arn_of("ml-input-channel", place)
    studio.refused(ResourceNotFound, CREATE, **studio.training_request("forest", unknown))
    waiting = studio.channel("waiting")
    message = studio.refused(Conflict, CREATE, **studio.training_request("forest", channel, waiting))
    assert waiting in message
    assert "CREATE_PENDING" in message


def test_a_channel_whose_retention_is_over_is_not_read(studio: Studio) -> None:
    arn = studio.channel()
    studio.fill(arn, expires_at=studio.office.now + timedelta(minutes=1))
    studio.model("in-time", arn)
    studio.office.now += timedelta(minutes=1)
    assert "retention" in studio.refused(Conflict, CREATE, **studio.training_request("late", arn))


def test_an_association_that_is_not_there_is_not_found(studio: Studio, channel: str) -> None:
    unknown = arn_of("configured-model-algorithm-association", studio.room.membership(CAROL), CAROL)
    request = studio.training_request("forest", channel, configuredModelAlgorithmAssociationArn=unknown)
    studio.refused(ResourceNotFound, CREATE, **request)


def test_an_algorithm_without_a_training_container_does_not_train(studio: Studio, channel: str) -> None:
    server = studio.association(name="server", algorithm=studio.algorithm(name="server", trainingContainerConfig=None))
    request = studio.training_request("forest", channel, configuredModelAlgorithmAssociationArn=server)
    assert "trainingContainerConfig" in studio.refused(ValidationFault, CREATE, **request)


def test_several_instances_are_taken_and_shown(studio: Studio, channel: str) -> None:
    resources = {**INSTANCE, "instanceCount": 5}
    assert read(studio, studio.model("forest", channel, resourceConfig=resources))["resourceConfig"] == resources


def test_a_strict_server_refuses_a_training_larger_than_its_machine(studio: Studio, channel: str) -> None:
    studio.office.strict_machine = Shape(2, 8 * GIB)
    resources = {"instanceType": "ml.p3.16xlarge", "volumeSizeInGB": 1}
    refusal = studio.refused(ValidationFault, CREATE, **studio.training_request("a", channel, resourceConfig=resources))
    assert refusal.startswith(
        "ml.p3.16xlarge has 64 vCPUs, 488 GiB and 8 GPUs; this machine gives 2 vCPUs, 8 GiB and no GPU."
    )
    assert "strict_instance_types" in refusal
    studio.model("forest", channel)


def test_a_server_that_is_not_strict_takes_every_type(studio: Studio, channel: str) -> None:
    resources = {"instanceType": "ml.p5.48xlarge", "volumeSizeInGB": 1, "instanceCount": 5}
    studio.model("forest", channel, resourceConfig=resources)


def test_a_model_of_which_only_something_partial_is_kept_is_not_trained_on(studio: Studio, channel: str) -> None:
    model = studio.model("long", channel)
    studio.advance_model(model, Event.STARTED, Event.FAILED, partial_bytes=10)
    for version in ({"versionIdentifier": "NULL"}, {}):
        incremental = {"trainedModelArn": model["trainedModelArn"], "channelName": "base", **version}
        request = studio.training_request("next", channel, incrementalTrainingDataChannels=[incremental])
        assert "CREATE_FAILED" in studio.refused(Conflict, CREATE, **request)


def test_a_partial_artefact_goes_with_the_models_output(studio: Studio, channel: str) -> None:
    model = studio.model("long", channel)
    studio.advance_model(model, Event.STARTED, Event.FAILED, partial_bytes=10)
    studio.call("DeleteTrainedModelOutput", BOB, trainedModelArn=model["trainedModelArn"])
    assert read(studio, model)["status"] == "DELETE_PENDING"


@pytest.mark.parametrize("mode", ["File", "FastFile", "Pipe"])
def test_every_input_mode_is_taken_and_shown(studio: Studio, channel: str, mode: str) -> None:
    assert read(studio, studio.model("forest", channel, trainingInputMode=mode))["trainingInputMode"] == mode


def test_sharding_is_taken_and_shown(studio: Studio, channel: str) -> None:
    request = studio.training_request("forest", channel)
    request["dataChannels"][0]["s3DataDistributionType"] = "ShardedByS3Key"
    (shown,) = read(studio, studio.call(CREATE, **request))["dataChannels"]
    assert shown["s3DataDistributionType"] == "ShardedByS3Key"


def test_channel_names_are_unique_in_a_training(studio: Studio, channel: str) -> None:
    request = studio.training_request("forest", channel, channel)
    request["dataChannels"][1]["channelName"] = "channel0"
    assert "channel0" in studio.refused(ValidationFault, CREATE, **request)


def test_names_are_unique_while_live(studio: Studio, channel: str) -> None:
    model = studio.model("forest", channel)
    assert "'forest'" in studio.refused(Conflict, CREATE, **studio.training_request("forest", channel))
    studio.advance_model(model, Event.FAILED)
    studio.model("forest", channel)


def test_the_quota_counts_trainings_under_way(studio: Studio, channel: str) -> None:
    studio.office.set_quota(Quota.WORKING_TRAININGS_PER_MEMBERSHIP, 2)
    studio.advance_model(studio.model("one", channel), Event.STARTED)
    two = studio.model("two", channel)
    studio.refused(QuotaExceeded, CREATE, **studio.training_request("three", channel))
    studio.advance_model(two, Event.STARTED, Event.SUCCEEDED)
    studio.model("three", channel)


@pytest.mark.parametrize("named", [BOB, DAVE])
def test_a_member_that_does_not_pay_for_training_cannot_be_named(studio: Studio, channel: str, named: str) -> None:
    request = studio.training_request("forest", channel, mlModelTrainingPayerAccountId=named)
    assert f"Name {ALICE}" in studio.refused(ValidationFault, CREATE, **request)


def test_the_payer_is_echoed(studio: Studio, channel: str) -> None:
    model = studio.model("forest", channel, mlModelTrainingPayerAccountId=ALICE)
    shared = studio.call("GetCollaborationTrainedModel", trainedModelArn=model["trainedModelArn"])
    answers = [
        read(studio, model),
        shared,
        *studio.call("ListTrainedModels")["trainedModels"],
        *studio.call("ListCollaborationTrainedModels")["collaborationTrainedModels"],
    ]
    assert [answer["mlModelTrainingPayerAccountId"] for answer in answers] == [ALICE] * 4


def test_a_model_is_cancelled_while_it_trains_and_not_after(studio: Studio, channel: str) -> None:
    model = studio.model("forest", channel)
    arn = model["trainedModelArn"]
    studio.call("CancelTrainedModel", trainedModelArn=arn)
    assert read(studio, model)["status"] == "CANCEL_PENDING"
    studio.refused(Conflict, "CancelTrainedModel", trainedModelArn=arn)
    studio.refused(Conflict, "DeleteTrainedModelOutput", trainedModelArn=arn)
    done = studio.active_model("done", channel)["trainedModelArn"]
    assert "ACTIVE" in studio.refused(Conflict, "CancelTrainedModel", trainedModelArn=done)


@pytest.mark.parametrize("account_id", [ALICE, BOB, CAROL])
def test_any_active_member_erases_a_model(studio: Studio, channel: str, account_id: str) -> None:
    model = studio.active_model("forest", channel)
    studio.call("DeleteTrainedModelOutput", account_id, trainedModelArn=model["trainedModelArn"])
    assert read(studio, model)["status"] == "DELETE_PENDING"


def test_a_model_that_is_not_there_is_not_found(studio: Studio) -> None:
    unknown = arn_of("trained-model", studio.room.membership(ALICE))
    for operation in (
        "GetTrainedModel",
        "GetCollaborationTrainedModel",
        "CancelTrainedModel",
        "DeleteTrainedModelOutput",
        "ListTrainedModelVersions",
    ):
        studio.refused(ResourceNotFound, operation, trainedModelArn=unknown)


@pytest.mark.parametrize(
    "operation",
    [
        "GetTrainedModel",
        "CancelTrainedModel",
        "DeleteTrainedModelOutput",
        "ListTrainedModelVersions",
        "ListTrainedModels",
    ],
)
def test_another_accounts_membership_is_denied(studio: Studio, channel: str, operation: str) -> None:
    request = (
        {} if operation == "ListTrainedModels" else {"trainedModelArn": studio.model("m", channel)["trainedModelArn"]}
    )
    place = studio.room.membership(ALICE)
    studio.refused(AccessDenied, operation, BOB, membershipIdentifier=place, **request)
    studio.refused(AccessDenied, "ListTrainedModels", BOB, membershipIdentifier=place)


def test_a_model_that_an_export_reads_is_not_erased(studio: Studio, channel: str) -> None:
    studio.configure(CAROL)
    arn = studio.active_model("forest", channel)["trainedModelArn"]
    studio.call("StartTrainedModelExportJob", **studio.export_request("out", arn))
    assert "export job out" in studio.refused(Conflict, "DeleteTrainedModelOutput", trainedModelArn=arn)


def test_a_model_that_an_inference_job_reads_is_not_erased(studio: Studio, channel: str) -> None:
    studio.configure(CAROL)
    arn = studio.active_model("forest", channel)["trainedModelArn"]
    job = studio.inference_job("scores", arn, channel)
    assert job in studio.refused(Conflict, "DeleteTrainedModelOutput", trainedModelArn=arn)
    studio.call("CancelTrainedModelInferenceJob", trainedModelInferenceJobArn=job)
    studio.call("DeleteTrainedModelOutput", trainedModelArn=arn)


def test_another_association_trains_only_where_every_table_allows_it(studio: Studio, channel: str) -> None:
    other = studio.association(name="other")
    request = {"configuredModelAlgorithmAssociationArn": other}
    studio.model("wild", channel, **request)  # the tables' rule is a wildcard
    rule = collaboration_rule(allowedAdditionalAnalyses=[studio.association_arn])
    studio.office.cleanrooms(
        BOB,
        "UpdateConfiguredTableAssociationAnalysisRule",
        membershipIdentifier=studio.room.membership(BOB),
        configuredTableAssociationIdentifier=studio.table.association_id,
        analysisRuleType="CUSTOM",
        analysisRulePolicy=rule,
    )
    message = studio.refused(AccessDenied, CREATE, **studio.training_request("strict", channel, **request))
    assert other in message
    assert BOB in message
    studio.model("own", channel)  # the one that the channel was made for


def test_a_table_that_is_withdrawn_takes_its_rows_along(studio: Studio, channel: str) -> None:
    model = studio.active_model("before", channel)
    table = {
        "membershipIdentifier": studio.room.membership(BOB),
        "configuredTableAssociationIdentifier": studio.table.association_id,
    }
    rule = "DeleteConfiguredTableAssociationAnalysisRule"
    studio.office.cleanrooms(BOB, rule, analysisRuleType="CUSTOM", **table)
    studio.office.cleanrooms(BOB, "DeleteConfiguredTableAssociation", **table)
    request = studio.training_request("after", channel)
    assert "no longer associated" in studio.refused(AccessDenied, CREATE, **request)
    studio.configure(CAROL)
    scores = studio.inference_request("scores", model["trainedModelArn"], channel)
    assert "no longer associated" in studio.refused(AccessDenied, "StartTrainedModelInferenceJob", **scores)
    export = studio.export_request("out", model["trainedModelArn"])
    assert "no longer associated" in studio.refused(AccessDenied, "StartTrainedModelExportJob", **export)


def test_the_algorithm_of_a_member_that_was_removed_is_not_used_any_more(studio: Studio, channel: str) -> None:
    place = {"collaborationIdentifier": studio.room.collaboration_id}
    studio.office.cleanrooms(ALICE, "DeleteMember", accountId=CAROL, **place)
    for operation, request in (
        (CREATE, studio.training_request("after", channel)),
        ("CreateMLInputChannel", studio.channel_request("after")),
    ):
        assert CAROL in studio.refused(Conflict, operation, **request)


LOGGED = {**EXPORTS, "trainedModels": {"containerLogs": [{"allowedAccountIds": [ALICE]}]}}


def test_each_member_is_told_of_its_own_logs(studio: Studio) -> None:
    logged = studio.association(name="logged", policies=LOGGED)
    channel = studio.active_channel("logged", configuredModelAlgorithmAssociations=[logged])
    studio.configure(ALICE)
    model = studio.active_model("forest", channel, configuredModelAlgorithmAssociationArn=logged)
    with studio.office.store.transaction() as tx:
        record = tx.trained_models.find(arn=model["trainedModelArn"], is_latest=True)
        assert record is not None
        tx.trained_models.note(record, actor="controller", at=studio.office.now, logs_status="PUBLISH_SUCCEEDED")
    assert read(studio, model)["logsStatus"] == "PUBLISH_SUCCEEDED"
    shared = studio.call("GetCollaborationTrainedModel", BOB, trainedModelArn=model["trainedModelArn"])
    assert shared["logsStatus"] is None
    assert f"{BOB} is not in allowedAccountIds" in shared["logsStatusDetails"]


def test_without_a_policy_nobody_is_told_of_logs_but_why(studio: Studio, channel: str) -> None:
    bare = studio.association(name="bare")
    model = studio.active_model("forest", channel, configuredModelAlgorithmAssociationArn=bare)
    answer = read(studio, model)
    assert answer["logsStatus"] is None
    assert "no privacy configuration" in answer["logsStatusDetails"]
