"""Members of requests that operations/cleanrooms/schemas.py answers."""

from __future__ import annotations

from contract.api.members.effects import Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms",
        Seen("test_a_batch_answers_what_is_there_and_names_what_is_not"),
        "names",
    ),
    *rows(
        "cleanrooms",
        Seen("test_a_batch_of_rules_answers_what_is_there_and_names_what_is_not"),
        "schemaAnalysisRuleRequests[].name",
        "schemaAnalysisRuleRequests[].type",
    ),
    *rows(
        "cleanrooms",
        Seen("test_a_table_whose_files_are_gone_is_not_found_and_its_path_is_not_told"),
        "name",
        of=("GetSchema",),
    ),
    *rows(
        "cleanrooms",
        Seen("test_every_member_reads_both_rules_of_a_table_and_their_sum"),
        "name",
        "type",
        of=("GetSchemaAnalysisRule",),
    ),
    *rows(
        "cleanrooms",
        Seen("test_schemas_are_listed_newest_first_page_by_page"),
        "schemaType",
    ),
)
