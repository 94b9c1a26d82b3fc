"""Members of requests that once were taken and had no effect: each has one now, or is refused by its name."""

from __future__ import annotations

from typing import Any

import pytest

from support.cleanrooms import (
    ALICE,
    BOB,
    CAROL,
    NO_PAYMENT,
    REGION,
    Office,
    Room,
    a_clean_room,
    collaboration_request,
    collaboration_rule,
    custom_rule,
    role_of,
)
from support.ml import SQL, Studio, a_studio, input_channel
from whiteroom.base.faults import ValidationFault
from whiteroom.domain.execution.result_regions import BucketRegions

KEY = f"arn:aws:kms:{REGION}:{ALICE}:key/1"


def collaborate(office: Office, **changes: Any) -> str:
    fault = office.refused(ValidationFault, ALICE, "CreateCollaboration", **collaboration_request(**changes))
    assert fault.members["reason"] == "INVALID_CONFIGURATION"
    return fault.message


def a_member(account: str, *abilities: str, **payment: Any) -> dict[str, Any]:
    pays = {**NO_PAYMENT, **payment}
    return {"accountId": account, "displayName": account, "memberAbilities": abilities, "paymentConfiguration": pays}


# -- collaborations and memberships ------------------------------------------------------


def test_one_member_can_run_jobs(office: Office) -> None:
    runners = [a_member(BOB, "CAN_RUN_JOB"), a_member(CAROL, "CAN_RUN_JOB")]
    assert f"{BOB}, {CAROL}" in collaborate(office, members=runners)
    office.cleanrooms(ALICE, "CreateCollaboration", **collaboration_request(members=runners[:1]))


def test_jobs_need_a_payer_where_their_runner_pays_nothing(office: Office) -> None:
    refuses, pays = {"jobCompute": {"isResponsible": False}}, {"jobCompute": {"isResponsible": True}}
    runner = a_member(BOB, "CAN_RUN_JOB", **refuses)
    assert "jobCompute" in collaborate(office, members=[runner, a_member(CAROL)])
    members = [runner, a_member(CAROL, **pays)]
    office.cleanrooms(ALICE, "CreateCollaboration", **collaboration_request(members=members))


def test_who_is_assigned_to_pay_for_jobs_must_accept_it(office: Office) -> None:
    members = [a_member(BOB, "CAN_RUN_JOB", jobCompute={"isResponsible": True}), a_member(CAROL)]
    answer = office.cleanrooms(ALICE, "CreateCollaboration", **collaboration_request(members=members))
    here = {"collaborationIdentifier": answer["collaboration"]["id"], "queryLogStatus": "DISABLED"}
    assert "jobCompute" in office.refused(ValidationFault, BOB, "CreateMembership", **here).message
    accepted = {**NO_PAYMENT, "jobCompute": {"isResponsible": True}}
    joined = office.cleanrooms(BOB, "CreateMembership", **here, paymentConfiguration=accepted)["membership"]
    assert joined["paymentConfiguration"]["jobCompute"] == {"isResponsible": True}


def test_changes_cannot_be_approved_beforehand_where_there_are_none(office: Office) -> None:
    assert "ADD_MEMBER" in collaborate(office, autoApprovedChangeRequestTypes=["ADD_MEMBER"])


def test_a_place_for_results_of_jobs_is_refused_by_its_name(office: Office, room: Room) -> None:
    place = {"outputConfiguration": {"s3": {"bucket": "alice"}}, "roleArn": role_of(ALICE)}
    here = {"membershipIdentifier": room.membership(ALICE)}
    fault = office.refused(ValidationFault, ALICE, "UpdateMembership", **here, defaultJobResultConfiguration=place)
    assert "defaultJobResultConfiguration" in fault.message


# -- tables, rules and templates ---------------------------------------------------------


def test_a_rule_cannot_allow_jobs(office: Office, room: Room) -> None:
    table = room.configured_table(BOB, "patients")
    here = {"configuredTableIdentifier": table, "analysisRuleType": "CUSTOM"}
    policy = custom_rule(allowedAnalyses=["ANY_QUERY", "ANY_JOB"])
    operation = "CreateConfiguredTableAnalysisRule"
    assert "ANY_JOB" in office.refused(ValidationFault, BOB, operation, **here, analysisRulePolicy=policy).message


