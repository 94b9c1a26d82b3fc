from __future__ import annotations

from whiteroom.databases.postgresql.statements import selecting


def test_rows_that_are_only_counted_have_no_column() -> None:
    assert selecting("a", 'b"', [], []) == 'SELECT TRUE AS nothing FROM "a"."b"""'
