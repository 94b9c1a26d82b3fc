"""One room in which every part is played by another account, and one request for every operation.

    market = a_market(store, logs_folder)
    market.attempt("payer", (CLEANROOMS_ML, "GetTrainedModel"))

Who asks uses its own membership where it has one, else the querier's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support.cleanrooms import (
    REGION,
    Office,
    Room,
    an_office,
    collaboration_rule,
    custom_rule,
    filled,
    role_of,
)
from support.fakes import MemoryCatalog
from support.ml import EXPORTS, INSTANCE, Studio, input_channel
from whiteroom.base.arns import parse_arn
from whiteroom.base.callers import ROOT, Principal, Role
from whiteroom.domain.execution.runs import TRAINING_PREFIX
from whiteroom.domain.observability.metrics import MetricKind, MetricSeries, begin_reading, grow
from whiteroom.domain.resources.accounts import EVERY_USER, AssumableRole
from whiteroom.operations.registry import CLEANROOMS, CLEANROOMS_ML, LOGS, MONITORING, STS
from whiteroom.ports import Store
from whiteroom.redaction.finder import PatternFinder
from whiteroom.runtime.run_logs import FolderRunLogs
from whiteroom.runtime.supervisor.logs import LogWriter

CALLERS: Mapping[str, str] = {
    "creator": "101010101010",
    "querier": "202020202020",
    "owner": "303030303030",
    "author": "404040404040",
    "payer": "505050505050",
    "receiver": "606060606060",
    "other": "707070707070",
    "left": "808080808080",
    "invited": "909090909090",
    "outside": "121212121212",
}
"""Every kind of caller, and the account that plays it here."""
QUERIER = CALLERS["querier"]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When something was measured."""
NOON_MS = int(NOON.timestamp() * 1000)
MEMBERS = tuple(name for name in CALLERS if name not in ("left", "invited", "outside"))
SQL = "SELECT age, outcome FROM patients"
RULE = {"analysisRuleType": "CUSTOM", "analysisRulePolicy": custom_rule(allowedAnalysisProviders=[QUERIER])}
SHARED_RULE = {"analysisRuleType": "CUSTOM", "analysisRulePolicy": collaboration_rule()}
RECEIVER = {"members": [{"accountId": CALLERS["receiver"]}]}


NOISE = {"differentialPrivacy": {"epsilon": 3, "usersNoisePerQuery": 30}}

PLANTED = "planted-by-"
"""Begins every value that its maker alone may see; the caller who made it follows."""


def _planted(caller: str, *fields: str) -> dict[str, Any]:
    """A key, tags, environment and hyperparameters, as far as they are asked for, under their maker's name."""
    mark = f"{PLANTED}{caller}"
    key = f"arn:aws:kms:{REGION}:{CALLERS[caller]}:key/{mark}"
    every = {"kmsKeyArn": key, "tags": {mark: mark}, "environment": {"MARK": mark}, "hyperparameters": {"mark": mark}}
    return {field: every[field] for field in fields}


POLICIES = {**EXPORTS, "trainedModels": {"containerLogs": [{"allowedAccountIds": [CALLERS["receiver"]]}]}}
_TO_THE_RECEIVER = {"outputConfiguration": {"member": {"accountId": CALLERS["receiver"]}}}


def _budget(resource_arn: str) -> dict[str, Any]:
    parameters = [{"type": "LIFETIME", "budget": 1_000}]
    return {"accessBudget": {"budgetParameters": parameters, "resourceArn": resource_arn}}


@dataclass(frozen=True)
class Market:
    """The room, and the names of what is in it."""

    office: Office
    room: Room
    names: Mapping[str, str]

    def attempt(self, caller: str, operation: tuple[str, str], principal: Principal = ROOT) -> Any:
        """What a caller is answered, a fault included; nothing of it stays."""
        account = CALLERS[caller]
        membership = self.room.memberships.get(account) or self.room.membership(QUERIER)
        names = {**self.names, "own": membership, "role": role_of(account)}
        return self.office.attempt(account, operation, filled(REQUESTS[operation], names), principal)


