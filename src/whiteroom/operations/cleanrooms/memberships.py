"""Memberships: joining a collaboration, and leaving it.

Rules: domain/resources/memberships.py, domain/resources/payments.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from whiteroom.base.arns import cleanrooms_arn
from whiteroom.base.faults import AccessDenied, Conflict, ValidationFault
from whiteroom.domain.resources.collaborations import Collaboration, Member, MemberStatus
from whiteroom.domain.resources.memberships import (
    Membership,
    MembershipStatus,
    job_results_offered,
    may_collect_metrics,
    may_set_result_configurations,
)
from whiteroom.domain.resources.payments import acceptance, accepted, merged
from whiteroom.domain.resources.quotas import Quota
from whiteroom.operations.access import (
    checked_tags,
    member_of,
    own_membership,
    permit,
    require_own_role,
    visible_collaboration,
    within_quota,
)
from whiteroom.operations.answers import paged
from whiteroom.operations.cleanrooms.departures import end_membership
from whiteroom.operations.context import Context
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation
from whiteroom.ports.repositories import Repository


@operation(CLEANROOMS, "CreateMembership")
def create_membership(request: Request, context: Context) -> Response:
    """Join a collaboration, accepting exactly the payments that its creator assigned."""
    tags = checked_tags(request.get("tags"))
    collaboration, member = visible_collaboration(context, request["collaborationIdentifier"])
    if member.status is MemberStatus.ACTIVE:
        raise Conflict(
            f"Account {member.account_id} has joined this collaboration already: membership {member.membership_id}.",
            resourceId=member.membership_id,
            resourceType="MEMBERSHIP",
            reason="ALREADY_EXISTS",
        )
    if member.status is MemberStatus.LEFT:
        raise AccessDenied(
            f"Account {member.account_id} has left this collaboration and cannot join it again. "
            "Create another collaboration.",
            reason="INSUFFICIENT_PERMISSIONS",
        )
    _permit_configurations(request, context, collaboration, member)
    members = context.tx.members.all(collaboration_id=collaboration.id)
    verdict = acceptance(member, members, request.get("paymentConfiguration"))
    permit(verdict, ValidationFault, reason="INVALID_CONFIGURATION")
    within_quota(
        context,
        Quota.MEMBERSHIPS_PER_ACCOUNT,
        context.tx.memberships,
        account_id=context.caller.account_id,
        status=MembershipStatus.ACTIVE,
    )
    membership = _new_membership(request, context, collaboration, accepted(member, members))
    context.tx.memberships.add(membership)
    member = context.tx.members.update(
        member,
        status=MemberStatus.ACTIVE,
        membership_id=membership.id,
        membership_arn=membership.arn,
        updated_at=context.now,
    )
    context.tx.tags.put(membership.arn, tags)
    return {"membership": _document(context, membership)}


@operation(CLEANROOMS, "GetMembership")
def get_membership(request: Request, context: Context) -> Response:
    """The caller's membership, whatever its status."""
    return {"membership": _document(context, own_membership(context, request["membershipIdentifier"]))}


@operation(CLEANROOMS, "ListMemberships")
def list_memberships(request: Request, context: Context) -> Response:
    """The caller's memberships, newest first; those of one status where one is asked for."""
    equals: dict[str, object] = {"account_id": context.caller.account_id}
    if "status" in request:
        equals["status"] = MembershipStatus(request["status"])
    return paged(request, "membershipSummaries", context.tx.memberships, partial(_head, context), **equals)


@operation(CLEANROOMS, "UpdateMembership")
def update_membership(request: Request, context: Context) -> Response:
    """Change what a member decides by itself: logs, and where results go."""
    membership = _still_active(own_membership(context, request["membershipIdentifier"]))
    member = member_of(context, membership)
    collaboration, _ = visible_collaboration(context, membership.collaboration_id)
    _permit_configurations(request, context, collaboration, member)
    members = context.tx.members.all(collaboration_id=collaboration.id)
    offered = merged(membership.payment_configuration, request.get("membershipPaymentConfiguration"))
    permit(acceptance(member, members, offered), ValidationFault, reason="INVALID_CONFIGURATION")
    changes = {field: request[name] for name, field in _UPDATABLE.items() if name in request}
    membership = context.tx.memberships.update(membership, **changes, updated_at=context.now)
    return {"membership": _document(context, membership)}


@operation(CLEANROOMS, "DeleteMembership")
def delete_membership(request: Request, context: Context) -> Response:
    """Leave for good. A repeat is harmless.

    "All resources under a membership must be deleted" first (DeleteMembership of the model).
    """
    membership = own_membership(context, request["membershipIdentifier"])
    if membership.status is not MembershipStatus.ACTIVE:
        return {}
    member = member_of(context, membership)
    _require_empty(context, membership)
    end_membership(context, membership, MembershipStatus.REMOVED)
    context.tx.members.update(member, status=MemberStatus.LEFT, updated_at=context.now)
    context.tx.tags.put(membership.arn, {})
    return {}


