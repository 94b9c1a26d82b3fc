"""Collaborations and their members. Rules: domain/resources/collaborations.py, domain/resources/payments.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.base.arns import cleanrooms_arn
from whiteroom.base.faults import AccessDenied, Conflict, QuotaExceeded, ResourceNotFound, ValidationFault
from whiteroom.domain.resources.collaborations import (
    SPARK,
    Collaboration,
    CollaborationStatus,
    Member,
    MemberStatus,
    change_requests_offered,
    coherent_membership,
    engine_offered,
    is_visible,
    may_be_removed,
    member_id,
)
from whiteroom.domain.resources.memberships import MembershipStatus
from whiteroom.domain.resources.payers import somebody_pays_for_jobs
from whiteroom.domain.resources.quotas import Quota
from whiteroom.operations.access import checked_tags, permit, visible_collaboration, within_quota
from whiteroom.operations.answers import paged
from whiteroom.operations.cleanrooms.departures import end_membership
from whiteroom.operations.context import Context
from whiteroom.operations.paging import kept_page, next_token, page_size, page_start
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation


@operation(CLEANROOMS, "CreateCollaboration")
def create_collaboration(request: Request, context: Context) -> Response:
    """Record the collaboration and a place in it for each member, the creator included: all INVITED."""
    tags = checked_tags(request.get("tags"))
    permit(engine_offered(request.get("analyticsEngine")), ValidationFault, reason="INVALID_CONFIGURATION")
    collaboration = _new_collaboration(request, context)
    members = _new_members(request, context, collaboration)
    for verdict in (
        coherent_membership(members),
        somebody_pays_for_jobs(members),
        change_requests_offered(request.get("autoApprovedChangeRequestTypes", ())),
    ):
        permit(verdict, ValidationFault, reason="INVALID_CONFIGURATION")
    limit = context.deployment.quotas.limit(Quota.MEMBERS_PER_COLLABORATION)
    if limit is not None and len(members) > limit:
        raise QuotaExceeded(
            f"A collaboration has at most {limit} members, its creator included; the request has {len(members)}.",
            quotaName=Quota.MEMBERS_PER_COLLABORATION.value,
            quotaValue=float(limit),
        )
    within_quota(
        context,
        Quota.COLLABORATIONS_PER_ACCOUNT,
        context.tx.collaborations,
        creator_account_id=context.caller.account_id,
        status=CollaborationStatus.ACTIVE,
    )
    context.tx.collaborations.add(collaboration)
    for member in members:
        context.tx.members.add(member)
    context.tx.tags.put(collaboration.arn, tags)
    return {"collaboration": _document(collaboration, members[0])}


@operation(CLEANROOMS, "GetCollaboration")
def get_collaboration(request: Request, context: Context) -> Response:
    """A collaboration that the caller is invited to, active in or the creator of."""
    collaboration, member = visible_collaboration(context, request["collaborationIdentifier"])
    return {"collaboration": _document(collaboration, member)}


@operation(CLEANROOMS, "ListCollaborations")
def list_collaborations(request: Request, context: Context) -> Response:
    """Every collaboration that the caller is invited to, active in or the creator of, newest first."""
    status = request.get("memberStatus")
    scope = f"ListCollaborations {context.caller.account_id} {status}"
    members, limit, after = context.tx.members, page_size(request), page_start(request, scope)
    if status is not None:
        page = members.page(limit, after, account_id=context.caller.account_id, status=MemberStatus(status))
    else:
        page = kept_page(
            members,
            limit,
            after,
            lambda member: is_visible(_collaboration(context, member), member),
            account_id=context.caller.account_id,
        )
    return {
        "collaborationList": [_summary(context, member) for member in page.items],
        "nextToken": next_token(page, scope),
    }


@operation(CLEANROOMS, "UpdateCollaboration")
def update_collaboration(request: Request, context: Context) -> Response:
    """Change name or description; only the creator may."""
    collaboration, member = visible_collaboration(context, request["collaborationIdentifier"])
    _require_creator(collaboration, context, "change it")
    permit(engine_offered(request.get("analyticsEngine")), ValidationFault, reason="INVALID_CONFIGURATION")
    changes = {field: request[field] for field in ("name", "description") if field in request}
    collaboration = context.tx.collaborations.update(collaboration, **changes, updated_at=context.now)
    return {"collaboration": _document(collaboration, member)}


@operation(CLEANROOMS, "DeleteCollaboration")
def delete_collaboration(request: Request, context: Context) -> Response:
    """End the collaboration for everyone. A repeat by its creator is harmless, as AWS models it."""
    stored = context.tx.collaborations.get(request["collaborationIdentifier"])
    if (
        stored is not None
        and stored.status is CollaborationStatus.DELETED
        and stored.creator_account_id == context.caller.account_id
    ):
        return {}
    collaboration, _ = visible_collaboration(context, request["collaborationIdentifier"])
    _require_creator(collaboration, context, "delete it")
    for membership in context.tx.memberships.all(collaboration_id=collaboration.id):
        if membership.status is MembershipStatus.ACTIVE:
            end_membership(context, membership, MembershipStatus.COLLABORATION_DELETED)
    for member in context.tx.members.all(collaboration_id=collaboration.id):
        if member.status in (MemberStatus.INVITED, MemberStatus.ACTIVE):
            context.tx.members.update(member, status=MemberStatus.REMOVED, updated_at=context.now)
    context.tx.collaborations.update(collaboration, status=CollaborationStatus.DELETED, updated_at=context.now)
    context.tx.tags.put(collaboration.arn, {})
    return {}


@operation(CLEANROOMS, "ListMembers")
def list_members(request: Request, context: Context) -> Response:
    """Every member, those who left or were removed included, to anyone invited or active."""
    collaboration, _ = visible_collaboration(context, request["collaborationIdentifier"])
    return paged(request, "memberSummaries", context.tx.members, _member, collaboration_id=collaboration.id)


@operation(CLEANROOMS, "DeleteMember")
def delete_member(request: Request, context: Context) -> Response:
    """Remove a member with everything it associated. A repeat is harmless."""
    collaboration, _ = visible_collaboration(context, request["collaborationIdentifier"])
    account_id = request["accountId"]
    verdict = may_be_removed(collaboration, account_id, context.caller.account_id)
    is_creator = context.caller.account_id == collaboration.creator_account_id
    permit(verdict, ValidationFault if is_creator else AccessDenied)
    member = context.tx.members.get(member_id(collaboration.id, account_id))
    if member is None:
        raise ResourceNotFound(
            f"Account {account_id} is not a member of this collaboration. ListMembers answers those that are.",
            resourceId=collaboration.id,
            resourceType="COLLABORATION",
        )
    if member.status is MemberStatus.LEFT:
        raise Conflict(
            f"Account {account_id} has left this collaboration already.",
            resourceId=collaboration.id,
            resourceType="COLLABORATION",
            reason="INVALID_STATE",
        )
    if member.status is MemberStatus.REMOVED:
        return {}
    membership = context.tx.memberships.get(member.membership_id) if member.membership_id else None
    if membership is not None:
        end_membership(context, membership, MembershipStatus.REMOVED)
    context.tx.members.update(member, status=MemberStatus.REMOVED, updated_at=context.now)
    return {}


def _require_creator(collaboration: Collaboration, context: Context, wish: str) -> None:
    if collaboration.creator_account_id != context.caller.account_id:
        raise AccessDenied(
            f"Only the creator of a collaboration, {collaboration.creator_account_id}, can {wish}.",
            reason="INSUFFICIENT_PERMISSIONS",
        )


def _new_collaboration(request: Request, context: Context) -> Collaboration:
    collaboration_id = context.new_id()
    caller = context.caller
    return Collaboration(
        id=collaboration_id,
        arn=cleanrooms_arn(caller.region, caller.account_id, f"collaboration/{collaboration_id}"),
        name=request["name"],
        description=request.get("description"),
        creator_account_id=caller.account_id,
        creator_display_name=request["creatorDisplayName"],
        query_log_status=request["queryLogStatus"],
        job_log_status=request.get("jobLogStatus"),
        analytics_engine=SPARK,
        data_encryption_metadata=request.get("dataEncryptionMetadata"),
        auto_approved_change_types=tuple(request.get("autoApprovedChangeRequestTypes", ())),
        allowed_result_regions=tuple(request.get("allowedResultRegions", ())),
        is_metrics_enabled=request.get("isMetricsEnabled"),
        status=CollaborationStatus.ACTIVE,
        created_at=context.now,
        updated_at=context.now,
    )


def _new_members(request: Request, context: Context, collaboration: Collaboration) -> tuple[Member, ...]:
    creator = {
        "accountId": context.caller.account_id,
        "displayName": request["creatorDisplayName"],
        "memberAbilities": request["creatorMemberAbilities"],
        "mlMemberAbilities": request.get("creatorMLMemberAbilities"),
        "paymentConfiguration": request.get("creatorPaymentConfiguration"),
    }
    return tuple(_new_member(given, context, collaboration) for given in (creator, *request["members"]))


def _new_member(given: Mapping[str, Any], context: Context, collaboration: Collaboration) -> Member:
    return Member(
        id=member_id(collaboration.id, given["accountId"]),
        collaboration_id=collaboration.id,
        account_id=given["accountId"],
        display_name=given["displayName"],
        abilities=tuple(given["memberAbilities"]),
        ml_abilities=tuple((given.get("mlMemberAbilities") or {}).get("customMLMemberAbilities", ())),
        payment_configuration=given.get("paymentConfiguration") or {"queryCompute": {"isResponsible": False}},
        status=MemberStatus.INVITED,
        membership_id=None,
        membership_arn=None,
        created_at=context.now,
        updated_at=context.now,
    )


def _document(collaboration: Collaboration, member: Member) -> dict[str, Any]:
    return {
        **_head(collaboration, member),
        "description": collaboration.description,
        "dataEncryptionMetadata": collaboration.data_encryption_metadata,
        "queryLogStatus": collaboration.query_log_status,
        "jobLogStatus": collaboration.job_log_status,
        "autoApprovedChangeTypes": collaboration.auto_approved_change_types or None,
        "allowedResultRegions": collaboration.allowed_result_regions or None,
        "isMetricsEnabled": collaboration.is_metrics_enabled,
    }


def _summary(context: Context, member: Member) -> dict[str, Any]:
    return _head(_collaboration(context, member), member)


def _collaboration(context: Context, member: Member) -> Collaboration:
    collaboration = context.tx.collaborations.get(member.collaboration_id)
    assert collaboration is not None  # noqa: S101 - a member is written with its collaboration, and neither is removed
    return collaboration


def _head(collaboration: Collaboration, member: Member) -> dict[str, Any]:
    """What the collaboration and its summary have in common, as `member` sees it."""
    joined = member.status is MemberStatus.ACTIVE
    return {
        "id": collaboration.id,
        "arn": collaboration.arn,
        "name": collaboration.name,
        "creatorAccountId": collaboration.creator_account_id,
        "creatorDisplayName": collaboration.creator_display_name,
        "createTime": collaboration.created_at,
        "updateTime": collaboration.updated_at,
        "memberStatus": member.status.value,
        "membershipId": member.membership_id if joined else None,
        "membershipArn": member.membership_arn if joined else None,
        "analyticsEngine": collaboration.analytics_engine,
    }


def _member(member: Member) -> dict[str, Any]:
    return {
        "accountId": member.account_id,
        "status": member.status.value,
        "displayName": member.display_name,
        "abilities": member.abilities,
        "mlAbilities": {"customMLMemberAbilities": member.ml_abilities} if member.ml_abilities else None,
        "createTime": member.created_at,
        "updateTime": member.updated_at,
        "membershipId": member.membership_id,
        "membershipArn": member.membership_arn,
        "paymentConfiguration": member.payment_configuration,
    }
