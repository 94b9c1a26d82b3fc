"""Loads what a caller names, and nothing that the caller may not see.

Another account's membership or collaboration is AccessDenied, whether it exists or not:
the answer does not tell which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from whiteroom.base.arns import parse_arn
from whiteroom.base.faults import AccessDenied, Fault, QuotaExceeded, ValidationFault
from whiteroom.domain.resources.collaborations import (
    Ability,
    Collaboration,
    Member,
    MemberStatus,
    is_visible,
    may_work,
    member_id,
)
from whiteroom.domain.resources.holdings import has_room
from whiteroom.domain.resources.memberships import Membership, MembershipStatus
from whiteroom.domain.resources.quotas import Quota
from whiteroom.domain.verdicts import Verdict
from whiteroom.operations.context import Context
from whiteroom.ports.repositories import Repository
from whiteroom.reads.holdings import held_by_collaboration, held_by_membership


def own_membership(context: Context, membership_id: str) -> Membership:
    """The caller's membership, whatever its status.

    Raises:
        AccessDenied: it is not the caller's, or there is none.
    """
    membership = context.tx.memberships.get(membership_id)
    if membership is None or membership.account_id != context.caller.account_id:
        raise AccessDenied(
            f"Account {context.caller.account_id} has no membership {membership_id}. "
            "Use the identifier that ListMemberships answers.",
            reason="INSUFFICIENT_PERMISSIONS",
        )
    return membership


def active_membership(context: Context, membership_id: str) -> Membership:
    """The caller's membership, which must be ACTIVE: what every change inside a collaboration takes.

    Raises:
        AccessDenied: it is not the caller's, or no longer ACTIVE.
    """
    membership = own_membership(context, membership_id)
    if membership.status is not MembershipStatus.ACTIVE:
        raise AccessDenied(
            f"Membership {membership_id} is {membership.status.value}; only an ACTIVE membership can do this.",
            reason="INSUFFICIENT_PERMISSIONS",
        )
    return membership


def working_membership(context: Context, membership_id: str) -> Membership:
    """The caller's ACTIVE membership of a collaboration in which work may be done: what starting any takes.

    Raises:
        AccessDenied: it is not the caller's, or no longer ACTIVE, or the operator has stopped the collaboration's work.
    """
    membership = active_membership(context, membership_id)
    permit(may_work(collaboration_of(context, membership)))
    return membership


def member_of(context: Context, membership: Membership) -> Member:
    """The member record behind a membership: its abilities and payments."""
    member = context.tx.members.get(member_id(membership.collaboration_id, membership.account_id))
    if member is None:
        raise AccessDenied("The membership has no member in its collaboration.")
    return member


def visible_collaboration(context: Context, collaboration_id: str) -> tuple[Collaboration, Member]:
    """A collaboration that the caller is invited to, active in or the creator of, with the caller's place in it.

    Raises:
        AccessDenied: the caller has no part in it, has left it or was removed, or it does not exist.
    """
    collaboration = context.tx.collaborations.get(collaboration_id)
    member = context.tx.members.get(member_id(collaboration_id, context.caller.account_id))
    if collaboration is None or member is None or not is_visible(collaboration, member):
        raise AccessDenied(
            f"Account {context.caller.account_id} has no part in a collaboration {collaboration_id}.",
            reason="INSUFFICIENT_PERMISSIONS",
        )
    return collaboration, member


def joined_collaboration(context: Context, collaboration_id: str) -> Collaboration:
    """A collaboration in which the caller has an ACTIVE membership: what the collaboration views take.

    Raises:
        AccessDenied: the caller is not an active member of it.
    """
    collaboration, member = visible_collaboration(context, collaboration_id)
    if member.status is not MemberStatus.ACTIVE:
        remedy = " Call CreateMembership first." if member.status is MemberStatus.INVITED else ""
        raise AccessDenied(
            f"Account {context.caller.account_id} is {member.status.value} in collaboration {collaboration_id}; "
            f"only ACTIVE members see this.{remedy}",
            reason="INSUFFICIENT_PERMISSIONS",
        )
    return collaboration


def collaboration_of(context: Context, membership: Membership) -> Collaboration:
    """The collaboration that a membership is in, whatever its status."""
    collaboration = context.tx.collaborations.get(membership.collaboration_id)
    assert collaboration is not None  # noqa: S101 - a collaboration's record is never removed
    return collaboration


def require_ability(context: Context, membership: Membership, ability: Ability) -> None:
    """Raise AccessDenied unless the member has the ability."""
    if not member_of(context, membership).can(ability):
        raise AccessDenied(
            f"Member {membership.account_id} does not have the ability {ability.value} in this collaboration. "
            "Abilities are given by CreateCollaboration.",
            reason="INSUFFICIENT_PERMISSIONS",
        )


def require_own_role(context: Context, role_arn: str) -> None:
    """Raise AccessDenied if a role belongs to another account (model: InputChannel.roleArn)."""
    if parse_arn(role_arn).account_id != context.caller.account_id:
        raise AccessDenied(
            f"The role {role_arn} is not in account {context.caller.account_id}. Pass a role of your own account.",
            reason="INSUFFICIENT_PERMISSIONS",
        )


KEY_SEALS_NOTHING = "kmsKeyArn seals nothing here: the server runs in development mode with the key ring echo."
KEY_SEALS_FILES = (
    "kmsKeyArn seals what is kept of this: in the database its query, its containers, its environment and "
    "hyperparameters; and its files, which are rows, models and checkpoints. Logs of programs are not sealed."
)
KEY_SEALS_DOCUMENTS = (
    "kmsKeyArn seals what the database keeps of this: its query, its containers, its environment and hyperparameters. "
    "Rows, models and logs are not sealed."
)


def key_note(request: Mapping[str, Any], context: Context) -> str:
    """What the resource's first event says of the key that a request names.

    Nothing where it names none, or where that seals all that the resource keeps.

    Raises:
        AccessDenied: the key is another account's: its owner has not let this one use it.
        ValidationFault: it names one, and the operator has keys refused that seal no files (strict_keys).
    """
    if "kmsKeyArn" not in request:
        return ""
    key_arn = request["kmsKeyArn"]
    if parse_arn(key_arn).account_id != context.caller.account_id:
        raise AccessDenied(
            f"The key {key_arn} is not in account {context.caller.account_id}. Pass a key of your own account.",
            reason="INSUFFICIENT_PERMISSIONS",
        )
    if context.deployment.files_are_sealed:
        return KEY_SEALS_FILES
    note = KEY_SEALS_DOCUMENTS if context.deployment.keys_seal else KEY_SEALS_NOTHING
    if context.deployment.strict_keys:
        raise ValidationFault(f"{note} The operator has such requests refused (strict_keys). Leave it out.")
    return note


def permit(verdict: Verdict, fault: type[Fault] = AccessDenied, **members: object) -> None:
    """Raise `fault` with the verdict's reason where it is a denial."""
    if not verdict:
        raise fault(verdict.reason, **members)


