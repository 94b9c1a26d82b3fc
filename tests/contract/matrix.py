"""The matrix: each operation, and the answer of every kind of caller to it, or of every role.

The callers are support.worlds.callers.CALLERS, the roles base.callers.Role; tests/contract/test_matrix.py asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from support.shapes import service_model
from whiteroom.operations.registry import CLEANROOMS, CLEANROOMS_ML, LOGS, MONITORING, STS, WHITEROOM

LETTERS = {
    "AccessDeniedException": "D",
    "ResourceNotFoundException": "N",
    "ConflictException": "C",
    "ValidationException": "V",
}
# One letter a caller, in the order of support.worlds.callers.CALLERS; a dot is an answer.
#              creator  querier  owner  author  payer  receiver  other | left  invited  outside
ANYONE = ". . . . . . . | . . ."
MEMBERS = ". . . . . . . | D D D"
"""Through a membership or a collaboration of one's own: nobody else has either."""
INVITED_TOO = ". . . . . . . | D . D"
"""What one sees before one joins."""
CREATOR = ". D D D D D D | D D D"
CREATORS_TAGS = ". N N N N N N | N N N"
OWNER = "N N . N N N N | N N N"
"""Of an account's own: to all others it is not there."""
OWNERS_MEMBERSHIP = "N N . N N N N | D D D"
QUERIERS_MEMBERSHIP = "N . N N N N N | D D D"
AUTHORS_MEMBERSHIP = "N N N . N N N | D D D"
RECEIVERS_MEMBERSHIP = "N N N N N . N | D D D"
CAN_QUERY = "D . D D D D D | D D D"
"""Takes the ability, before anything is looked for."""
QUERIERS_TAGS = CAN_QUERY
"""cleanroomsml models no ResourceNotFoundException that would tell less."""
AUTHOR = "D D D . D D D | D D D"
RECEIVER = "N N N N N . N | N N N"
EXPECTED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    CLEANROOMS: {
        ANYONE: (
            "CreateCollaboration",
            "CreateConfiguredTable",
            "ListCollaborations",
            "ListConfiguredTables",
            "ListMemberships",
        ),
        MEMBERS: (
            "BatchGetCollaborationAnalysisTemplate",
            "BatchGetSchema",
            "BatchGetSchemaAnalysisRule",
            "CreateAnalysisTemplate",
            "GetCollaborationAnalysisTemplate",
            "GetCollaborationPrivacyBudgetTemplate",
            "GetMembership",
            "GetSchema",
            "GetSchemaAnalysisRule",
            "ListAnalysisTemplates",
            "ListCollaborationAnalysisTemplates",
            "ListCollaborationPrivacyBudgetTemplates",
            "ListCollaborationPrivacyBudgets",
            "ListConfiguredTableAssociations",
            "ListPrivacyBudgetTemplates",
            "ListPrivacyBudgets",
            "ListProtectedQueries",
            "ListSchemas",
            "PreviewPrivacyImpact",
            "UpdateMembership",
        ),
        INVITED_TOO: ("GetCollaboration", "ListMembers"),
        # A member again: a conflict; one who left cannot come back uninvited.
        "C C C C C C C | D . D": ("CreateMembership",),
        # Who still holds something in the room takes it out first.
        ". C C C . . . | D D D": ("DeleteMembership",),
        CREATOR: ("DeleteCollaboration", "DeleteMember", "UpdateCollaboration"),
        CREATORS_TAGS: ("ListTagsForResource", "TagResource", "UntagResource"),
        OWNER: (
            "CreateConfiguredTableAnalysisRule",
            "DeleteConfiguredTable",
            "DeleteConfiguredTableAnalysisRule",
            "GetConfiguredTable",
            "GetConfiguredTableAnalysisRule",
            "UpdateConfiguredTable",
            "UpdateConfiguredTableAnalysisRule",
        ),
        OWNERS_MEMBERSHIP: (
            "CreateConfiguredTableAssociation",
            "CreateConfiguredTableAssociationAnalysisRule",
            "CreatePrivacyBudgetTemplate",
            "DeletePrivacyBudgetTemplate",
            "GetPrivacyBudgetTemplate",
            "UpdatePrivacyBudgetTemplate",
            "DeleteConfiguredTableAssociation",
            "DeleteConfiguredTableAssociationAnalysisRule",
            "GetConfiguredTableAssociation",
            "GetConfiguredTableAssociationAnalysisRule",
            "UpdateConfiguredTableAssociation",
            "UpdateConfiguredTableAssociationAnalysisRule",
        ),
        CAN_QUERY: ("StartProtectedQuery",),
        QUERIERS_MEMBERSHIP: (
            "DeleteAnalysisTemplate",
            "GetAnalysisTemplate",
            "GetProtectedQuery",
            "UpdateAnalysisTemplate",
            # To cancel takes no ability, only that the query is one's own.
            "UpdateProtectedQuery",
        ),
    },
    CLEANROOMS_ML: {
        ANYONE: ("CreateConfiguredModelAlgorithm", "ListConfiguredModelAlgorithms"),
        MEMBERS: (
            # "Any active member of a collaboration can delete data" (user guide, ml-behaviors-byom).
            "DeleteMLInputChannelData",
            "DeleteTrainedModelOutput",
            "GetCollaborationConfiguredModelAlgorithmAssociation",
            "GetCollaborationMLInputChannel",
            "GetCollaborationTrainedModel",
            "ListCollaborationConfiguredModelAlgorithmAssociations",
            "ListCollaborationMLInputChannels",
            "ListCollaborationTrainedModelExportJobs",
            "ListCollaborationTrainedModelInferenceJobs",
            "ListCollaborationTrainedModels",
            "ListConfiguredModelAlgorithmAssociations",
            "ListMLInputChannels",
            "ListTrainedModelInferenceJobs",
            "ListTrainedModels",
            "PutMLConfiguration",
        ),
        CAN_QUERY: (
            "CancelTrainedModel",
            "CancelTrainedModelInferenceJob",
            "CreateMLInputChannel",
            "CreateTrainedModel",
            "StartTrainedModelExportJob",
            "StartTrainedModelInferenceJob",
            "ListTagsForResource",
            "TagResource",
            "UntagResource",
        ),
        QUERIERS_MEMBERSHIP: (
            "GetMLInputChannel",
            "GetTrainedModel",
            "GetTrainedModelInferenceJob",
            "ListTrainedModelVersions",
        ),
        AUTHOR: (
            "CreateConfiguredModelAlgorithmAssociation",
            "DeleteConfiguredModelAlgorithm",
            "GetConfiguredModelAlgorithm",
        ),
        AUTHORS_MEMBERSHIP: (
            "DeleteConfiguredModelAlgorithmAssociation",
            "GetConfiguredModelAlgorithmAssociation",
        ),
        RECEIVERS_MEMBERSHIP: ("DeleteMLConfiguration", "GetMLConfiguration"),
    },
    # Everyone is answered, and what each is answered differs: READ, SEEN.
    LOGS: {
        ANYONE: ("DescribeLogGroups", "DescribeLogStreams", "FilterLogEvents"),
        RECEIVER: ("GetLogEvents",),
    },
    MONITORING: {ANYONE: ("GetMetricData", "GetMetricStatistics", "ListMetrics")},
    STS: {ANYONE: ("AssumeRole", "GetCallerIdentity", "GetSessionToken")},
    WHITEROOM: {ANYONE: ("ListResults",), RECEIVER: ("GetResult", "HeadResult")},
}
# One letter a role, in the order of base.callers.Role; a dot lets the account's own cell decide.
#          administrator  analyst  privacy officer
READS = ". . ."
STARTS = ". . D"
STOPS = ". . ."
APPROVES = ". D ."
ADMINISTERS = ". D D"
BY_ROLE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    CLEANROOMS: {
        STARTS: (
            "CreateAnalysisTemplate",
            "StartProtectedQuery",
            "TagResource",
            "UntagResource",
            "UpdateAnalysisTemplate",
        ),
        STOPS: ("DeleteAnalysisTemplate", "UpdateProtectedQuery"),
        APPROVES: (
            "CreateConfiguredTableAnalysisRule",
            "CreateConfiguredTableAssociationAnalysisRule",
            "CreatePrivacyBudgetTemplate",
            "DeleteConfiguredTableAnalysisRule",
            "DeleteConfiguredTableAssociation",
            "DeleteConfiguredTableAssociationAnalysisRule",
            "DeleteMembership",
            "DeletePrivacyBudgetTemplate",
            "UpdateConfiguredTableAnalysisRule",
            "UpdateConfiguredTableAssociationAnalysisRule",
            "UpdatePrivacyBudgetTemplate",
        ),
        ADMINISTERS: (
            "CreateCollaboration",
            "CreateConfiguredTable",
            "CreateConfiguredTableAssociation",
            "CreateMembership",
            "DeleteCollaboration",
            "DeleteConfiguredTable",
            "DeleteMember",
            "UpdateCollaboration",
            "UpdateConfiguredTable",
            "UpdateConfiguredTableAssociation",
            "UpdateMembership",
        ),
    },
    CLEANROOMS_ML: {
        STARTS: (
            "CreateConfiguredModelAlgorithm",
            "CreateConfiguredModelAlgorithmAssociation",
            "CreateMLInputChannel",
            "CreateTrainedModel",
            "StartTrainedModelExportJob",
            "StartTrainedModelInferenceJob",
            "TagResource",
            "UntagResource",
        ),
        STOPS: (
            "CancelTrainedModel",
            "CancelTrainedModelInferenceJob",
            "DeleteConfiguredModelAlgorithm",
            "DeleteConfiguredModelAlgorithmAssociation",
            "DeleteMLInputChannelData",
            "DeleteTrainedModelOutput",
        ),
        ADMINISTERS: ("DeleteMLConfiguration", "PutMLConfiguration"),
    },
    # Which roles a user may assume, each role says.
    STS: {READS: ("AssumeRole",)},
}
"""What changes anything. Everything else only shows (READING), and every role is shown it."""
READING = re.compile("BatchGet|Describe|Filter|Get|Head|List|Preview")
ROLE_CELLS: Mapping[tuple[str, str], str] = {
    (service, name): row.replace(" ", "")
    for service, rows in BY_ROLE.items()
    for row, names in rows.items()
    for name in names
}
READ = {"receiver": ["epoch 1"]}
"""The lines that a caller reads: the member whom the algorithm's policy names, with an ML configuration."""
SEEN = {"receiver": ["CPUUtilization"]}
"""The metrics that a caller is listed: the member with an ML configuration sees them, and no other caller any."""
CELLS: Mapping[tuple[str, str], str] = {
    (service, name): row.replace(" ", "").replace("|", "")
    for service, rows in EXPECTED.items()
    for row, names in rows.items()
    for name in names
}
ALL = [(service, name) for service in EXPECTED for name in service_model(service).operation_names]


def named(operation: tuple[str, str]) -> str:
    return " ".join(operation)