_UPDATABLE: Mapping[str, str] = {
    "queryLogStatus": "query_log_status",
    "jobLogStatus": "job_log_status",
    "defaultResultConfiguration": "default_result_configuration",
    "defaultJobResultConfiguration": "default_job_result_configuration",
}


def _still_active(membership: Membership) -> Membership:
    if membership.status is not MembershipStatus.ACTIVE:
        raise Conflict(
            f"Membership {membership.id} is {membership.status.value}; only an ACTIVE membership can be changed.",
            resourceId=membership.id,
            resourceType="MEMBERSHIP",
            reason="INVALID_STATE",
        )
    return membership


def _permit_configurations(request: Request, context: Context, collaboration: Collaboration, member: Member) -> None:
    results = request.get("defaultResultConfiguration")
    jobs = request.get("defaultJobResultConfiguration")
    for given in (results, jobs):
        if given is not None and "roleArn" in given:
            require_own_role(context, given["roleArn"])
    permit(
        may_set_result_configurations(member, given=results is not None or jobs is not None),
        ValidationFault,
        reason="INVALID_CONFIGURATION",
    )
    permit(job_results_offered(given=jobs is not None), ValidationFault, reason="INVALID_CONFIGURATION")
    permit(
        may_collect_metrics(collaboration, wished=request.get("isMetricsEnabled") is True),
        ValidationFault,
        reason="INVALID_CONFIGURATION",
    )


def _require_empty(context: Context, membership: Membership) -> None:
    under: dict[str, Repository[Any]] = {
        "configured table associations": context.tx.configured_table_associations,
        "analysis templates": context.tx.analysis_templates,
        "privacy budget templates": context.tx.privacy_budget_templates,
        "configured model algorithm associations": context.tx.configured_model_algorithm_associations,
    }
    left = [name for name, repository in under.items() if repository.count(1, membership_id=membership.id)]
    if left:
        raise Conflict(
            f"Membership {membership.id} still has {', '.join(left)}. Delete them first, then the membership.",
            resourceId=membership.id,
            resourceType="MEMBERSHIP",
            reason="SUBRESOURCES_EXIST",
        )


def _new_membership(
    request: Request, context: Context, collaboration: Collaboration, payments: Mapping[str, Any]
) -> Membership:
    membership_id = context.new_id()
    caller = context.caller
    return Membership(
        id=membership_id,
        arn=cleanrooms_arn(collaboration.region, caller.account_id, f"membership/{membership_id}"),
        collaboration_id=collaboration.id,
        account_id=caller.account_id,
        status=MembershipStatus.ACTIVE,
        query_log_status=request["queryLogStatus"],
        job_log_status=request.get("jobLogStatus"),
        default_result_configuration=request.get("defaultResultConfiguration"),
        default_job_result_configuration=request.get("defaultJobResultConfiguration"),
        payment_configuration=payments,
        is_metrics_enabled=request.get("isMetricsEnabled"),
        created_at=context.now,
        updated_at=context.now,
    )


def _document(context: Context, membership: Membership) -> dict[str, Any]:
    return {
        **_head(context, membership),
        "queryLogStatus": membership.query_log_status,
        "jobLogStatus": membership.job_log_status,
        "defaultResultConfiguration": membership.default_result_configuration,
        "defaultJobResultConfiguration": membership.default_job_result_configuration,
        "isMetricsEnabled": membership.is_metrics_enabled,
    }


def _head(context: Context, membership: Membership) -> dict[str, Any]:
    """What the membership and its summary have in common."""
    member = member_of(context, membership)
    collaboration = context.tx.collaborations.get(membership.collaboration_id)
    assert collaboration is not None  # noqa: S101 - a collaboration's record is never removed
    return {
        "id": membership.id,
        "arn": membership.arn,
        "collaborationArn": collaboration.arn,
        "collaborationId": collaboration.id,
        "collaborationCreatorAccountId": collaboration.creator_account_id,
        "collaborationCreatorDisplayName": collaboration.creator_display_name,
        "collaborationName": collaboration.name,
        "createTime": membership.created_at,
        "updateTime": membership.updated_at,
        "status": membership.status.value,
        "memberAbilities": member.abilities,
        "mlMemberAbilities": {"customMLMemberAbilities": member.ml_abilities} if member.ml_abilities else None,
        "paymentConfiguration": membership.payment_configuration,
    }
