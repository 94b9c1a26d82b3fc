"""Members of requests that operations/tags.py answers."""

from __future__ import annotations

from contract.api.members.effects import Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms",
        Seen("test_tags_are_for_the_owner_alone"),
        "resourceArn",
    ),
    *rows(
        "cleanrooms",
        Seen("test_tags_of_what_a_member_keeps_are_added_and_removed"),
        "tags",
        of=("TagResource",),
    ),
    *rows(
        "cleanrooms",
        Seen("test_tags_of_what_a_member_keeps_are_added_and_removed"),
        "tagKeys",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_tags_are_for_the_owner"),
        "resourceArn",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_tags_are_added_replaced_and_removed"),
        "tags",
        of=("TagResource",),
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_tags_are_added_replaced_and_removed"),
        "tagKeys",
    ),
)
