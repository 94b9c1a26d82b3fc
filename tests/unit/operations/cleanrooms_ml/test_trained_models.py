from datetime import timedelta
from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, DAVE, EXPORTS, INSTANCE, REGION, arn_of, collaboration_rule
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
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
def room(server: Server) -> Room:
    return a_furnished_room(server)


@pytest.fixture
def channel(room: Room) -> str:
    return room.active_channel()


def read(room: Room, model: dict[str, str], **request: Any) -> Any:
    return room.call("GetTrainedModel", trainedModelArn=model["trainedModelArn"], **request)


def test_its_trainer_reads_a_model_as_it_was_asked_for(room: Room, channel: str) -> None:
    model = room.model("forest", channel, **SETTINGS)
    assert model["versionIdentifier"] == "NULL"
    answer = read(room, model)
    assert {name: answer[name] for name in SETTINGS} == SETTINGS
    assert (answer["name"], answer["status"]) == ("forest", "CREATE_PENDING")
    assert answer["versionIdentifier"] == "NULL"
    assert list(answer["dataChannels"]) == [{"mlInputChannelArn": channel, "channelName": "channel0"}]
    assert answer["mlModelTrainingPayerAccountId"] == ALICE
    absent = ("statusDetails", "incrementalTrainingDataChannels", "logsStatus", "trainingContainerImageDigest")
    assert {answer[name] for name in absent} == {None}
    with room.server.store.reading() as tx:
        assert [waiting.name for waiting in tx.trained_models.working()] == ["forest"]


def test_what_was_left_out_stays_out(room: Room, channel: str) -> None:
    answer = read(room, room.model("forest", channel))
    absent = ("hyperparameters", "environment", "stoppingCondition", "description", "kmsKeyArn", "tags")
    assert {name for name in absent if answer[name] is not None} == set()


def test_other_members_see_a_model_without_its_settings(room: Room, channel: str) -> None:
    model = room.model("forest", channel, **SETTINGS)
    answer = room.call("GetCollaborationTrainedModel", BOB, trainedModelArn=model["trainedModelArn"])
    assert (answer["creatorAccountId"], answer["name"]) == (ALICE, "forest")
    assert not HIDDEN & answer.keys()
    (item,) = room.call("ListCollaborationTrainedModels", BOB)["collaborationTrainedModels"]
    assert (item["creatorAccountId"], item["versionIdentifier"]) == (ALICE, "NULL")
    assert not HIDDEN & item.keys()
    room.refused(ResourceNotFound, "GetTrainedModel", BOB, trainedModelArn=model["trainedModelArn"])
    room.refused(AccessDenied, "GetCollaborationTrainedModel", DAVE, trainedModelArn=model["trainedModelArn"])


@pytest.mark.parametrize("account_id", [BOB, CAROL])
def test_only_the_member_who_can_query_trains(room: Room, channel: str, account_id: str) -> None:
    request = room.training_request("forest", channel)
    assert "CAN_QUERY" in room.refused(AccessDenied, CREATE, account_id, **request)
    model = room.model("forest", channel)["trainedModelArn"]
    assert "CAN_QUERY" in room.refused(AccessDenied, "CancelTrainedModel", account_id, trainedModelArn=model)


def test_a_channel_must_be_the_callers_and_active(room: Room, channel: str) -> None:
    place = room.membership(ALICE)
    unknown = arn_of("ml-input-channel", place)
    room.refused(ResourceNotFound, CREATE, **room.training_request("forest", unknown))
    waiting = room.channel("waiting")
    message = room.refused(Conflict, CREATE, **room.training_request("forest", channel, waiting))
    assert waiting in message
    assert "CREATE_PENDING" in message


def test_a_channel_whose_retention_is_over_is_not_read(room: Room) -> None:
    arn = room.channel()
    room.fill(arn, expires_at=room.server.now + timedelta(minutes=1))
    room.model("in-time", arn)
    room.server.now += timedelta(minutes=1)
    assert "retention" in room.refused(Conflict, CREATE, **room.training_request("late", arn))


