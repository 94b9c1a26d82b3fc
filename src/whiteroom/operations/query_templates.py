"""The analysis template that a query or a channel names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.base.faults import ResourceNotFound, ValidationFault
from whiteroom.domain.resources.analysis_templates import AnalysisTemplate
from whiteroom.domain.resources.channel_queries import template_can_fill
from whiteroom.operations.access import permit
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import resource_id


def template_of(context: Context, sql_parameters: Mapping[str, Any], collaboration_id: str) -> AnalysisTemplate | None:
    """The template that ProtectedQuerySQLParameters name, with parameters that fit it; None where they hold a text.

    Raises:
        ResourceNotFound: the collaboration has no such template.
        ValidationFault: the parameters do not fit it.
    """
    arn = sql_parameters.get("analysisTemplateArn")
    if not arn:
        return None
    template = context.tx.analysis_templates.get(resource_id(arn))
    if template is None or template.arn != arn or template.collaboration_id != collaboration_id:
        raise ResourceNotFound(
            f"There is no analysis template {arn} in collaboration {collaboration_id}. "
            "Use an ARN that ListCollaborationAnalysisTemplates answers.",
            resourceId=arn,
            resourceType="ANALYSIS_TEMPLATE",
        )
    permit(template_can_fill(template, sql_parameters.get("parameters") or {}), ValidationFault)
    return template
