"""Memberships: an account that has joined a collaboration.

Operations: operations/cleanrooms/memberships.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from whiteroom.base.arns import parse_arn
from whiteroom.domain.resources.collaborations import Ability, Collaboration, Member
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


class MembershipStatus(StrEnum):
    """MembershipStatus."""

    ACTIVE = "ACTIVE"
    """The account takes part."""
    REMOVED = "REMOVED"
    """The account left, or was removed."""
    COLLABORATION_DELETED = "COLLABORATION_DELETED"
    """There is no collaboration any more to take part in."""


@dataclass(frozen=True, slots=True)
class Membership:
    """One account's membership. What the member may do is in its `Member` record."""

    id: str
    arn: str
    collaboration_id: str
    account_id: str
    status: MembershipStatus
    query_log_status: str
    job_log_status: str | None
    default_result_configuration: Mapping[str, Any] | None
    default_job_result_configuration: Mapping[str, Any] | None
    payment_configuration: Mapping[str, Any]
    """MembershipPaymentConfiguration: the costs that this member has accepted."""
    is_metrics_enabled: bool | None
    created_at: datetime
    updated_at: datetime

    @property
    def region(self) -> str:
        """Where it was made, and all that is in it, whichever region a request is signed for."""
        return parse_arn(self.arn).region


def may_set_result_configurations(member: Member, *, given: bool) -> Verdict:
    """Whether a member may say where results go: "as specified by the member who can receive results"."""
    if given and not member.can(Ability.CAN_RECEIVE_RESULTS):
        return Denied(
            f"Account {member.account_id} does not have the ability CAN_RECEIVE_RESULTS in this collaboration. "
            "Leave the default result configurations out."
        )
    return ALLOWED


def job_results_offered(*, given: bool) -> Verdict:
    """Whether a member may say where results of jobs go: there are no protected jobs."""
    if given:
        return Denied("defaultJobResultConfiguration: PySpark jobs are not run here. Leave it out.")
    return ALLOWED


def may_collect_metrics(collaboration: Collaboration, *, wished: bool) -> Verdict:
    """Whether a membership may have metrics: "only available when the collaboration has metrics enabled"."""
    if wished and not collaboration.is_metrics_enabled:
        return Denied("The collaboration has no metrics enabled. Leave isMetricsEnabled out.")
    return ALLOWED
