"""Whatever moment the server dies at: a channel is filled once, and erased when it expires."""

from __future__ import annotations

import pytest

from crash.points import POINTS, VISITS, restart_with_a_sweep
from support.failpoints import crash_at
from support.worlds.driven import World
from whiteroom.domain.execution.synthetic_data import SynthesisFailure
from whiteroom.domain.resources import (
    ml_input_channels,
)
from whiteroom.ports.store import Work


@pytest.mark.parametrize("visit", VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_fills_the_channel_once(world: World, point: str, visit: int) -> None:
    channel = world.channel()
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    assert world.get(Work.ML_INPUT_CHANNELS, channel.id).status is ml_input_channels.Status.ACTIVE
    assert len(world.engine.started) == 1
    assert world.engine.queries() == ()
    assert (world.channels / channel.id / "part-0.csv").is_file()


@pytest.mark.parametrize("ends_well", [True, False])
@pytest.mark.parametrize("visit", range(1, 10))
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_makes_synthetic_rows_once_and_leaves_no_real_one(
    world: World, point: str, visit: int, ends_well: bool
) -> None:
    if not ends_well:
        world.synthesiser.failure = SynthesisFailure.SCORE
    channel = world.synthetic_channel()
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    status = world.get(Work.ML_INPUT_CHANNELS, channel.id).status
    assert status is (ml_input_channels.Status.ACTIVE if ends_well else ml_input_channels.Status.CREATE_FAILED)
    assert (len(world.engine.started), len(world.synthesiser.started)) == (1, 1)
    assert world.engine.queries() == world.synthesiser.syntheses() == ()
    assert not list(world.originals.glob("*"))
    assert (world.channels / channel.id / "part-0.csv").exists() is ends_well


@pytest.mark.parametrize("visit", range(1, 6))
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_erases_an_expired_channel(world: World, point: str, visit: int) -> None:
    channel = world.ready_channel()
    world.clock.forward(3 * 86_400)
    world.drive(world.reconciler(crash_at(point, visit)))
    assert world.get(Work.ML_INPUT_CHANNELS, channel.id).status is ml_input_channels.Status.INACTIVE
    assert not (world.channels / channel.id).exists()
