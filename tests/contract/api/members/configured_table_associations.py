"""Members of requests that operations/cleanrooms/configured_table_associations.py answers."""

from __future__ import annotations

from contract.api.members.effects import Refused, Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms",
        Seen("test_a_name_is_taken_in_the_whole_collaboration_whatever_its_case"),
        "name",
        of=("CreateConfiguredTableAssociation",),
    ),
    *rows(
        "cleanrooms",
        Refused("test_a_table_is_associated_by_its_owner_with_its_own_role"),
        "roleArn",
    ),
)
