"""Configured tables and their analysis rules: what an owner is willing to let queries see.

Operations: operations/cleanrooms/configured_tables.py. What a rule lets a query do: domain/privacy/analysis_rules.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whiteroom.domain.privacy.relations import Relation
from whiteroom.domain.resources.snowflake_references import snowflake_relation
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


@dataclass(frozen=True, slots=True)
class ConfiguredTable:
    """A reference to a table, and the columns of it that may be used."""

    id: str
    arn: str
    account_id: str
    name: str
    description: str | None
    table_reference: Mapping[str, Any]
    """TableReference: `{"glue": {"databaseName", "tableName"}}` or another union member."""
    allowed_columns: tuple[str, ...]
    analysis_method: str
    selected_analysis_methods: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    column_types: Mapping[str, str] | None = None
    """Of the allowed columns, in lower case, when the table was made or last changed; None in older records."""


@dataclass(frozen=True, slots=True)
class ConfiguredTableAnalysisRule:
    """The one analysis rule of a configured table. `id` is the table's."""

    id: str
    type: str
    """AGGREGATION, LIST or CUSTOM."""
    policy: Mapping[str, Any]
    """ConfiguredTableAnalysisRulePolicy: `{"v1": {"custom": {...}}}`."""
    created_at: datetime
    updated_at: datetime


TABLE_TYPES: Mapping[str, str] = {
    "glue": "GLUE",
    "athena": "ATHENA",
    "snowflake": "SNOWFLAKE",
    "databricks": "DATABRICKS",
}
"""TableReferenceType by the member of the TableReference union."""

_CATALOGED = ("glue", "athena")


@dataclass(frozen=True, slots=True)
class CatalogName:
    """What a reference names in a catalog."""

    database: str
    table: str
    region: str = ""
    """Where the reference says it is; empty where it does not."""


def catalog_name(table_reference: Mapping[str, Any]) -> CatalogName | Denied:
    """The database and table that a reference names; Glue and Athena references name the same catalog."""
    for kind in _CATALOGED:
        reference = table_reference.get(kind)
        if reference is not None:
            return CatalogName(reference["databaseName"], reference["tableName"], reference.get("region", ""))
    kind = next(iter(table_reference), "no table")
    return Denied(
        f"A tableReference to {kind} is not read here. Use `glue` (or `athena`) with databaseName and tableName, "
        "and register the files with `whiteroom catalog add`, or set `catalog` to glue."
    )


def source_name(table: ConfiguredTable) -> str:
    """What the table refers to, as its owner's catalog or database names it, whoever configures it how often."""
    relation = snowflake_relation(table.table_reference, table.account_id)
    if isinstance(relation, Relation):
        return relation.source
    name = catalog_name(table.table_reference)
    return table.arn if isinstance(name, Denied) else f"{name.database.lower()}.{name.table.lower()}"


def in_region(table_reference: Mapping[str, Any], region: str) -> Mapping[str, Any]:
    """A reference that names its region: where it names none, that of the request that made it."""
    return {kind: {"region": region, **reference} for kind, reference in table_reference.items()}


_WORK_GROUP, _CATALOG = "primary", "AwsDataCatalog"
"""Athena's own names of what everybody has."""


def reference_is_here(table_reference: Mapping[str, Any], region: str, *, has_regions: bool = False) -> Verdict:
    """Whether a reference means what is read here: the account's one catalog, with nothing beside it.

    Args:
        table_reference: the reference.
        region: of the request.
        has_regions: whether the catalog has tables in others, too.
    """
    reference: Mapping[str, Any] = next(iter(table_reference.values()), {})
    asked = reference.get("region", region)
    if asked != region and not has_regions:
        return Denied(
            f"tableReference names the region {asked}; a table is read in the region of the request, {region}. "
            "Leave region out, or ask in that region."
        )
    if reference.get("workGroup", _WORK_GROUP) != _WORK_GROUP:
        return Denied(
            f"tableReference.athena.workGroup is {reference['workGroup']}; there are no workgroups here but "
            f"{_WORK_GROUP}. Use that one."
        )
    if reference.get("catalogName", _CATALOG) != _CATALOG:
        return Denied(
            f"tableReference.athena.catalogName is {reference['catalogName']}; there is one catalog here, {_CATALOG}. "
            "Leave catalogName out."
        )
    if "outputLocation" in reference:
        return Denied(
            "tableReference.athena.outputLocation: a table's files are read as they are, and nothing is written on the "
            "way. Leave outputLocation out."
        )
    return ALLOWED


def table_type(table_reference: Mapping[str, Any]) -> str:
    """TableReferenceType of a reference."""
    return TABLE_TYPES[next(iter(table_reference))]


def allowed_columns_fit(allowed_columns: Sequence[str], catalog_columns: Collection[str]) -> Verdict:
    """Whether the allowed columns are columns of the table, each named once. Case does not count, as in SQL."""
    folded = [column.lower() for column in allowed_columns]
    twice = sorted({column for column in folded if folded.count(column) > 1})
    if twice:
        return Denied(f"allowedColumns names {', '.join(twice)} more than once.")
    there = {column.lower() for column in catalog_columns}
    unknown = [column for column in allowed_columns if column.lower() not in there]
    if unknown:
        return Denied(
            f"allowedColumns names {', '.join(unknown)}, which the table does not have. "
            f"Its columns are: {', '.join(sorted(there))}."
        )
    return ALLOWED


