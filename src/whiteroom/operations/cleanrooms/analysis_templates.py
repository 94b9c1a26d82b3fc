"""Analysis templates: SQL that owners read and approve before it runs.

Rules: domain/resources/analysis_templates.py.
"""

from __future__ import annotations

from typing import Any

from whiteroom.base.arns import cleanrooms_arn
from whiteroom.base.faults import Conflict, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.synthetic_data import parameters_fit
from whiteroom.domain.resources.analysis_templates import AnalysisTemplate, errors_fit, tables_named, template_fits
from whiteroom.domain.resources.collaborations import Collaboration
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.quotas import Quota
from whiteroom.operations.access import (
    active_membership,
    checked_tags,
    collaboration_of,
    joined_collaboration,
    own_membership,
    permit,
    within_quota,
)
from whiteroom.operations.context import Context
from whiteroom.operations.paging import next_token, page_size, page_start
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation
from whiteroom.ports import Duplicate

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
    try:
        context.tx.analysis_templates.add(template)
    except Duplicate:
        raise Conflict(
            f"This membership has an analysis template named '{template.name}' already. Choose another name.",
            reason="ALREADY_EXISTS",
        ) from None
    context.tx.tags.put(template.arn, tags)
    return {"analysisTemplate": _document(context, membership, template)}


@operation(CLEANROOMS, "GetAnalysisTemplate")
def get_analysis_template(request: Request, context: Context) -> Response:
    """A template of the caller's membership."""
    membership = own_membership(context, request["membershipIdentifier"])
    template = _template(context, membership, request["analysisTemplateIdentifier"])
    return {"analysisTemplate": _document(context, membership, template)}


@operation(CLEANROOMS, "ListAnalysisTemplates")
def list_analysis_templates(request: Request, context: Context) -> Response:
    """The templates of the caller's membership, newest first."""
    membership = own_membership(context, request["membershipIdentifier"])
    scope = f"ListAnalysisTemplates {membership.id}"
    page = context.tx.analysis_templates.page(
        page_size(request), page_start(request, scope), membership_id=membership.id
    )
    collaboration = collaboration_of(context, membership)
    return {
        "analysisTemplateSummaries": [
            {
                **_summary(collaboration, template),
                "membershipId": membership.id,
                "membershipArn": membership.arn,
            }
            for template in page.items
        ],
        "nextToken": next_token(page, scope),
    }


@operation(CLEANROOMS, "UpdateAnalysisTemplate")
def update_analysis_template(request: Request, context: Context) -> Response:
    """Change the description: owners approved the text by its ARN, so the text never changes."""
    membership = active_membership(context, request["membershipIdentifier"])
    template = _template(context, membership, request["analysisTemplateIdentifier"])
    changes = {"description": request["description"]} if "description" in request else {}
    template = context.tx.analysis_templates.update(template, **changes, updated_at=context.now)
    return {"analysisTemplate": _document(context, membership, template)}


@operation(CLEANROOMS, "DeleteAnalysisTemplate")
def delete_analysis_template(request: Request, context: Context) -> Response:
    """Delete a template; a rule that allows its ARN allows nothing by it any more."""
    membership = active_membership(context, request["membershipIdentifier"])
    template = _template(context, membership, request["analysisTemplateIdentifier"])
    context.tx.analysis_templates.remove(template)
    context.tx.tags.put(template.arn, {})
    return {}


@operation(CLEANROOMS, "GetCollaborationAnalysisTemplate")
def get_collaboration_analysis_template(request: Request, context: Context) -> Response:
    """Any member's template, with its text: owners read before they allow."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    arn = request["analysisTemplateArn"]
    template = _shared_template(context, collaboration, arn)
    if template is None:
        raise ResourceNotFound(
            f"This collaboration has no analysis template {arn}. "
            "Use an ARN that ListCollaborationAnalysisTemplates answers.",
            resourceId=arn,
            resourceType=_KIND,
        )
    return {"collaborationAnalysisTemplate": _shared_document(collaboration, template)}


@operation(CLEANROOMS, "ListCollaborationAnalysisTemplates")
def list_collaboration_analysis_templates(request: Request, context: Context) -> Response:
    """Every member's templates, newest first."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    scope = f"ListCollaborationAnalysisTemplates {collaboration.id}"
    page = context.tx.analysis_templates.page(
        page_size(request), page_start(request, scope), collaboration_id=collaboration.id
    )
    return {
        "collaborationAnalysisTemplateSummaries": [
            {**_summary(collaboration, template), "creatorAccountId": template.account_id} for template in page.items
        ],
        "nextToken": next_token(page, scope),
    }


@operation(CLEANROOMS, "BatchGetCollaborationAnalysisTemplate")
def batch_get_collaboration_analysis_template(request: Request, context: Context) -> Response:
    """Several members' templates at once; what is not there is an entry in `errors`."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    found: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for arn in dict.fromkeys(request["analysisTemplateArns"]):
        template = _shared_template(context, collaboration, arn)
        if template is not None:
            found.append(_shared_document(collaboration, template))
        else:
            message = "This collaboration has no analysis template with that ARN."
            errors.append({"arn": arn, "code": ResourceNotFound.code, "message": message})
    return {"collaborationAnalysisTemplates": found, "errors": errors}


def _template(context: Context, membership: Membership, template_id: str) -> AnalysisTemplate:
    template = context.tx.analysis_templates.get(template_id)
    if template is None or template.membership_id != membership.id:
        raise ResourceNotFound(
            f"Membership {membership.id} has no analysis template {template_id}. "
            "Use the identifier that ListAnalysisTemplates answers.",
            resourceId=template_id,
            resourceType=_KIND,
        )
    return template


def _shared_template(context: Context, collaboration: Collaboration, arn: str) -> AnalysisTemplate | None:
    template = context.tx.analysis_templates.find(arn=arn)
    return template if template is not None and template.collaboration_id == collaboration.id else None


def _new_template(request: Request, context: Context, membership: Membership) -> AnalysisTemplate:
    template_id = context.deployment.new_id()
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


def _document(context: Context, membership: Membership, template: AnalysisTemplate) -> dict[str, Any]:
    return {
        **_content(collaboration_of(context, membership), template),
        "membershipId": membership.id,
        "membershipArn": membership.arn,
    }


def _shared_document(collaboration: Collaboration, template: AnalysisTemplate) -> dict[str, Any]:
    return {**_content(collaboration, template), "creatorAccountId": template.account_id}


def _content(collaboration: Collaboration, template: AnalysisTemplate) -> dict[str, Any]:
    """What a template is to its author and to the others alike."""
    return {
        **_head(collaboration, template),
        "schema": template.schema,
        "format": template.format,
        "source": template.source,
        "analysisParameters": template.analysis_parameters or None,
        "errorMessageConfiguration": template.error_message_configuration,
        "syntheticDataParameters": template.synthetic_data_parameters,
    }


def _summary(collaboration: Collaboration, template: AnalysisTemplate) -> dict[str, Any]:
    return {**_head(collaboration, template), "isSyntheticData": template.synthetic_data_parameters is not None}


def _head(collaboration: Collaboration, template: AnalysisTemplate) -> dict[str, Any]:
    return {
        "id": template.id,
        "arn": template.arn,
        "collaborationId": collaboration.id,
        "collaborationArn": collaboration.arn,
        "name": template.name,
        "description": template.description,
        "createTime": template.created_at,
        "updateTime": template.updated_at,
    }
