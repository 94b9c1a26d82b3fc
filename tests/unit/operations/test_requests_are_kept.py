"""What a request gives comes into the record, whole: what other tests see of a record begins here."""

from __future__ import annotations

from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, NO_PAYMENT, REGION, collaboration_request
from support.worlds.rooms import Room, a_clean_room, a_furnished_room, an_invitation
from support.worlds.servers import Server
from whiteroom.base.faults import ValidationFault
from whiteroom.domain.execution.lifecycle import Event

COLUMNS = ("patient_id", "age", "weight", "outcome")
THRESHOLD: dict[str, Any] = {
    "type": "COUNT_DISTINCT",
    "identityColumns": ["patient_id"],
    "minimumIdentityCount": 7,
    "allowedAggregateExpressionType": "COLUMNS_ONLY",
    "outputColumnThresholds": [{"outputColumnName": "age", "minimumIdentityCount": 9}],
}
CUSTOM: dict[str, Any] = {
    "allowedAnalyses": ["ANY_QUERY"],
    "allowedAnalysisProviders": [ALICE],
    "additionalAnalyses": "ALLOWED",
}
COMPARED = {"allowedColumnComparisonColumns": ["age"], "allowedLiteralComparisonColumns": ["weight"]}
RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "AGGREGATION": (
        "aggregation",
        {
            "aggregateColumns": [{"columnNames": ["weight"], "function": "SUM"}],
            "joinColumns": ["patient_id"],
            "joinRequired": "QUERY_RUNNER",
            "allowedJoinOperators": ["OR"],
            "dimensionColumns": ["age"],
            "scalarFunctions": ["ABS"],
            "outputConstraints": [{"columnName": "patient_id", "minimum": 3, "type": "COUNT_DISTINCT"}],
            "additionalAnalyses": "NOT_ALLOWED",
        },
    ),
    "LIST": (
        "list",
        {
            "joinColumns": ["patient_id"],
            "allowedJoinOperators": ["AND"],
            "listColumns": ["age"],
            "additionalAnalyses": "REQUIRED",
        },
    ),
    "CUSTOM": ("custom", {**CUSTOM, "disallowedOutputColumns": ["outcome"], "comparisonControls": COMPARED}),
    "CUSTOM with thresholds": ("custom", {**CUSTOM, "aggregationThresholds": [THRESHOLD]}),
    "CUSTOM with differential privacy": (
        "custom",
        {**CUSTOM, "differentialPrivacy": {"columns": [{"name": "patient_id"}]}},
    ),
}


@pytest.mark.parametrize("case", RULES)
def test_a_rule_is_answered_as_it_was_given(server: Server, case: str) -> None:
    kind, rule = RULES[case]
    policy = {"v1": {kind: rule}}
    table_id = Room(server, "", {}).configured_table(BOB, "patients", COLUMNS)
    here = {"configuredTableIdentifier": table_id, "analysisRuleType": kind.upper()}
    server.cleanrooms(BOB, "CreateConfiguredTableAnalysisRule", **here, analysisRulePolicy=policy)
    answer = server.cleanrooms(BOB, "GetConfiguredTableAnalysisRule", **here)
    assert answer["analysisRule"]["policy"] == policy


SIZES = {"unit": "GB", "value": 3.0}
LOGS = [
    {
        "allowedAccountIds": [ALICE],
        "filterPattern": "loss",
        "logType": "ERROR_SUMMARY",
        "logRedactionConfiguration": {
            "entitiesToRedact": ["CUSTOM"],
            "customEntityConfig": {"customDataIdentifiers": ["[0-9]{5}"]},
        },
    }
]
POLICIES: dict[str, Any] = {
    "trainedModels": {
        "containerLogs": LOGS,
        "containerMetrics": {"noiseLevel": "HIGH"},
        "maxArtifactSize": SIZES,
    },
    "trainedModelExports": {"maxSize": SIZES, "filesToExport": ["OUTPUT"]},
    "trainedModelInferenceJobs": {"containerLogs": LOGS, "maxOutputSize": SIZES},
}


def test_a_privacy_configuration_is_answered_as_it_was_given(server: Server) -> None:
    room = a_furnished_room(server)
    arn = room.association(name="tree", policies=POLICIES)
    operation = "GetConfiguredModelAlgorithmAssociation"
    answer = room.call(operation, CAROL, configuredModelAlgorithmAssociationArn=arn)
    assert answer["privacyConfiguration"] == {"policies": POLICIES}


