from __future__ import annotations

from datetime import timedelta

import pytest

from support.command import CommandLine
from support.worlds.driven import World
from support.worlds.records import ROOM
from whiteroom.ports.store import Work

WORK = [*Work]
UNDER_WAY = {"CREATE_IN_PROGRESS", "STARTED"}


def asked_for(world: World, work: Work) -> str:
    """A record of that kind that waits to be worked on; its id."""
    match work:
        case Work.ML_INPUT_CHANNELS:
            return world.channel().id
        case Work.PROTECTED_QUERIES:
            return world.query().id
        case Work.TRAINED_MODELS:
            return world.model().id
        case Work.TRAINED_MODEL_INFERENCE_JOBS:
            return world.inference_job().id
    return world.export_job().id


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("work", WORK)
def test_one_call_ends_all_work_of_a_collaboration(cli: CommandLine, world: World, work: Work, begun: bool) -> None:
    record_id = asked_for(world, work)
    world.runtime.looks = world.engine.looks = 1_000
    reconciler = world.reconciler()
    while begun and world.get(work, record_id).status.value not in UNDER_WAY:
        reconciler.step("worker")
        world.clock.now += timedelta(milliseconds=1)
    assert cli("collaborations", "stop", ROOM).code == 0
    world.drive()
    record = world.get(work, record_id)
    assert record.status.value in {"CREATE_FAILED", "FAILED"}
    assert record.status_code == "StoppedByOperator"
    assert world.data.delivered == {}
    assert tuple(world.runtime.runs()) == tuple(world.engine.queries()) == ()


def test_a_collaboration_is_listed_as_stopped_until_it_is_resumed(cli: CommandLine, world: World) -> None:
    assert [one["stoppedTime"] for one in cli("collaborations", "list", "--json").json] == [None]
    stopped = cli("collaborations", "stop", ROOM, "--json").json
    assert stopped["stoppedTime"]
    assert cli("collaborations", "stop", ROOM, "--json").json == stopped
    assert [one["id"] for one in cli("collaborations", "list", "--json").json if one["stoppedTime"]] == [ROOM]
    assert cli("collaborations", "resume", ROOM, "--json").json["stoppedTime"] is None
    assert world.ready_channel()


@pytest.mark.parametrize("verb", ["stop", "resume"])
def test_a_collaboration_that_is_not_there_is_told(cli: CommandLine, world: World, verb: str) -> None:
    answer = cli("collaborations", verb, "nowhere")
    assert answer.code == 1
    assert "no collaboration nowhere" in answer.err
