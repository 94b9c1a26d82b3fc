"""The collaboration analysis rule of an association: who receives, and which algorithms may read."""

from __future__ import annotations

from typing import Any

from whiteroom.base.faults import Conflict, ResourceNotFound, ValidationFault
from whiteroom.domain.resources.collaborations import MemberStatus
from whiteroom.domain.resources.configured_table_associations import (
    ConfiguredTableAssociation,
    ConfiguredTableAssociationAnalysisRule,
    analyses_fit,
    receivers_fit,
    rule_type_fits,
)
from whiteroom.domain.resources.configured_tables import policy_of_type
from whiteroom.domain.verdicts import Denied
from whiteroom.operations.access import permit
from whiteroom.operations.cleanrooms.configured_table_associations import ASSOCIATIONS
from whiteroom.operations.context import Context
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation

_KIND = "CONFIGURED_TABLE_ASSOCIATION"


@operation(CLEANROOMS, "CreateConfiguredTableAssociationAnalysisRule")
def create_configured_table_association_analysis_rule(request: Request, context: Context) -> Response:
    """Set the collaboration rule of an association that has none."""
    association = ASSOCIATIONS.mine_to_change(request, context)
    if context.tx.configured_table_association_analysis_rules.get(association.id) is not None:
        raise Conflict(
            f"The association '{association.name}' has a collaboration analysis rule already. Change it with "
            "UpdateConfiguredTableAssociationAnalysisRule, or delete it first.",
            resourceId=association.id,
            resourceType=_KIND,
            reason="ALREADY_EXISTS",
        )
    _require_fitting(request, context, association)
    rule = ConfiguredTableAssociationAnalysisRule(
        id=association.id,
        type=request["analysisRuleType"],
        policy=request["analysisRulePolicy"],
        created_at=context.now,
        updated_at=context.now,
    )
    context.tx.configured_table_association_analysis_rules.add(rule)
    return {"analysisRule": _document(association, rule)}


@operation(CLEANROOMS, "GetConfiguredTableAssociationAnalysisRule")
def get_configured_table_association_analysis_rule(request: Request, context: Context) -> Response:
    """The rule of that type."""
    association = ASSOCIATIONS.mine(request, context)
    return {"analysisRule": _document(association, _rule(request, context, association))}


@operation(CLEANROOMS, "UpdateConfiguredTableAssociationAnalysisRule")
def update_configured_table_association_analysis_rule(request: Request, context: Context) -> Response:
    """Replace the rule's policy: it holds at once, also for what was made of the table before."""
    association = ASSOCIATIONS.mine_to_change(request, context)
    rule = _rule(request, context, association)
    _require_fitting(request, context, association)
    rule = context.tx.configured_table_association_analysis_rules.update(
        rule, policy=request["analysisRulePolicy"], updated_at=context.now
    )
    return {"analysisRule": _document(association, rule)}


@operation(CLEANROOMS, "DeleteConfiguredTableAssociationAnalysisRule")
def delete_configured_table_association_analysis_rule(request: Request, context: Context) -> Response:
    """Take the rule back: all use of the table in this collaboration, and of what was made of it, ends at once."""
    association = ASSOCIATIONS.mine_to_change(request, context)
    context.tx.configured_table_association_analysis_rules.remove(_rule(request, context, association))
    return {}


def _require_fitting(request: Request, context: Context, association: ConfiguredTableAssociation) -> None:
    rule_type = request["analysisRuleType"]
    table_rule = context.tx.configured_table_analysis_rules.get(association.configured_table_id)
    permit(
        rule_type_fits(rule_type, table_rule.type if table_rule is not None else None),
        ValidationFault,
        reason="INVALID_CONFIGURATION",
    )
    policy = policy_of_type(rule_type, request["analysisRulePolicy"])
    if isinstance(policy, Denied):
        raise ValidationFault(policy.reason, reason="INVALID_CONFIGURATION")
    permit(analyses_fit(policy), ValidationFault, reason="INVALID_CONFIGURATION")
    members = context.tx.members.all(collaboration_id=association.collaboration_id)
    here = {m.account_id for m in members if m.status in (MemberStatus.INVITED, MemberStatus.ACTIVE)}
    permit(receivers_fit(policy, here), ValidationFault, reason="INVALID_CONFIGURATION")


def _rule(
    request: Request, context: Context, association: ConfiguredTableAssociation
) -> ConfiguredTableAssociationAnalysisRule:
    rule = context.tx.configured_table_association_analysis_rules.get(association.id)
    if rule is None or rule.type != request["analysisRuleType"]:
        raise ResourceNotFound(
            f"The association '{association.name}' has no collaboration analysis rule of type "
            f"{request['analysisRuleType']}.",
            resourceId=association.id,
            resourceType=_KIND,
        )
    return rule


def _document(association: ConfiguredTableAssociation, rule: ConfiguredTableAssociationAnalysisRule) -> dict[str, Any]:
    return {
        "membershipIdentifier": association.membership_id,
        "configuredTableAssociationId": association.id,
        "configuredTableAssociationArn": association.arn,
        "policy": rule.policy,
        "type": rule.type,
        "createTime": rule.created_at,
        "updateTime": rule.updated_at,
    }