@dataclass
class _Studio(Studio):
    """A studio whose parts are played by the callers of a market."""

    def call(self, operation: str, account_id: str = "", /, **request: Any) -> Any:
        account = account_id if account_id in CALLERS.values() else QUERIER
        return self.office.ml(account, operation, **self._inside(operation, account, request))

    def channel_request(self, name: str = "rows", **changes: Any) -> dict[str, Any]:
        source = input_channel({"queryString": SQL}, QUERIER)
        return super().channel_request(name, **{"inputChannel": source, **changes})


def a_market(store: Store, logs_folder: Path) -> Market:
    """The room, made by the very operations that are asked there."""
    catalog = MemoryCatalog()
    for account in CALLERS.values():
        catalog.put(account, "lake", "everyones", {"age": "bigint"})
    office = an_office(store, catalog)
    office.logs, office.finder = FolderRunLogs(logs_folder), PatternFinder()
    created = office.cleanrooms(CALLERS["creator"], "CreateCollaboration", **_collaboration())["collaboration"]
    room = Room(office, created["id"], {})
    for caller in (*MEMBERS, "left"):
        room.join(CALLERS[caller], **_joining(caller))
    left = room.memberships.pop(CALLERS["left"])
    office.cleanrooms(CALLERS["left"], "DeleteMembership", membershipIdentifier=left)
    names = {"collaboration": created["id"], "collaboration_arn": created["arn"], **_tables(office, room)}
    template = office.cleanrooms(
        QUERIER,
        "CreateAnalysisTemplate",
        membershipIdentifier=room.membership(QUERIER),
        name="template",
        format="SQL",
        source={"text": SQL},
        **_planted("querier", "tags"),
    )["analysisTemplate"]
    names |= {"template": template["id"], "template_arn": template["arn"]}
    owner = CALLERS["owner"]
    tables = f"arn:aws:cleanrooms:{REGION}:{owner}:membership/{room.membership(owner)}/configuredtableassociation"
    names |= {"resource": f"{tables}/{names['association']}", "bare_resource": f"{tables}/{names['bare_association']}"}
    budget = office.cleanrooms(
        owner,
        "CreatePrivacyBudgetTemplate",
        membershipIdentifier=room.membership(owner),
        privacyBudgetType="ACCESS_BUDGET",
        parameters=_budget(names["resource"]),
    )
    names["budget"] = budget["privacyBudgetTemplate"]["id"]
    started = office.cleanrooms(
        QUERIER,
        "StartProtectedQuery",
        membershipIdentifier=room.membership(QUERIER),
        type="SQL",
        sqlParameters={"queryString": SQL},
        resultConfiguration=_TO_THE_RECEIVER,
    )
    names["own_query"] = started["protectedQuery"]["id"]
    names |= _models(office, room, names)
    _print(logs_folder, parse_arn(names["model"]).resource_id)
    _roles(store)
    return Market(office, room, names)


def _pays(caller: str) -> dict[str, Any]:
    pays = {"isResponsible": caller == "payer"}
    return {"queryCompute": pays, "machineLearning": {"modelTraining": pays, "modelInference": pays}}


def _joining(caller: str) -> dict[str, Any]:
    """What one says who joins: the payer that it pays, the receiver where results may go."""
    if caller == "payer":
        return {"paymentConfiguration": _pays(caller)}
    if caller == "receiver":
        s3 = {"resultFormat": "CSV", "bucket": "results", "keyPrefix": "queries/"}
        return {"defaultResultConfiguration": {"outputConfiguration": {"s3": s3}}}
    return {}


def _collaboration() -> dict[str, Any]:
    abilities = {"querier": ["CAN_QUERY"], "receiver": ["CAN_RECEIVE_RESULTS"]}
    ml_abilities = ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]
    return {
        "name": "Market",
        "description": "Everybody has a part.",
        "creatorDisplayName": "creator",
        "creatorMemberAbilities": [],
        "creatorPaymentConfiguration": _pays("creator"),
        "queryLogStatus": "DISABLED",
        **_planted("creator", "tags"),
        "members": [
            {
                "accountId": CALLERS[caller],
                "displayName": caller,
                "memberAbilities": abilities.get(caller, []),
                "paymentConfiguration": _pays(caller),
                **({"mlMemberAbilities": {"customMLMemberAbilities": ml_abilities}} if caller == "receiver" else {}),
            }
            for caller in CALLERS
            if caller not in ("creator", "outside")
        ],
    }