def test_an_association_that_is_not_there_is_not_found(room: Room, channel: str) -> None:
    unknown = arn_of("configured-model-algorithm-association", room.membership(CAROL), CAROL)
    request = room.training_request("forest", channel, configuredModelAlgorithmAssociationArn=unknown)
    room.refused(ResourceNotFound, CREATE, **request)


def test_an_algorithm_without_a_training_container_does_not_train(room: Room, channel: str) -> None:
    server = room.association(name="server", algorithm=room.algorithm(name="server", trainingContainerConfig=None))
    request = room.training_request("forest", channel, configuredModelAlgorithmAssociationArn=server)
    assert "trainingContainerConfig" in room.refused(ValidationFault, CREATE, **request)


def test_several_instances_are_taken_and_shown(room: Room, channel: str) -> None:
    resources = {**INSTANCE, "instanceCount": 5}
    assert read(room, room.model("forest", channel, resourceConfig=resources))["resourceConfig"] == resources


def test_a_strict_server_refuses_a_training_larger_than_its_machine(room: Room, channel: str) -> None:
    room.server.strict_machine = Shape(2, 8 * GIB)
    resources = {"instanceType": "ml.p3.16xlarge", "volumeSizeInGB": 1}
    refusal = room.refused(ValidationFault, CREATE, **room.training_request("a", channel, resourceConfig=resources))
    assert refusal.startswith(
        "ml.p3.16xlarge has 64 vCPUs, 488 GiB and 8 GPUs; this machine gives 2 vCPUs, 8 GiB and no GPU."
    )
    assert "strict_instance_types" in refusal
    room.model("forest", channel)


def test_a_server_that_is_not_strict_takes_every_type(room: Room, channel: str) -> None:
    resources = {"instanceType": "ml.p5.48xlarge", "volumeSizeInGB": 1, "instanceCount": 5}
    room.model("forest", channel, resourceConfig=resources)


def test_a_model_of_which_only_something_partial_is_kept_is_not_trained_on(room: Room, channel: str) -> None:
    model = room.model("long", channel)
    room.advance_model(model, Event.STARTED, Event.FAILED, partial_bytes=10)
    for version in ({"versionIdentifier": "NULL"}, {}):
        incremental = {"trainedModelArn": model["trainedModelArn"], "channelName": "base", **version}
        request = room.training_request("next", channel, incrementalTrainingDataChannels=[incremental])
        assert "CREATE_FAILED" in room.refused(Conflict, CREATE, **request)


def test_a_partial_artefact_goes_with_the_models_output(room: Room, channel: str) -> None:
    model = room.model("long", channel)
    room.advance_model(model, Event.STARTED, Event.FAILED, partial_bytes=10)
    room.call("DeleteTrainedModelOutput", BOB, trainedModelArn=model["trainedModelArn"])
    assert read(room, model)["status"] == "DELETE_PENDING"


@pytest.mark.parametrize("mode", ["File", "FastFile", "Pipe"])
def test_every_input_mode_is_taken_and_shown(room: Room, channel: str, mode: str) -> None:
    assert read(room, room.model("forest", channel, trainingInputMode=mode))["trainingInputMode"] == mode


def test_sharding_is_taken_and_shown(room: Room, channel: str) -> None:
    request = room.training_request("forest", channel)
    request["dataChannels"][0]["s3DataDistributionType"] = "ShardedByS3Key"
    (shown,) = read(room, room.call(CREATE, **request))["dataChannels"]
    assert shown["s3DataDistributionType"] == "ShardedByS3Key"


def test_channel_names_are_unique_in_a_training(room: Room, channel: str) -> None:
    request = room.training_request("forest", channel, channel)
    request["dataChannels"][1]["channelName"] = "channel0"
    assert "channel0" in room.refused(ValidationFault, CREATE, **request)


def test_names_are_unique_while_live(room: Room, channel: str) -> None:
    model = room.model("forest", channel)
    assert "'forest'" in room.refused(Conflict, CREATE, **room.training_request("forest", channel))
    room.advance_model(model, Event.FAILED)
    room.model("forest", channel)


