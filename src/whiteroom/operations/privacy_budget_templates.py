"""Privacy budget templates: how often a table may be used. Rules: domain/privacy_budgets.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.base.arns import cleanrooms_arn
from whiteroom.base.faults import Conflict, ResourceNotFound, ValidationFault
from whiteroom.domain.collaborations import Collaboration
from whiteroom.domain.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.memberships import Membership
from whiteroom.domain.privacy_budgets import (
    ACCESS_BUDGET,
    NO_REFRESH,
    PrivacyBudgetTemplate,
    access_budgets_alone,
    fresh_counts,
    parameters_are_sound,
)
from whiteroom.operations.access import (
    active_membership,
    checked_tags,
    collaboration_of,
    joined_collaboration,
    own_membership,
    permit,
)
from whiteroom.operations.access_budgets import resource_arn_of
from whiteroom.operations.ml_access import resource_id
from whiteroom.operations.paging import next_token, page_size, page_start
from whiteroom.operations.registry import CLEANROOMS, Context, Request, Response, operation
from whiteroom.ports import Duplicate

_KIND = "PRIVACY_BUDGET_TEMPLATE"


@operation(CLEANROOMS, "CreatePrivacyBudgetTemplate")
def create_privacy_budget_template(request: Request, context: Context) -> Response:
    """Limit how often one of the membership's own tables may be used, from now on."""
    tags = checked_tags(request.get("tags"))
    membership = active_membership(context, request["membershipIdentifier"])
    parameters = _access_budget(request)
    if request.get("autoRefresh", NO_REFRESH) != NO_REFRESH:
        raise ValidationFault(
            f"autoRefresh {request['autoRefresh']} is for templates of type DIFFERENTIAL_PRIVACY. An access budget has "
            "autoRefresh in each of its budgetParameters.",
            reason="INVALID_CONFIGURATION",
        )
    association = _own_association(context, membership, parameters["resourceArn"])
    template = _new_template(context, membership, association, parameters["budgetParameters"])
    try:
        context.tx.privacy_budget_templates.add(template)
    except Duplicate:
        raise Conflict(
            f"The table '{association.name}' has an access budget already. Change it by UpdatePrivacyBudgetTemplate.",
            resourceId=association.id,
            resourceType=_KIND,
            reason="ALREADY_EXISTS",
        ) from None
    context.tx.tags.put(template.arn, tags)
    return {"privacyBudgetTemplate": _document(context, template)}


@operation(CLEANROOMS, "GetPrivacyBudgetTemplate")
def get_privacy_budget_template(request: Request, context: Context) -> Response:
    """A template of the caller's membership."""
    membership = own_membership(context, request["membershipIdentifier"])
    template = _own(context, membership, request["privacyBudgetTemplateIdentifier"])
    return {"privacyBudgetTemplate": _document(context, template)}


@operation(CLEANROOMS, "ListPrivacyBudgetTemplates")
def list_privacy_budget_templates(request: Request, context: Context) -> Response:
    """The templates of the caller's membership, newest first."""
    membership = own_membership(context, request["membershipIdentifier"])
    scope = f"ListPrivacyBudgetTemplates {membership.id}"
    repository = context.tx.privacy_budget_templates
    page = repository.page(page_size(request), page_start(request, scope), membership_id=membership.id)
    collaboration = collaboration_of(context, membership)
    return {
        "privacyBudgetTemplateSummaries": [
            {**_head(collaboration, item), **_of_membership(item)} for item in page.items
        ],
        "nextToken": next_token(page, scope),
    }


@operation(CLEANROOMS, "UpdatePrivacyBudgetTemplate")
def update_privacy_budget_template(request: Request, context: Context) -> Response:
    """Replace the budget. "When you edit a data access budget, it resets the current budget balance" (UG)."""
    membership = active_membership(context, request["membershipIdentifier"])
    template = _own(context, membership, request["privacyBudgetTemplateIdentifier"])
    changes: dict[str, Any] = {"updated_at": context.now}
    if "parameters" in request:
        given = tuple(_access_budget(request)["budgetParameters"])
        changes |= {"budget_parameters": given, **fresh_counts(given, context.now)}
    else:
        permit(access_budgets_alone(request["privacyBudgetType"]), ValidationFault, reason="INVALID_CONFIGURATION")
    template = context.tx.privacy_budget_templates.update(template, **changes)
    return {"privacyBudgetTemplate": _document(context, template)}


@operation(CLEANROOMS, "DeletePrivacyBudgetTemplate")
def delete_privacy_budget_template(request: Request, context: Context) -> Response:
    """Take the limit away: "by default, table usage is unlimited" (AccessBudget)."""
    membership = active_membership(context, request["membershipIdentifier"])
    template = _own(context, membership, request["privacyBudgetTemplateIdentifier"])
    context.tx.privacy_budget_templates.remove(template)
    context.tx.tags.put(template.arn, {})
    return {}