def within_quota(
    context: Context, quota: Quota, repository: Repository[Any], statuses: Iterable[StrEnum] = (), **equals: object
) -> None:
    """Raise QuotaExceeded where one more record with these values, in any of these statuses, would be too many."""
    limit = context.deployment.quotas.limit(quota)
    if limit is None:
        return
    searches = [{**equals, "status": status} for status in statuses] or [equals]
    if sum(repository.count(limit, **search) for search in searches) >= limit:
        raise QuotaExceeded(
            f"The quota {quota.value} is {limit}. Delete what is no longer used, or ask the operator to raise it "
            f"in whiteroom.toml.",
            quotaName=quota.value,
            quotaValue=float(limit),
        )


def within_storage(context: Context, membership: Membership) -> None:
    """Raise QuotaExceeded where the membership, or its collaboration, already keeps all the bytes that it may."""
    quotas, tx = context.deployment.quotas, context.tx
    if not quotas.bound_bytes:
        return
    refusal = has_room(
        held_by_membership(tx, membership.id), held_by_collaboration(tx, membership.collaboration_id), quotas
    )
    if refusal is not None:
        quota, denied = refusal
        limit = quotas.limit(quota)
        raise QuotaExceeded(denied.reason, quotaName=quota.value, quotaValue=float(limit or 0))


def checked_tags(tags: Mapping[str, str] | None) -> Mapping[str, str]:
    """A request's tags, held to what AWS documents beyond the model.

    Raises:
        ValidationFault: more than 50 tags, a key longer than 128 or a value longer than 256
            characters, or a key that begins with `aws:`.
    """
    tags = tags or {}
    if len(tags) > 50:
        raise ValidationFault(f"A resource can have at most 50 tags; the request has {len(tags)}.")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256:
            raise ValidationFault(
                f"The tag key {key[:128]!r} must have 1 to 128 characters, and its value at most 256."
            )
        if key.lower().startswith("aws:"):
            raise ValidationFault(f"The tag key {key!r} begins with 'aws:', which is reserved. Choose another.")
    return tags