def _tables(office: Office, room: Room) -> dict[str, str]:
    """The owner's tables: one shared, one bare, and one whose association has no rule."""
    owner = CALLERS["owner"]
    reads = {"membershipIdentifier": room.membership(owner)}
    names = {}
    for name in ("table", "bare_table", "ruled_table"):
        names[name] = room.configured_table(owner, {"table": "patients"}.get(name, name))
    for name in ("table", "ruled_table"):
        office.cleanrooms(owner, "CreateConfiguredTableAnalysisRule", configuredTableIdentifier=names[name], **RULE)
    for name, table, shown in (
        ("association", "table", "patients"),
        ("bare_association", "ruled_table", "bare"),
    ):
        names[name] = office.cleanrooms(
            owner,
            "CreateConfiguredTableAssociation",
            name=shown,
            configuredTableIdentifier=names[table],
            roleArn=role_of(owner),
            **_planted("owner", "tags"),
            **reads,
        )["configuredTableAssociation"]["id"]
    office.cleanrooms(
        owner,
        "CreateConfiguredTableAssociationAnalysisRule",
        configuredTableAssociationIdentifier=names["association"],
        **reads,
        **SHARED_RULE,
    )
    return names


def _models(office: Office, room: Room, names: Mapping[str, str]) -> dict[str, str]:
    """The author's algorithms, the receiver's location, and what the querier made of it all."""
    author, receiver = CALLERS["author"], CALLERS["receiver"]
    shared: Any = type("Table", (), {"association_id": names["association"]})()
    studio = _Studio(office, room, shared, "", "")
    marks = _planted("author", "tags", "kmsKeyArn")
    algorithms = {name: studio.algorithm(author, name, **marks) for name in ("algorithm", "spare_algorithm")}
    studio.algorithm_arn = algorithms["algorithm"]
    studio.association_arn = studio.association(author, policies=POLICIES, **_planted("author", "tags"))
    spare = studio.association(author, "spare")
    location = {"roleArn": role_of(receiver), "destination": {"s3Destination": {"s3Uri": "s3://results/receiver"}}}
    studio.call("PutMLConfiguration", receiver, defaultOutputLocation=location)
    channel = studio.active_channel("rows", **_planted("querier", "tags", "kmsKeyArn"))
    marks = _planted("querier", "tags", "kmsKeyArn", "environment")
    model = studio.active_model("forest", channel, **marks, **_planted("querier", "hyperparameters"))
    _measure(studio, model["trainedModelArn"])
    return {
        **algorithms,
        "algorithm_association": studio.association_arn,
        "spare_association": spare,
        "channel": channel,
        "spare_channel": studio.active_channel("spare"),
        "query": studio.call("GetMLInputChannel", QUERIER, mlInputChannelArn=channel)["protectedQueryIdentifier"],
        "model": model["trainedModelArn"],
        "stream": f"{parse_arn(model['trainedModelArn']).resource_id}/NULL/algo-1",
        "working_model": studio.model("working", channel)["trainedModelArn"],
        "spare_model": studio.active_model("spare", channel)["trainedModelArn"],
        "job": studio.inference_job("scores", model["trainedModelArn"], channel, outputConfiguration=RECEIVER, **marks),
    }


def _measure(studio: Studio, model: str) -> None:
    """What the model's training took of the machine, once."""
    record_id = parse_arn(model).resource_id
    series = MetricSeries(record_id, MetricKind.SYSTEM, "CPUUtilization", "algo-1")
    with studio.office.store.transaction() as tx:
        tx.metrics.advance(begin_reading(f"t-{record_id}", record_id, (), 1), [grow(series, [(NOON_MS, 50.0)], 1)])
        record = tx.trained_models.get(record_id)
        if record is None:
            raise AssertionError(model)
        told = {"metrics_status": "PUBLISH_SUCCEEDED", "logs_status": "PUBLISH_SUCCEEDED"}
        tx.trained_models.note(record, actor="controller", at=studio.office.now, **told)


def _roles(store: Store) -> None:
    """In each account a role that every user of it may assume."""
    with store.transaction() as tx:
        for account in CALLERS.values():
            name = parse_arn(role_of(account)).resource_id
            tx.roles.add(AssumableRole(f"AROA{account}", account, name, Role.ANALYST, (EVERY_USER,), 3600, NOON))


