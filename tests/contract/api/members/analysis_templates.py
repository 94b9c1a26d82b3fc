"""Members of requests that operations/cleanrooms/analysis_templates.py answers."""

from __future__ import annotations

from contract.api.members.effects import Refused, Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms",
        Seen("test_every_member_reads_a_templates_text_to_approve_it"),
        "analysisTemplateArn",
    ),
    *rows(
        "cleanrooms",
        Seen("test_a_template_of_another_room_is_not_found_here"),
        "analysisTemplateArns",
    ),
    *rows(
        "cleanrooms",
        Seen("test_names_are_unique_in_a_membership"),
        "name",
        of=("CreateAnalysisTemplate",),
    ),
    *rows(
        "cleanrooms",
        Refused("test_a_template_that_could_not_run_is_refused"),
        "format",
        "source.artifacts.additionalArtifacts[].location.bucket",
        "source.artifacts.additionalArtifacts[].location.key",
        "source.artifacts.entryPoint.location.bucket",
        "source.artifacts.entryPoint.location.key",
        "source.artifacts.roleArn",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_a_template_brings_its_text_its_types_and_its_defaults",
            "test_any_member_writes_a_template_and_reads_it_again",
        ),
        "analysisParameters[].defaultValue",
        "analysisParameters[].name",
        "analysisParameters[].type",
        "source.text",
    ),
    *rows(
        "cleanrooms",
        Seen("test_the_tables_that_a_template_names_are_told"),
        "schema.referencedTables",
    ),
    *rows(
        "cleanrooms",
        Refused("test_detailed_errors_go_with_no_sql"),
        "errorMessageConfiguration.type",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_a_template_asks_for_what_can_be_made", "test_everybody_reads_what_a_template_asks_of_synthetic_data"
        ),
        "syntheticDataParameters.mlSyntheticDataParameters.columnClassification.columnMapping[].columnName",
        "syntheticDataParameters.mlSyntheticDataParameters.columnClassification.columnMapping[].columnType",
        "syntheticDataParameters.mlSyntheticDataParameters.columnClassification.columnMapping[].isPredictiveValue",
        "syntheticDataParameters.mlSyntheticDataParameters.epsilon",
        "syntheticDataParameters.mlSyntheticDataParameters.maxMembershipInferenceAttackScore",
    ),
    *rows(
        "cleanrooms",
        Seen("test_any_member_writes_a_template_and_reads_it_again"),
        "analysisTemplateIdentifier",
    ),
)
