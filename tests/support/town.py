"""Two rooms of the same build, with one of everything in each, and what may be asked of every operation there.

    town = a_town(store)
    town.attempt(DAVE, (CLEANROOMS, "GetMembership"), {"membershipIdentifier": town.alices.membership})

ALICE made hers, with members who came no further (CAROL was invited, ERIN left, FRANK was removed) and BOB,
who is active; DAVE made another, in which he may do everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.cleanrooms import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    NO_PAYMENT,
    REGION,
    Office,
    Room,
    an_office,
    collaboration_request,
    collaboration_rule,
    custom_rule,
    filled,
    role_of,
)
from support.ml import EXPORTS, INSTANCE, SQL, Studio, input_channel
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.operations.registry import CLEANROOMS, CLEANROOMS_ML, LOGS, MONITORING, STS
from whiteroom.ports import Store

ERIN, FRANK = "555555555555", "666666666666"
ABILITIES = ["CAN_QUERY", "CAN_RECEIVE_RESULTS"]
ML_ABILITIES = {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]}


@dataclass(frozen=True)
class Place:
    """One account's room, with one of everything in it."""

    account: str
    room: Room
    collaboration: str
    collaboration_arn: str
    membership: str
    membership_arn: str
    table: str
    table_arn: str
    bare_table: str
    association: str
    association_arn: str
    bare_association: str
    template: str
    template_arn: str
    query: str
    own_query: str
    resource_arn: str
    bare_resource_arn: str
    budget: str
    budget_arn: str
    algorithm: str
    spare_algorithm: str
    algorithm_association: str
    spare_algorithm_association: str
    channel: str
    spare_channel: str
    model: str
    version: str
    working_model: str
    spare_model: str
    job: str


@dataclass(frozen=True)
class Town:
    """Both rooms."""

    office: Office
    alices: Place
    daves: Place
    bobs_membership: str

    def attempt(self, account: str, operation: tuple[str, str], request: dict[str, Any]) -> Any:
        """What an account is answered, a fault included; nothing of it stays."""
        return self.office.attempt(account, operation, request)


def direct(template_arn: str) -> dict[str, Any]:
    """What StartProtectedQuery takes to run a template and put its rows into a bucket of the caller's."""
    s3 = {"resultFormat": "CSV", "bucket": "results", "keyPrefix": "queries/"}
    return {
        "sqlParameters": {"analysisTemplateArn": template_arn},
        "resultConfiguration": {"outputConfiguration": {"s3": s3}},
    }


def lifetime_budget(resource_arn: str, uses: int = 1_000) -> dict[str, Any]:
    """What CreatePrivacyBudgetTemplate takes for a LIFETIME budget of a table."""
    budget = {"budgetParameters": [{"type": "LIFETIME", "budget": uses}], "resourceArn": resource_arn}
    return {"privacyBudgetType": "ACCESS_BUDGET", "parameters": {"accessBudget": budget}}


