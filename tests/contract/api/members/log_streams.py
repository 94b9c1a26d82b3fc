"""Members of requests that operations/logs/log_streams.py answers."""

from __future__ import annotations

from contract.api.members.effects import Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "logs",
        Seen("test_streams_are_listed_by_pages_by_name_or_by_time"),
        "limit",
        "logStreamNamePrefix",
        "nextToken",
        of=("DescribeLogStreams",),
    ),
    *rows(
        "logs",
        Seen("test_streams_are_listed_by_pages_by_name_or_by_time"),
        "descending",
        "orderBy",
    ),
)
