"""Two servers on one store, stalling, dying and losing their leases at random, and members who change their minds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from support.failpoints import Crash
from support.worlds.driven import TIMING, World
from support.worlds.records import FLIGHTS, WEATHER
from support.worlds.requests import ALICE
from whiteroom.controllers.loop import Reconciler
from whiteroom.domain.execution.lifecycle import Event, Lifecycle
from whiteroom.domain.execution.runs import EndReason, RunEnd
from whiteroom.domain.resources import (
    ml_input_channels,
    protected_queries,
    trained_model_inference_jobs,
    trained_models,
)
from whiteroom.ports.store import Work

LIFECYCLES: dict[Work, Lifecycle] = {  # type: ignore[type-arg]
    Work.ML_INPUT_CHANNELS: ml_input_channels.LIFECYCLE,
    Work.PROTECTED_QUERIES: protected_queries.LIFECYCLE,
    Work.TRAINED_MODELS: trained_models.LIFECYCLE,
    Work.TRAINED_MODEL_INFERENCE_JOBS: trained_model_inference_jobs.LIFECYCLE,
}


class Chaos:
    """Does something unwelcome at some of the failpoints."""

    def __init__(self, world: World, seed: int, records: list[tuple[Work, str]]) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.records = records
        self.budget = 40
        self.depth = 0
        self.servers = [self.server(), self.server()]

    def server(self) -> Reconciler:
        return self.world.reconciler(self)

    def __call__(self, point: str) -> None:
        if self.budget <= 0:
            return
        chance = self.random.random()
        if chance < 0.04:
            self.budget -= 1
            raise Crash
        if chance < 0.12:
            self.change_a_mind()
        elif chance < 0.25 and self.depth < 3:
            # This server stalls here; its lease runs out, and the other one takes a few steps.
            self.budget -= 1
            self.world.clock.forward(TIMING.lease_seconds + 1)
            for _ in range(self.random.randint(1, 6)):
                self.step(self.random.randrange(2))

    def change_a_mind(self) -> None:
        work, record_id = self.random.choice(self.records)
        status = self.world.get(work, record_id).status
        wishes = [event for event in (Event.CANCEL, Event.DELETE) if LIFECYCLES[work].accepts(status, event)]
        if wishes:
            self.budget -= 1
            self.world.ask(work, record_id, self.random.choice(wishes))

    def step(self, number: int) -> None:
        self.depth += 1
        try:
            # A server that stalls further up is a thread of its own process: only the other one can step.
            self.servers[number].step(f"server-{number}-{self.depth}")
        except Crash:
            self.servers[number] = self.server()
        finally:
            self.depth -= 1
        self.world.clock.forward(0.05)


def names_of_deliveries(world: World, folder: str) -> list[str]:
    return [key.rsplit("/", 1)[-1] for key in world.data.delivered if f"/{folder}/" in key]


@pytest.mark.parametrize("seed", range(25))
def test_whatever_happens_everything_comes_to_rest_and_nothing_is_left_over(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path)
    channel, model = world.ready_channel(), world.ready_model()
    later, training = world.channel(), world.model(channels=(channel,))
    job = world.inference_job(model=model, channel=channel)
    budget = world.budget(WEATHER)
    query = world.query(
        named_associations=(FLIGHTS.association_id, WEATHER.association_id),
        charged_associations=(WEATHER.association_id,),
    )
    records = [
        (Work.PROTECTED_QUERIES, query.id),
        (Work.ML_INPUT_CHANNELS, later.id),
        (Work.TRAINED_MODELS, training.id),
        (Work.TRAINED_MODEL_INFERENCE_JOBS, job.id),
    ]
    world.runtime.deaths = [RunEnd(EndReason.LOST)] * (seed % 4)
    chaos = Chaos(world, seed, records)
    for turn in range(120):
        chaos.step(turn % 2)
    chaos.budget = 0
    world.clock.forward(TIMING.lease_seconds + 1)
    world.drive()
    world.reconciler().sweep()

    assert world.runtime.runs() == ()
    assert world.engine.queries() == ()
    assert list((world.tmp / "checkpoints").iterdir()) == []
    for work, record_id in records:
        assert LIFECYCLES[work].at_rest(world.get(work, record_id).status)
    kept = {key.split("/")[1] for key in world.data.kept()}
    active = [m.id for m in (model, training) if world.get(Work.TRAINED_MODELS, m.id).status == "ACTIVE"]
    assert kept == set(active)
    rows = (world.channels / later.id).exists()
    assert rows == (world.get(Work.ML_INPUT_CHANNELS, later.id).status == "ACTIVE")
    if world.get(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id).status == "ACTIVE":
        assert names_of_deliveries(world, job.id) == ["part-0.csv.out"]
    asked = world.get(Work.PROTECTED_QUERIES, query.id)
    if asked.status == "SUCCESS":
        assert names_of_deliveries(world, query.id) == ["part-0.csv", "part-0.csv"]
    unused = asked.status == "SUCCESS" or asked.started_at is None
    assert world.used(budget) == (0 if unused else 1)
    assert not list(world.results.glob("*"))
    with world.store.reading() as tx:
        for event in (*tx.events(training.arn), *tx.events(job.arn), *tx.events(later.arn)):
            assert event.actor in (ALICE, "controller")
    world.close()
