"""What two lists of patterns have in common."""

from __future__ import annotations

import itertools

import pytest

from whiteroom.domain.privacy.arn_patterns import arn_matches, common_patterns

PATTERNS = ("a:1/x", "a:*/x", "a:1*/x", "a:12/*", "*:*/*", "a:1", "b:1*2/x")
ARNS = [f"{service}:{number}/{name}" for service in "ab" for number in ("1", "12", "132") for name in "xy"]


@pytest.mark.parametrize("some", list(itertools.combinations(PATTERNS, 2)), ids=str)
def test_what_fits_the_common_patterns_is_what_fits_both_lists(some: tuple[str, ...]) -> None:
    for others, arn in itertools.product(itertools.combinations(PATTERNS, 2), ARNS):
        fits_both = any(arn_matches(one, arn) for one in some) and any(arn_matches(one, arn) for one in others)
        assert any(arn_matches(one, arn) for one in common_patterns(some, others)) is fits_both


def test_wildcards_of_which_neither_holds_the_other_have_nothing_in_common() -> None:
    assert common_patterns(["a:1*/x"], ["a:*2/x"]) == ()


def test_nothing_is_common_with_an_empty_list() -> None:
    assert common_patterns(PATTERNS, []) == common_patterns([], PATTERNS) == ()
