"""A request for every operation, of what a full room (everything.py) has one of.

`@name` stands for what the room calls so, `@own` for the membership of who asks, and `@role` for its role.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from support.worlds.requests import INSTANCE, SQL, TRAINER, collaboration_rule, custom_rule
from whiteroom.operations.registry import CLEANROOMS, CLEANROOMS_ML, LOGS, MONITORING, STS, WHITEROOM

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When something was measured."""
NOISE = {"differentialPrivacy": {"epsilon": 3, "usersNoisePerQuery": 30}}


def query_of(template_arn: str, receiver: str) -> dict[str, Any]:
    """What StartProtectedQuery takes to run a template for a member who has said where its results go."""
    return {
        "type": "SQL",
        "sqlParameters": {"analysisTemplateArn": template_arn},
        "resultConfiguration": {"outputConfiguration": {"member": {"accountId": receiver}}},
    }


def lifetime_budget(resource_arn: str, uses: int = 1_000) -> dict[str, Any]:
    """What CreatePrivacyBudgetTemplate takes for a LIFETIME budget of a table."""
    budget = {"budgetParameters": [{"type": "LIFETIME", "budget": uses}], "resourceArn": resource_arn}
    return {"privacyBudgetType": "ACCESS_BUDGET", "parameters": {"accessBudget": budget}}


