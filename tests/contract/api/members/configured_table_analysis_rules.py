"""Members of requests that operations/cleanrooms/configured_table_analysis_rules.py answers."""

from __future__ import annotations

from contract.api.members.effects import Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms",
        Seen("test_what_the_rule_does_not_allow_is_refused_by_name", "test_a_rule_is_answered_as_it_was_given"),
        "analysisRulePolicy.v1.aggregation.aggregateColumns[].columnNames",
        "analysisRulePolicy.v1.aggregation.aggregateColumns[].function",
        "analysisRulePolicy.v1.aggregation.dimensionColumns",
        "analysisRulePolicy.v1.aggregation.joinColumns",
        "analysisRulePolicy.v1.aggregation.scalarFunctions",
        "analysisRulePolicy.v1.list.allowedJoinOperators",
        "analysisRulePolicy.v1.list.joinColumns",
        "analysisRulePolicy.v1.list.listColumns",
    ),
    *rows(
        "cleanrooms",
        Seen("test_rows_that_are_for_algorithms_alone_go_to_no_member", "test_a_rule_is_answered_as_it_was_given"),
        "analysisRulePolicy.v1.list.additionalAnalyses",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_a_required_join_is_one_with_the_queriers_table_directly_or_through_others",
            "test_a_rule_is_answered_as_it_was_given",
        ),
        "analysisRulePolicy.v1.aggregation.joinRequired",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_conditions_are_combined_by_the_operators_that_every_table_allows",
            "test_a_rule_is_answered_as_it_was_given",
        ),
        "analysisRulePolicy.v1.aggregation.allowedJoinOperators",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_groups_below_the_minimum_are_dropped_whatever_having_the_member_writes",
            "test_a_rule_is_answered_as_it_was_given",
        ),
        "analysisRulePolicy.v1.aggregation.outputConstraints[].columnName",
        "analysisRulePolicy.v1.aggregation.outputConstraints[].minimum",
        "analysisRulePolicy.v1.aggregation.outputConstraints[].type",
    ),
    *rows(
        "cleanrooms",
        Seen("test_no_channel_is_made_of_such_a_table", "test_a_rule_is_answered_as_it_was_given"),
        "analysisRulePolicy.v1.aggregation.additionalAnalyses",
    ),
    *rows(
        "cleanrooms",
        Seen("test_a_listed_template_may_run_whoever_the_querier_is", "test_a_rule_is_answered_as_it_was_given"),
        "analysisRulePolicy.v1.custom.allowedAnalyses",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_a_template_of_a_member_whose_queries_are_allowed_may_run_for_another",
            "test_a_rule_is_answered_as_it_was_given",
        ),
        "analysisRulePolicy.v1.custom.allowedAnalysisProviders",
    ),
    *rows(
        "cleanrooms",
        Seen("test_required_refuses_a_direct_query", "test_a_rule_is_answered_as_it_was_given"),
        "analysisRulePolicy.v1.custom.additionalAnalyses",
    ),
    *rows(
        "cleanrooms",
        Seen("test_a_column_that_must_not_be_shown_reaches_no_output", "test_a_rule_is_answered_as_it_was_given"),
        "analysisRulePolicy.v1.custom.disallowedOutputColumns",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_without_its_budget_a_protected_table_is_not_ready_and_says_why",
            "test_a_rule_is_answered_as_it_was_given",
        ),
        "analysisRulePolicy.v1.custom.differentialPrivacy.columns[].name",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_under_a_threshold_every_select_that_reads_the_table_has_the_minimum",
            "test_a_rule_is_answered_as_it_was_given",
        ),
        "analysisRulePolicy.v1.custom.aggregationThresholds[].identityColumns",
        "analysisRulePolicy.v1.custom.aggregationThresholds[].minimumIdentityCount",
        "analysisRulePolicy.v1.custom.aggregationThresholds[].type",
    ),
    *rows(
        "cleanrooms",
        Seen("test_the_strictest_threshold_of_all_output_columns_holds", "test_a_rule_is_answered_as_it_was_given"),
        "analysisRulePolicy.v1.custom.aggregationThresholds[].outputColumnThresholds[].minimumIdentityCount",
        "analysisRulePolicy.v1.custom.aggregationThresholds[].outputColumnThresholds[].outputColumnName",
    ),
    *rows(
        "cleanrooms",
        Seen("test_an_owner_may_allow_expressions_in_aggregates", "test_a_rule_is_answered_as_it_was_given"),
        "analysisRulePolicy.v1.custom.aggregationThresholds[].allowedAggregateExpressionType",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_columns_meet_literals_and_columns_only_where_the_owner_lists_them",
            "test_a_rule_is_answered_as_it_was_given",
        ),
        "analysisRulePolicy.v1.custom.comparisonControls.allowedColumnComparisonColumns",
        "analysisRulePolicy.v1.custom.comparisonControls.allowedLiteralComparisonColumns",
    ),
)
