"""Whatever moment the server dies at, each end is told at least once, under one id."""

from __future__ import annotations

import pytest

from support.failpoints import Crash, crash_at
from support.notified import Told
from support.worlds.driven import World
from support.worlds.requests import ALICE, BOB

STEPS = ("planned", "acted", "recorded")


@pytest.mark.parametrize(
    ("point", "visit"), [("planned", 1), *((point, visit) for point in STEPS[1:] for visit in (1, 2, 3))]
)
def test_a_crash_between_two_steps_loses_no_notice(world: World, point: str, visit: int) -> None:
    told = Told(world)
    for account in (ALICE, BOB):
        told.add(account)
    world.inference_job()
    world.drive()
    with pytest.raises(Crash):
        told.pump(told.notifications(crash_at(point, visit)))
    told.pump()
    ids = [notice.id for _, notice in told.sender.taken]
    kinds = {kind for kind in told.types(ALICE) if kind != "action.needed"}
    nouns = ("ml_input_channel", "trained_model", "trained_model_inference_job")
    assert kinds == {f"{noun}.succeeded" for noun in nouns}
    assert "result.delivered" in told.types(BOB)
    repeated = len(ids) - len(set(ids))
    assert repeated == (1 if point == "acted" else 0)
    assert told.pending(f"of-{ALICE}") == told.pending(f"of-{BOB}") == []


@pytest.mark.parametrize("visit", range(1, 12))
@pytest.mark.parametrize("point", STEPS)
def test_an_end_and_the_word_of_it_are_written_together_or_not_at_all(world: World, point: str, visit: int) -> None:
    told = Told(world)
    told.add(ALICE)
    model = world.model()
    world.drive(world.reconciler(crash_at(point, visit)))
    told.pump()
    ends = [notice for _, notice in told.sender.taken if notice.data.get("id") == model.id]
    assert [notice.type for notice in ends] == ["trained_model.succeeded"]