def test_the_quota_counts_trainings_under_way(room: Room, channel: str) -> None:
    room.server.set_quota(Quota.WORKING_TRAININGS_PER_MEMBERSHIP, 2)
    room.advance_model(room.model("one", channel), Event.STARTED)
    two = room.model("two", channel)
    room.refused(QuotaExceeded, CREATE, **room.training_request("three", channel))
    room.advance_model(two, Event.STARTED, Event.SUCCEEDED)
    room.model("three", channel)


@pytest.mark.parametrize("named", [BOB, DAVE])
def test_a_member_that_does_not_pay_for_training_cannot_be_named(room: Room, channel: str, named: str) -> None:
    request = room.training_request("forest", channel, mlModelTrainingPayerAccountId=named)
    assert f"Name {ALICE}" in room.refused(ValidationFault, CREATE, **request)


def test_the_payer_is_echoed(room: Room, channel: str) -> None:
    model = room.model("forest", channel, mlModelTrainingPayerAccountId=ALICE)
    shared = room.call("GetCollaborationTrainedModel", trainedModelArn=model["trainedModelArn"])
    answers = [
        read(room, model),
        shared,
        *room.call("ListTrainedModels")["trainedModels"],
        *room.call("ListCollaborationTrainedModels")["collaborationTrainedModels"],
    ]
    assert [answer["mlModelTrainingPayerAccountId"] for answer in answers] == [ALICE] * 4


def test_a_model_is_cancelled_while_it_trains_and_not_after(room: Room, channel: str) -> None:
    model = room.model("forest", channel)
    arn = model["trainedModelArn"]
    room.call("CancelTrainedModel", trainedModelArn=arn)
    assert read(room, model)["status"] == "CANCEL_PENDING"
    room.refused(Conflict, "CancelTrainedModel", trainedModelArn=arn)
    room.refused(Conflict, "DeleteTrainedModelOutput", trainedModelArn=arn)
    done = room.active_model("done", channel)["trainedModelArn"]
    assert "ACTIVE" in room.refused(Conflict, "CancelTrainedModel", trainedModelArn=done)


@pytest.mark.parametrize("account_id", [ALICE, BOB, CAROL])
def test_any_active_member_erases_a_model(room: Room, channel: str, account_id: str) -> None:
    model = room.active_model("forest", channel)
    room.call("DeleteTrainedModelOutput", account_id, trainedModelArn=model["trainedModelArn"])
    assert read(room, model)["status"] == "DELETE_PENDING"


def test_a_model_that_is_not_there_is_not_found(room: Room) -> None:
    unknown = arn_of("trained-model", room.membership(ALICE))
    for operation in (
        "GetTrainedModel",
        "GetCollaborationTrainedModel",
        "CancelTrainedModel",
        "DeleteTrainedModelOutput",
        "ListTrainedModelVersions",
    ):
        room.refused(ResourceNotFound, operation, trainedModelArn=unknown)


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
def test_another_accounts_membership_is_denied(room: Room, channel: str, operation: str) -> None:
    request = (
        {} if operation == "ListTrainedModels" else {"trainedModelArn": room.model("m", channel)["trainedModelArn"]}
    )
    place = room.membership(ALICE)
    room.refused(AccessDenied, operation, BOB, membershipIdentifier=place, **request)
    room.refused(AccessDenied, "ListTrainedModels", BOB, membershipIdentifier=place)


def test_a_model_that_an_export_reads_is_not_erased(room: Room, channel: str) -> None:
    room.configure(CAROL)
    arn = room.active_model("forest", channel)["trainedModelArn"]
    room.call("StartTrainedModelExportJob", **room.export_request("out", arn))
    assert "export job out" in room.refused(Conflict, "DeleteTrainedModelOutput", trainedModelArn=arn)


def test_a_model_that_an_inference_job_reads_is_not_erased(room: Room, channel: str) -> None:
    room.configure(CAROL)
    arn = room.active_model("forest", channel)["trainedModelArn"]
    job = room.inference_job("scores", arn, channel)
    assert job in room.refused(Conflict, "DeleteTrainedModelOutput", trainedModelArn=arn)
    room.call("CancelTrainedModelInferenceJob", trainedModelInferenceJobArn=job)
    room.call("DeleteTrainedModelOutput", trainedModelArn=arn)


