"""A crash at any point between an owner's word and the end of the work loses neither: it ends, and leaves nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from support.failpoints import crash_at
from support.worlds.driven import World
from support.worlds.records import FLIGHTS
from whiteroom.ports.store import Work

UNDER_WAY = {"CREATE_IN_PROGRESS", "STARTED"}
KINDS = [Work.ML_INPUT_CHANNELS, Work.PROTECTED_QUERIES, Work.TRAINED_MODELS, Work.TRAINED_MODEL_INFERENCE_JOBS]


def under_way(world: World, work: Work) -> str:
    """A record of that kind, over Bob's table, that is being worked on; its id."""
    channel = world.ready_channel()
    if work is Work.TRAINED_MODEL_INFERENCE_JOBS:
        record_id = world.inference_job(model=world.ready_model(), channel=channel).id
    elif work is Work.TRAINED_MODELS:
        record_id = world.model(channels=(channel,)).id
    else:
        record_id = world.channel().id if work is Work.ML_INPUT_CHANNELS else world.query().id
    world.runtime.looks = world.engine.looks = 1_000
    reconciler = world.reconciler()
    while world.get(work, record_id).status.value not in UNDER_WAY:
        reconciler.step("worker")
        world.clock.now += timedelta(milliseconds=1)
    return record_id


@pytest.mark.parametrize("work", KINDS)
@pytest.mark.parametrize("visit", range(1, 4))
@pytest.mark.parametrize("point", ["planned", "acted", "recorded"])
def test_a_crash_after_the_owners_word_still_ends_the_work_once(
    tmp_path: Path, work: Work, point: str, visit: int
) -> None:
    world = World(tmp_path)
    record_id = under_way(world, work)
    with world.store.transaction() as tx:
        rule = tx.configured_table_association_analysis_rules.get(FLIGHTS.association_id)
        assert rule is not None
        tx.configured_table_association_analysis_rules.remove(rule)
    world.drive(world.reconciler(crash_at(point, visit)))
    world.reconciler().sweep()
    record = world.get(work, record_id)
    assert (record.status.value, record.status_code) in {
        ("CREATE_FAILED", "RevokedByOwner"),
        ("FAILED", "RevokedByOwner"),
    }
    with world.store.reading() as tx:
        assert [event.event.value for event in tx.events(record.arn)].count("failed") == 1
    assert tuple(world.runtime.runs()) == tuple(world.engine.queries()) == ()
    assert world.data.delivered == {}
    world.close()
