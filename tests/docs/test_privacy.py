"""The reviewer's page names functions and files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from whiteroom.domain.privacy.differential_privacy import (
    BOUNDS_UNITS,
    CONTRIBUTION_LIMIT_UNITS,
    DELTA_PER_QUERY,
    GROUP_KEYS_UNITS,
    UNITS,
    Aggregation,
)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
SOURCES = ROOT / "src" / "whiteroom"


def test_every_file_that_the_privacy_page_names_is_there() -> None:
    named = set(re.findall(r"`([a-z_/]+\.py)`", PAGE))
    assert named
    rooms = (ROOT, SOURCES, SOURCES / "domain" / "privacy")
    assert [name for name in sorted(named) if not any((at / name).is_file() for at in rooms)] == []


def test_every_test_that_the_privacy_page_names_is_there() -> None:
    tests = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", PAGE))
    assert len(named) > 10
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []


def test_what_a_program_can_say_without_words_is_named_as_not_closed() -> None:
    (open_section,) = re.findall(r"^## What is not closed\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    for channel in ("Exit codes", "timing", "Differencing"):
        assert channel in open_section


def test_every_function_that_the_privacy_page_names_is_there() -> None:
    domain = "".join(file.read_text(encoding="utf-8") for file in (SOURCES / "domain").rglob("*.py"))
    named = set(re.findall(r"`(_?[a-z_]*_(?:refusals|reasons|gaps|minimums|count)|missing_for|judge|minimums)`", PAGE))
    assert len(named) > 10
    assert [name for name in sorted(named) if f"def {name}(" not in domain] == []


@pytest.mark.parametrize(
    ("part", "units"),
    [
        (r"COUNT\(DISTINCT identifier\)", UNITS[Aggregation.COUNT_DISTINCT]),
        (r"COUNT, COUNT\(DISTINCT other\)", UNITS[Aggregation.COUNT]),
        ("SUM", UNITS[Aggregation.SUM]),
        ("AVG", UNITS[Aggregation.AVG]),
        ("STDDEV", UNITS[Aggregation.STDDEV]),
        ("the limit of rows per user", CONTRIBUTION_LIMIT_UNITS),
        ("the bound of values", BOUNDS_UNITS),
        (f"the keys of GROUP BY: once; and delta {DELTA_PER_QUERY:.0e}".replace("e-0", "e-"), GROUP_KEYS_UNITS),
    ],
)
def test_the_privacy_page_tells_the_price_that_is_charged(part: str, units: int) -> None:
    (told,) = re.findall(rf"^\| {part}[^|]*\| (\d+)", PAGE, re.MULTILINE)
    assert int(told) == units
