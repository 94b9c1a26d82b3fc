"""The ledger: what a release costs, and that no more than the budget is spent."""

from __future__ import annotations

import numpy as np
import pytest

from whiteroom.domain.execution.synthetic_data import CONVERSION_DELTA, DELTA, KEYS_DELTA
from whiteroom.synthesis.ledger import BudgetSpent, Ledger


@pytest.mark.parametrize("epsilon", [0.0001, 0.1, 1.0, 10.0])
def test_the_whole_budget_is_the_epsilon_and_not_more(epsilon: float) -> None:
    ledger = Ledger(epsilon)
    for part in (0.1, 0.2, 0.3, 0.4):
        ledger.counts(np.array([5, 0, 7]), ledger.share(part))
    spent, delta = ledger.spent()
    assert 0.999 * epsilon < spent <= epsilon
    assert delta <= CONVERSION_DELTA


def test_a_release_beyond_the_budget_is_impossible() -> None:
    ledger = Ledger(1.0)
    ledger.counts(np.array([5]), ledger.share(0.9))
    with pytest.raises(BudgetSpent):
        ledger.counts(np.array([5]), ledger.share(0.2))
    with pytest.raises(BudgetSpent):
        ledger.choice([1.0, 2.0], ledger.share(0.2))
    with pytest.raises(BudgetSpent):
        ledger.keys({1: 500}, ledger.share(0.2), 1.0)


def test_nothing_released_costs_nothing() -> None:
    assert Ledger(1.0).spent() == (0.0, 0.0)


def test_the_noise_on_counts_is_what_it_is_said_to_be() -> None:
    ledger = Ledger(1.0)
    noisy, sigma = ledger.counts(np.full(20_000, 1_000), ledger.share(0.5))
    assert noisy.mean() == pytest.approx(1_000, abs=5 * sigma / 20_000**0.5)
    assert noisy.std() == pytest.approx(sigma, rel=0.05)


@pytest.mark.parametrize(("change", "rho_share"), [(1 / 1_000, 0.05), (1 / 52, 0.05), (1.0, 0.5)])
def test_the_noise_on_a_mean_hides_what_one_row_changes(change: float, rho_share: float) -> None:
    ledger = Ledger(1.0)
    rho = ledger.share(rho_share)
    noisy, sigma = ledger.mean(0.5, change, rho)
    # Gaussian noise of this deviation costs rho = change**2 / (2 sigma**2).
    assert change**2 / (2 * sigma**2) == pytest.approx(rho, rel=0.01)
    assert abs(noisy - 0.5) < 8 * sigma
    assert ledger.spent()[0] <= 1.0


def test_a_mean_beyond_the_budget_is_impossible() -> None:
    ledger = Ledger(1.0)
    ledger.mean(0.5, 0.01, ledger.share(0.9))
    with pytest.raises(BudgetSpent):
        ledger.mean(0.5, 0.01, ledger.share(0.2))


def test_counts_keep_their_shape() -> None:
    ledger = Ledger(10.0)
    noisy, sigma = ledger.counts(np.array([[10_000, 0], [0, 20_000]]), ledger.share(0.5))
    assert np.abs(noisy - np.array([[10_000, 0], [0, 20_000]])).max() < 10 * sigma


def test_a_choice_is_about_the_largest() -> None:
    ledger = Ledger(1.0)
    assert {ledger.choice([0.0, 5_000.0, 100.0], ledger.share(0.05)) for _ in range(10)} == {1}


def test_a_key_that_few_rows_have_is_never_told() -> None:
    ledger = Ledger(1.0)
    told, _ = ledger.keys({0: 5_000, 1: 4_000, **dict.fromkeys(range(2, 20000), 1)}, ledger.share(0.5), 1.0)
    assert sorted(told) == [0, 1]
    _, delta = ledger.spent()
    assert delta <= DELTA


def test_columns_share_the_delta_for_keys() -> None:
    ledger = Ledger(5.0)
    for _ in range(10):
        ledger.keys({0: 5_000}, ledger.share(0.1), 1 / 10)
    _, delta = ledger.spent()
    assert delta <= CONVERSION_DELTA + KEYS_DELTA
