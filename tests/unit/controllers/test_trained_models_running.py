"""Trained models from their start to their end, and what is kept of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.worlds.driven import World
from support.worlds.records import ROOM
from support.worlds.requests import ALICE
from unit.controllers.test_trained_models import after_all, code
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import EndReason, RunEnd, TrainingRun
from whiteroom.domain.resources.collaborations import CollaborationStatus
from whiteroom.domain.resources.trained_models import Status, artefacts, model_archive
from whiteroom.ports.runtime import CannotIsolate, RunRefused
from whiteroom.ports.store import Work


def test_a_channel_that_is_gone_when_the_run_is_to_start_fails_it(world: World) -> None:
    channel = world.ready_channel()
    model = world.model(channels=(channel,))
    world.ask(Work.ML_INPUT_CHANNELS, channel.id, Event.DELETE)
    model = after_all(world, model)
    assert code(model) == ("CREATE_FAILED", "ChannelUnavailable")
    assert world.runtime.started == []


@pytest.mark.parametrize(
    ("refusal", "status_code"),
    [
        (RunRefused("One instance only. Set instanceCount to 1."), "UnsupportedConfiguration"),
        (CannotIsolate("No sandbox here. Install one."), "SandboxUnavailable"),
    ],
)
def test_a_run_that_cannot_be_had_fails_with_the_reason(world: World, refusal: RunRefused, status_code: str) -> None:
    world.runtime.refusal = refusal
    model = after_all(world, world.model())
    assert code(model) == ("CREATE_FAILED", status_code)
    assert model.status_message == str(refusal)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_a_member_that_leaves_ends_its_training(world: World, steps: int) -> None:
    world.runtime.looks = 10_000
    model = world.model()
    reconciler = world.reconciler()
    for _ in range(steps):
        reconciler.step("a")
    world.end_membership(ALICE)
    assert code(after_all(world, model)) == ("CREATE_FAILED", "MembershipEnded")
    assert world.runtime.runs() == ()


def test_a_deleted_collaboration_ends_its_trainings(world: World) -> None:
    model = world.model()
    with world.store.transaction() as tx:
        room = tx.collaborations.get(ROOM)
        assert room is not None
        tx.collaborations.update(room, status=CollaborationStatus.DELETED)
    assert code(after_all(world, model)) == ("CREATE_FAILED", "MembershipEnded")


def test_a_cancelled_training_gets_its_grace_and_ends_inactive(world: World) -> None:
    world.runtime.looks = 10_000
    model = world.model()
    reconciler = world.reconciler()
    for _ in range(3):
        reconciler.step("a")
    world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)
    assert after_all(world, model).status is Status.INACTIVE
    assert world.runtime.stops == [(f"training-{model.id}", 5)]


def test_a_training_cancelled_before_it_starts_never_runs(world: World) -> None:
    model = world.model()
    world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)
    assert after_all(world, model).status is Status.INACTIVE
    assert world.runtime.started == []


def test_a_deleted_model_leaves_no_artefact_and_no_log(world: World) -> None:
    model, other = world.ready_model(), world.ready_model()
    world.ask(Work.TRAINED_MODELS, model.id, Event.DELETE)
    model = after_all(world, model)
    assert model.status is Status.INACTIVE
    assert model.model_bytes == 100
    assert {key.split("/")[1] for key in world.data.kept()} == {other.id}
    assert world.runtime.forgotten_logs == [f"training-{model.id}"]


def test_the_base_versions_archive_lies_alone_in_its_channel(world: World) -> None:
    base = world.ready_model()
    seen: list[tuple[str, list[str], bool]] = []
    real = world.runtime.start

    def start(run: Any) -> None:
        mount = run.channels[-1]
        archive, kept = (Path(world.data.path(ref)) for ref in (mount.data.at("model.tar.gz"), model_archive(base.id)))
        same = archive.read_bytes() == kept.read_bytes()
        # A second name would keep the object store from delivering the artefact.
        assert archive.stat().st_nlink == 1
        seen.append((mount.name, list(world.data.list(mount.data)), same))
        real(run)

    world.runtime.start = start  # type: ignore[method-assign]
    entry = {"channelName": "base", "trainedModelArn": base.arn, "versionIdentifier": "NULL", "modelId": base.id}
    model = after_all(world, world.model(incremental_channels=(entry,)))
    assert model.status is Status.ACTIVE
    assert seen == [("base", ["model.tar.gz"], True)]
    run = world.runtime.started[-1]
    assert isinstance(run, TrainingRun)
    assert run.channels[-1].content_type == "application/x-sagemaker-model"
    assert list((world.tmp / "bases").iterdir()) == []


@pytest.mark.parametrize("loss", ["deleted", "erased", "another size"])
def test_a_base_version_that_is_gone_fails_the_training(world: World, loss: str) -> None:
    base = world.ready_model()
    if loss == "deleted":
        world.ask(Work.TRAINED_MODELS, base.id, Event.DELETE)
    elif loss == "erased":
        world.data.erase(artefacts(base.id))
    else:
        world.data.spoil(model_archive(base.id))
    entry = {"channelName": "base", "trainedModelArn": base.arn, "versionIdentifier": "NULL", "modelId": base.id}
    model = after_all(world, world.model(incremental_channels=(entry,)))
    assert code(model) == ("CREATE_FAILED", "ModelUnavailable")
    assert len(world.runtime.started) == 1


def test_a_parquet_channel_is_announced_as_parquet(world: World) -> None:
    channel = world.channel()
    world.drive()
    source = {"protectedQueryInputParameters": {**channel.input_channel["dataSource"]["protectedQueryInputParameters"]}}
    source["protectedQueryInputParameters"]["resultFormat"] = "PARQUET"
    with world.store.transaction() as tx:
        ready = tx.ml_input_channels.get(channel.id)
        assert ready is not None
        ready = tx.ml_input_channels.update(ready, input_channel={**ready.input_channel, "dataSource": source})
    after_all(world, world.model(channels=(ready,)))
    run = world.runtime.started[0]
    assert isinstance(run, TrainingRun)
    assert run.file_format == "parquet"


def test_a_machine_smaller_than_the_type_is_spoken_of_in_the_log_and_as_long_as_the_model_stands(world: World) -> None:
    note = "ml.m5.xlarge has 4 vCPUs and 16 GiB; this machine gives 2 vCPUs and 8 GiB."
    world.runtime.looks = 10_000
    model = world.model()
    reconciler = world.reconciler()
    for _ in range(3):
        reconciler.step("a")
    running = world.get(Work.TRAINED_MODELS, model.id)
    assert (running.status, running.status_code, running.status_message) == (
        "CREATE_IN_PROGRESS",
        "InstanceClamped",
        note,
    )
    (run,) = world.runtime.started
    assert run.notes == (note,)
    world.runtime._runs[run.id] = 0
    model = after_all(world, model)
    assert code(model) == ("ACTIVE", "InstanceClamped")
    assert model.status_message == note


def test_a_failure_says_more_than_the_size_of_the_machine(world: World) -> None:
    world.runtime.end = RunEnd(EndReason.EXITED, "It broke.", exit_code=1)
    model = after_all(world, world.model())
    assert (model.status_code, model.status_message) == ("AlgorithmError", "It broke.")


def test_a_type_that_the_machine_has_whole_leaves_nothing_to_say(world: World) -> None:
    model = after_all(world, world.model(resource_config={"instanceType": "ml.m5.large", "volumeSizeInGB": 1}))
    assert (model.status_code, model.status_message) == (None, None)
    assert world.runtime.started[0].notes == ()
