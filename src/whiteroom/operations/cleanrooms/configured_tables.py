"""Configured tables: references to an account's tables. Rules: domain/resources/configured_tables.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from whiteroom.base.arns import cleanrooms_arn, parse_arn
from whiteroom.base.faults import Conflict, ValidationFault
from whiteroom.domain.resources.configured_tables import (
    ConfiguredTable,
    allowed_columns_fit,
    analysis_method_fits,
    in_region,
    policy_of_type,
    reference_is_here,
    rule_columns,
    table_type,
)
from whiteroom.domain.resources.quotas import Quota
from whiteroom.domain.verdicts import Denied
from whiteroom.operations.access import checked_tags, permit, within_quota
from whiteroom.operations.context import Context
from whiteroom.operations.plain_resources import OF_ACCOUNT, Place, PlainResource, by_id, none_of, of_account
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation
from whiteroom.ports.catalog import TableNotFound
from whiteroom.ports.repositories import Duplicate
from whiteroom.reads.query_tables import found_by

_KIND = "CONFIGURED_TABLE"


CONFIGURED_TABLES = PlainResource(
    service=CLEANROOMS,
    module=__name__,
    records=lambda tx: tx.configured_tables,
    where=OF_ACCOUNT,
    named_by="configuredTableIdentifier",
    find=by_id,
    missing=none_of("configured table", _KIND, "Use the identifier that ListConfiguredTables answers."),
)


@operation(CLEANROOMS, "CreateConfiguredTable")
def create_configured_table(request: Request, context: Context) -> Response:
    """Record a reference to a table of the caller's catalog, and the columns that may be used."""
    tags = checked_tags(request.get("tags"))
    table = _new_table(request, context)
    table = replace(table, column_types=_fitting_types(context, table))
    within_quota(
        context,
        Quota.CONFIGURED_TABLES_PER_ACCOUNT,
        context.tx.configured_tables,
        account_id=context.caller.account_id,
    )
    CONFIGURED_TABLES.add(context, table, tags, taken=_name_taken(table.name))
    return {"configuredTable": _document(context, of_account(request, context), table)}


@operation(CLEANROOMS, "UpdateConfiguredTable")
def update_configured_table(request: Request, context: Context) -> Response:
    """Change what the request names, and nothing else.

    A column that the table's analysis rule names stays allowed: the rule is changed first.
    """
    table = CONFIGURED_TABLES.mine(request, context)
    changes: dict[str, Any] = {
        field: convert(request[name]) for name, (field, convert) in _UPDATABLE.items() if name in request
    }
    if changes.get("analysis_method", "MULTIPLE") != "MULTIPLE" and "selected_analysis_methods" not in changes:
        changes["selected_analysis_methods"] = ()
    changes["updated_at"] = context.now
    changed = replace(table, **changes)
    changes["column_types"] = _fitting_types(context, changed)
    _require_rule_still_fits(context, changed)
    try:
        context.tx.configured_tables.update(table, **changes)
    except Duplicate:
        raise _name_taken(changed.name) from None
    return {"configuredTable": _document(context, of_account(request, context), changed)}


def _require_unused(context: Context, table: ConfiguredTable) -> None:
    """Hold that no collaboration uses a table, and remove its analysis rule."""
    association = context.tx.configured_table_associations.find(configured_table_id=table.id)
    if association is not None:
        raise Conflict(
            f"The configured table {table.id} is associated as '{association.name}' in membership "
            f"{association.membership_id}. Call DeleteConfiguredTableAssociation for {association.id} first.",
            resourceId=table.id,
            resourceType=_KIND,
            reason="SUBRESOURCES_EXIST",
        )
    rule = context.tx.configured_table_analysis_rules.get(table.id)
    if rule is not None:
        context.tx.configured_table_analysis_rules.remove(rule)


_UPDATABLE: dict[str, tuple[str, Any]] = {
    "name": ("name", str),
    "description": ("description", str),
    "tableReference": ("table_reference", dict),
    "allowedColumns": ("allowed_columns", tuple),
    "analysisMethod": ("analysis_method", str),
    "selectedAnalysisMethods": ("selected_analysis_methods", tuple),
}


