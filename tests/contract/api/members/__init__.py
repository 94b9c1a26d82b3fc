"""What each member of each request does: a test that sees a difference when it changes, its refusal, or why it is kept.

A member is written as its path: `a.b`, and `a[].b` of each in a list. A row without operations is about all that have
it. It stands in the file that is named as the operations' own (operations/), or in several.py. test_members.py walks
the service models and fails for a member without a row, and for a row without a member; `make mutate-members` has the
product ignore each member, and its test must fail.
"""

from __future__ import annotations

from contract.api.members import (
    analysis_templates,
    collaborations,
    configured_model_algorithm_associations,
    configured_model_algorithms,
    configured_table_analysis_rules,
    configured_table_association_analysis_rules,
    configured_table_associations,
    configured_tables,
    log_events,
    log_groups,
    log_streams,
    memberships,
    metrics,
    ml_configurations,
    ml_input_channels,
    privacy_budget_templates,
    privacy_budgets,
    protected_queries,
    results,
    schemas,
    sessions,
    several,
    tags,
    trained_model_export_jobs,
    trained_model_inference_jobs,
    trained_model_versions,
    trained_models,
)
from contract.api.members.effects import Echo, Effect, Refused, Row, Seen

_RESOURCES = (
    analysis_templates,
    collaborations,
    configured_model_algorithm_associations,
    configured_model_algorithms,
    configured_table_analysis_rules,
    configured_table_association_analysis_rules,
    configured_table_associations,
    configured_tables,
    log_events,
    log_groups,
    log_streams,
    memberships,
    metrics,
    ml_configurations,
    ml_input_channels,
    privacy_budget_templates,
    privacy_budgets,
    protected_queries,
    results,
    schemas,
    sessions,
    several,
    tags,
    trained_model_export_jobs,
    trained_model_inference_jobs,
    trained_model_versions,
    trained_models,
)

ROWS: tuple[Row, ...] = tuple(row for resource in _RESOURCES for row in resource.ROWS)

__all__ = ["ROWS", "Echo", "Effect", "Refused", "Row", "Seen"]
