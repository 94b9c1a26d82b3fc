"""Schemas: every member's associated tables, as all members of a collaboration see them."""

from __future__ import annotations

from typing import Any

from whiteroom.base.faults import ResourceNotFound
from whiteroom.domain.privacy.query_tables import Column, QueryTable
from whiteroom.domain.privacy.rule_readiness import AnalysisType, Missing
from whiteroom.domain.resources.collaborations import Collaboration
from whiteroom.domain.resources.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.resources.configured_tables import ConfiguredTable
from whiteroom.domain.resources.schemas import consolidated_policy, readiness, visible_columns
from whiteroom.operations.access import joined_collaboration
from whiteroom.operations.access_budgets import resource_arn_of
from whiteroom.operations.context import Context
from whiteroom.operations.paging import next_token, page_size, page_start
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation
from whiteroom.ports.catalog import TableNotFound
from whiteroom.reads.query_tables import referenced, resolved

_TABLE = "TABLE"
_KIND = "CONFIGURED_TABLE_ASSOCIATION"


@operation(CLEANROOMS, "ListSchemas")
def list_schemas(request: Request, context: Context) -> Response:
    """Every member's tables, newest first. Tables of other types do not exist here."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    scope = f"ListSchemas {collaboration.id} {request.get('schemaType')}"
    after = page_start(request, scope)
    if request.get("schemaType", _TABLE) != _TABLE:
        return {"schemaSummaries": []}
    page = context.tx.configured_table_associations.page(page_size(request), after, collaboration_id=collaboration.id)
    return {
        "schemaSummaries": [_head(context, collaboration, association) for association in page.items],
        "nextToken": next_token(page, scope),
    }


@operation(CLEANROOMS, "GetSchema")
def get_schema(request: Request, context: Context) -> Response:
    """One table: its allowed columns, and what is missing before it can be queried."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    return {"schema": _document(context, collaboration, _association(context, collaboration, request["name"]))}


@operation(CLEANROOMS, "BatchGetSchema")
def batch_get_schema(request: Request, context: Context) -> Response:
    """Several tables at once; what is not there is an entry in `errors`."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    found: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for name in dict.fromkeys(request["names"]):
        try:
            found.append(_document(context, collaboration, _association(context, collaboration, name)))
        except ResourceNotFound as fault:
            errors.append({"name": name, "code": fault.code, "message": fault.message})
    return {"schemas": found, "errors": errors}


@operation(CLEANROOMS, "GetSchemaAnalysisRule")
def get_schema_analysis_rule(request: Request, context: Context) -> Response:
    """A table's rule of that type, with its collaboration rule, to every member."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    return {"analysisRule": _rule(context, collaboration, request["name"], request["type"])}


@operation(CLEANROOMS, "BatchGetSchemaAnalysisRule")
def batch_get_schema_analysis_rule(request: Request, context: Context) -> Response:
    """Several tables' rules at once; what is not there is an entry in `errors`."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    found: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for name, rule_type in dict.fromkeys((r["name"], r["type"]) for r in request["schemaAnalysisRuleRequests"]):
        try:
            found.append(_rule(context, collaboration, name, rule_type))
        except ResourceNotFound as fault:
            errors.append({"name": name, "type": rule_type, "code": fault.code, "message": fault.message})
    return {"analysisRules": found, "errors": errors}


def _association(context: Context, collaboration: Collaboration, name: str) -> ConfiguredTableAssociation:
    association = context.tx.configured_table_associations.find(
        collaboration_id=collaboration.id, name_folded=name.lower()
    )
    if association is None:
        raise ResourceNotFound(
            f"This collaboration has no table '{name}'. ListSchemas answers those that are there.",
            resourceId=name,
            resourceType=_KIND,
        )
    return association


def _configured_table(context: Context, association: ConfiguredTableAssociation) -> ConfiguredTable:
    table = context.tx.configured_tables.get(association.configured_table_id)
    assert table is not None  # noqa: S101 - DeleteConfiguredTable refuses while there is an association
    return table


def _query_table(context: Context, association: ConfiguredTableAssociation) -> QueryTable:
    found = referenced(context.tx, association)
    assert found is not None  # noqa: S101 - DeleteConfiguredTable refuses while there is an association
    try:
        return resolved(context.catalog, found)
    except TableNotFound:
        # What the catalog said may name files: it is for the owner alone.
        raise ResourceNotFound(
            f"The files behind the table '{association.name}' cannot be read now. "
            f"Its owner, account {association.account_id}, must look at its catalog.",
            resourceId=association.id,
            resourceType=_KIND,
        ) from None


def _document(
    context: Context, collaboration: Collaboration, association: ConfiguredTableAssociation
) -> dict[str, Any]:
    table = _query_table(context, association)
    return {
        **_head(context, collaboration, association),
        "columns": [_column(column) for column in visible_columns(table)],
        "partitionKeys": [],
        "description": association.description or "",
        "schemaStatusDetails": [_status(table, kind, missing) for kind, missing in readiness(table).items()],
        "schemaTypeProperties": {"configuredTableAssociation": {"configuredTableAssociationId": association.id}},
    }


def _column(column: Column) -> dict[str, str]:
    return {"name": column.name, "type": column.type}


def _status(table: QueryTable, analysis_type: AnalysisType, missing: tuple[Missing, ...]) -> dict[str, Any]:
    return {
        "status": "NOT_READY" if missing else "READY",
        "reasons": [{"code": item.code.value, "message": item.message} for item in missing] or None,
        "analysisRuleType": table.rule_type,
        "configurations": ["DIFFERENTIAL_PRIVACY"] if (table.rule or {}).get("differentialPrivacy") else None,
        "analysisType": analysis_type.value,
    }


def _head(context: Context, collaboration: Collaboration, association: ConfiguredTableAssociation) -> dict[str, Any]:
    """What the schema and its summary have in common."""
    table = _configured_table(context, association)
    rule = context.tx.configured_table_analysis_rules.get(table.id)
    return {
        "name": association.name,
        "type": _TABLE,
        "creatorAccountId": association.account_id,
        "createTime": association.created_at,
        "updateTime": association.updated_at,
        "collaborationId": collaboration.id,
        "collaborationArn": collaboration.arn,
        "analysisRuleTypes": [rule.type] if rule is not None else [],
        "analysisMethod": table.analysis_method,
        "selectedAnalysisMethods": table.selected_analysis_methods or None,
        "resourceArn": resource_arn_of(association),
    }


def _rule(context: Context, collaboration: Collaboration, name: str, rule_type: str) -> dict[str, Any]:
    association = _association(context, collaboration, name)
    rule = context.tx.configured_table_analysis_rules.get(association.configured_table_id)
    if rule is None or rule.type != rule_type:
        raise ResourceNotFound(
            f"The table '{association.name}' has no analysis rule of type {rule_type}.",
            resourceId=association.id,
            resourceType=_KIND,
        )
    shared = context.tx.configured_table_association_analysis_rules.get(association.id)
    return {
        "collaborationId": collaboration.id,
        "type": rule.type,
        "name": association.name,
        "createTime": rule.created_at,
        "updateTime": rule.updated_at,
        "policy": rule.policy,
        "collaborationPolicy": shared.policy if shared is not None else None,
        "consolidatedPolicy": consolidated_policy(rule, shared),
    }