@pytest.mark.parametrize("membership", ["*", "11111111-0000-4000-8000-000000000000"])
def test_a_collaboration_rule_cannot_allow_audience_models(office: Office, room: Room, membership: str) -> None:
    shared = room.shared_table(BOB, "patients")
    arn = f"arn:aws:cleanrooms:{REGION}:*:membership/{membership}/configuredaudiencemodelassociation/*"
    fault = office.refused(
        ValidationFault,
        BOB,
        "UpdateConfiguredTableAssociationAnalysisRule",
        membershipIdentifier=room.membership(BOB),
        configuredTableAssociationIdentifier=shared.association_id,
        analysisRuleType="CUSTOM",
        analysisRulePolicy=collaboration_rule(allowedAdditionalAnalyses=[arn]),
    )
    assert "audience models" in fault.message


def test_detailed_errors_go_with_no_sql(office: Office, room: Room) -> None:
    fault = office.refused(
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


def query_to(office: Office, room: Room, bucket: str) -> dict[str, Any]:
    return {
        "type": "SQL",
        "membershipIdentifier": room.membership(ALICE),
        "sqlParameters": {"queryString": SQL},
        "resultConfiguration": {"outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": bucket}}},
    }


def test_a_query_is_refused_whose_results_would_leave_the_allowed_regions(office: Office) -> None:
    room = a_clean_room(office, allowedResultRegions=["eu-west-1"])
    room.shared_table(BOB, "patients")
    office.bucket_regions = BucketRegions("us-east-1", {"irish": "eu-west-1"})
    fault = office.refused(ValidationFault, ALICE, "StartProtectedQuery", **query_to(office, room, "elsewhere"))
    assert "us-east-1" in fault.message
    office.cleanrooms(ALICE, "StartProtectedQuery", **query_to(office, room, "irish"))


def test_a_channel_has_as_many_workers_as_sql_may_have(office: Office) -> None:
    studio = a_studio(office)
    source = input_channel({"queryString": SQL})
    source["dataSource"]["protectedQueryInputParameters"]["computeConfiguration"] = {"worker": {"number": 401}}
    assert "401" in studio.refused(
        ValidationFault, "CreateMLInputChannel", **studio.channel_request(inputChannel=source)
    )


# -- keys --------------------------------------------------------------------------------


def test_a_key_is_told_to_encrypt_nothing_once_in_what_it_is_named_for(office: Office) -> None:
    studio = a_studio(office)
    channel = studio.active_channel(kmsKeyArn=KEY)
    model = studio.active_model("trial", channel, kmsKeyArn=KEY)["trainedModelArn"]
    studio.configure(CAROL)
    job = studio.inference_job("guess", model, channel, kmsKeyArn=KEY)
    plain = studio.channel("plain")
    with office.store.reading() as tx:
        for arn in (channel, model, job):
            assert ["kmsKeyArn encrypts nothing" in event.reason for event in tx.events(arn)].count(True) == 1
        assert not any("kmsKeyArn" in event.reason for event in tx.events(plain))


def requests_with_a_key(studio: Studio) -> dict[str, tuple[str, dict[str, Any]]]:
    channel = studio.active_channel()
    model = studio.active_model("trial", channel)["trainedModelArn"]
    studio.configure(CAROL)
    images = {"trainingContainerConfig": {"imageUri": "registry/trainer:1"}, "roleArn": role_of(CAROL)}
    return {
        "CreateMLInputChannel": (ALICE, studio.channel_request("more", kmsKeyArn=KEY)),
        "CreateTrainedModel": (ALICE, studio.training_request("more", channel, kmsKeyArn=KEY)),
        "StartTrainedModelInferenceJob": (ALICE, studio.inference_request("more", model, channel, kmsKeyArn=KEY)),
        "CreateConfiguredModelAlgorithm": (CAROL, {"name": "more", **images, "kmsKeyArn": KEY}),
    }


def test_where_keys_are_strict_every_request_with_one_is_refused(office: Office) -> None:
    studio = a_studio(office)
    for operation, (account, asked) in requests_with_a_key(studio).items():
        inside = {"membershipIdentifier": studio.room.membership(account)}
        request = asked if operation == "CreateConfiguredModelAlgorithm" else {**inside, **asked}
        office.strict_keys = True
        with pytest.raises(ValidationFault, match="kmsKeyArn"):
            office.ml(account, operation, **request)
        office.strict_keys = False
        office.ml(account, operation, **request)