def a_place(office: Office, account: str, *others: str) -> Place:
    request = collaboration_request(
        creatorMemberAbilities=ABILITIES,
        creatorMLMemberAbilities=ML_ABILITIES,
        members=[
            {"accountId": other, "displayName": other, "memberAbilities": [], "paymentConfiguration": NO_PAYMENT}
            for other in others
        ],
    )
    created = office.cleanrooms(account, "CreateCollaboration", **request)["collaboration"]
    room = Room(office, created["id"], {})
    membership = room.join(account)
    shared = room.shared_table(account, "patients")
    rule = custom_rule(allowedAnalysisProviders=[account])
    office.cleanrooms(
        account,
        "UpdateConfiguredTableAnalysisRule",
        configuredTableIdentifier=shared.configured_table_id,
        analysisRuleType="CUSTOM",
        analysisRulePolicy=rule,
    )
    bare = room.configured_table(account, "bare")
    spare = room.configured_table(account, "spare")
    office.cleanrooms(account, "CreateConfiguredTableAnalysisRule", configuredTableIdentifier=spare, **TABLE_RULE)
    bare_association = room.association(account, spare, "spare")
    template = office.cleanrooms(
        account,
        "CreateAnalysisTemplate",
        membershipIdentifier=membership,
        name="template",
        format="SQL",
        source={"text": SQL},
    )["analysisTemplate"]
    own_query = office.cleanrooms(
        account, "StartProtectedQuery", membershipIdentifier=membership, type="SQL", **direct(template["arn"])
    )["protectedQuery"]["id"]
    resource = f"arn:aws:cleanrooms:{REGION}:{account}:membership/{membership}/configuredtableassociation"
    budget = office.cleanrooms(
        account,
        "CreatePrivacyBudgetTemplate",
        membershipIdentifier=membership,
        **lifetime_budget(f"{resource}/{shared.association_id}"),
    )["privacyBudgetTemplate"]
    studio = _Studio(office, room, shared, "", "", account)
    studio.algorithm_arn = studio.algorithm(account)
    studio.association_arn = studio.association(account, policies=EXPORTS)
    studio.call("PutMLConfiguration", account, defaultOutputLocation=_location(account))
    channel = studio.active_channel("rows")
    model = studio.active_model("forest", channel)
    version = studio.version("second", model, channel)
    studio.advance_model(version, Event.STARTED, Event.SUCCEEDED)
    reads = {"membershipIdentifier": membership}
    table = office.cleanrooms(account, "GetConfiguredTable", configuredTableIdentifier=shared.configured_table_id)
    association = office.cleanrooms(
        account, "GetConfiguredTableAssociation", configuredTableAssociationIdentifier=shared.association_id, **reads
    )
    return Place(
        account=account,
        room=room,
        collaboration=room.collaboration_id,
        collaboration_arn=created["arn"],
        membership=membership,
        membership_arn=f"arn:aws:cleanrooms:eu-central-1:{account}:membership/{membership}",
        table=shared.configured_table_id,
        table_arn=table["configuredTable"]["arn"],
        bare_table=bare,
        association=shared.association_id,
        association_arn=association["configuredTableAssociation"]["arn"],
        bare_association=bare_association,
        template=template["id"],
        template_arn=template["arn"],
        query=studio.call("GetMLInputChannel", account, mlInputChannelArn=channel)["protectedQueryIdentifier"],
        own_query=own_query,
        resource_arn=f"{resource}/{shared.association_id}",
        bare_resource_arn=f"{resource}/{bare_association}",
        budget=budget["id"],
        budget_arn=budget["arn"],
        algorithm=studio.algorithm_arn,
        spare_algorithm=studio.algorithm(account, "spare"),
        algorithm_association=studio.association_arn,
        spare_algorithm_association=studio.association(account, "spare"),
        channel=channel,
        spare_channel=studio.active_channel("spare"),
        model=model["trainedModelArn"],
        version=version["versionIdentifier"],
        working_model=studio.model("working", channel)["trainedModelArn"],
        spare_model=studio.active_model("spare", channel)["trainedModelArn"],
        job=studio.inference_job(
            "scores", model["trainedModelArn"], channel, outputConfiguration={"members": [{"accountId": account}]}
        ),
    )


@dataclass
class _Studio(Studio):
    """A studio in which one account does everything."""

    account: str

    def call(self, operation: str, account_id: str = "", /, **request: Any) -> Any:
        return super().call(operation, account_id if account_id not in ("", ALICE) else self.account, **request)

    def channel_request(self, name: str = "rows", **changes: Any) -> dict[str, Any]:
        return super().channel_request(
            name, **{"inputChannel": input_channel({"queryString": SQL}, self.account), **changes}
        )


def _location(account: str) -> dict[str, Any]:
    return {"roleArn": role_of(account), "destination": {"s3Destination": {"s3Uri": f"s3://results/{account}"}}}


def a_town(store: Store) -> Town:
    """Both rooms, in a store."""
    office = an_office(store)
    alices = a_place(office, ALICE, BOB, CAROL, ERIN, FRANK)
    bobs = alices.room.join(BOB)
    erins = alices.room.join(ERIN)
    alices.room.join(FRANK)
    office.cleanrooms(ERIN, "DeleteMembership", membershipIdentifier=erins)
    office.cleanrooms(ALICE, "DeleteMember", collaborationIdentifier=alices.collaboration, accountId=FRANK)
    return Town(office, alices, a_place(office, DAVE, BOB), bobs)


