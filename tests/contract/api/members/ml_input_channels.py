"""Members of requests that operations/cleanrooms_ml/ml_input_channels.py answers."""

from __future__ import annotations

from contract.api.members.effects import Refused, Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms-ml",
        Seen("test_an_arn_that_is_off_in_any_part_names_nothing"),
        "mlInputChannelArn",
    ),
    *rows(
        "cleanrooms-ml",
        Refused("test_a_role_of_another_account_is_refused"),
        "inputChannel.roleArn",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_an_association_that_is_not_there_is_not_found"),
        "configuredModelAlgorithmAssociations",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_channel_has_one_query"),
        "inputChannel.dataSource.protectedQueryInputParameters.sqlParameters.queryString",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_template_of_the_collaboration_fills_a_channel"),
        "inputChannel.dataSource.protectedQueryInputParameters.sqlParameters.analysisTemplateArn",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_template_takes_its_own_parameters"),
        "inputChannel.dataSource.protectedQueryInputParameters.sqlParameters.parameters",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_query_gets_what_its_workers_have_together", "test_its_maker_reads_a_channel_as_it_was_given"),
        "inputChannel.dataSource.protectedQueryInputParameters.computeConfiguration.worker.type",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_channel_has_as_many_workers_as_sql_may_have"),
        "inputChannel.dataSource.protectedQueryInputParameters.computeConfiguration.worker.number",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_spark_properties_are_named_in_the_log"),
        "inputChannel.dataSource.protectedQueryInputParameters.computeConfiguration.worker.properties.spark",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_parquet_channel_is_announced_as_parquet", "test_its_maker_reads_a_channel_as_it_was_given"),
        "inputChannel.dataSource.protectedQueryInputParameters.resultFormat",
    ),
    *rows(
        "cleanrooms-ml",
        Seen(
            "test_a_full_channel_and_its_query_are_recorded_together", "test_its_maker_reads_a_channel_as_it_was_given"
        ),
        "retentionInDays",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_member_that_does_not_pay_for_it_cannot_be_named"),
        "payerConfiguration.computePayerAccountId",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_member_that_does_not_pay_for_it_cannot_be_named"),
        "payerConfiguration.syntheticDataPayerAccountId",
    ),
)
