"""What each role of an account's users may ask for: one table of operations, one of roles.

Every operation that is answered has its row here; a test walks the ledger, and one without a row is for nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from whiteroom.base.callers import Caller, Role
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


class Kind(StrEnum):
    """What an operation is, to the account that asks for it."""

    IDENTIFY = "identify"
    """Says who asks, or gives a user a session of its own."""
    READ = "read"
    """Shows, and changes nothing."""
    START = "start"
    """Makes analyses, or starts what uses rows and models."""
    STOP = "stop"
    """Ends what runs, takes an analysis away, or erases what it made."""
    APPROVE = "approve"
    """Lets others use the account's data, or says how far."""
    REVOKE = "revoke"
    """Takes that back."""
    ADMINISTER = "administer"
    """Brings the account into a collaboration or out of it, and its tables into being."""


MAY: Mapping[Role, frozenset[Kind]] = {
    Role.ADMINISTRATOR: frozenset(Kind),
    Role.ANALYST: frozenset({Kind.IDENTIFY, Kind.READ, Kind.START, Kind.STOP}),
    Role.PRIVACY_OFFICER: frozenset({Kind.IDENTIFY, Kind.READ, Kind.STOP, Kind.APPROVE, Kind.REVOKE}),
}

CALLED: Mapping[Role, str] = {
    Role.ADMINISTRATOR: "an administrator",
    Role.ANALYST: "an analyst, who reads, makes analyses and starts and stops work",
    Role.PRIVACY_OFFICER: "a privacy officer, who reads, approves, revokes and stops work, and starts nothing",
}
"""What a refusal calls who has the role."""

_ROWS: Mapping[tuple[str, Kind], str] = {
    ("sts", Kind.IDENTIFY): "AssumeRole GetCallerIdentity GetSessionToken",
    ("cleanrooms", Kind.READ): """
        BatchGetCollaborationAnalysisTemplate BatchGetSchema BatchGetSchemaAnalysisRule
        GetAnalysisTemplate GetCollaboration GetCollaborationAnalysisTemplate GetCollaborationPrivacyBudgetTemplate
        GetConfiguredTable GetConfiguredTableAnalysisRule GetConfiguredTableAssociation
        GetConfiguredTableAssociationAnalysisRule GetMembership GetPrivacyBudgetTemplate GetProtectedQuery
        GetSchema GetSchemaAnalysisRule
        ListAnalysisTemplates ListCollaborationAnalysisTemplates ListCollaborationPrivacyBudgetTemplates
        ListCollaborationPrivacyBudgets ListCollaborations ListConfiguredTableAssociations ListConfiguredTables
        ListMembers ListMemberships ListPrivacyBudgetTemplates ListPrivacyBudgets ListProtectedQueries ListSchemas
        ListTagsForResource PreviewPrivacyImpact
    """,
    ("cleanrooms", Kind.START): "CreateAnalysisTemplate StartProtectedQuery TagResource UntagResource"
    " UpdateAnalysisTemplate",
    ("cleanrooms", Kind.STOP): "DeleteAnalysisTemplate UpdateProtectedQuery",
    ("cleanrooms", Kind.APPROVE): """
        CreateConfiguredTableAnalysisRule CreateConfiguredTableAssociationAnalysisRule CreatePrivacyBudgetTemplate
        DeletePrivacyBudgetTemplate
        UpdateConfiguredTableAnalysisRule UpdateConfiguredTableAssociationAnalysisRule UpdatePrivacyBudgetTemplate
    """,
    ("cleanrooms", Kind.REVOKE): """
        DeleteConfiguredTableAnalysisRule DeleteConfiguredTableAssociation DeleteConfiguredTableAssociationAnalysisRule
        DeleteMembership
    """,
    ("cleanrooms", Kind.ADMINISTER): """
        CreateCollaboration CreateConfiguredTable CreateConfiguredTableAssociation CreateMembership
        DeleteCollaboration DeleteConfiguredTable DeleteMember
        UpdateCollaboration UpdateConfiguredTable UpdateConfiguredTableAssociation UpdateMembership
    """,
    ("cleanrooms-ml", Kind.READ): """
        GetCollaborationConfiguredModelAlgorithmAssociation GetCollaborationMLInputChannel
        GetCollaborationTrainedModel GetConfiguredModelAlgorithm GetConfiguredModelAlgorithmAssociation
        GetMLConfiguration GetMLInputChannel GetTrainedModel GetTrainedModelInferenceJob
        ListCollaborationConfiguredModelAlgorithmAssociations ListCollaborationMLInputChannels
        ListCollaborationTrainedModelExportJobs ListCollaborationTrainedModelInferenceJobs
        ListCollaborationTrainedModels ListConfiguredModelAlgorithmAssociations ListConfiguredModelAlgorithms
        ListMLInputChannels ListTagsForResource ListTrainedModelInferenceJobs ListTrainedModelVersions
        ListTrainedModels
    """,
    ("cleanrooms-ml", Kind.START): """
        CreateConfiguredModelAlgorithm CreateConfiguredModelAlgorithmAssociation CreateMLInputChannel
        CreateTrainedModel StartTrainedModelExportJob StartTrainedModelInferenceJob TagResource UntagResource
    """,
    ("cleanrooms-ml", Kind.STOP): """
        CancelTrainedModel CancelTrainedModelInferenceJob DeleteConfiguredModelAlgorithm
        DeleteConfiguredModelAlgorithmAssociation DeleteMLInputChannelData DeleteTrainedModelOutput
    """,
    ("cleanrooms-ml", Kind.ADMINISTER): "DeleteMLConfiguration PutMLConfiguration",
    ("logs", Kind.READ): "DescribeLogGroups DescribeLogStreams FilterLogEvents GetLogEvents",
    ("monitoring", Kind.READ): "GetMetricData GetMetricStatistics ListMetrics",
    ("whiteroom", Kind.READ): "GetResult HeadResult ListResults",
}

KINDS: Mapping[tuple[str, str], Kind] = {
    (service, name): kind for (service, kind), names in _ROWS.items() for name in names.split()
}
"""By the operation's service and name."""


def permitted(caller: Caller, service: str, name: str) -> Verdict:
    """Whether the caller's role may ask for an operation. What the account may do is asked afterwards."""
    kind = KINDS.get((service, name))
    if kind is not None and kind in MAY[caller.role]:
        return ALLOWED
    able = [role.value for role in Role if kind is not None and kind in MAY[role]]
    takes = f"It takes the role {' or '.join(able)}" if able else "No role may"
    return Denied(
        f"User: {caller.arn} is not authorized to perform: {service}:{name}. It is {CALLED[caller.role]}. {takes}; "
        "the operator gives roles."
    )