def pays(*which: str) -> dict[str, Any]:
    """A payment configuration in which only these are paid for."""
    found: dict[str, Any] = {"queryCompute": {"isResponsible": "queryCompute" in which}}
    found["jobCompute"] = {"isResponsible": "jobCompute" in which}
    learning = ("modelTraining", "modelInference", "syntheticDataGeneration")
    return {**found, "machineLearning": {name: {"isResponsible": name in which} for name in learning}}


PAID = ("queryCompute", "modelTraining", "modelInference", "syntheticDataGeneration", "jobCompute")


@pytest.mark.parametrize("payer", [ALICE, BOB])
@pytest.mark.parametrize("paid", PAID)
def test_who_is_to_pay_for_what_is_answered_as_it_was_given(server: Server, paid: str, payer: str) -> None:
    payments = {account: pays(*PAID) if account == payer else pays() for account in (ALICE, BOB)}
    payments[payer]["jobCompute"]["isResponsible"] = paid == "jobCompute"
    members = [
        {"accountId": BOB, "displayName": "Bob", "memberAbilities": [], "paymentConfiguration": payments[BOB]},
        {"accountId": CAROL, "displayName": "Carol", "memberAbilities": [], "paymentConfiguration": NO_PAYMENT},
    ]
    request = collaboration_request(creatorPaymentConfiguration=payments[ALICE], members=members)
    created = server.cleanrooms(ALICE, "CreateCollaboration", **request)["collaboration"]
    listed = server.cleanrooms(ALICE, "ListMembers", collaborationIdentifier=created["id"])["memberSummaries"]
    told = {member["accountId"]: member["paymentConfiguration"] for member in listed}
    assert {account: told[account] for account in payments} == payments


@pytest.mark.parametrize("enabled", [True, False])
def test_whether_there_are_metrics_is_answered_as_it_was_given(server: Server, enabled: bool) -> None:
    request = collaboration_request(isMetricsEnabled=True)
    created = server.cleanrooms(ALICE, "CreateCollaboration", **request)["collaboration"]
    assert created["isMetricsEnabled"] is True
    room = Room(server, created["id"], {})
    room.join(BOB, isMetricsEnabled=enabled)
    answer = server.cleanrooms(BOB, "GetMembership", membershipIdentifier=room.membership(BOB))
    assert answer["membership"]["isMetricsEnabled"] is enabled


def test_pages_of_algorithms_hold_each_of_them_once(server: Server) -> None:
    room = a_furnished_room(server)
    made = {room.algorithm_arn, *(room.algorithm(name=name) for name in ("b", "c"))}
    found: list[str] = []
    token: dict[str, str] = {}
    for _ in range(3):
        page = room.server.ml(CAROL, "ListConfiguredModelAlgorithms", maxResults=1, **token)
        (one,) = page["configuredModelAlgorithms"]
        found.append(one["configuredModelAlgorithmArn"])
        token = {"nextToken": page["nextToken"]} if page["nextToken"] else {}
    assert token == {}
    assert set(found) == made


def test_a_channel_is_shared_out_as_it_was_asked_for_and_goes_on_from_the_version_that_was_named(
    server: Server,
) -> None:
    room = a_furnished_room(server)
    channel = room.active_channel()
    base = room.active_model("forest", channel)
    latest = room.version("grown", base, channel)
    room.advance_model(latest, Event.STARTED, Event.SUCCEEDED, run_started_at=server.now)
    shared = {"mlInputChannelArn": channel, "channelName": "rows", "s3DataDistributionType": "ShardedByS3Key"}
    named = room.version("again", base, dataChannels=[shared], trainingInputMode="FastFile")
    assert named["versionIdentifier"] not in {base["versionIdentifier"], latest["versionIdentifier"]}
    answer = room.call("GetTrainedModel", **named)
    assert list(answer["dataChannels"]) == [shared]
    assert answer["trainingInputMode"] == "FastFile"
    (incremental,) = answer["incrementalTrainingDataChannels"]
    assert incremental["versionIdentifier"] == base["versionIdentifier"]


ANYTHING = f"arn:aws:cleanrooms-ml:{REGION}:*:membership/*/configured-model-algorithm-association/*"
ANALYSES: dict[str, dict[str, Any]] = {
    "aggregation": {"allowedAdditionalAnalyses": [ANYTHING]},
    "list": {"allowedAdditionalAnalyses": [ANYTHING]},
    "custom": {"allowedAdditionalAnalyses": [ANYTHING]},
}


