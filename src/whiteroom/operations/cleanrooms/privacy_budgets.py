"""Privacy budgets: what is left of each, and what parameters would grant.

Rules: domain/privacy/privacy_budgets.py, domain/privacy/differential_privacy.py.
"""

from __future__ import annotations

from typing import Any

from whiteroom.domain.privacy.differential_privacy import DIFFERENTIAL_PRIVACY, aggregations, preview
from whiteroom.domain.privacy.privacy_budgets import PrivacyBudgetTemplate
from whiteroom.domain.resources.collaborations import Collaboration
from whiteroom.operations.access import active_membership, collaboration_of, joined_collaboration, own_membership
from whiteroom.operations.access_budgets import access_budget
from whiteroom.operations.context import Context
from whiteroom.operations.paging import next_token, page_size, page_start
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation
from whiteroom.ports import Page


@operation(CLEANROOMS, "ListPrivacyBudgets")
def list_privacy_budgets(request: Request, context: Context) -> Response:
    """The budgets of the caller's own membership, newest first; of one table where the request names it."""
    membership = own_membership(context, request["membershipIdentifier"])
    page, token = _page(request, context, "ListPrivacyBudgets", membership_id=membership.id)
    collaboration = collaboration_of(context, membership)
    return {
        "privacyBudgetSummaries": [
            {
                **_summary(context, collaboration, template),
                "membershipId": template.membership_id,
                "membershipArn": template.membership_arn,
            }
            for template in page.items
        ],
        "nextToken": token,
    }


@operation(CLEANROOMS, "ListCollaborationPrivacyBudgets")
def list_collaboration_privacy_budgets(request: Request, context: Context) -> Response:
    """The budgets of every member: who queries sees what is left."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    page, token = _page(request, context, "ListCollaborationPrivacyBudgets", collaboration_id=collaboration.id)
    return {
        "collaborationPrivacyBudgetSummaries": [
            {**_summary(context, collaboration, template), "creatorAccountId": template.account_id}
            for template in page.items
        ],
        "nextToken": token,
    }


@operation(CLEANROOMS, "PreviewPrivacyImpact")
def preview_privacy_impact(request: Request, context: Context) -> Response:
    """How many aggregates a budget of differential privacy would pay for. Changes nothing."""
    active_membership(context, request["membershipIdentifier"])
    given = request["parameters"]["differentialPrivacy"]
    found = preview(given["epsilon"], given["usersNoisePerQuery"])
    return {"privacyImpact": {"differentialPrivacy": {"aggregations": found}}}


def _page(
    request: Request, context: Context, name: str, **equals: object
) -> tuple[Page[PrivacyBudgetTemplate], str | None]:
    kind, resource_arn = request["privacyBudgetType"], request.get("accessBudgetResourceArn")
    scope = f"{name} {sorted(equals.values(), key=str)} {kind} {resource_arn}"
    after = page_start(request, scope)
    if resource_arn is not None:
        equals["resource_arn"] = resource_arn
    page = context.tx.privacy_budget_templates.page(page_size(request), after, type=kind, **equals)
    return page, next_token(page, scope)


def _summary(context: Context, collaboration: Collaboration, template: PrivacyBudgetTemplate) -> dict[str, Any]:
    return {
        "id": template.id,  # a template has one budget, which AWS tells apart and we do not
        "privacyBudgetTemplateId": template.id,
        "privacyBudgetTemplateArn": template.arn,
        "collaborationId": collaboration.id,
        "collaborationArn": collaboration.arn,
        "type": template.type,
        "createTime": template.created_at,
        "updateTime": template.updated_at,
        "budget": _budget(context, template),
    }


def _budget(context: Context, template: PrivacyBudgetTemplate) -> dict[str, Any]:
    if template.type == DIFFERENTIAL_PRIVACY:
        counted = {"epsilon": template.epsilon, "aggregations": aggregations(template, context.now)}
        return {"differentialPrivacy": counted}
    return {"accessBudget": access_budget(template, context)}