def _print(folder: Path, record_id: str) -> None:
    """What the model's training wrote, one line."""
    writer = LogWriter(
        str(folder / f"{TRAINING_PREFIX}{record_id}.jsonl"), limit_bytes=1 << 20, line_characters=1 << 16
    )
    writer.add(NOON_MS, "algo-1", "stdout", [b"epoch 1"])
    writer.close()


_OWN = {"membershipIdentifier": "@own"}
_ALL = {"collaborationIdentifier": "@collaboration"}
_TABLE = {"configuredTableIdentifier": "@table"}
_ASSOCIATION = {**_OWN, "configuredTableAssociationIdentifier": "@association"}
_CUSTOM = {"analysisRuleType": "CUSTOM"}
_TEMPLATE = {**_OWN, "analysisTemplateIdentifier": "@template"}
_BUDGET = {**_OWN, "privacyBudgetTemplateIdentifier": "@budget"}
_JOB = {"name": "new", "trainedModelArn": "@model", "outputConfiguration": RECEIVER}

_CLEAN: dict[str, dict[str, Any]] = {
    "BatchGetCollaborationAnalysisTemplate": {**_ALL, "analysisTemplateArns": ["@template_arn"]},
    "BatchGetSchema": {**_ALL, "names": ["patients"]},
    "BatchGetSchemaAnalysisRule": {**_ALL, "schemaAnalysisRuleRequests": [{"name": "patients", "type": "CUSTOM"}]},
    "CreateAnalysisTemplate": {**_OWN, "name": "new", "format": "SQL", "source": {"text": SQL}},
    "CreateCollaboration": {
        "name": "New",
        "description": "Nobody is invited.",
        "creatorDisplayName": "me",
        "creatorMemberAbilities": ["CAN_QUERY", "CAN_RECEIVE_RESULTS"],
        "queryLogStatus": "DISABLED",
        "members": [],
    },
    "CreateConfiguredTable": {
        "name": "new",
        "tableReference": {"glue": {"databaseName": "lake", "tableName": "everyones"}},
        "allowedColumns": ["age"],
        "analysisMethod": "DIRECT_QUERY",
    },
    "CreateConfiguredTableAnalysisRule": {"configuredTableIdentifier": "@bare_table", **RULE},
    "CreateConfiguredTableAssociation": {
        **_OWN,
        "name": "new",
        "configuredTableIdentifier": "@bare_table",
        "roleArn": "@role",
    },
    "CreateConfiguredTableAssociationAnalysisRule": {
        **_OWN,
        "configuredTableAssociationIdentifier": "@bare_association",
        **SHARED_RULE,
    },
    "CreateMembership": {**_ALL, "queryLogStatus": "DISABLED"},
    "CreatePrivacyBudgetTemplate": {
        **_OWN,
        "privacyBudgetType": "ACCESS_BUDGET",
        "parameters": _budget("@bare_resource"),
    },
    "DeleteAnalysisTemplate": _TEMPLATE,
    "DeleteCollaboration": _ALL,
    "DeleteConfiguredTable": {"configuredTableIdentifier": "@bare_table"},
    "DeleteConfiguredTableAnalysisRule": {**_TABLE, **_CUSTOM},
    "DeleteConfiguredTableAssociation": _ASSOCIATION,
    "DeleteConfiguredTableAssociationAnalysisRule": {**_ASSOCIATION, **_CUSTOM},
    "DeleteMember": {**_ALL, "accountId": CALLERS["other"]},
    "DeleteMembership": _OWN,
    "DeletePrivacyBudgetTemplate": _BUDGET,
    "GetAnalysisTemplate": _TEMPLATE,
    "GetCollaboration": _ALL,
    "GetCollaborationAnalysisTemplate": {**_ALL, "analysisTemplateArn": "@template_arn"},
    "GetCollaborationPrivacyBudgetTemplate": {**_ALL, "privacyBudgetTemplateIdentifier": "@budget"},
    "GetConfiguredTable": _TABLE,
    "GetConfiguredTableAnalysisRule": {**_TABLE, **_CUSTOM},
    "GetConfiguredTableAssociation": _ASSOCIATION,
    "GetConfiguredTableAssociationAnalysisRule": {**_ASSOCIATION, **_CUSTOM},
    "GetMembership": _OWN,
    "GetPrivacyBudgetTemplate": _BUDGET,
    "GetProtectedQuery": {**_OWN, "protectedQueryIdentifier": "@query"},
    "GetSchema": {**_ALL, "name": "patients"},
    "GetSchemaAnalysisRule": {**_ALL, "name": "patients", "type": "CUSTOM"},
    "ListAnalysisTemplates": _OWN,
    "ListCollaborationAnalysisTemplates": _ALL,
    "ListCollaborationPrivacyBudgetTemplates": _ALL,
    "ListCollaborationPrivacyBudgets": {**_ALL, "privacyBudgetType": "ACCESS_BUDGET"},
    "ListCollaborations": {},
    "ListConfiguredTableAssociations": _OWN,
    "ListConfiguredTables": {},
    "ListMembers": _ALL,
    "ListMemberships": {},
    "ListPrivacyBudgetTemplates": _OWN,
    "ListPrivacyBudgets": {**_OWN, "privacyBudgetType": "ACCESS_BUDGET"},
    "ListProtectedQueries": _OWN,
    "ListSchemas": _ALL,
    "PreviewPrivacyImpact": {**_OWN, "parameters": NOISE},
    "ListTagsForResource": {"resourceArn": "@collaboration_arn"},
    "StartProtectedQuery": {
        **_OWN,
        "type": "SQL",
        "sqlParameters": {"queryString": SQL},
        "resultConfiguration": _TO_THE_RECEIVER,
    },
    "TagResource": {"resourceArn": "@collaboration_arn", "tags": {"a": "b"}},
    "UntagResource": {"resourceArn": "@collaboration_arn", "tagKeys": ["a"]},
    "UpdateAnalysisTemplate": {**_TEMPLATE, "description": "new"},
    "UpdateCollaboration": {**_ALL, "name": "new"},
    "UpdateConfiguredTable": {**_TABLE, "name": "new"},
    "UpdateConfiguredTableAnalysisRule": {**_TABLE, **RULE},
    "UpdateConfiguredTableAssociation": {**_ASSOCIATION, "roleArn": "@role"},
    "UpdateConfiguredTableAssociationAnalysisRule": {**_ASSOCIATION, **SHARED_RULE},
    "UpdateMembership": {**_OWN, "queryLogStatus": "DISABLED"},
    "UpdatePrivacyBudgetTemplate": {**_BUDGET, "privacyBudgetType": "ACCESS_BUDGET"},
    "UpdateProtectedQuery": {**_OWN, "protectedQueryIdentifier": "@own_query", "targetStatus": "CANCELLED"},
}
_ML: dict[str, dict[str, Any]] = {
    "CancelTrainedModel": {**_OWN, "trainedModelArn": "@working_model"},
    "CancelTrainedModelInferenceJob": {**_OWN, "trainedModelInferenceJobArn": "@job"},
    "CreateConfiguredModelAlgorithm": {
        "name": "new",
        "roleArn": "@role",
        "trainingContainerConfig": {"imageUri": "registry/trainer:1"},
    },
    "CreateConfiguredModelAlgorithmAssociation": {**_OWN, "name": "new", "configuredModelAlgorithmArn": "@algorithm"},
    "CreateMLInputChannel": {
        **_OWN,
        "name": "new",
        "retentionInDays": 1,
        "configuredModelAlgorithmAssociations": ["@algorithm_association"],
        "inputChannel": {
            "roleArn": "@role",
            "dataSource": {"protectedQueryInputParameters": {"sqlParameters": {"queryString": SQL}}},
        },
    },
    "CreateTrainedModel": {
        **_OWN,
        "name": "new",
        "configuredModelAlgorithmAssociationArn": "@algorithm_association",
        "resourceConfig": INSTANCE,
        "dataChannels": [{"mlInputChannelArn": "@channel", "channelName": "train"}],
    },
    "DeleteConfiguredModelAlgorithm": {"configuredModelAlgorithmArn": "@spare_algorithm"},
    "DeleteConfiguredModelAlgorithmAssociation": {
        **_OWN,
        "configuredModelAlgorithmAssociationArn": "@spare_association",
    },
    "DeleteMLConfiguration": _OWN,
    "DeleteMLInputChannelData": {**_OWN, "mlInputChannelArn": "@spare_channel"},
    "DeleteTrainedModelOutput": {**_OWN, "trainedModelArn": "@spare_model"},
    "GetCollaborationConfiguredModelAlgorithmAssociation": {
        **_ALL,
        "configuredModelAlgorithmAssociationArn": "@algorithm_association",
    },
    "GetCollaborationMLInputChannel": {**_ALL, "mlInputChannelArn": "@channel"},
    "GetCollaborationTrainedModel": {**_ALL, "trainedModelArn": "@model"},
    "GetConfiguredModelAlgorithm": {"configuredModelAlgorithmArn": "@algorithm"},
    "GetConfiguredModelAlgorithmAssociation": {
        **_OWN,
        "configuredModelAlgorithmAssociationArn": "@algorithm_association",
    },
    "GetMLConfiguration": _OWN,
    "GetMLInputChannel": {**_OWN, "mlInputChannelArn": "@channel"},
    "GetTrainedModel": {**_OWN, "trainedModelArn": "@model"},
    "GetTrainedModelInferenceJob": {**_OWN, "trainedModelInferenceJobArn": "@job"},
    "ListCollaborationConfiguredModelAlgorithmAssociations": _ALL,
    "ListCollaborationMLInputChannels": _ALL,
    "ListCollaborationTrainedModelExportJobs": {**_ALL, "trainedModelArn": "@model"},
    "ListCollaborationTrainedModelInferenceJobs": {**_ALL, "trainedModelArn": "@model"},
    "ListCollaborationTrainedModels": _ALL,
    "ListConfiguredModelAlgorithmAssociations": _OWN,
    "ListConfiguredModelAlgorithms": {},
    "ListMLInputChannels": _OWN,
    "ListTagsForResource": {"resourceArn": "@model"},
    "ListTrainedModelInferenceJobs": {**_OWN, "trainedModelArn": "@model"},
    "ListTrainedModelVersions": {**_OWN, "trainedModelArn": "@model"},
    "ListTrainedModels": _OWN,
    "PutMLConfiguration": {**_OWN, "defaultOutputLocation": {"roleArn": "@role"}},
    "StartTrainedModelExportJob": {**_OWN, **_JOB},
    "StartTrainedModelInferenceJob": {
        **_OWN,
        **_JOB,
        "resourceConfig": {"instanceType": "ml.m5.large"},
        "dataSource": {"mlInputChannelArn": "@channel"},
    },
    "TagResource": {"resourceArn": "@model", "tags": {"a": "b"}},
    "UntagResource": {"resourceArn": "@model", "tagKeys": ["a"]},
}
_METRIC = {
    "Namespace": "/aws/cleanroomsml/TrainedModels",
    "MetricName": "CPUUtilization",
    "Dimensions": [
        {"Name": "TrainedModelArn", "Value": "@model"},
        {"Name": "VersionIdentifier", "Value": "NULL"},
        {"Name": "Host", "Value": "algo-1"},
    ],
}
_SPAN = {"StartTime": NOON, "EndTime": NOON + timedelta(minutes=1)}
_MONITORING: dict[str, dict[str, Any]] = {
    "GetMetricData": {
        **_SPAN,
        "MetricDataQueries": [{"Id": "q", "MetricStat": {"Metric": _METRIC, "Period": 60, "Stat": "Average"}}],
    },
    "GetMetricStatistics": {**_SPAN, **_METRIC, "Period": 60, "Statistics": ["Average"]},
    "ListMetrics": {},
}
_GROUP = {"logGroupName": "/aws/cleanroomsml/TrainedModels"}
_LOGS: dict[str, dict[str, Any]] = {
    "DescribeLogGroups": {},
    "DescribeLogStreams": _GROUP,
    "FilterLogEvents": _GROUP,
    "GetLogEvents": {**_GROUP, "logStreamName": "@stream", "startFromHead": True},
}
_STS: dict[str, dict[str, Any]] = {
    "AssumeRole": {"RoleArn": "@role", "RoleSessionName": "today"},
    "GetCallerIdentity": {},
    "GetSessionToken": {},
}

REQUESTS: Mapping[tuple[str, str], dict[str, Any]] = {
    **{(CLEANROOMS, name): request for name, request in _CLEAN.items()},
    **{(CLEANROOMS_ML, name): request for name, request in _ML.items()},
    **{(LOGS, name): request for name, request in _LOGS.items()},
    **{(MONITORING, name): request for name, request in _MONITORING.items()},
    **{(STS, name): request for name, request in _STS.items()},
}
"""What is asked for: `@name` stands for what the room has of it, `@own` for a membership, `@role` for a role."""
