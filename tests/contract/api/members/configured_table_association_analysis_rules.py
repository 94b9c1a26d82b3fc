"""Members of requests that operations/cleanrooms/configured_table_association_analysis_rules.py answers."""

from __future__ import annotations

from contract.api.members.effects import Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms",
        Seen(
            "test_every_receiver_of_a_direct_query_is_allowed_by_name",
            "test_a_collaboration_rule_is_answered_as_it_was_given",
        ),
        "analysisRulePolicy.v1.aggregation.allowedResultReceivers",
        "analysisRulePolicy.v1.list.allowedResultReceivers",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_a_channel_is_made_where_additional_analyses_are_allowed",
            "test_a_collaboration_rule_is_answered_as_it_was_given",
        ),
        "analysisRulePolicy.v1.aggregation.allowedAdditionalAnalyses",
        "analysisRulePolicy.v1.list.allowedAdditionalAnalyses",
    ),
)