@pytest.mark.parametrize("kind", ["aggregation", "list", "custom"])
def test_a_collaboration_rule_is_answered_as_it_was_given(server: Server, kind: str) -> None:
    room = a_clean_room(server, creatorMemberAbilities=["CAN_QUERY", "CAN_RECEIVE_RESULTS"])
    table_id = room.configured_table(BOB, "patients", COLUMNS)
    rule = dict(RULES[kind.upper()][1]) | ({"additionalAnalyses": "ALLOWED"} if kind != "aggregation" else {})
    server.cleanrooms(
        BOB,
        "CreateConfiguredTableAnalysisRule",
        configuredTableIdentifier=table_id,
        analysisRuleType=kind.upper(),
        analysisRulePolicy={"v1": {kind: rule}},
    )
    policy = {"v1": {kind: {"allowedResultReceivers": [ALICE], **ANALYSES[kind]}}}
    here = {
        "membershipIdentifier": room.membership(BOB),
        "configuredTableAssociationIdentifier": room.table_association(BOB, table_id, "patients"),
        "analysisRuleType": kind.upper(),
    }
    server.cleanrooms(BOB, "CreateConfiguredTableAssociationAnalysisRule", **here, analysisRulePolicy=policy)
    answer = server.cleanrooms(BOB, "GetConfiguredTableAssociationAnalysisRule", **here)
    assert answer["analysisRule"]["policy"] == policy


def test_a_membership_is_answered_with_the_place_it_gave_for_results(server: Server) -> None:
    room = an_invitation(server)
    s3 = {"bucket": "own", "keyPrefix": "results", "resultFormat": "PARQUET", "singleFileOutput": True}
    given = {"outputConfiguration": {"s3": s3}}
    room.join(ALICE, defaultResultConfiguration=given)
    answer = server.cleanrooms(ALICE, "GetMembership", membershipIdentifier=room.membership(ALICE))
    assert answer["membership"]["defaultResultConfiguration"] == given


def test_a_payer_is_answered_with_what_it_accepted(server: Server) -> None:
    room = an_invitation(server, creatorPaymentConfiguration=pays(*PAID[:4]))
    room.join(ALICE, paymentConfiguration=pays(*PAID[:4]))
    answer = server.cleanrooms(ALICE, "GetMembership", membershipIdentifier=room.membership(ALICE))
    assert answer["membership"]["paymentConfiguration"] == pays(*PAID[:4])


@pytest.mark.parametrize("kept", ["accepted", "refused"])
def test_an_update_accepts_what_was_assigned_and_nothing_else(server: Server, kept: str) -> None:
    room = an_invitation(server, creatorPaymentConfiguration=pays(*PAID[:4]))
    room.join(ALICE, paymentConfiguration=pays(*PAID[:4]))
    here = {"membershipIdentifier": room.membership(ALICE)}
    if kept == "accepted":
        updated = server.cleanrooms(ALICE, "UpdateMembership", **here, membershipPaymentConfiguration=pays(*PAID[:4]))
        assert updated["membership"]["paymentConfiguration"] == pays(*PAID[:4])
        return
    for less in PAID[:4]:
        offered = pays(*(name for name in PAID[:4] if name != less))
        server.refused(ValidationFault, ALICE, "UpdateMembership", **here, membershipPaymentConfiguration=offered)


@pytest.mark.parametrize("kind", ["membership", "table"])
def test_tags_of_what_a_member_keeps_are_added_and_removed(server: Server, kind: str) -> None:
    room = a_clean_room(server)
    table_id = room.configured_table(BOB, "patients", COLUMNS)
    arns = {
        "membership": f"arn:aws:cleanrooms:{REGION}:{BOB}:membership/{room.membership(BOB)}",
        "table": f"arn:aws:cleanrooms:{REGION}:{BOB}:configuredtable/{table_id}",
    }
    here = {"resourceArn": arns[kind]}
    server.cleanrooms(BOB, "TagResource", **here, tags={"team": "a", "stage": "test"})
    assert server.cleanrooms(BOB, "ListTagsForResource", **here)["tags"] == {"team": "a", "stage": "test"}
    server.cleanrooms(BOB, "UntagResource", **here, tagKeys=["team"])
    assert server.cleanrooms(BOB, "ListTagsForResource", **here)["tags"] == {"stage": "test"}