def _fitting_types(context: Context, table: ConfiguredTable) -> dict[str, str]:
    """The types of a table's allowed columns, which is held to the catalog: it is there, and has them."""
    region = parse_arn(table.arn).region
    reference = in_region(table.table_reference, region)
    permit(
        reference_is_here(table.table_reference, region, has_regions=context.catalog.has_regions),
        ValidationFault,
        reason="INVALID_CONFIGURATION",
    )
    permit(
        analysis_method_fits(table.analysis_method, table.selected_analysis_methods),
        ValidationFault,
        reason="INVALID_CONFIGURATION",
    )
    try:
        found = found_by(context.catalog, table.account_id, reference)
    except TableNotFound as error:
        raise ValidationFault(str(error), reason="INVALID_CONFIGURATION") from None
    permit(
        allowed_columns_fit(table.allowed_columns, [column.name for column in found.columns]),
        ValidationFault,
        reason="INVALID_CONFIGURATION",
    )
    allowed = {column.lower() for column in table.allowed_columns}
    return {column.name.lower(): column.type for column in found.columns if column.name.lower() in allowed}


def _require_rule_still_fits(context: Context, table: ConfiguredTable) -> None:
    rule = context.tx.configured_table_analysis_rules.get(table.id)
    policy = policy_of_type(rule.type, rule.policy) if rule is not None else Denied("no rule")
    if rule is None or isinstance(policy, Denied):
        return
    allowed = {column.lower() for column in table.allowed_columns}
    lost = [column for column in rule_columns(rule.type, policy) if column.lower() not in allowed]
    if lost:
        raise Conflict(
            f"The table's {rule.type} analysis rule names {', '.join(lost)}. Change the rule first "
            "(UpdateConfiguredTableAnalysisRule), then the columns.",
            resourceId=table.id,
            resourceType=_KIND,
            reason="INVALID_STATE",
        )


def _name_taken(name: str) -> Conflict:
    return Conflict(
        f"You have a configured table named '{name}' already. Choose another name, or use that one.",
        resourceType=_KIND,
        reason="ALREADY_EXISTS",
    )


def _new_table(request: Request, context: Context) -> ConfiguredTable:
    table_id = context.new_id()
    caller = context.caller
    return ConfiguredTable(
        id=table_id,
        arn=cleanrooms_arn(caller.region, caller.account_id, f"configuredtable/{table_id}"),
        account_id=caller.account_id,
        name=request["name"],
        description=request.get("description"),
        table_reference=request["tableReference"],
        allowed_columns=tuple(request["allowedColumns"]),
        analysis_method=request["analysisMethod"],
        selected_analysis_methods=tuple(request.get("selectedAnalysisMethods", ())),
        created_at=context.now,
        updated_at=context.now,
    )


def _document(context: Context, place: Place, table: ConfiguredTable) -> dict[str, Any]:
    return {
        **_head(context, place, table),
        "description": table.description,
        "tableReference": table.table_reference,
        "allowedColumns": table.allowed_columns,
    }


def _head(context: Context, _: Place, table: ConfiguredTable) -> dict[str, Any]:
    """What the configured table and its summary have in common."""
    rule = context.tx.configured_table_analysis_rules.get(table.id)
    return {
        "id": table.id,
        "arn": table.arn,
        "name": table.name,
        "tableType": table_type(table.table_reference),
        "createTime": table.created_at,
        "updateTime": table.updated_at,
        "analysisRuleTypes": [rule.type] if rule is not None else [],
        "analysisMethod": table.analysis_method,
        "selectedAnalysisMethods": table.selected_analysis_methods or None,
    }


CONFIGURED_TABLES.get("GetConfiguredTable", "The caller's configured table.", _document, key="configuredTable")
CONFIGURED_TABLES.list(
    "ListConfiguredTables", "The caller's configured tables, newest first.", _head, key="configuredTableSummaries"
)
CONFIGURED_TABLES.delete(
    "DeleteConfiguredTable",
    "Delete a table that no collaboration uses, with its analysis rule.",
    first=_require_unused,
)
