"""What no server is needed to tell (tests/contract/databases/test_snowflake.py has what answers as one)."""

from __future__ import annotations

import sys

import pytest

from whiteroom.databases.kinds import parse_any
from whiteroom.databases.refusals import DatabaseRefused
from whiteroom.databases.sources import opened


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_snowflake", None)
    with (
        pytest.raises(DatabaseRefused, match="Whiteroom's extra 'snowflake', which is not installed"),
        opened(parse_any("snowflake://u@acme", "p"), 1),
    ):
        pass
