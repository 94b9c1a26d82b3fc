"""Members of requests that operations/logs/log_groups.py answers."""

from __future__ import annotations

from contract.api.members.effects import Refused, Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "logs",
        Refused("test_what_cannot_be_answered_is_refused"),
        "accountIdentifiers",
        "includeLinkedAccounts",
    ),
    *rows(
        "logs",
        Seen("test_groups_are_found_by_name_part_of_a_name_arn_and_class_page_by_page"),
        "logGroupClass",
        "logGroupIdentifiers",
        "logGroupNamePattern",
        "logGroupNamePrefix",
    ),
    *rows(
        "logs",
        Seen("test_groups_are_found_by_name_part_of_a_name_arn_and_class_page_by_page"),
        "limit",
        "nextToken",
        of=("DescribeLogGroups",),
    ),
)
