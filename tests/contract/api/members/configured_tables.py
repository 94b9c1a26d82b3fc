"""Members of requests that operations/cleanrooms/configured_tables.py answers."""

from __future__ import annotations

from contract.api.members.effects import Refused, Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms",
        Seen("test_names_are_unique_in_an_account"),
        "name",
        of=("CreateConfiguredTable",),
    ),
    *rows(
        "cleanrooms",
        Refused("test_a_table_that_could_not_be_queried_is_refused_when_it_is_configured"),
        "analysisMethod",
        "selectedAnalysisMethods",
        "tableReference.athena.catalogName",
        "tableReference.athena.outputLocation",
        "tableReference.athena.region",
        "tableReference.athena.workGroup",
        "tableReference.databricks.connectionType.deltaSharing.deltaShareEndpoint",
        "tableReference.databricks.connectionType.deltaSharing.shareName",
        "tableReference.databricks.schemaName",
        "tableReference.databricks.tableName",
        "tableReference.databricks.workspaceUrl",
        "tableReference.glue.region",
    ),
    *rows(
        "cleanrooms",
        Seen("test_a_table_that_could_not_be_queried_is_refused_when_it_is_configured"),
        "tableReference.glue.databaseName",
        "tableReference.glue.tableName",
    ),
    *rows(
        "cleanrooms",
        Seen("test_every_member_of_a_reference_to_snowflake_says_what_is_read"),
        "tableReference.snowflake.accountIdentifier",
        "tableReference.snowflake.databaseName",
        "tableReference.snowflake.schemaName",
        "tableReference.snowflake.secretArn",
        "tableReference.snowflake.tableName",
        "tableReference.snowflake.tableSchema.v1[].columnName",
        "tableReference.snowflake.tableSchema.v1[].columnType",
    ),
    *rows(
        "cleanrooms",
        Seen("test_an_athena_reference_names_the_same_catalog"),
        "tableReference.athena.databaseName",
        "tableReference.athena.tableName",
    ),
    *rows(
        "cleanrooms",
        Seen("test_every_member_sees_the_allowed_columns_and_no_others"),
        "allowedColumns",
    ),
    *rows(
        "cleanrooms",
        Seen("test_an_update_is_held_to_the_same_rules_and_changes_nothing_when_refused"),
        "name",
        of=("UpdateConfiguredTable",),
    ),
)
