"""Members of requests that operations/cleanrooms/protected_queries.py answers."""

from __future__ import annotations

from contract.api.members.effects import Echo, Refused, Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms",
        Seen("test_a_query_is_found_in_its_own_membership_alone"),
        "protectedQueryIdentifier",
    ),
    *rows(
        "cleanrooms",
        Seen("test_queries_are_listed_by_status_page_by_page"),
        "status",
        of=("ListProtectedQueries",),
    ),
    *rows(
        "cleanrooms",
        Echo("It has one value, SQL."),
        "type",
        of=("StartProtectedQuery",),
    ),
    *rows(
        "cleanrooms",
        Seen("test_a_template_with_parameters_is_asked_for_by_its_arn"),
        "sqlParameters.analysisTemplateArn",
        "sqlParameters.parameters",
        "sqlParameters.queryString",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_receivers_who_want_different_formats_are_told_so",
            "test_where_results_go_is_answered_as_it_was_asked_for",
        ),
        "resultConfiguration.outputConfiguration.distribute.locations[].s3.resultFormat",
        "resultConfiguration.outputConfiguration.s3.resultFormat",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_a_query_runs_for_its_receivers_and_sees_the_tables_it_names",
            "test_where_results_go_is_answered_as_it_was_asked_for",
        ),
        "resultConfiguration.outputConfiguration.distribute.locations[].s3.bucket",
        "resultConfiguration.outputConfiguration.distribute.locations[].s3.keyPrefix",
        "resultConfiguration.outputConfiguration.s3.bucket",
        "resultConfiguration.outputConfiguration.s3.keyPrefix",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_a_member_queries_and_receives_parquet_in_one_file",
            "test_where_results_go_is_answered_as_it_was_asked_for",
        ),
        "resultConfiguration.outputConfiguration.distribute.locations[].s3.singleFileOutput",
        "resultConfiguration.outputConfiguration.s3.singleFileOutput",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_a_receiver_must_have_the_ability_and_a_place", "test_where_results_go_is_answered_as_it_was_asked_for"
        ),
        "resultConfiguration.outputConfiguration.distribute.locations[].member.accountId",
        "resultConfiguration.outputConfiguration.member.accountId",
    ),
    *rows(
        "cleanrooms",
        Refused("test_a_result_that_is_to_be_an_intermediate_table_is_refused_by_that_name"),
        "resultConfiguration.outputConfiguration.intermediateTable.arn",
        "resultConfiguration.outputConfiguration.intermediateTable.id",
        "resultConfiguration.outputConfiguration.intermediateTable.name",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_a_query_gets_what_its_workers_have_and_no_more_than_the_server_grants",
            "test_a_query_is_recorded_as_it_was_asked_for_and_waits",
        ),
        "computeConfiguration.worker.number",
        "computeConfiguration.worker.type",
    ),
    *rows(
        "cleanrooms",
        Seen("test_spark_properties_are_named_in_the_log"),
        "computeConfiguration.worker.properties.spark",
    ),
    *rows(
        "cleanrooms",
        Seen("test_what_cannot_be_done_is_refused_before_anything_runs"),
        "queryComputePayerAccountId",
    ),
    *rows(
        "cleanrooms",
        Echo("It has one value, CANCELLED."),
        "targetStatus",
    ),
)
