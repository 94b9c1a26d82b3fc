"""What is learned of one column, and that it comes out again."""

from __future__ import annotations

import numpy as np
import pytest

from whiteroom.domain.execution.synthetic_data import Unlearnable
from whiteroom.synthesis.columns import Categories, Floats, Numbers, learn_categories, learn_numbers
from whiteroom.synthesis.ledger import Ledger

RNG = np.random.default_rng(7)
NONE = np.zeros(20_000, dtype=np.bool_)


def learned(values: Floats, epsilon: float = 10.0, *, whole: bool = False, bins: int = 20) -> Numbers:
    ledger = Ledger(epsilon)
    missing = np.zeros(len(values), dtype=np.bool_)
    return learn_numbers("x", values, missing, whole=whole, bins=bins, ledger=ledger, rho=ledger.share(0.1))


def again(column: Numbers, values: Floats) -> Floats:
    """The values that come out where those went in."""
    codes = column.encode(values, np.zeros(len(values), dtype=np.bool_), RNG)
    drawn, missing = column.decode(codes, RNG)
    assert not missing.any()
    return drawn


@pytest.mark.parametrize(
    "values",
    [
        RNG.normal(1_000, 5, 20_000),
        RNG.normal(-1e-3, 1e-4, 20_000),
        RNG.exponential(30.0, 20_000),
        RNG.uniform(-1e9, 1e9, 20_000),
        np.exp(RNG.normal(0, 4, 20_000)),
    ],
)
def test_numbers_of_any_size_keep_their_distribution(values: Floats) -> None:
    drawn = again(learned(values), values)
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        # In the units of where it lies among the values, since some are spread over ten octaves.
        assert (values < np.quantile(drawn, share)).mean() == pytest.approx(share, abs=0.03)


def test_whole_numbers_stay_whole_and_what_is_heavy_stays_where_it_is() -> None:
    values = RNG.choice([0.0, 1.0, 7.0], 20_000, p=[0.7, 0.2, 0.1])
    drawn = again(learned(values, whole=True), values)
    assert set(drawn) == {0.0, 1.0, 7.0}
    assert (drawn == 0).mean() == pytest.approx(0.7, abs=0.02)


def test_zero_is_a_value_of_its_own_among_others() -> None:
    values = np.where(RNG.random(20_000) < 0.6, 0.0, RNG.normal(10, 1, 20_000))
    assert (again(learned(values), values) == 0).mean() == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize("epsilon", [0.1, 10.0])
def test_an_outlier_leaves_no_trace_in_what_is_learned(epsilon: float) -> None:
    values = RNG.normal(50, 5, 20_000)
    column = learned(np.append(values, 1e15), epsilon)
    assert column.edges[-1] < 1_000
    assert again(column, np.append(values, 1e15)).max() < 1_000


def test_little_budget_cuts_off_no_more_than_a_little_of_a_column() -> None:
    values = RNG.integers(0, 100, 100_000).astype(np.float64)
    column = learned(values, 0.3, whole=True)
    assert column.edges[0] <= 5
    assert column.edges[-1] >= 95


def test_null_comes_out_where_it_is_frequent() -> None:
    ledger = Ledger(10.0)
    missing = RNG.random(20_000) < 0.3
    values = RNG.normal(5, 1, 20_000)
    column = learn_numbers("x", values, missing, whole=False, bins=20, ledger=ledger, rho=ledger.share(0.1))
    codes = column.encode(values, missing, RNG)
    assert codes.max() == column.size - 1
    _, drawn = column.decode(codes, RNG)
    assert (drawn == missing).all()


def test_null_that_is_rare_becomes_a_value() -> None:
    ledger = Ledger(1.0)
    missing = np.zeros(20_000, dtype=np.bool_)
    missing[:2] = True
    values = RNG.normal(5, 1, 20_000)
    column = learn_numbers("x", values, missing, whole=False, bins=20, ledger=ledger, rho=ledger.share(0.1))
    assert not column.has_missing
    assert again(column, values).min() > 0


def test_values_too_thin_to_be_seen_at_all_are_said_to_be() -> None:
    with pytest.raises(Unlearnable, match="'x'"):
        learned(RNG.uniform(-1e15, 1e15, 30), 0.01)


def categories(counts: dict[int, int], missing: int = 0, epsilon: float = 10.0) -> Categories:
    ledger = Ledger(epsilon)
    rows = sum(counts.values()) + missing
    return learn_categories("x", counts, missing, rows, ledger=ledger, rho=ledger.share(0.1), delta_share=1.0)


def test_categories_that_few_rows_have_become_frequent_ones() -> None:
    column = categories({0: 9_000, 1: 8_000, 2: 1, 3: 2})
    assert list(column.keys) == [0, 1]
    places = np.array([0, 1, 2, 3] * 50, dtype=np.int32)
    codes = column.encode(places, np.zeros(200, dtype=np.bool_), RNG)
    drawn, missing = column.decode(codes)
    assert set(drawn) == {0, 1}
    assert not missing.any()
    assert (drawn[places < 2] == places[places < 2]).all()


def test_a_column_of_nothing_but_null_comes_out_as_null() -> None:
    column = categories({}, missing=9_000)
    codes = column.encode(np.zeros(9, dtype=np.int32), np.ones(9, dtype=np.bool_), RNG)
    _, missing = column.decode(codes)
    assert missing.all()


def test_a_column_of_names_cannot_be_learned() -> None:
    with pytest.raises(Unlearnable, match="Group or round"):
        categories(dict.fromkeys(range(20_000), 1))
