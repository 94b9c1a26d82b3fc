"""Configured table associations: a table under a name in one collaboration."""

from __future__ import annotations

from typing import Any

from whiteroom.base.arns import cleanrooms_arn
from whiteroom.base.faults import Conflict, ResourceNotFound
from whiteroom.domain.resources.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.resources.configured_tables import ConfiguredTable
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.quotas import Quota
from whiteroom.operations.access import (
    active_membership,
    checked_tags,
    own_membership,
    require_own_role,
    within_quota,
)
from whiteroom.operations.access_budgets import forget_budget
from whiteroom.operations.cleanrooms.configured_tables import own_configured_table
from whiteroom.operations.context import Context
from whiteroom.operations.paging import next_token, page_size, page_start
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation
from whiteroom.ports import Duplicate

_KIND = "CONFIGURED_TABLE_ASSOCIATION"


def association_in(context: Context, membership: Membership, association_id: str) -> ConfiguredTableAssociation:
    """An association of that membership.

    Raises:
        ResourceNotFound: the membership has none with that identifier.
    """
    association = context.tx.configured_table_associations.get(association_id)
    if association is None or association.membership_id != membership.id:
        raise ResourceNotFound(
            f"Membership {membership.id} has no configured table association {association_id}. "
            "Use the identifier that ListConfiguredTableAssociations answers.",
            resourceId=association_id,
            resourceType=_KIND,
        )
    return association


@operation(CLEANROOMS, "CreateConfiguredTableAssociation")
def create_configured_table_association(request: Request, context: Context) -> Response:
    """Bring a table into a collaboration. Nobody can query it before both of its rules are set."""
    tags = checked_tags(request.get("tags"))
    membership = active_membership(context, request["membershipIdentifier"])
    table = own_configured_table(context, request["configuredTableIdentifier"])
    require_own_role(context, request["roleArn"])
    within_quota(
        context,
        Quota.ASSOCIATIONS_PER_MEMBERSHIP,
        context.tx.configured_table_associations,
        membership_id=membership.id,
    )
    association = _new_association(request, context, membership, table)
    try:
        context.tx.configured_table_associations.add(association)
    except Duplicate:
        raise Conflict(
            f"A table named '{association.name}' is in this collaboration already; upper and lower case are the same "
            "to SQL. Choose another name.",
            resourceType=_KIND,
            reason="ALREADY_EXISTS",
        ) from None
    context.tx.tags.put(association.arn, tags)
    return {"configuredTableAssociation": _document(context, membership, association)}


@operation(CLEANROOMS, "GetConfiguredTableAssociation")
def get_configured_table_association(request: Request, context: Context) -> Response:
    """An association of the caller's membership."""
    membership = own_membership(context, request["membershipIdentifier"])
    association = association_in(context, membership, request["configuredTableAssociationIdentifier"])
    return {"configuredTableAssociation": _document(context, membership, association)}


@operation(CLEANROOMS, "ListConfiguredTableAssociations")
def list_configured_table_associations(request: Request, context: Context) -> Response:
    """The associations of the caller's membership, newest first. Other members' tables: ListSchemas."""
    membership = own_membership(context, request["membershipIdentifier"])
    scope = f"ListConfiguredTableAssociations {membership.id}"
    page = context.tx.configured_table_associations.page(
        page_size(request), page_start(request, scope), membership_id=membership.id
    )
    return {
        "configuredTableAssociationSummaries": [_head(context, membership, item) for item in page.items],
        "nextToken": next_token(page, scope),
    }


@operation(CLEANROOMS, "UpdateConfiguredTableAssociation")
def update_configured_table_association(request: Request, context: Context) -> Response:
    """Change description or role."""
    membership = active_membership(context, request["membershipIdentifier"])
    association = association_in(context, membership, request["configuredTableAssociationIdentifier"])
    if "roleArn" in request:
        require_own_role(context, request["roleArn"])
    wire_names = {"description": "description", "roleArn": "role_arn"}
    changes = {field: request[name] for name, field in wire_names.items() if name in request}
    association = context.tx.configured_table_associations.update(association, **changes, updated_at=context.now)
    return {"configuredTableAssociation": _document(context, membership, association)}


@operation(CLEANROOMS, "DeleteConfiguredTableAssociation")
def delete_configured_table_association(request: Request, context: Context) -> Response:
    """Take the table out of the collaboration for good, with its collaboration rule and its access budget."""
    membership = active_membership(context, request["membershipIdentifier"])
    association = association_in(context, membership, request["configuredTableAssociationIdentifier"])
    rule = context.tx.configured_table_association_analysis_rules.get(association.id)
    if rule is not None:
        context.tx.configured_table_association_analysis_rules.remove(rule)
    forget_budget(context, association.id)
    context.tx.configured_table_associations.remove(association)
    context.tx.tags.put(association.arn, {})
    return {}


def _new_association(
    request: Request, context: Context, membership: Membership, table: ConfiguredTable
) -> ConfiguredTableAssociation:
    association_id = context.deployment.new_id()
    caller = context.caller
    return ConfiguredTableAssociation(
        id=association_id,
        arn=cleanrooms_arn(
            membership.region, caller.account_id, f"configuredtableassociation/{membership.id}/{association_id}"
        ),
        membership_id=membership.id,
        collaboration_id=membership.collaboration_id,
        account_id=caller.account_id,
        configured_table_id=table.id,
        configured_table_arn=table.arn,
        name=request["name"],
        name_folded=request["name"].lower(),
        description=request.get("description"),
        role_arn=request["roleArn"],
        created_at=context.now,
        updated_at=context.now,
    )


def _document(context: Context, membership: Membership, association: ConfiguredTableAssociation) -> dict[str, Any]:
    return {
        **_head(context, membership, association),
        "configuredTableArn": association.configured_table_arn,
        "roleArn": association.role_arn,
        "description": association.description,
    }


def _head(context: Context, membership: Membership, association: ConfiguredTableAssociation) -> dict[str, Any]:
    """What the association and its summary have in common."""
    rule = context.tx.configured_table_association_analysis_rules.get(association.id)
    return {
        "id": association.id,
        "arn": association.arn,
        "configuredTableId": association.configured_table_id,
        "membershipId": membership.id,
        "membershipArn": membership.arn,
        "name": association.name,
        "analysisRuleTypes": [rule.type] if rule is not None else [],
        "createTime": association.created_at,
        "updateTime": association.updated_at,
    }
