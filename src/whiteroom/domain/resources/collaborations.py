"""Collaborations and their members: who may do what, and who pays.

Operations: operations/cleanrooms/collaborations.py, operations/cleanrooms/memberships.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from whiteroom.base.arns import parse_arn
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict

SPARK = "SPARK"
"""The analytics engine: the SQL dialect that members write (AnalyticsEngine)."""


class CollaborationStatus(StrEnum):
    """Ours: AWS deletes a collaboration; its memberships stay readable as COLLABORATION_DELETED."""

    ACTIVE = "ACTIVE"
    """Its members can work in it."""
    DELETED = "DELETED"
    """Nobody can: its creator deleted it."""


class MemberStatus(StrEnum):
    """Where an invited account stands (MemberStatus)."""

    INVITED = "INVITED"
    """It may join."""
    ACTIVE = "ACTIVE"
    """It has joined."""
    LEFT = "LEFT"
    """It left by itself."""
    REMOVED = "REMOVED"
    """The creator removed it."""


class Ability(StrEnum):
    """What a member may do (MemberAbility and CustomMLMemberAbility)."""

    CAN_QUERY = "CAN_QUERY"
    """Start protected queries, and make ML input channels."""
    CAN_RECEIVE_RESULTS = "CAN_RECEIVE_RESULTS"
    """Be named as a receiver of a query's rows."""
    CAN_RUN_JOB = "CAN_RUN_JOB"
    """Run PySpark jobs: AWS's, none here."""
    CAN_EXPORT_QUERY_ANALYSIS_LOG = "CAN_EXPORT_QUERY_ANALYSIS_LOG"
    """Export analysis logs: can be given, and nothing takes it yet (docs/limits.md)."""
    CAN_RECEIVE_MODEL_OUTPUT = "CAN_RECEIVE_MODEL_OUTPUT"
    """Be named as a receiver of exported models."""
    CAN_RECEIVE_INFERENCE_OUTPUT = "CAN_RECEIVE_INFERENCE_OUTPUT"
    """Be named as a receiver of what inference gives."""


class Cost(StrEnum):
    """What someone has to pay for, by its member in PaymentConfiguration."""

    QUERY_COMPUTE = "queryCompute"
    """Protected queries, and those of channels."""
    MODEL_TRAINING = "modelTraining"
    """Trainings."""
    MODEL_INFERENCE = "modelInference"
    """Inference jobs."""
    SYNTHETIC_DATA_GENERATION = "syntheticDataGeneration"
    """The making of synthetic rows."""
    JOB_COMPUTE = "jobCompute"
    """PySpark jobs."""


@dataclass(frozen=True, slots=True)
class Collaboration:
    """One clean room."""

    id: str
    arn: str
    name: str
    description: str | None
    creator_account_id: str
    creator_display_name: str
    query_log_status: str
    job_log_status: str | None
    analytics_engine: str
    data_encryption_metadata: Mapping[str, Any] | None
    auto_approved_change_types: tuple[str, ...]
    allowed_result_regions: tuple[str, ...]
    is_metrics_enabled: bool | None
    status: CollaborationStatus
    created_at: datetime
    updated_at: datetime
    stopped_at: datetime | None = None
    """Since when the operator lets no work be done in it (`whiteroom collaborations stop`); None while it may be."""

    @property
    def region(self) -> str:
        """Where it was made, and all that is in it, whichever region a request is signed for."""
        return parse_arn(self.arn).region


@dataclass(frozen=True, slots=True)
class Member:
    """One account's place in a collaboration, from the invitation on. `id` is `COLLABORATION/ACCOUNT`."""

    id: str
    collaboration_id: str
    account_id: str
    display_name: str
    abilities: tuple[str, ...]
    """Of MemberAbility, as the creator gave them."""
    ml_abilities: tuple[str, ...]
    """Of CustomMLMemberAbility."""
    payment_configuration: Mapping[str, Any]
    """PaymentConfiguration: what the creator assigned to this member."""
    status: MemberStatus
    membership_id: str | None
    membership_arn: str | None
    created_at: datetime
    updated_at: datetime

    def can(self, ability: Ability) -> bool:
        """Whether the creator gave this member the ability."""
        return ability in self.abilities or ability in self.ml_abilities


