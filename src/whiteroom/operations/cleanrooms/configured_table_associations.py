"""Configured table associations: a table under a name in one collaboration."""

from __future__ import annotations

from typing import Any

from whiteroom.base.arns import cleanrooms_arn
from whiteroom.base.faults import Conflict
from whiteroom.domain.resources.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.resources.configured_tables import ConfiguredTable
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.quotas import Quota
from whiteroom.operations.access import (
    active_membership,
    checked_tags,
    require_own_role,
    within_quota,
)
from whiteroom.operations.access_budgets import forget_budget
from whiteroom.operations.cleanrooms.configured_tables import CONFIGURED_TABLES
from whiteroom.operations.context import Context
from whiteroom.operations.plain_resources import (
    IN_MEMBERSHIP,
    Place,
    PlainResource,
    by_id,
    in_membership,
    none_of,
    renamed,
)
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation

_KIND = "CONFIGURED_TABLE_ASSOCIATION"


ASSOCIATIONS = PlainResource(
    service=CLEANROOMS,
    module=__name__,
    records=lambda tx: tx.configured_table_associations,
    where=IN_MEMBERSHIP,
    named_by="configuredTableAssociationIdentifier",
    find=by_id,
    missing=none_of(
        "configured table association", _KIND, "Use the identifier that ListConfiguredTableAssociations answers."
    ),
)


@operation(CLEANROOMS, "CreateConfiguredTableAssociation")
def create_configured_table_association(request: Request, context: Context) -> Response:
    """Bring a table into a collaboration. Nobody can query it before both of its rules are set."""
    tags = checked_tags(request.get("tags"))
    membership = active_membership(context, request["membershipIdentifier"])
    table = CONFIGURED_TABLES.mine(request, context)
    require_own_role(context, request["roleArn"])
    within_quota(
        context,
        Quota.ASSOCIATIONS_PER_MEMBERSHIP,
        context.tx.configured_table_associations,
        membership_id=membership.id,
    )
    association = _new_association(request, context, membership, table)
    taken = Conflict(
        f"A table named '{association.name}' is in this collaboration already; upper and lower case are the same "
        "to SQL. Choose another name.",
        resourceType=_KIND,
        reason="ALREADY_EXISTS",
    )
    ASSOCIATIONS.add(context, association, tags, taken)
    return {"configuredTableAssociation": _document(context, in_membership(context, membership), association)}


def _changes(request: Request, context: Context, _: ConfiguredTableAssociation) -> dict[str, object]:
    if "roleArn" in request:
        require_own_role(context, request["roleArn"])
    return _RENAMED(request)


_RENAMED = renamed({"description": "description", "roleArn": "role_arn"})


def forget_rule_and_budget(context: Context, association: ConfiguredTableAssociation) -> None:
    """Remove what goes with a table that is taken out of the collaboration."""
    rule = context.tx.configured_table_association_analysis_rules.get(association.id)
    if rule is not None:
        context.tx.configured_table_association_analysis_rules.remove(rule)
    forget_budget(context, association.id)


def _new_association(
    request: Request, context: Context, membership: Membership, table: ConfiguredTable
) -> ConfiguredTableAssociation:
    association_id = context.new_id()
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


def _document(context: Context, place: Place, association: ConfiguredTableAssociation) -> dict[str, Any]:
    return {
        **_head(context, place, association),
        "configuredTableArn": association.configured_table_arn,
        "roleArn": association.role_arn,
        "description": association.description,
    }


def _head(context: Context, place: Place, association: ConfiguredTableAssociation) -> dict[str, Any]:
    """What the association and its summary have in common."""
    rule = context.tx.configured_table_association_analysis_rules.get(association.id)
    return {
        "id": association.id,
        "arn": association.arn,
        "configuredTableId": association.configured_table_id,
        **place.membership_names,
        "name": association.name,
        "analysisRuleTypes": [rule.type] if rule is not None else [],
        "createTime": association.created_at,
        "updateTime": association.updated_at,
    }


_KEY = "configuredTableAssociation"
ASSOCIATIONS.get("GetConfiguredTableAssociation", "An association of the caller's membership.", _document, key=_KEY)
ASSOCIATIONS.list(
    "ListConfiguredTableAssociations",
    "The associations of the caller's membership, newest first. Other members' tables: ListSchemas.",
    _head,
    key="configuredTableAssociationSummaries",
)
ASSOCIATIONS.update(
    "UpdateConfiguredTableAssociation", "Change description or role.", _document, key=_KEY, changes=_changes
)
ASSOCIATIONS.delete(
    "DeleteConfiguredTableAssociation",
    "The table leaves the collaboration for good; its collaboration rule and its access budget go with it.",
    first=forget_rule_and_budget,
)
