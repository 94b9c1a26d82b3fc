"""Warns at a run's creation about members who will read nothing of it (domain/observability/publication.py)."""

from __future__ import annotations

from collections.abc import Iterable

from whiteroom.domain.observability.publication import notice_of_unread_runs
from whiteroom.domain.privacy.policies import LogPolicy
from whiteroom.domain.resources.collaborations import MemberStatus
from whiteroom.operations.context import Context


def unread(context: Context, collaboration_id: str, log_policies: Iterable[LogPolicy]) -> str:
    """The sentence for the audit trail of a run that the caller asks for; empty where all can read theirs.

    Args:
        context: the caller's.
        collaboration_id: in which it is to run.
        log_policies: under which its logs will be.
    """
    members = context.tx.members.all(collaboration_id=collaboration_id)
    active = {member.account_id: member for member in members if member.status is MemberStatus.ACTIVE}
    configured = {
        account
        for account, member in active.items()
        if member.membership_id is not None and context.tx.ml_configurations.get(member.membership_id) is not None
    }
    caller = context.caller.account_id
    return notice_of_unread_runs((caller, *sorted(active.keys() - {caller})), log_policies, configured)
