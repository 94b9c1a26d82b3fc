"""Analysis templates: SQL that owners read and approve before it runs.

Rules: domain/resources/analysis_templates.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from whiteroom.base.arns import cleanrooms_arn
from whiteroom.base.faults import Conflict, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.synthetic_data import parameters_fit
from whiteroom.domain.resources.analysis_templates import AnalysisTemplate, errors_fit, tables_named, template_fits
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.quotas import Quota
from whiteroom.operations.access import (
    active_membership,
    checked_tags,
    permit,
    within_quota,
)
from whiteroom.operations.context import Context
from whiteroom.operations.plain_resources import (
    IN_COLLABORATION,
    IN_MEMBERSHIP,
    Place,
    PlainResource,
    by_arn,
    by_id,
    in_membership,
    joined,
    none_of,
    renamed,
)
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation

_KIND = "ANALYSIS_TEMPLATE"


@operation(CLEANROOMS, "CreateAnalysisTemplate")
def create_analysis_template(request: Request, context: Context) -> Response:
    """Record a template; any active member may write one. It runs where the tables' owners allow its ARN."""
    tags = checked_tags(request.get("tags"))
    membership = active_membership(context, request["membershipIdentifier"])
    for verdict in (
        template_fits(request["format"], request["source"], request.get("analysisParameters", ())),
        errors_fit(request.get("errorMessageConfiguration")),
        parameters_fit(request.get("syntheticDataParameters")),
    ):
        permit(verdict, ValidationFault, reason="INVALID_CONFIGURATION")
    within_quota(
        context, Quota.ANALYSIS_TEMPLATES_PER_MEMBERSHIP, context.tx.analysis_templates, membership_id=membership.id
    )
    template = _new_template(request, context, membership)
    text = f"This membership has an analysis template named '{template.name}' already. Choose another name."
    ANALYSIS_TEMPLATES.add(context, template, tags, taken=Conflict(text, reason="ALREADY_EXISTS"))
    return {"analysisTemplate": _document(context, in_membership(context, membership), template)}


@operation(CLEANROOMS, "BatchGetCollaborationAnalysisTemplate")
def batch_get_collaboration_analysis_template(request: Request, context: Context) -> Response:
    """Several members' templates at once; what is not there is an entry in `errors`."""
    place = joined(request, context)
    found: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for arn in dict.fromkeys(request["analysisTemplateArns"]):
        template = context.tx.analysis_templates.find(arn=arn)
        if template is not None and place.holds(template):
            found.append(_document(context, place, template))
        else:
            message = "This collaboration has no analysis template with that ARN."
            errors.append({"arn": arn, "code": ResourceNotFound.code, "message": message})
    return {"collaborationAnalysisTemplates": found, "errors": errors}


def _new_template(request: Request, context: Context, membership: Membership) -> AnalysisTemplate:
    template_id = context.new_id()
    caller = context.caller
    return AnalysisTemplate(
        id=template_id,
        arn=cleanrooms_arn(
            membership.region, caller.account_id, f"membership/{membership.id}/analysistemplate/{template_id}"
        ),
        membership_id=membership.id,
        collaboration_id=membership.collaboration_id,
        account_id=caller.account_id,
        name=request["name"],
        description=request.get("description"),
        format=request["format"],
        source={"text": request["source"]["text"]},
        analysis_parameters=tuple(request.get("analysisParameters", ())),
        schema={"referencedTables": _referenced_tables(request, context, membership)},
        error_message_configuration=request.get("errorMessageConfiguration"),
        synthetic_data_parameters=request.get("syntheticDataParameters"),
        created_at=context.now,
        updated_at=context.now,
    )


def _referenced_tables(request: Request, context: Context, membership: Membership) -> list[str]:
    """The tables that the request names, which must be there; else those that its text names."""
    associations = context.tx.configured_table_associations.all(collaboration_id=membership.collaboration_id)
    given = request.get("schema", {}).get("referencedTables")
    if given is None:
        return list(tables_named(request["source"]["text"], [association.name for association in associations]))
    there = {association.name_folded for association in associations}
    unknown = [name for name in given if name.lower() not in there]
    if unknown:
        raise ValidationFault(
            f"schema.referencedTables names '{unknown[0]}', which is not in this collaboration. "
            "ListSchemas answers its tables.",
            reason="INVALID_CONFIGURATION",
        )
    return list(given)


def _document(_: Context, place: Place, template: AnalysisTemplate) -> dict[str, Any]:
    return {
        **_head(place, template),
        "schema": template.schema,
        "format": template.format,
        "source": template.source,
        "analysisParameters": template.analysis_parameters or None,
        "errorMessageConfiguration": template.error_message_configuration,
        "syntheticDataParameters": template.synthetic_data_parameters,
    }


def _summary(_: Context, place: Place, template: AnalysisTemplate) -> dict[str, Any]:
    return {**_head(place, template), "isSyntheticData": template.synthetic_data_parameters is not None}


def _head(place: Place, template: AnalysisTemplate) -> dict[str, Any]:
    return {
        "id": template.id,
        "arn": template.arn,
        **place.collaboration_names,
        **place.maker(template),
        "name": template.name,
        "description": template.description,
        "createTime": template.created_at,
        "updateTime": template.updated_at,
    }


ANALYSIS_TEMPLATES = PlainResource(
    service=CLEANROOMS,
    module=__name__,
    records=lambda tx: tx.analysis_templates,
    where=IN_MEMBERSHIP,
    named_by="analysisTemplateIdentifier",
    find=by_id,
    missing=none_of("analysis template", _KIND, "Use the identifier that ListAnalysisTemplates answers."),
)
_KEY = "analysisTemplate"
_DESCRIPTION = renamed({"description": "description"})
ANALYSIS_TEMPLATES.get("GetAnalysisTemplate", "A template of the caller's membership.", _document, key=_KEY)
ANALYSIS_TEMPLATES.list(
    "ListAnalysisTemplates",
    "The templates of the caller's membership, newest first.",
    _summary,
    key="analysisTemplateSummaries",
)
ANALYSIS_TEMPLATES.update(
    "UpdateAnalysisTemplate",
    "Change the description: owners approved the text by its ARN, so the text never changes.",
    _document,
    key=_KEY,
    changes=lambda request, *_: _DESCRIPTION(request),
)
ANALYSIS_TEMPLATES.delete(
    "DeleteAnalysisTemplate", "Delete a template; a rule that allows its ARN allows nothing by it any more."
)

_OF_ALL_MEMBERS = replace(
    ANALYSIS_TEMPLATES,
    where=IN_COLLABORATION,
    named_by="analysisTemplateArn",
    find=by_arn,
    missing=none_of("analysis template", _KIND, "Use an ARN that ListCollaborationAnalysisTemplates answers."),
)
_OF_ALL_MEMBERS.get(
    "GetCollaborationAnalysisTemplate",
    "Any member's template, with its text: owners read before they allow.",
    _document,
    key="collaborationAnalysisTemplate",
)
_OF_ALL_MEMBERS.list(
    "ListCollaborationAnalysisTemplates",
    "Every member's templates, newest first.",
    _summary,
    key="collaborationAnalysisTemplateSummaries",
)