def member_id(collaboration_id: str, account_id: str) -> str:
    """The key of a member."""
    return f"{collaboration_id}/{account_id}"


def coherent_membership(members: Sequence[Member]) -> Verdict:
    """Whether these members, the creator first, can be a collaboration.

    Exactly one of them can query: AWS designates a single one (docs/sources.md), and a
    collaboration without one could never be used, since abilities are given once (decision 0010).
    """
    accounts = [member.account_id for member in members]
    twice = sorted({account for account in accounts if accounts.count(account) > 1})
    if twice:
        return Denied(
            f"Account {twice[0]} is listed twice. `members` holds each invited account once, and not the creator."
        )
    queriers = [member.account_id for member in members if member.can(Ability.CAN_QUERY)]
    if len(queriers) != 1:
        found = f"{len(queriers)} have it: {', '.join(queriers)}" if queriers else "none has it"
        return Denied(
            f"Exactly one member of a collaboration has CAN_QUERY; here {found}. "
            "Set it in creatorMemberAbilities or in one entry of members."
        )
    runners = [member.account_id for member in members if member.can(Ability.CAN_RUN_JOB)]
    if len(runners) > 1:
        return Denied(f"One member of a collaboration can have CAN_RUN_JOB; here have it: {', '.join(runners)}.")
    return ALLOWED


def change_requests_offered(auto_approved: Sequence[str]) -> Verdict:
    """Whether changes can be approved beforehand: there are none that members could ask for."""
    if not auto_approved:
        return ALLOWED
    return Denied(
        f"autoApprovedChangeRequestTypes names {', '.join(auto_approved)}: there are no change requests here, members "
        "and abilities are given by CreateCollaboration. Leave it out."
    )


def may_work(collaboration: Collaboration) -> Verdict:
    """Whether work may be started, and go on, in a collaboration."""
    if collaboration.stopped_at is None:
        return ALLOWED
    return Denied(
        f"The operator of this server has stopped all work of the collaboration {collaboration.name} since "
        f"{collaboration.stopped_at:%Y-%m-%d %H:%M:%S} UTC. Ask the operator when it goes on."
    )


def is_visible(collaboration: Collaboration, member: Member) -> bool:
    """Whether a member sees the collaboration: the invited, the active, and its creator even after leaving.

    Source: ListCollaborations ("that the caller owns, is active in, or has been invited to"). Scripts delete
    the creator's membership first, and then the collaboration (decision 0010).
    """
    if collaboration.status is CollaborationStatus.DELETED:
        return False
    owns = member.account_id == collaboration.creator_account_id
    return owns or member.status in (MemberStatus.INVITED, MemberStatus.ACTIVE)


def may_be_removed(collaboration: Collaboration, account_id: str, caller_account_id: str) -> Verdict:
    """Whether the caller may remove an account from the collaboration: its creator may, but not itself."""
    if caller_account_id != collaboration.creator_account_id:
        return Denied(
            f"Only the creator of a collaboration, {collaboration.creator_account_id}, can remove its members. "
            "To leave, call DeleteMembership."
        )
    if account_id == caller_account_id:
        return Denied("The creator cannot be removed from its collaboration. Call DeleteCollaboration instead.")
    return ALLOWED


def engine_offered(analytics_engine: str | None) -> Verdict:
    """Whether queries can be written for that engine here."""
    if analytics_engine in (None, SPARK):
        return ALLOWED
    return Denied(f"The analytics engine {analytics_engine} is no longer available, here or at AWS. Use {SPARK}.")