def in_membership(**request: Any) -> Callable[[Place], dict[str, Any]]:
    return lambda place: {"membershipIdentifier": place.membership, **_filled(place, request)}


def in_collaboration(**request: Any) -> Callable[[Place], dict[str, Any]]:
    return lambda place: {"collaborationIdentifier": place.collaboration, **_filled(place, request)}


def of_account(**request: Any) -> Callable[[Place], dict[str, Any]]:
    return lambda place: _filled(place, request)


def _filled(place: Place, request: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = filled(request, {**vars(place), "role": role_of(place.account)})
    return answer


CUSTOM: dict[str, Any] = {"analysisRuleType": "CUSTOM"}
TABLE_RULE = {**CUSTOM, "analysisRulePolicy": custom_rule()}
SHARED_RULE = {**CUSTOM, "analysisRulePolicy": collaboration_rule()}
RECEIVER = {"members": [{"accountId": "@account"}]}
DATA = [{"mlInputChannelArn": "@channel", "channelName": "train"}]
BASE = [{"trainedModelArn": "@model", "versionIdentifier": "@version", "channelName": "base"}]
TAGS = {"resourceArn": "@collaboration_arn"}
ML_TAGS = {"resourceArn": "@model"}
JOB = {"name": "new", "trainedModelArn": "@model", "outputConfiguration": RECEIVER}

CLEAN: dict[str, Callable[[Place], dict[str, Any]]] = {
    "BatchGetCollaborationAnalysisTemplate": in_collaboration(analysisTemplateArns=["@template_arn"]),
    "BatchGetSchema": in_collaboration(names=["patients"]),
    "BatchGetSchemaAnalysisRule": in_collaboration(schemaAnalysisRuleRequests=[{"name": "patients", "type": "CUSTOM"}]),
    "CreateAnalysisTemplate": in_membership(name="new", format="SQL", source={"text": SQL}),
    "CreatePrivacyBudgetTemplate": in_membership(**lifetime_budget("@bare_resource_arn")),
    "CreateConfiguredTableAnalysisRule": of_account(configuredTableIdentifier="@bare_table", **TABLE_RULE),
    "CreateConfiguredTableAssociation": in_membership(
        name="new", configuredTableIdentifier="@bare_table", roleArn="@role"
    ),
    "CreateConfiguredTableAssociationAnalysisRule": in_membership(
        configuredTableAssociationIdentifier="@bare_association", **SHARED_RULE
    ),
    "DeleteAnalysisTemplate": in_membership(analysisTemplateIdentifier="@template"),
    "DeleteCollaboration": in_collaboration(),
    "DeleteConfiguredTable": of_account(configuredTableIdentifier="@bare_table"),
    "DeleteConfiguredTableAnalysisRule": of_account(configuredTableIdentifier="@table", **CUSTOM),
    "DeleteConfiguredTableAssociation": in_membership(configuredTableAssociationIdentifier="@association"),
    "DeleteConfiguredTableAssociationAnalysisRule": in_membership(
        configuredTableAssociationIdentifier="@association", **CUSTOM
    ),
    "DeleteMember": in_collaboration(accountId=BOB),
    "DeletePrivacyBudgetTemplate": in_membership(privacyBudgetTemplateIdentifier="@budget"),
    "GetAnalysisTemplate": in_membership(analysisTemplateIdentifier="@template"),
    "GetCollaboration": in_collaboration(),
    "GetCollaborationAnalysisTemplate": in_collaboration(analysisTemplateArn="@template_arn"),
    "GetCollaborationPrivacyBudgetTemplate": in_collaboration(privacyBudgetTemplateIdentifier="@budget"),
    "GetConfiguredTable": of_account(configuredTableIdentifier="@table"),
    "GetConfiguredTableAnalysisRule": of_account(configuredTableIdentifier="@table", **CUSTOM),
    "GetConfiguredTableAssociation": in_membership(configuredTableAssociationIdentifier="@association"),
    "GetConfiguredTableAssociationAnalysisRule": in_membership(
        configuredTableAssociationIdentifier="@association", **CUSTOM
    ),
    "GetMembership": in_membership(),
    "GetPrivacyBudgetTemplate": in_membership(privacyBudgetTemplateIdentifier="@budget"),
    "GetProtectedQuery": in_membership(protectedQueryIdentifier="@query"),
    "GetSchema": in_collaboration(name="patients"),
    "GetSchemaAnalysisRule": in_collaboration(name="patients", type="CUSTOM"),
    "ListAnalysisTemplates": in_membership(),
    "ListCollaborationAnalysisTemplates": in_collaboration(),
    "ListCollaborationPrivacyBudgetTemplates": in_collaboration(),
    "ListCollaborationPrivacyBudgets": in_collaboration(
        privacyBudgetType="ACCESS_BUDGET", accessBudgetResourceArn="@resource_arn"
    ),
    "ListConfiguredTableAssociations": in_membership(),
    "ListMembers": in_collaboration(),
    "ListPrivacyBudgetTemplates": in_membership(),
    "ListPrivacyBudgets": in_membership(privacyBudgetType="ACCESS_BUDGET", accessBudgetResourceArn="@resource_arn"),
    "ListProtectedQueries": in_membership(),
    "ListSchemas": in_collaboration(),
    "PreviewPrivacyImpact": in_membership(parameters={"differentialPrivacy": {"epsilon": 3, "usersNoisePerQuery": 30}}),
    "ListTagsForResource": of_account(**TAGS),
    "StartProtectedQuery": in_membership(type="SQL", **direct("@template_arn")),
    "TagResource": of_account(**TAGS, tags={"a": "b"}),
    "UntagResource": of_account(**TAGS, tagKeys=["a"]),
    "UpdateAnalysisTemplate": in_membership(analysisTemplateIdentifier="@template", description="new"),
    "UpdateCollaboration": in_collaboration(name="new"),
    "UpdateConfiguredTable": of_account(configuredTableIdentifier="@table", name="new"),
    "UpdateConfiguredTableAnalysisRule": of_account(configuredTableIdentifier="@table", **TABLE_RULE),
    "UpdateConfiguredTableAssociation": in_membership(
        configuredTableAssociationIdentifier="@association", roleArn="@role"
    ),
    "UpdateConfiguredTableAssociationAnalysisRule": in_membership(
        configuredTableAssociationIdentifier="@association", **SHARED_RULE
    ),
    "UpdatePrivacyBudgetTemplate": in_membership(
        privacyBudgetTemplateIdentifier="@budget", privacyBudgetType="ACCESS_BUDGET"
    ),
    "UpdateProtectedQuery": in_membership(protectedQueryIdentifier="@own_query", targetStatus="CANCELLED"),
    "UpdateMembership": in_membership(queryLogStatus="DISABLED"),
}
ML: dict[str, Callable[[Place], dict[str, Any]]] = {
    "CancelTrainedModel": in_membership(trainedModelArn="@working_model"),
    "CancelTrainedModelInferenceJob": in_membership(trainedModelInferenceJobArn="@job"),
    "CreateConfiguredModelAlgorithmAssociation": in_membership(name="new", configuredModelAlgorithmArn="@algorithm"),
    "CreateMLInputChannel": in_membership(
        name="new",
        retentionInDays=1,
        configuredModelAlgorithmAssociations=["@algorithm_association"],
        inputChannel={
            "roleArn": "@role",
            "dataSource": {
                "protectedQueryInputParameters": {"sqlParameters": {"analysisTemplateArn": "@template_arn"}}
            },
        },
    ),
    "CreateTrainedModel": in_membership(
        name="new",
        configuredModelAlgorithmAssociationArn="@algorithm_association",
        resourceConfig=INSTANCE,
        dataChannels=DATA,
        incrementalTrainingDataChannels=BASE,
    ),
    "DeleteConfiguredModelAlgorithm": of_account(configuredModelAlgorithmArn="@spare_algorithm"),
    "DeleteConfiguredModelAlgorithmAssociation": in_membership(
        configuredModelAlgorithmAssociationArn="@spare_algorithm_association"
    ),
    "DeleteMLConfiguration": in_membership(),
    "DeleteMLInputChannelData": in_membership(mlInputChannelArn="@spare_channel"),
    "DeleteTrainedModelOutput": in_membership(trainedModelArn="@spare_model"),
    "GetCollaborationConfiguredModelAlgorithmAssociation": in_collaboration(
        configuredModelAlgorithmAssociationArn="@algorithm_association"
    ),
    "GetCollaborationMLInputChannel": in_collaboration(mlInputChannelArn="@channel"),
    "GetCollaborationTrainedModel": in_collaboration(trainedModelArn="@model", versionIdentifier="@version"),
    "GetConfiguredModelAlgorithm": of_account(configuredModelAlgorithmArn="@algorithm"),
    "GetConfiguredModelAlgorithmAssociation": in_membership(
        configuredModelAlgorithmAssociationArn="@algorithm_association"
    ),
    "GetMLConfiguration": in_membership(),
    "GetMLInputChannel": in_membership(mlInputChannelArn="@channel"),
    "GetTrainedModel": in_membership(trainedModelArn="@model", versionIdentifier="@version"),
    "GetTrainedModelInferenceJob": in_membership(trainedModelInferenceJobArn="@job"),
    "ListCollaborationConfiguredModelAlgorithmAssociations": in_collaboration(),
    "ListCollaborationMLInputChannels": in_collaboration(),
    "ListCollaborationTrainedModelExportJobs": in_collaboration(trainedModelArn="@model"),
    "ListCollaborationTrainedModelInferenceJobs": in_collaboration(trainedModelArn="@model"),
    "ListCollaborationTrainedModels": in_collaboration(),
    "ListConfiguredModelAlgorithmAssociations": in_membership(),
    "ListMLInputChannels": in_membership(),
    "ListTagsForResource": of_account(**ML_TAGS),
    "ListTrainedModelInferenceJobs": in_membership(trainedModelArn="@model"),
    "ListTrainedModelVersions": in_membership(trainedModelArn="@model"),
    "ListTrainedModels": in_membership(),
    "PutMLConfiguration": in_membership(defaultOutputLocation={"roleArn": "@role"}),
    "StartTrainedModelExportJob": in_membership(**JOB, trainedModelVersionIdentifier="@version"),
    "StartTrainedModelInferenceJob": in_membership(
        **JOB,
        trainedModelVersionIdentifier="@version",
        configuredModelAlgorithmAssociationArn="@algorithm_association",
        resourceConfig={"instanceType": "ml.m5.large"},
        dataSource={"mlInputChannelArn": "@channel"},
    ),
    "TagResource": of_account(**ML_TAGS, tags={"a": "b"}),
    "UntagResource": of_account(**ML_TAGS, tagKeys=["a"]),
}
REQUESTS = {
    **{(CLEANROOMS, name): request for name, request in CLEAN.items()},
    **{(CLEANROOMS_ML, name): request for name, request in ML.items()},
}
"""What the account of a place may ask for there."""

NAME_NOBODYS = {
    (CLEANROOMS, "CreateCollaboration"),
    (CLEANROOMS, "CreateConfiguredTable"),
    (CLEANROOMS, "ListCollaborations"),
    (CLEANROOMS, "ListConfiguredTables"),
    (CLEANROOMS, "ListMemberships"),
    (CLEANROOMS_ML, "CreateConfiguredModelAlgorithm"),
    (CLEANROOMS_ML, "ListConfiguredModelAlgorithms"),
    (STS, "GetCallerIdentity"),
    (STS, "GetSessionToken"),
}
"""They take nothing that could be another's."""

APART = {
    (CLEANROOMS, "CreateMembership"),
    (CLEANROOMS, "DeleteMembership"),
    (STS, "AssumeRole"),
    *((LOGS, name) for name in ("DescribeLogGroups", "DescribeLogStreams", "FilterLogEvents", "GetLogEvents")),
    *((MONITORING, name) for name in ("GetMetricData", "GetMetricStatistics", "ListMetrics")),
}
"""A place's account has joined, and its membership holds everything: these have tests below. Logs and metrics
have their own (test_log_events.py, test_metrics.py), strangers included, and so have roles (test_sessions.py)."""
