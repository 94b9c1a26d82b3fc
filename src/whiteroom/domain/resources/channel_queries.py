"""What a channel's query may be, before it is parsed: a text, or an approved template with its parameters.

The SQL itself is hostile and is parsed in the engine's own process only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.domain.resources.analysis_templates import AnalysisTemplate
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


def names_one_query(sql_parameters: Mapping[str, Any]) -> Verdict:
    """Whether ProtectedQuerySQLParameters give either a text or a template."""
    text, template = bool(sql_parameters.get("queryString")), bool(sql_parameters.get("analysisTemplateArn"))
    if text == template:
        return Denied("sqlParameters must have either a queryString or an analysisTemplateArn, and not both.")
    if text and sql_parameters.get("parameters"):
        return Denied("sqlParameters.parameters fill an analysis template; a queryString takes none.")
    return ALLOWED


def template_can_fill(template: AnalysisTemplate, parameters: Mapping[str, str]) -> Verdict:
    """Whether this release runs a template with these parameters."""
    if template.format != "SQL":
        return Denied(f"The analysis template {template.name} is {template.format}; a channel takes SQL.")
    declared = {parameter["name"]: parameter for parameter in template.analysis_parameters}
    unknown = sorted(parameters.keys() - declared.keys())
    if unknown:
        return Denied(f"The analysis template {template.name} has no parameter {', '.join(unknown)}. Leave it out.")
    missing = [
        name for name, parameter in declared.items() if name not in parameters and parameter.get("defaultValue") is None
    ]
    if missing:
        return Denied(f"The analysis template {template.name} needs a value for {', '.join(missing)} in parameters.")
    return ALLOWED


def template_gives(template: AnalysisTemplate, *, synthetic: bool) -> Verdict:
    """Whether a template's rows may be used as they are to be: as they come, or to make synthetic ones of.

    Source: "Analysis templates with synthetic outputs can only be used to create ML input channels" (user guide,
    synthetic-data-generation).
    """
    if (template.synthetic_data_parameters is not None) == synthetic:
        return ALLOWED
    if synthetic:
        return Denied(f"The analysis template {template.name} has no syntheticDataParameters. Create the channel anew.")
    return Denied(
        f"The analysis template {template.name} has syntheticDataParameters, so its output is synthetic and can only "
        "fill an ML input channel. Use CreateMLInputChannel, or a template without them."
    )
