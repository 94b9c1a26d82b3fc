"""Whether the members of a collaboration are still there: who asked, who pays, who receives, and where."""

from __future__ import annotations

from whiteroom.domain.execution.deliveries import Destination
from whiteroom.domain.resources.collaborations import Ability, CollaborationStatus, MemberStatus, member_id
from whiteroom.domain.resources.memberships import MembershipStatus
from whiteroom.domain.resources.receivers import may_receive, output_of
from whiteroom.domain.verdicts import Denied
from whiteroom.ports.transaction import Transaction


def member_active(tx: Transaction, membership_id: str) -> bool:
    """Whether a membership and its collaboration still stand."""
    membership = tx.memberships.get(membership_id)
    if membership is None or membership.status is not MembershipStatus.ACTIVE:
        return False
    collaboration = tx.collaborations.get(membership.collaboration_id)
    return collaboration is not None and collaboration.status is CollaborationStatus.ACTIVE


def payer_active(tx: Transaction, collaboration_id: str, account_id: str | None) -> bool:
    """Whether the member that pays for a query is there: its leaving "stops all query execution" (docs/sources.md)."""
    if account_id is None:
        return True
    member = tx.members.get(member_id(collaboration_id, account_id))
    return member is not None and member.status is MemberStatus.ACTIVE


def receiving_membership(tx: Transaction, collaboration_id: str, account_id: str, ability: Ability) -> str | Denied:
    """The membership of a receiver, judged now: between request and delivery it may have left."""
    member = tx.members.get(member_id(collaboration_id, account_id))
    verdict = may_receive(account_id, member, ability)
    if isinstance(verdict, Denied):
        return verdict
    membership_id = member.membership_id if member is not None else None
    if membership_id is None or not member_active(tx, membership_id):
        return Denied(f"The receiver {account_id} has no ACTIVE membership in this collaboration.")
    return membership_id


def destination(tx: Transaction, collaboration_id: str, account_id: str, ability: Ability) -> Destination | Denied:
    """Where a receiver's outputs go, judged now: it may have left, or moved."""
    membership_id = receiving_membership(tx, collaboration_id, account_id, ability)
    if isinstance(membership_id, Denied):
        return membership_id
    return output_of(account_id, tx.ml_configurations.get(membership_id))
