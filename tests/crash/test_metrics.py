"""Whatever moment the server dies at, and whoever reads beside it: every line of a log counts once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.failpoints import Crash, crash_at
from support.worlds.driven import World
from support.worlds.records import ALGORITHM, ROOM
from support.worlds.requests import ALICE
from whiteroom.controllers.metrics import MetricsReader
from whiteroom.domain.execution.runs import LogLine, Phase, RunId
from whiteroom.domain.execution.spending import NOTHING_SPENT, Spent
from whiteroom.domain.observability.metrics import Usage
from whiteroom.domain.resources.trained_models import Status
from whiteroom.domain.resources.usage import Metered, UsageKind
from whiteroom.ports.repositories import Stale
from whiteroom.ports.store import Work

DEFINITIONS = ({"name": "n", "regex": r"n=(\d+)"}, {"name": "n", "regex": r"(?<=again )(\d+)"})
RUN = RunId("training-model")
METERED = Metered(UsageKind.TRAINING, "model", "arn:model", ROOM, ALICE, ALICE)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("whiteroom.controllers.metrics.CHUNK", 7)
    world = World(tmp_path)
    world.runtime.logged.add(RUN)
    with world.store.transaction() as tx:
        algorithm = tx.configured_model_algorithms.find(arn=ALGORITHM)
        assert algorithm is not None
        config = {**(algorithm.training_container_config or {}), "metricDefinitions": DEFINITIONS}
        tx.configured_model_algorithms.update(algorithm, training_container_config=config)
    yield world
    world.close()


def prints(world: World, count: int) -> None:
    """So many more lines, a value and more in each of them, and a sample beside it."""
    for _ in range(count):
        number = len(world.runtime.printed)
        again = f" again {number}" if number % 3 == 0 else ""
        world.runtime.printed.append(LogLine(number, "stdout", f"n={number}{again}"))
        world.runtime.used.append(Usage(number, "algo-1", {"CPUUtilization": float(number)}, Spent(1.0, 2.0, 4.0)))


def assert_each_once(world: World, resource_id: str) -> None:
    total = len(world.runtime.printed)
    with world.store.reading() as tx:
        points = {series.name: tx.metrics.points(series, 10_000) for series in tx.metrics.series(resource_id)}
    expected = [float(number) for number in range(total) for _ in range(2 if number % 3 == 0 else 1)]
    assert [point.value for point in points["n"]] == expected
    assert [point.step for point in points["n"]] == list(range(len(expected)))
    assert [point.value for point in points["CPUUtilization"]] == list(map(float, range(total)))
    with world.store.reading() as tx:
        spent = sum((entry.spent for entry in tx.usage.all(resource_id=resource_id, kind="training")), NOTHING_SPENT)
    assert spent == Spent(1.0 * total, 2.0 * total, 4.0 * total)


class Dying:
    """The store, in which the process dies before or after so many of its commits."""

    def __init__(self, world: World, commits: int, *, after: bool) -> None:
        self._store, self._left, self._after = world.store, commits, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def transaction(self) -> Any:
        return self._dying()

    @contextmanager
    def _dying(self) -> Iterator[Any]:
        self._left -= 1
        with self._store.transaction() as tx:
            yield tx
            if not self._left and not self._after:
                raise Crash
        if not self._left:
            raise Crash


@pytest.mark.parametrize("visit", range(1, 9))
@pytest.mark.parametrize("point", ["planned", "acted", "recorded"])
def test_a_crash_at_any_step_of_a_training_leaves_no_hole_and_nothing_twice(
    world: World, point: str, visit: int
) -> None:
    prints(world, 20)
    world.runtime.looks = 4
    model = world.model()
    world.drive(world.reconciler(crash_at(point, visit)))
    assert world.get(Work.TRAINED_MODELS, model.id).status is Status.ACTIVE
    assert_each_once(world, model.id)


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("commits", range(1, 5))
def test_a_crash_around_any_write_leaves_no_hole_and_nothing_twice(world: World, commits: int, after: bool) -> None:
    prints(world, 20)
    dying: Any = Dying(world, commits, after=after)
    definitions: Any = {"definitions": lambda _tx: DEFINITIONS, "metered": METERED}
    try:
        MetricsReader(dying, world.runtime, world.clock).take_in(RUN, "model", Phase.RUNNING, **definitions)
    except Crash:
        prints(world, 5)
    taken = MetricsReader(world.store, world.runtime, world.clock).take_in(RUN, "model", Phase.ENDED, **definitions)
    assert taken.complete
    assert_each_once(world, "model")


def test_two_who_read_at_the_same_time_write_each_line_once(world: World) -> None:
    """The first stalls between reading and writing, loses its lease, and the second goes by."""
    prints(world, 20)
    definitions: Any = {"definitions": lambda _tx: DEFINITIONS, "metered": METERED}
    first = MetricsReader(world.store, world.runtime, world.clock)
    second = MetricsReader(world.store, world.runtime, world.clock)
    plain = world.runtime.logs

    def meanwhile(run_id: RunId, after: int = 0) -> Iterator[LogLine]:
        yield from plain(run_id, after)
        world.runtime.logs = plain  # type: ignore[method-assign]
        second.take_in(RUN, "model", Phase.RUNNING, **definitions)

    world.runtime.logs = meanwhile  # type: ignore[method-assign]
    with pytest.raises(Stale):
        first.take_in(RUN, "model", Phase.RUNNING, **definitions)
    prints(world, 3)
    assert first.take_in(RUN, "model", Phase.ENDED, **definitions).complete
    assert_each_once(world, "model")


@pytest.mark.parametrize("seed", range(5))
def test_a_run_that_is_read_now_and_then_by_servers_that_come_and_go_is_read_whole(world: World, seed: int) -> None:
    chance = random.Random(seed)
    definitions: Any = {"definitions": lambda _tx: DEFINITIONS, "metered": METERED}
    for _ in range(12):
        prints(world, chance.randrange(12))
        dying: Any = Dying(world, chance.randrange(1, 5), after=chance.random() < 0.5)
        try:
            MetricsReader(dying, world.runtime, world.clock).take_in(RUN, "model", Phase.RUNNING, **definitions)
        except Crash:
            continue
    assert (
        MetricsReader(world.store, world.runtime, world.clock)
        .take_in(RUN, "model", Phase.ENDED, **definitions)
        .complete
    )
    assert_each_once(world, "model")