_OWN = {"membershipIdentifier": "@own"}
_ALL = {"collaborationIdentifier": "@collaboration"}
_TABLE = {"configuredTableIdentifier": "@table"}
_ASSOCIATION = {**_OWN, "configuredTableAssociationIdentifier": "@association"}
_TEMPLATE = {**_OWN, "analysisTemplateIdentifier": "@template"}
_BUDGET = {**_OWN, "privacyBudgetTemplateIdentifier": "@budget"}
_CUSTOM: dict[str, Any] = {"analysisRuleType": "CUSTOM"}
_RULE = {**_CUSTOM, "analysisRulePolicy": custom_rule(allowedAnalysisProviders=["@querier"])}
_SHARED_RULE = {**_CUSTOM, "analysisRulePolicy": collaboration_rule()}
_JOB = {
    "name": "new",
    "trainedModelArn": "@model",
    "outputConfiguration": {"members": [{"accountId": "@receiver"}]},
}

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
    "CreateConfiguredTableAnalysisRule": {"configuredTableIdentifier": "@bare_table", **_RULE},
    "CreateConfiguredTableAssociation": {
        **_OWN,
        "name": "new",
        "configuredTableIdentifier": "@bare_table",
        "roleArn": "@role",
    },
    "CreateConfiguredTableAssociationAnalysisRule": {
        **_OWN,
        "configuredTableAssociationIdentifier": "@bare_association",
        **_SHARED_RULE,
    },
    "CreateMembership": {**_ALL, "queryLogStatus": "DISABLED"},
    "CreatePrivacyBudgetTemplate": {**_OWN, **lifetime_budget("@bare_resource")},
    "DeleteAnalysisTemplate": _TEMPLATE,
    "DeleteCollaboration": _ALL,
    "DeleteConfiguredTable": {"configuredTableIdentifier": "@bare_table"},
    "DeleteConfiguredTableAnalysisRule": {**_TABLE, **_CUSTOM},
    "DeleteConfiguredTableAssociation": _ASSOCIATION,
    "DeleteConfiguredTableAssociationAnalysisRule": {**_ASSOCIATION, **_CUSTOM},
    "DeleteMember": {**_ALL, "accountId": "@other"},
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
    "ListCollaborationPrivacyBudgets": {
        **_ALL,
        "privacyBudgetType": "ACCESS_BUDGET",
        "accessBudgetResourceArn": "@resource",
    },
    "ListCollaborations": {},
    "ListConfiguredTableAssociations": _OWN,
    "ListConfiguredTables": {},
    "ListMembers": _ALL,
    "ListMemberships": {},
    "ListPrivacyBudgetTemplates": _OWN,
    "ListPrivacyBudgets": {**_OWN, "privacyBudgetType": "ACCESS_BUDGET", "accessBudgetResourceArn": "@resource"},
    "ListProtectedQueries": _OWN,
    "ListSchemas": _ALL,
    "ListTagsForResource": {"resourceArn": "@collaboration_arn"},
    "PreviewPrivacyImpact": {**_OWN, "parameters": NOISE},
    "StartProtectedQuery": {**_OWN, **query_of("@template_arn", "@receiver")},
    "TagResource": {"resourceArn": "@collaboration_arn", "tags": {"a": "b"}},
    "UntagResource": {"resourceArn": "@collaboration_arn", "tagKeys": ["a"]},
    "UpdateAnalysisTemplate": {**_TEMPLATE, "description": "new"},
    "UpdateCollaboration": {**_ALL, "name": "new"},
    "UpdateConfiguredTable": {**_TABLE, "name": "new"},
    "UpdateConfiguredTableAnalysisRule": {**_TABLE, **_RULE},
    "UpdateConfiguredTableAssociation": {**_ASSOCIATION, "roleArn": "@role"},
    "UpdateConfiguredTableAssociationAnalysisRule": {**_ASSOCIATION, **_SHARED_RULE},
    "UpdateMembership": {**_OWN, "queryLogStatus": "DISABLED"},
    "UpdatePrivacyBudgetTemplate": {**_BUDGET, "privacyBudgetType": "ACCESS_BUDGET"},
    "UpdateProtectedQuery": {**_OWN, "protectedQueryIdentifier": "@own_query", "targetStatus": "CANCELLED"},
}
_ML: dict[str, dict[str, Any]] = {
    "CancelTrainedModel": {**_OWN, "trainedModelArn": "@working_model"},
    "CancelTrainedModelInferenceJob": {**_OWN, "trainedModelInferenceJobArn": "@job"},
    "CreateConfiguredModelAlgorithm": {"name": "new", "roleArn": "@role", "trainingContainerConfig": TRAINER},
    "CreateConfiguredModelAlgorithmAssociation": {**_OWN, "name": "new", "configuredModelAlgorithmArn": "@algorithm"},
    "CreateMLInputChannel": {
        **_OWN,
        "name": "new",
        "retentionInDays": 1,
        "configuredModelAlgorithmAssociations": ["@algorithm_association"],
        "inputChannel": {
            "roleArn": "@role",
            "dataSource": {
                "protectedQueryInputParameters": {"sqlParameters": {"analysisTemplateArn": "@template_arn"}}
            },
        },
    },
    "CreateTrainedModel": {
        **_OWN,
        "name": "new",
        "configuredModelAlgorithmAssociationArn": "@algorithm_association",
        "resourceConfig": INSTANCE,
        "dataChannels": [{"mlInputChannelArn": "@channel", "channelName": "train"}],
        "incrementalTrainingDataChannels": [
            {"trainedModelArn": "@model", "versionIdentifier": "@version", "channelName": "base"}
        ],
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
    "GetCollaborationTrainedModel": {**_ALL, "trainedModelArn": "@model", "versionIdentifier": "@version"},
    "GetConfiguredModelAlgorithm": {"configuredModelAlgorithmArn": "@algorithm"},
    "GetConfiguredModelAlgorithmAssociation": {
        **_OWN,
        "configuredModelAlgorithmAssociationArn": "@algorithm_association",
    },
    "GetMLConfiguration": _OWN,
    "GetMLInputChannel": {**_OWN, "mlInputChannelArn": "@channel"},
    "GetTrainedModel": {**_OWN, "trainedModelArn": "@model", "versionIdentifier": "@version"},
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
    "StartTrainedModelExportJob": {**_OWN, **_JOB, "trainedModelVersionIdentifier": "@version"},
    "StartTrainedModelInferenceJob": {
        **_OWN,
        **_JOB,
        "trainedModelVersionIdentifier": "@version",
        "configuredModelAlgorithmAssociationArn": "@algorithm_association",
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

_RESULT = {"resultIdentifier": "@result", "fileName": "rows.csv"}
_WHITEROOM: dict[str, dict[str, Any]] = {"GetResult": _RESULT, "HeadResult": _RESULT, "ListResults": {}}

REQUESTS: Mapping[tuple[str, str], dict[str, Any]] = {
    **{(CLEANROOMS, name): request for name, request in _CLEAN.items()},
    **{(CLEANROOMS_ML, name): request for name, request in _ML.items()},
    **{(LOGS, name): request for name, request in _LOGS.items()},
    **{(MONITORING, name): request for name, request in _MONITORING.items()},
    **{(STS, name): request for name, request in _STS.items()},
    **{(WHITEROOM, name): request for name, request in _WHITEROOM.items()},
}
