"""What is learned of the relations between columns, on codes alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from whiteroom.synthesis import relations
from whiteroom.synthesis.columns import Codes
from whiteroom.synthesis.ledger import Ledger
from whiteroom.synthesis.relations import Coded, Relations

ROWS = 20_000


def drawn(
    codes: Sequence[Codes], sizes: Sequence[int], target: int | None, epsilon: float = 10.0, rows: int = ROWS
) -> tuple[list[Codes], Ledger]:
    ledger = Ledger(epsilon)
    learned = Relations(Coded(codes, sizes, target, float(rows)), ledger, np.random.default_rng(3))
    learned.learn()
    return learned.draw(rows), ledger


def a_chain(rows: int = ROWS) -> list[Codes]:
    """Each column mostly equals the one before; the last is 1 where two of them are equal."""
    rng = np.random.default_rng(5)
    columns = [rng.integers(0, 6, rows)]
    for _ in range(3):
        columns.append(np.where(rng.random(rows) < 0.8, columns[-1], rng.integers(0, 6, rows)))
    columns.append((columns[1] == columns[2]).astype(int))
    return [column.astype(np.int32) for column in columns]


SIZES = [6, 6, 6, 6, 2]


@pytest.mark.parametrize("target", [4, None])
def test_neighbours_in_a_chain_stay_neighbours(target: int | None) -> None:
    codes = a_chain()
    made, _ = drawn(codes, SIZES, target)
    for first, second in ((0, 1), (1, 2), (2, 3)):
        real = (codes[first] == codes[second]).mean()
        assert (made[first] == made[second]).mean() == pytest.approx(real, abs=0.06)


def test_what_two_columns_say_together_of_the_target_is_learned() -> None:
    made, _ = drawn(a_chain(), SIZES, 4)
    assert ((made[1] == made[2]) == (made[4] == 1)).mean() > 0.95


def test_each_column_keeps_its_shares() -> None:
    rng = np.random.default_rng(5)
    codes = [rng.choice(4, ROWS, p=[0.7, 0.2, 0.1, 0.0]).astype(np.int32) for _ in range(5)]
    made, _ = drawn(codes, [4] * 5, 0)
    for real, synthetic in zip(codes, made, strict=True):
        counts = np.bincount(synthetic, minlength=4) / ROWS
        assert counts == pytest.approx(np.bincount(real, minlength=4) / ROWS, abs=0.02)


@pytest.mark.parametrize("epsilon", [0.01, 1.0, 10.0])
def test_no_more_is_spent_than_there_is(epsilon: float) -> None:
    made, ledger = drawn(a_chain(), SIZES, 4, epsilon)
    assert ledger.spent()[0] <= epsilon
    assert [len(column) for column in made] == [ROWS] * 5
    assert all(column.min() >= 0 and column.max() < size for column, size in zip(made, SIZES, strict=True))


def test_columns_of_one_value_are_no_hindrance() -> None:
    codes = [np.zeros(ROWS, dtype=np.int32) for _ in range(5)]
    made, _ = drawn(codes, [1] * 5, 2)
    assert [set(column) for column in made] == [{0}] * 5


def test_tables_that_would_be_too_large_are_not_measured() -> None:
    rng = np.random.default_rng(5)
    codes = [rng.integers(0, 400, ROWS).astype(np.int32) for _ in range(5)]
    made, ledger = drawn(codes, [400] * 5, 0)
    assert relations.MAX_CELLS < 400 * 400
    assert all(column.max() < 400 for column in made)
    # What no table was worth is not spent.
    assert ledger.spent()[0] < 10.0


def test_of_a_wide_table_some_pairs_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relations, "MAX_PAIRS", 12)
    rng = np.random.default_rng(5)
    codes = [rng.integers(0, 3, 2_000).astype(np.int32) for _ in range(12)]
    made, _ = drawn(codes, [3] * 12, None, rows=2_000)
    assert len(made) == 12
