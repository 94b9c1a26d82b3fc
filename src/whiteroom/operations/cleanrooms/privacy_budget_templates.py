"""Privacy budget templates: how often a table may be used, and how much may be learned about its users.

Rules: domain/privacy/privacy_budgets.py, domain/privacy/differential_privacy.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from whiteroom.base.arns import cleanrooms_arn
from whiteroom.base.faults import Conflict, ResourceNotFound, ValidationFault
from whiteroom.domain.privacy.differential_privacy import DIFFERENTIAL_PRIVACY, fresh_budget
from whiteroom.domain.privacy.privacy_budgets import (
    NO_REFRESH,
    PrivacyBudgetTemplate,
    fresh_counts,
    parameters_are_sound,
)
from whiteroom.domain.resources.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.resources.memberships import Membership
from whiteroom.operations.access import (
    active_membership,
    checked_tags,
    collaboration_of,
    permit,
)
from whiteroom.operations.access_budgets import resource_arn_of
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import resource_id
from whiteroom.operations.plain_resources import (
    IN_COLLABORATION,
    IN_MEMBERSHIP,
    Place,
    PlainResource,
    by_id,
    in_membership,
    none_of,
    renamed,
)
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation

_KIND = "PRIVACY_BUDGET_TEMPLATE"


@operation(CLEANROOMS, "CreatePrivacyBudgetTemplate")
def create_privacy_budget_template(request: Request, context: Context) -> Response:
    """Limit how often an own table of the membership may be used, or how much may be learned about its users."""
    tags = checked_tags(request.get("tags"))
    membership = active_membership(context, request["membershipIdentifier"])
    if request["privacyBudgetType"] == DIFFERENTIAL_PRIVACY:
        template, there_already = _private_template(request, context, membership)
    else:
        template, there_already = _access_template(request, context, membership)
    taken = Conflict(there_already, resourceId=template.resource_id, resourceType=_KIND, reason="ALREADY_EXISTS")
    BUDGET_TEMPLATES.add(context, template, tags, taken)
    return {"privacyBudgetTemplate": _document(context, in_membership(context, membership), template)}


def _access_template(request: Request, context: Context, membership: Membership) -> tuple[PrivacyBudgetTemplate, str]:
    """The template, and what is said where there is one already."""
    parameters = _access_budget(request)
    if request.get("autoRefresh", NO_REFRESH) != NO_REFRESH:
        raise ValidationFault(
            f"autoRefresh {request['autoRefresh']} is for templates of type DIFFERENTIAL_PRIVACY. An access budget has "
            "autoRefresh in each of its budgetParameters.",
            reason="INVALID_CONFIGURATION",
        )
    association = _own_association(context, membership, parameters["resourceArn"])
    template = _new_template(
        context,
        membership,
        resource_id=association.id,
        resource_arn=resource_arn_of(association),
        budget_parameters=tuple(parameters["budgetParameters"]),
        **fresh_counts(parameters["budgetParameters"], context.now),
    )
    return template, (
        f"The table '{association.name}' has an access budget already. Change it by UpdatePrivacyBudgetTemplate."
    )


def _private_template(request: Request, context: Context, membership: Membership) -> tuple[PrivacyBudgetTemplate, str]:
    """The same for a budget of differential privacy: "each collaboration can have only one" (model)."""
    given = _private_budget(request)
    template = _new_template(
        context,
        membership,
        resource_id=membership.collaboration_id,
        resource_arn=collaboration_of(context, membership).arn,
        budget_parameters=(),
        **{**fresh_counts((), context.now), **fresh_budget(context.now)},
        type=DIFFERENTIAL_PRIVACY,
        auto_refresh=request.get("autoRefresh", NO_REFRESH),
        epsilon=given["epsilon"],
        users_noise_per_query=given["usersNoisePerQuery"],
    )
    return template, (
        "This collaboration has a budget of differential privacy already, and can have one only. Whoever created it "
        "changes it by UpdatePrivacyBudgetTemplate (ListCollaborationPrivacyBudgetTemplates says who)."
    )


def _changes(request: Request, context: Context, template: PrivacyBudgetTemplate) -> dict[str, object]:
    if request["privacyBudgetType"] != template.type:
        raise ValidationFault(
            f"The privacy budget template {template.id} is of type {template.type}; its type cannot be changed.",
            reason="INVALID_CONFIGURATION",
        )
    if "parameters" not in request:
        return {}
    if template.type == DIFFERENTIAL_PRIVACY:
        return _GRANTED(_private_budget(request))
    parameters = tuple(_access_budget(request)["budgetParameters"])
    return {"budget_parameters": parameters, **fresh_counts(parameters, context.now)}


_GRANTED = renamed({"epsilon": "epsilon", "usersNoisePerQuery": "users_noise_per_query"})


def _access_budget(request: Request) -> Mapping[str, Any]:
    """The access budget in a request's parameters."""
    budget = _parameters_of(request, "accessBudget")
    permit(parameters_are_sound(budget["budgetParameters"]), ValidationFault, reason="INVALID_CONFIGURATION")
    return budget


