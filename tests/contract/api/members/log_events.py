"""Members of requests that operations/logs/log_events.py answers."""

from __future__ import annotations

from contract.api.members.effects import Echo, Refused, Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "logs",
        Seen("test_each_instance_has_a_stream_of_its_own"),
        "logStreamName",
        "logStreamNames",
    ),
    *rows(
        "logs",
        Seen("test_each_instance_has_a_stream_of_its_own"),
        "logStreamNamePrefix",
        of=("FilterLogEvents",),
    ),
    *rows(
        "logs",
        Seen("test_a_window_of_time_bounds_the_events"),
        "endTime",
        "startTime",
    ),
    *rows(
        "logs",
        Seen("test_what_the_policy_hides_is_hidden_from_a_search_as_well"),
        "filterPattern",
    ),
    *rows(
        "logs",
        Seen("test_pages_of_a_search_come_to_every_event_once"),
        "limit",
        "nextToken",
        of=(
            "FilterLogEvents",
            "GetLogEvents",
        ),
    ),
    *rows(
        "logs",
        Refused("test_what_cannot_be_answered_is_refused"),
        "startFromHead",
        of=("FilterLogEvents",),
    ),
    *rows(
        "logs",
        Echo("AWS ignores it itself: events of several streams come in one order of time."),
        "interleaved",
    ),
    *rows(
        "logs",
        Refused("test_what_is_hidden_cannot_be_unmasked"),
        "unmask",
    ),
    *rows(
        "logs",
        Seen("test_the_newest_events_come_without_a_token"),
        "startFromHead",
        of=("GetLogEvents",),
    ),
)
