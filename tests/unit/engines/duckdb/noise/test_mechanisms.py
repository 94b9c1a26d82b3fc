"""The mechanisms: exactly what OpenDP's maps say they spend, and statistically the noise that they say they make."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import fmean

import pytest

from whiteroom.domain.privacy.differential_privacy import DELTA_PER_QUERY
from whiteroom.engines.duckdb.noise import mechanisms as noise
from whiteroom.engines.duckdb.noise.mechanisms import (
    chosen_bucket,
    laplace,
    shown_groups,
    spent_and_delta,
    spent_by,
    thresholded_laplace,
    with_noise,
)
from whiteroom.sql.refusals import Refused

SCALES = [(users, change) for users in (10, 30, 97, 100) for change in (1, 4, 1_024, 2**20, 7 * 2**20, 2**40)]


@pytest.mark.parametrize(("users", "change"), SCALES)
def test_noise_spends_one_unit_and_never_more(users: int, change: int) -> None:
    spent = spent_by(laplace(change, users), change)
    assert spent <= Fraction(1, users)
    assert spent > Fraction(1, users) * Fraction(999_999, 1_000_000)


@pytest.mark.parametrize(("users", "groups"), [(10, 1), (10, 64), (30, 2), (100, 1), (100, 2**20)])
def test_keys_of_groups_spend_one_unit_and_a_delta_and_never_more(users: int, groups: int) -> None:
    spent, delta = spent_and_delta(thresholded_laplace(groups, users), groups)
    assert spent <= Fraction(1, users)
    assert 0 < delta <= DELTA_PER_QUERY


def test_the_noise_hides_as_many_users_as_was_asked_for() -> None:
    """4,000 draws of scale 120: the mean of |noise| has a standard error of 1.9, and is within 6 of it but for 1e-8."""
    users, change = 30, 4
    drawn = with_noise([0] * 4_000, change, users)
    assert fmean(map(abs, drawn)) == pytest.approx(users * change, abs=6 * users * change / math.sqrt(4_000))
    assert fmean(drawn) == pytest.approx(0, abs=6 * math.sqrt(2) * users * change / math.sqrt(4_000))


def test_two_answers_to_one_question_differ() -> None:
    """64 numbers twice, of scale 10: all the same with odds of less than 1e-80."""
    assert with_noise([5] * 64, 1, 10) != with_noise([5] * 64, 1, 10)


def test_totals_beyond_what_is_counted_are_cut_and_fail_nothing() -> None:
    low, high = with_noise([-(2**100), 2**100], 1, 10)
    assert low < -(2**61)
    assert high > 2**61


def test_a_group_of_one_user_is_not_shown() -> None:
    """100,000 groups of one user each: one of them shows with odds of 100,000 * 1e-9."""
    assert shown_groups(dict.fromkeys(range(100_000), 1), 1, 10) == []


def test_a_group_of_many_users_is_shown() -> None:
    """The threshold is some 200 at 10 users of noise; 1,000 users fall below it with odds of 1e-34."""
    assert shown_groups({7: 1_000, 8: 1}, 1, 10) == [7]


def test_the_bucket_is_where_the_share_of_users_lies() -> None:
    """Noise of scale 10 on thousands of users: another bucket with odds of less than 1e-9."""
    assert chosen_bucket([9_000, 0, 6_000, 0, 0, 0], 10, 0.5) == 0
    assert chosen_bucket([9_000, 0, 6_000, 0, 0, 0], 10, 0.95) == 2


def test_empty_buckets_are_not_taken_for_users() -> None:
    """Of 81 buckets, 80 empty: one of them passes with odds of 1 in 100,000, each time."""
    found = [chosen_bucket([0] * 30 + [5_000] + [0] * 50, 30, 0.99) for _ in range(20)]
    assert found == [30] * 20


def test_one_user_makes_no_bucket() -> None:
    """One user, and 20 empty buckets: one of them passes with odds of little more than 1 in 100,000, each time."""
    found = [chosen_bucket([0] * 20 + [1], 30, 0.99) for _ in range(20)]
    assert found == [None] * 20


def test_without_opendp_the_refusal_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise ImportError

    monkeypatch.setattr(noise, "_opendp", gone)
    with pytest.raises(Refused, match=r"whiteroom\[dp\]"):
        noise.require_opendp()
