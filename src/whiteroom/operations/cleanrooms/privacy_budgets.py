"""Privacy budgets: what is left of each, and what parameters would grant.

Rules: domain/privacy/privacy_budgets.py, domain/privacy/differential_privacy.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from whiteroom.domain.privacy.differential_privacy import DIFFERENTIAL_PRIVACY, aggregations, preview
from whiteroom.domain.privacy.privacy_budgets import PrivacyBudgetTemplate
from whiteroom.operations.access import active_membership
from whiteroom.operations.access_budgets import access_budget
from whiteroom.operations.cleanrooms.privacy_budget_templates import (
    BUDGET_TEMPLATES,
    BUDGET_TEMPLATES_OF_ALL_MEMBERS,
)
from whiteroom.operations.context import Context
from whiteroom.operations.plain_resources import Place, renamed
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation


@operation(CLEANROOMS, "PreviewPrivacyImpact")
def preview_privacy_impact(request: Request, context: Context) -> Response:
    """How many aggregates a budget of differential privacy would pay for. Changes nothing."""
    active_membership(context, request["membershipIdentifier"])
    given = request["parameters"]["differentialPrivacy"]
    found = preview(given["epsilon"], given["usersNoisePerQuery"])
    return {"privacyImpact": {"differentialPrivacy": {"aggregations": found}}}


def _wanted(request: Request) -> dict[str, object]:
    return {"type": request["privacyBudgetType"], **_OF_A_TABLE(request)}


_OF_A_TABLE = renamed({"accessBudgetResourceArn": "resource_arn"})


def _summary(context: Context, place: Place, template: PrivacyBudgetTemplate) -> dict[str, Any]:
    return {
        "id": template.id,  # a template has one budget, which AWS tells apart and we do not
        "privacyBudgetTemplateId": template.id,
        "privacyBudgetTemplateArn": template.arn,
        **place.collaboration_names,
        **place.maker(template),
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


# A template has one budget, so budgets are listed as templates are.
_BUDGETS = replace(BUDGET_TEMPLATES, module=__name__)
_BUDGETS.list(
    "ListPrivacyBudgets",
    "The budgets of the caller's own membership, newest first; of one table where the request names it.",
    _summary,
    key="privacyBudgetSummaries",
    wanted=_wanted,
)

_OF_ALL_MEMBERS = replace(BUDGET_TEMPLATES_OF_ALL_MEMBERS, module=__name__)
_OF_ALL_MEMBERS.list(
    "ListCollaborationPrivacyBudgets",
    "The budgets of every member: who queries sees what is left.",
    _summary,
    key="collaborationPrivacyBudgetSummaries",
    wanted=_wanted,
)
