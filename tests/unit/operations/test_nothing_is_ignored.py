"""Members of requests that once were taken and had no effect: each has one now, or is refused by its name."""

from __future__ import annotations

from typing import Any

import pytest

from support.worlds.requests import (
    ALICE,
    BOB,
    CAROL,
    NO_PAYMENT,
    REGION,
    SQL,
    collaboration_request,
    collaboration_rule,
    custom_rule,
    input_channel,
    role_of,
)
from support.worlds.rooms import Room, a_clean_room, a_furnished_room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, ValidationFault
from whiteroom.domain.execution.result_regions import BucketRegions

KEY = f"arn:aws:kms:{REGION}:{ALICE}:key/1"
CAROLS_KEY = f"arn:aws:kms:{REGION}:{CAROL}:key/1"


def collaborate(server: Server, **changes: Any) -> str:
    fault = server.refused(ValidationFault, ALICE, "CreateCollaboration", **collaboration_request(**changes))
    assert fault.members["reason"] == "INVALID_CONFIGURATION"
    return fault.message


def a_member(account: str, *abilities: str, **payment: Any) -> dict[str, Any]:
    pays = {**NO_PAYMENT, **payment}
    return {"accountId": account, "displayName": account, "memberAbilities": abilities, "paymentConfiguration": pays}


# -- collaborations and memberships ------------------------------------------------------


def test_one_member_can_run_jobs(server: Server) -> None:
    runners = [a_member(BOB, "CAN_RUN_JOB"), a_member(CAROL, "CAN_RUN_JOB")]
    assert f"{BOB}, {CAROL}" in collaborate(server, members=runners)
    server.cleanrooms(ALICE, "CreateCollaboration", **collaboration_request(members=runners[:1]))


def test_jobs_need_a_payer_where_their_runner_pays_nothing(server: Server) -> None:
    refuses, pays = {"jobCompute": {"isResponsible": False}}, {"jobCompute": {"isResponsible": True}}
    runner = a_member(BOB, "CAN_RUN_JOB", **refuses)
    assert "jobCompute" in collaborate(server, members=[runner, a_member(CAROL)])
    members = [runner, a_member(CAROL, **pays)]
    server.cleanrooms(ALICE, "CreateCollaboration", **collaboration_request(members=members))


def test_who_is_assigned_to_pay_for_jobs_must_accept_it(server: Server) -> None:
    members = [a_member(BOB, "CAN_RUN_JOB", jobCompute={"isResponsible": True}), a_member(CAROL)]
    answer = server.cleanrooms(ALICE, "CreateCollaboration", **collaboration_request(members=members))
    here = {"collaborationIdentifier": answer["collaboration"]["id"], "queryLogStatus": "DISABLED"}
    assert "jobCompute" in server.refused(ValidationFault, BOB, "CreateMembership", **here).message
    accepted = {**NO_PAYMENT, "jobCompute": {"isResponsible": True}}
    joined = server.cleanrooms(BOB, "CreateMembership", **here, paymentConfiguration=accepted)["membership"]
    assert joined["paymentConfiguration"]["jobCompute"] == {"isResponsible": True}


def test_changes_cannot_be_approved_beforehand_where_there_are_none(server: Server) -> None:
    assert "ADD_MEMBER" in collaborate(server, autoApprovedChangeRequestTypes=["ADD_MEMBER"])


def test_a_place_for_results_of_jobs_is_refused_by_its_name(server: Server, room: Room) -> None:
    place = {"outputConfiguration": {"s3": {"bucket": "alice"}}, "roleArn": role_of(ALICE)}
    here = {"membershipIdentifier": room.membership(ALICE)}
    fault = server.refused(ValidationFault, ALICE, "UpdateMembership", **here, defaultJobResultConfiguration=place)
    assert "defaultJobResultConfiguration" in fault.message


# -- tables, rules and templates ---------------------------------------------------------


def test_a_rule_cannot_allow_jobs(server: Server, room: Room) -> None:
    table = room.configured_table(BOB, "patients")
    here = {"configuredTableIdentifier": table, "analysisRuleType": "CUSTOM"}
    policy = custom_rule(allowedAnalyses=["ANY_QUERY", "ANY_JOB"])
    operation = "CreateConfiguredTableAnalysisRule"
    assert "ANY_JOB" in server.refused(ValidationFault, BOB, operation, **here, analysisRulePolicy=policy).message


@pytest.mark.parametrize("membership", ["*", "11111111-0000-4000-8000-000000000000"])
def test_a_collaboration_rule_cannot_allow_audience_models(server: Server, room: Room, membership: str) -> None:
    shared = room.shared_table(BOB, "patients")
    arn = f"arn:aws:cleanrooms:{REGION}:*:membership/{membership}/configuredaudiencemodelassociation/*"
    fault = server.refused(
        ValidationFault,
        BOB,
        "UpdateConfiguredTableAssociationAnalysisRule",
        membershipIdentifier=room.membership(BOB),
        configuredTableAssociationIdentifier=shared.association_id,
        analysisRuleType="CUSTOM",
        analysisRulePolicy=collaboration_rule(allowedAdditionalAnalyses=[arn]),
    )
    assert "audience models" in fault.message