def test_another_association_trains_only_where_every_table_allows_it(room: Room, channel: str) -> None:
    other = room.association(name="other")
    request = {"configuredModelAlgorithmAssociationArn": other}
    room.model("wild", channel, **request)  # the tables' rule is a wildcard
    rule = collaboration_rule(allowedAdditionalAnalyses=[room.association_arn])
    room.server.cleanrooms(
        BOB,
        "UpdateConfiguredTableAssociationAnalysisRule",
        membershipIdentifier=room.membership(BOB),
        configuredTableAssociationIdentifier=room.table.association_id,
        analysisRuleType="CUSTOM",
        analysisRulePolicy=rule,
    )
    message = room.refused(AccessDenied, CREATE, **room.training_request("strict", channel, **request))
    assert other in message
    assert BOB in message
    room.model("own", channel)  # the one that the channel was made for


def test_a_table_that_is_withdrawn_takes_its_rows_along(room: Room, channel: str) -> None:
    model = room.active_model("before", channel)
    table = {
        "membershipIdentifier": room.membership(BOB),
        "configuredTableAssociationIdentifier": room.table.association_id,
    }
    rule = "DeleteConfiguredTableAssociationAnalysisRule"
    room.server.cleanrooms(BOB, rule, analysisRuleType="CUSTOM", **table)
    room.server.cleanrooms(BOB, "DeleteConfiguredTableAssociation", **table)
    request = room.training_request("after", channel)
    assert "no longer associated" in room.refused(AccessDenied, CREATE, **request)
    room.configure(CAROL)
    scores = room.inference_request("scores", model["trainedModelArn"], channel)
    assert "no longer associated" in room.refused(AccessDenied, "StartTrainedModelInferenceJob", **scores)
    export = room.export_request("out", model["trainedModelArn"])
    assert "no longer associated" in room.refused(AccessDenied, "StartTrainedModelExportJob", **export)


def test_the_algorithm_of_a_member_that_was_removed_is_not_used_any_more(room: Room, channel: str) -> None:
    place = {"collaborationIdentifier": room.collaboration_id}
    room.server.cleanrooms(ALICE, "DeleteMember", accountId=CAROL, **place)
    for operation, request in (
        (CREATE, room.training_request("after", channel)),
        ("CreateMLInputChannel", room.channel_request("after")),
    ):
        assert CAROL in room.refused(Conflict, operation, **request)


LOGGED = {**EXPORTS, "trainedModels": {"containerLogs": [{"allowedAccountIds": [ALICE]}]}}


def test_each_member_is_told_of_its_own_logs(room: Room) -> None:
    logged = room.association(name="logged", policies=LOGGED)
    channel = room.active_channel("logged", configuredModelAlgorithmAssociations=[logged])
    room.configure(ALICE)
    model = room.active_model("forest", channel, configuredModelAlgorithmAssociationArn=logged)
    with room.server.store.transaction() as tx:
        record = tx.trained_models.find(arn=model["trainedModelArn"], is_latest=True)
        assert record is not None
        tx.trained_models.note(record, actor="controller", at=room.server.now, logs_status="PUBLISH_SUCCEEDED")
    assert read(room, model)["logsStatus"] == "PUBLISH_SUCCEEDED"
    shared = room.call("GetCollaborationTrainedModel", BOB, trainedModelArn=model["trainedModelArn"])
    assert shared["logsStatus"] is None
    assert f"{BOB} is not in allowedAccountIds" in shared["logsStatusDetails"]


def test_without_a_policy_nobody_is_told_of_logs_but_why(room: Room, channel: str) -> None:
    bare = room.association(name="bare")
    model = room.active_model("forest", channel, configuredModelAlgorithmAssociationArn=bare)
    answer = read(room, model)
    assert answer["logsStatus"] is None
    assert "no privacy configuration" in answer["logsStatusDetails"]
