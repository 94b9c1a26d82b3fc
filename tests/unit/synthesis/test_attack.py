"""The attack: rows that were copied are found, rows that were not are not."""

from __future__ import annotations

import numpy as np
import pytest

from whiteroom.synthesis.attack import TARGETS, Places, View, closest, places, score


def rows(count: int, seed: int, numbers: int = 4, categories: int = 2) -> list[View]:
    rng = np.random.default_rng(seed)
    present = np.zeros(count, dtype=np.bool_)
    return [
        *(View(rng.random(count), present, numerical=True) for _ in range(numbers)),
        *(View(rng.integers(0, 9, count).astype(np.int32), present, numerical=False) for _ in range(categories)),
    ]


def attack(members: list[View], strangers: list[View], synthetic: list[View]) -> float:
    wanted = Places(min(TARGETS, len(members[0].values)), min(TARGETS, len(strangers[0].values)))
    return score(members, strangers, synthetic, wanted, np.random.default_rng(1))


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


def part(found: list[View], keep: slice) -> list[View]:
    return [one.part(keep) for one in found]


@pytest.mark.parametrize("kind", ["members", "strangers"])
@pytest.mark.parametrize("count", [30, 60])
def test_one_row_moves_the_score_by_no_more_than_its_noise_is_made_for(kind: str, count: int) -> None:
    """Whatever row, whether it fills a place, or takes that of another: the same places, one row more or less."""
    wanted = Places(members=50, strangers=40)
    members, strangers, synthetic = rows(count, 1), rows(count, 2), rows(300, 3)
    for seed in range(20):
        rng = [np.random.default_rng(seed), np.random.default_rng(seed)]
        copied = part(synthetic, slice(seed, seed + 1))
        before = score(part(members, slice(0, 45)), part(strangers, slice(0, 35)), synthetic, wanted, rng[0])
        changed = {"members": part(members, slice(0, 45)), "strangers": part(strangers, slice(0, 35))}
        more = changed[kind]
        changed[kind] = [joined(one, other) for one, other in zip(more, copied, strict=True)]
        if len(changed[kind][0].values) > getattr(wanted, kind):
            continue  # which of them have a place is drawn
        after = score(changed["members"], changed["strangers"], synthetic, wanted, rng[1])
        assert abs(after - before) <= wanted.change + 1e-9


def joined(one: View, other: View) -> View:
    return View(np.concatenate([one.values, other.values]), np.concatenate([one.missing, other.missing]), one.numerical)


def test_places_are_known_without_a_look_at_the_rows_and_empty_ones_say_nothing() -> None:
    assert places(540, 0.1) == Places(540, 52)
    assert places(1e6, 0.1) == Places(TARGETS, TARGETS)
    assert places(0, 0.1) == places(-5, 0.1) == Places(1, 1)
    members = rows(50, 1)
    nothing = part(members, slice(0, 0))
    assert score(members, nothing, members, Places(50, 10), np.random.default_rng(1)) == 0.5
    assert score(members, members, members, Places(100, 100), np.random.default_rng(1)) == 0.5


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