def analysis_method_fits(analysis_method: str, selected: Sequence[str]) -> Verdict:
    """Whether the methods are those that run here: SQL queries, and no PySpark jobs.

    MULTIPLE allows both ("you must specify at least two analysis methods").
    """
    if analysis_method in _WITH_JOBS:
        return Denied(
            f"analysisMethod {analysis_method} allows PySpark jobs, which are not run here. Use DIRECT_QUERY."
        )
    if selected:
        return Denied(f"selectedAnalysisMethods goes with analysisMethod MULTIPLE, not with {analysis_method}.")
    return ALLOWED


_WITH_JOBS = ("DIRECT_JOB", "MULTIPLE")


def policy_of_type(rule_type: str, policy: Mapping[str, Any]) -> Mapping[str, Any] | Denied:
    """The policy inside `{"v1": {TYPE: ...}}`, which must be of the rule's type."""
    version: Mapping[str, Any] = policy.get("v1", {})
    inner = version.get(rule_type.lower())
    if inner is None:
        given = ", ".join(version) or "nothing"
        return Denied(f"An analysis rule of type {rule_type} takes a policy v1.{rule_type.lower()}; this has {given}.")
    found: Mapping[str, Any] = inner
    return found


def rule_fits(rule_type: str, policy: Mapping[str, Any], allowed_columns: Sequence[str]) -> Verdict:
    """Whether an analysis rule is coherent and speaks of allowed columns alone.

    Source: AnalysisRuleCustom and AnalysisRuleAggregation of the model; docs/sources.md, add-analysis-rule.
    """
    inner = policy_of_type(rule_type, policy)
    if isinstance(inner, Denied):
        return inner
    allowed = {column.lower() for column in allowed_columns}
    unknown = [column for column in rule_columns(rule_type, inner) if column.lower() not in allowed]
    if unknown:
        return Denied(
            f"The rule names {', '.join(dict.fromkeys(unknown))}, which allowedColumns of the table does not have. "
            f"Allowed columns are: {', '.join(sorted(allowed))}."
        )
    if rule_type == "CUSTOM":
        return _custom_fits(inner)
    return _list_fits(inner) if rule_type == "LIST" else _aggregation_fits(inner)


def rule_columns(rule_type: str, policy: Mapping[str, Any]) -> list[str]:
    """Every column that a rule's policy names."""
    if rule_type == "LIST":
        return [*policy["joinColumns"], *policy["listColumns"]]
    if rule_type == "AGGREGATION":
        aggregated = [column for group in policy["aggregateColumns"] for column in group["columnNames"]]
        constrained = [constraint["columnName"] for constraint in policy["outputConstraints"]]
        return [*aggregated, *policy["joinColumns"], *policy["dimensionColumns"], *constrained]
    columns = list(policy.get("disallowedOutputColumns", ()))
    columns += [column["name"] for column in policy.get("differentialPrivacy", {}).get("columns", ())]
    for threshold in policy.get("aggregationThresholds", ()):
        columns += threshold["identityColumns"]
        columns += [override["outputColumnName"] for override in threshold.get("outputColumnThresholds", ())]
    comparisons = policy.get("comparisonControls", {})
    columns += comparisons.get("allowedLiteralComparisonColumns", ())
    return [*columns, *comparisons.get("allowedColumnComparisonColumns", ())]


def _list_fits(policy: Mapping[str, Any]) -> Verdict:
    both = sorted(set(policy["joinColumns"]) & set(policy["listColumns"]))
    if both:
        return Denied(f"The column {both[0]} cannot be in joinColumns and in listColumns. Decide for one of them.")
    return ALLOWED


def _aggregation_fits(policy: Mapping[str, Any]) -> Verdict:
    if policy.get("additionalAnalyses", "NOT_ALLOWED") != "NOT_ALLOWED":
        return Denied("additionalAnalyses is supported by LIST and CUSTOM rules. Use a CUSTOM rule for ML channels.")
    hidden = {column for group in policy["aggregateColumns"] for column in group["columnNames"]}
    shown = sorted((hidden | set(policy["joinColumns"])) & set(policy["dimensionColumns"]))
    if shown:
        return Denied(
            f"The column {shown[0]} cannot be in dimensionColumns, which are shown, and in aggregateColumns or "
            "joinColumns, which are not. Decide for one of them."
        )
    if policy.get("joinRequired") and not policy["joinColumns"]:
        return Denied("joinRequired takes joinColumns: without them no query can join the table.")
    return ALLOWED


def _custom_fits(policy: Mapping[str, Any]) -> Verdict:
    analyses = policy["allowedAnalyses"]
    if "ANY_JOB" in analyses:
        return Denied("allowedAnalyses ANY_JOB allows PySpark jobs, which are not run here. Leave it out.")
    if "ANY_QUERY" in analyses and not policy.get("allowedAnalysisProviders"):
        return Denied(
            "allowedAnalyses ANY_QUERY takes allowedAnalysisProviders: the accounts whose queries are allowed."
        )
    if "ANY_QUERY" in analyses and set(analyses) != {"ANY_QUERY"}:
        return Denied(
            "allowedAnalyses takes ANY_QUERY or the ARNs of analysis templates, not both. Whoever may write any query "
            "needs no template; name the templates alone where no other query is to run."
        )
    controls = [name for name in ("aggregationThresholds", "comparisonControls") if policy.get(name)]
    if controls and policy.get("differentialPrivacy"):
        return Denied(f"{controls[0]} cannot stand beside differentialPrivacy. Set one of them.")
    literals = policy.get("comparisonControls", {}).get("allowedLiteralComparisonColumns", ())
    identities = [c for threshold in policy.get("aggregationThresholds", ()) for c in threshold["identityColumns"]]
    both = sorted(set(literals) & set(identities))
    if both:
        return Denied(f"The identity column {both[0]} cannot be in allowedLiteralComparisonColumns as well.")
    return ALLOWED
