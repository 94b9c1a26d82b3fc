"""The attack: rows that were copied are found, rows that were not are not."""

from __future__ import annotations

import numpy as np
import pytest

from whiteroom.synthesis.attack import View, closest, score


def rows(count: int, seed: int, numbers: int = 4, categories: int = 2) -> list[View]:
    rng = np.random.default_rng(seed)
    present = np.zeros(count, dtype=np.bool_)
    return [
        *(View(rng.random(count), present, numerical=True) for _ in range(numbers)),
        *(View(rng.integers(0, 9, count).astype(np.int32), present, numerical=False) for _ in range(categories)),
    ]


def attack(members: list[View], strangers: list[View], synthetic: list[View]) -> float:
    return score(members, strangers, synthetic, np.random.default_rng(1))


def test_rows_that_were_copied_are_given_away() -> None:
    members = rows(3_000, 1)
    assert attack(members, rows(3_000, 2), members) > 0.99


def test_rows_that_have_nothing_to_do_with_either_give_nothing_away() -> None:
    assert attack(rows(3_000, 1), rows(3_000, 2), rows(3_000, 3)) == pytest.approx(0.5, abs=0.06)


def test_rows_that_are_all_the_same_give_nothing_away() -> None:
    same = [View(np.zeros(50), np.zeros(50, dtype=np.bool_), numerical=True)]
    assert attack(same, same, same) == 0.5


def test_held_out_rows_that_were_copied_instead_score_below_one_half() -> None:
    strangers = rows(500, 2)
    assert attack(rows(500, 1), strangers, strangers) < 0.01


def test_a_few_rows_are_enough_to_be_asked() -> None:
    assert attack(rows(3, 1), rows(1, 2), rows(1, 3)) in {0.0, 1 / 3, 0.5, 2 / 3, 1.0}


def view(values: list[float], missing: list[bool], *, numerical: bool) -> View:
    return View(np.array(values) if numerical else np.array(values, dtype=np.int32), np.array(missing), numerical)


def test_the_distance_adds_differences_of_numbers_and_of_categories() -> None:
    target = [view([0.25], [False], numerical=True), view([3], [False], numerical=False)]
    synthetic = [view([0.75, 0.35], [False, False], numerical=True), view([3, 4], [False, False], numerical=False)]
    assert closest(target, synthetic) == pytest.approx([0.5])


@pytest.mark.parametrize(("one", "other", "distance"), [(True, True, 0.0), (True, False, 1.0), (False, True, 1.0)])
def test_null_is_near_null_alone(one: bool, other: bool, distance: float) -> None:
    for numerical in (True, False):
        target, synthetic = [view([0.0], [one], numerical=numerical)], [view([0.0], [other], numerical=numerical)]
        assert closest(target, synthetic) == pytest.approx([distance])