@operation(CLEANROOMS, "GetCollaborationPrivacyBudgetTemplate")
def get_collaboration_privacy_budget_template(request: Request, context: Context) -> Response:
    """Any member's template."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    template_id = request["privacyBudgetTemplateIdentifier"]
    template = context.tx.privacy_budget_templates.get(template_id)
    if template is None or template.collaboration_id != collaboration.id:
        raise ResourceNotFound(
            f"This collaboration has no privacy budget template {template_id}. "
            "Use an identifier that ListCollaborationPrivacyBudgetTemplates answers.",
            resourceId=template_id,
            resourceType=_KIND,
        )
    content = {**_head(collaboration, template), **_settings(template), "creatorAccountId": template.account_id}
    return {"collaborationPrivacyBudgetTemplate": content}


@operation(CLEANROOMS, "ListCollaborationPrivacyBudgetTemplates")
def list_collaboration_privacy_budget_templates(request: Request, context: Context) -> Response:
    """Every member's templates, newest first."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    scope = f"ListCollaborationPrivacyBudgetTemplates {collaboration.id}"
    repository = context.tx.privacy_budget_templates
    page = repository.page(page_size(request), page_start(request, scope), collaboration_id=collaboration.id)
    return {
        "collaborationPrivacyBudgetTemplateSummaries": [
            {**_head(collaboration, item), "creatorAccountId": item.account_id} for item in page.items
        ],
        "nextToken": next_token(page, scope),
    }


def _access_budget(request: Request) -> Mapping[str, Any]:
    """The access budget in a request's parameters."""
    permit(access_budgets_alone(request["privacyBudgetType"]), ValidationFault, reason="INVALID_CONFIGURATION")
    budget: Mapping[str, Any] | None = request["parameters"].get("accessBudget")
    if budget is None:
        raise ValidationFault(
            f"A template of type {ACCESS_BUDGET} takes parameters.accessBudget.", reason="INVALID_CONFIGURATION"
        )
    permit(parameters_are_sound(budget["budgetParameters"]), ValidationFault, reason="INVALID_CONFIGURATION")
    return budget


def _own_association(context: Context, membership: Membership, arn: str) -> ConfiguredTableAssociation:
    association = context.tx.configured_table_associations.get(resource_id(arn))
    if association is None or association.membership_id != membership.id or resource_arn_of(association) != arn:
        raise ResourceNotFound(
            f"Membership {membership.id} has no table {arn}. Use the resourceArn that GetSchema answers, of a table "
            "of your own.",
            resourceId=arn,
            resourceType="CONFIGURED_TABLE_ASSOCIATION",
        )
    return association


def _own(context: Context, membership: Membership, template_id: str) -> PrivacyBudgetTemplate:
    template = context.tx.privacy_budget_templates.get(template_id)
    if template is None or template.membership_id != membership.id:
        raise ResourceNotFound(
            f"Membership {membership.id} has no privacy budget template {template_id}. "
            "Use the identifier that ListPrivacyBudgetTemplates answers.",
            resourceId=template_id,
            resourceType=_KIND,
        )
    return template


def _new_template(
    context: Context,
    membership: Membership,
    association: ConfiguredTableAssociation,
    parameters: list[Mapping[str, Any]],
) -> PrivacyBudgetTemplate:
    template_id = context.new_id()
    caller = context.caller
    return PrivacyBudgetTemplate(
        id=template_id,
        # The model's pattern has no membership in it (PrivacyBudgetTemplateArn).
        arn=cleanrooms_arn(caller.region, caller.account_id, f"privacybudgettemplate/{template_id}"),
        membership_id=membership.id,
        membership_arn=membership.arn,
        collaboration_id=membership.collaboration_id,
        account_id=membership.account_id,
        resource_id=association.id,
        resource_arn=resource_arn_of(association),
        budget_parameters=tuple(parameters),
        **fresh_counts(parameters, context.now),
        created_at=context.now,
        updated_at=context.now,
    )


def _document(context: Context, template: PrivacyBudgetTemplate) -> dict[str, Any]:
    membership = context.tx.memberships.get(template.membership_id)
    assert membership is not None  # noqa: S101 - a membership's record is never removed
    return {**_head(collaboration_of(context, membership), template), **_of_membership(template), **_settings(template)}


def _settings(template: PrivacyBudgetTemplate) -> dict[str, Any]:
    budget = {"budgetParameters": template.budget_parameters, "resourceArn": template.resource_arn}
    return {"autoRefresh": NO_REFRESH, "parameters": {"accessBudget": budget}}


def _of_membership(template: PrivacyBudgetTemplate) -> dict[str, Any]:
    return {"membershipId": template.membership_id, "membershipArn": template.membership_arn}


def _head(collaboration: Collaboration, template: PrivacyBudgetTemplate) -> dict[str, Any]:
    return {
        "id": template.id,
        "arn": template.arn,
        "collaborationId": collaboration.id,
        "collaborationArn": collaboration.arn,
        "privacyBudgetType": ACCESS_BUDGET,
        "createTime": template.created_at,
        "updateTime": template.updated_at,
    }
