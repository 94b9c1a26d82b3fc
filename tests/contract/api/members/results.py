"""Members of requests that operations/whiteroom/results.py answers."""

from __future__ import annotations

from contract.api.members.effects import Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "whiteroom",
        Seen("test_a_list_is_of_ones_own_page_by_page_and_by_collaboration"),
        "collaborationIdentifier",
        "maxResults",
        "nextToken",
    ),
    *rows("whiteroom", Seen("test_what_its_own_location_refused_is_listed_to_the_receiver_alone"), "status"),
    *rows(
        "whiteroom",
        Seen("test_another_account_gets_nothing_and_is_not_told_that_there_is_something"),
        "resultIdentifier",
    ),
    *rows("whiteroom", Seen("test_no_way_of_writing_a_name_leads_to_another_file"), "fileName"),
    *rows("whiteroom", Seen("test_a_part_of_a_file_is_fetched"), "ifRange", "range"),
    *rows(
        "whiteroom",
        Seen("test_a_part_that_is_not_there_and_a_file_that_is_known_are_not_sent"),
        "ifMatch",
        "ifNoneMatch",
    ),
)