def _private_budget(request: Request) -> Mapping[str, Any]:
    """The budget of differential privacy in a request's parameters."""
    return _parameters_of(request, "differentialPrivacy")


def _parameters_of(request: Request, member: str) -> Mapping[str, Any]:
    given: Mapping[str, Any] | None = request["parameters"].get(member)
    if given is None:
        raise ValidationFault(
            f"A template of type {request['privacyBudgetType']} takes parameters.{member}.",
            reason="INVALID_CONFIGURATION",
        )
    return given


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


def _new_template(context: Context, membership: Membership, **fields: Any) -> PrivacyBudgetTemplate:
    template_id = context.new_id()
    return PrivacyBudgetTemplate(
        id=template_id,
        # The model's pattern has no membership in it (PrivacyBudgetTemplateArn).
        arn=cleanrooms_arn(membership.region, membership.account_id, f"privacybudgettemplate/{template_id}"),
        membership_id=membership.id,
        membership_arn=membership.arn,
        collaboration_id=membership.collaboration_id,
        account_id=membership.account_id,
        created_at=context.now,
        updated_at=context.now,
        **fields,
    )


def _document(context: Context, place: Place, template: PrivacyBudgetTemplate) -> dict[str, Any]:
    return {**_summary(context, place, template), **_settings(template)}


def _settings(template: PrivacyBudgetTemplate) -> dict[str, Any]:
    if template.type == DIFFERENTIAL_PRIVACY:
        granted = {"epsilon": template.epsilon, "usersNoisePerQuery": template.users_noise_per_query}
        return {"autoRefresh": template.auto_refresh, "parameters": {"differentialPrivacy": granted}}
    budget = {"budgetParameters": template.budget_parameters, "resourceArn": template.resource_arn}
    return {"autoRefresh": template.auto_refresh, "parameters": {"accessBudget": budget}}


def _summary(_: Context, place: Place, template: PrivacyBudgetTemplate) -> dict[str, Any]:
    return {
        "id": template.id,
        "arn": template.arn,
        **place.collaboration_names,
        **place.maker(template),
        "privacyBudgetType": template.type,
        "createTime": template.created_at,
        "updateTime": template.updated_at,
    }


BUDGET_TEMPLATES = PlainResource(
    service=CLEANROOMS,
    module=__name__,
    records=lambda tx: tx.privacy_budget_templates,
    where=IN_MEMBERSHIP,
    named_by="privacyBudgetTemplateIdentifier",
    find=by_id,
    missing=none_of("privacy budget template", _KIND, "Use the identifier that ListPrivacyBudgetTemplates answers."),
)
_KEY = "privacyBudgetTemplate"
BUDGET_TEMPLATES.get("GetPrivacyBudgetTemplate", "A template of the caller's membership.", _document, key=_KEY)
BUDGET_TEMPLATES.list(
    "ListPrivacyBudgetTemplates",
    "The templates of the caller's membership, newest first.",
    _summary,
    key="privacyBudgetTemplateSummaries",
)
# "When you edit a data access budget, it resets the current budget balance" (docs/sources.md). What was spent of a
# budget of differential privacy stays spent: what was shown cannot be taken back.
BUDGET_TEMPLATES.update("UpdatePrivacyBudgetTemplate", "Replace the budget.", _document, key=_KEY, changes=_changes)
# Without an access budget "table usage is unlimited" (AccessBudget); without one of differential privacy the tables
# that ask for it cannot be queried.
BUDGET_TEMPLATES.delete("DeletePrivacyBudgetTemplate", "Take the budget away.")

BUDGET_TEMPLATES_OF_ALL_MEMBERS = replace(
    BUDGET_TEMPLATES,
    where=IN_COLLABORATION,
    missing=none_of(
        "privacy budget template", _KIND, "Use an identifier that ListCollaborationPrivacyBudgetTemplates answers."
    ),
)
BUDGET_TEMPLATES_OF_ALL_MEMBERS.get(
    "GetCollaborationPrivacyBudgetTemplate",
    "Any member's template.",
    _document,
    key="collaborationPrivacyBudgetTemplate",
)
BUDGET_TEMPLATES_OF_ALL_MEMBERS.list(
    "ListCollaborationPrivacyBudgetTemplates",
    "Every member's templates, newest first.",
    _summary,
    key="collaborationPrivacyBudgetTemplateSummaries",
)