def test_detailed_errors_go_with_no_sql(server: Server, room: Room) -> None:
    fault = server.refused(
        ValidationFault,
        ALICE,
        "CreateAnalysisTemplate",
        membershipIdentifier=room.membership(ALICE),
        name="talkative",
        format="SQL",
        source={"text": SQL},
        errorMessageConfiguration={"type": "DETAILED"},
    )
    assert "errorMessageConfiguration" in fault.message


# -- queries -----------------------------------------------------------------------------


def query_to(server: Server, room: Room, bucket: str) -> dict[str, Any]:
    return {
        "type": "SQL",
        "membershipIdentifier": room.membership(ALICE),
        "sqlParameters": {"queryString": SQL},
        "resultConfiguration": {"outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": bucket}}},
    }


def test_a_query_is_refused_whose_results_would_leave_the_allowed_regions(server: Server) -> None:
    room = a_clean_room(server, allowedResultRegions=["eu-west-1"])
    room.shared_table(BOB, "patients")
    server.bucket_regions = BucketRegions("us-east-1", {"irish": "eu-west-1"})
    fault = server.refused(ValidationFault, ALICE, "StartProtectedQuery", **query_to(server, room, "elsewhere"))
    assert "us-east-1" in fault.message
    server.cleanrooms(ALICE, "StartProtectedQuery", **query_to(server, room, "irish"))


def test_a_channel_has_as_many_workers_as_sql_may_have(server: Server) -> None:
    room = a_furnished_room(server)
    source = input_channel({"queryString": SQL})
    source["dataSource"]["protectedQueryInputParameters"]["computeConfiguration"] = {"worker": {"number": 401}}
    assert "401" in room.refused(ValidationFault, "CreateMLInputChannel", **room.channel_request(inputChannel=source))


# -- keys --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seals", "files", "told"),
    [
        (True, False, "kmsKeyArn seals what the database keeps"),
        (True, True, "and its files, which are rows, models and checkpoints. Logs of programs are not sealed."),
        (False, False, "kmsKeyArn seals nothing here"),
    ],
)
def test_what_a_key_seals_is_told_once_in_what_it_is_named_for(
    server: Server, seals: bool, files: bool, told: str
) -> None:
    server.keys_seal, server.files_are_sealed = seals, files
    room = a_furnished_room(server)
    channel = room.active_channel(kmsKeyArn=KEY)
    model = room.active_model("trial", channel, kmsKeyArn=KEY)["trainedModelArn"]
    room.configure(CAROL)
    job = room.inference_job("guess", model, channel, kmsKeyArn=KEY)
    plain = room.channel("plain")
    with server.store.reading() as tx:
        for arn in (channel, model, job):
            assert [told in event.reason for event in tx.events(arn)].count(True) == 1
        assert not any("kmsKeyArn" in event.reason for event in tx.events(plain))


def requests_with_a_key(room: Room) -> dict[str, tuple[str, dict[str, Any]]]:
    channel = room.active_channel()
    model = room.active_model("trial", channel)["trainedModelArn"]
    room.configure(CAROL)
    images = {"trainingContainerConfig": {"imageUri": "registry/trainer:1"}, "roleArn": role_of(CAROL)}
    return {
        "CreateMLInputChannel": (ALICE, room.channel_request("more", kmsKeyArn=KEY)),
        "CreateTrainedModel": (ALICE, room.training_request("more", channel, kmsKeyArn=KEY)),
        "StartTrainedModelInferenceJob": (ALICE, room.inference_request("more", model, channel, kmsKeyArn=KEY)),
        "CreateConfiguredModelAlgorithm": (CAROL, {"name": "more", **images, "kmsKeyArn": CAROLS_KEY}),
    }


def test_a_key_of_another_account_is_refused(server: Server) -> None:
    room = a_furnished_room(server)
    for operation, (account, asked) in requests_with_a_key(room).items():
        inside = {"membershipIdentifier": room.membership(account)}
        request = asked if operation == "CreateConfiguredModelAlgorithm" else {**inside, **asked}
        other = asked["kmsKeyArn"].replace(account, BOB)
        with pytest.raises(AccessDenied, match="Pass a key of your own account"):
            server.ml(account, operation, **{**request, "kmsKeyArn": other})


def test_where_keys_are_strict_every_request_with_one_is_refused_unless_it_seals_files(server: Server) -> None:
    room = a_furnished_room(server)
    for operation, (account, asked) in requests_with_a_key(room).items():
        inside = {"membershipIdentifier": room.membership(account)}
        request = asked if operation == "CreateConfiguredModelAlgorithm" else {**inside, **asked}
        server.strict_keys = True
        with pytest.raises(ValidationFault, match="kmsKeyArn"):
            server.ml(account, operation, **request)
        server.files_are_sealed = True
        server.ml(account, operation, **request)
        server.strict_keys = server.files_are_sealed = False
