"""Trained models whose instances died of the machine, and what a training saved that ran too long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.worlds.driven import POLICIES, World
from unit.controllers.test_trained_models import after_all, code
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import EndReason, RunEnd, TrainingRun
from whiteroom.domain.resources.trained_models import Status
from whiteroom.ports.store import Work


def test_an_instance_that_died_of_the_machine_is_tried_again_with_its_checkpoints(world: World) -> None:
    died = RunEnd(EndReason.MACHINE, "The machine had no memory left.", started_at_ms=1_000, ended_at_ms=61_500)
    world.runtime.deaths = [died]
    seen: list[list[str]] = []
    real = world.runtime.start

    def start(run: Any) -> None:
        if run.id not in world.runtime.runs():
            folder = Path(world.data.path(run.checkpoints.at("algo-1")))
            folder.mkdir(parents=True, exist_ok=True)
            seen.append([file.name for file in folder.iterdir()])
            (folder / f"epoch-{len(seen)}").write_text("x")
        real(run)

    world.runtime.start = start  # type: ignore[method-assign]
    resources = {"instanceType": "ml.m5.large", "volumeSizeInGB": 1}
    model = after_all(world, world.model(resource_config=resources))
    assert (model.status, model.retries, model.retry) == (Status.ACTIVE, 1, None)
    first, second = world.runtime.started
    assert isinstance(first, TrainingRun)
    assert isinstance(second, TrainingRun)
    assert first.id == second.id
    assert first.checkpoints == second.checkpoints == DataRef(DataKind.CHECKPOINT, model.id)
    assert seen == [[], ["epoch-1"]]
    assert first.notes == ()
    assert second.notes == (
        "Attempt 2 of 3: the one before died of the machine. /opt/ml/checkpoints is as it left it.",
    )
    # maxRuntimeInSeconds is of all attempts together, as SageMaker counts it: 600 less the 61 that were used.
    assert (first.limits.max_runtime_seconds, second.limits.max_runtime_seconds) == (600, 539)
    assert list((world.tmp / "checkpoints").iterdir()) == []
    with world.store.reading() as tx:
        told = [(event.event, event.reason) for event in tx.events(model.arn)]
    assert told == [
        (Event.CREATED, ""),
        (Event.STARTED, ""),
        (Event.NOTED, "InstanceLost: The machine had no memory left. Attempt 2 of 3 follows."),
        (Event.SUCCEEDED, ""),
    ]


def test_the_third_death_fails_the_training_with_the_reason(world: World) -> None:
    world.runtime.deaths = [RunEnd(EndReason.LOST, "The supervisor was killed.")] * 4
    model = after_all(world, world.model())
    assert code(model) == ("CREATE_FAILED", "InstanceLost")
    assert model.status_message == (
        "The supervisor was killed. This was the last of 3 attempts; start a new job to try again."
    )
    assert len(world.runtime.started) == 3
    assert world.runtime.runs() == ()
    assert list((world.tmp / "checkpoints").iterdir()) == []
    assert world.runtime.forgotten_logs == []


def test_a_dead_attempt_that_is_not_cleared_away_at_once_is_not_taken_for_the_next(world: World) -> None:
    world.runtime.deaths = [RunEnd(EndReason.LOST)]
    model = world.model()
    real, refusals = world.runtime.forget, [1, 2]

    def forget(run_id: Any) -> None:
        if refusals:
            refusals.pop()
        else:
            real(run_id)

    world.runtime.forget = forget  # type: ignore[method-assign]
    model = after_all(world, model)
    assert (model.status, model.retries, refusals) == (Status.ACTIVE, 1, [])
    assert len(world.runtime.started) == 2


@pytest.mark.parametrize("steps", [3, 4, 5])
def test_a_training_cancelled_in_the_middle_of_a_retry_ends_inactive(world: World, steps: int) -> None:
    world.runtime.deaths = [RunEnd(EndReason.LOST)] * 2
    world.runtime.looks = 0
    model = world.model()
    reconciler = world.reconciler()
    for _ in range(steps):
        reconciler.step("a")
    world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)
    model = after_all(world, model)
    assert (model.status, model.retries) == (Status.INACTIVE, 1)
    assert world.runtime.runs() == ()
    assert list((world.tmp / "checkpoints").iterdir()) == []


def test_a_channel_that_is_gone_before_the_next_attempt_fails_the_training(world: World) -> None:
    world.runtime.deaths = [RunEnd(EndReason.LOST)]
    world.runtime.looks = 0
    channel = world.ready_channel()
    model = world.model(channels=(channel,))
    reconciler = world.reconciler()
    for _ in range(4):  # resolve, start, count, forget
        reconciler.step("a")
    with world.store.transaction() as tx:
        ready = tx.ml_input_channels.get(channel.id)
        assert ready is not None
        tx.ml_input_channels.update(ready, status="INACTIVE")
    assert code(after_all(world, model)) == ("CREATE_FAILED", "ChannelUnavailable")


TOO_LONG = RunEnd(EndReason.MAX_RUNTIME, "It ran for more than 600 s.")


def test_what_a_training_saved_that_ran_too_long_is_kept_apart_for_its_owner(world: World) -> None:
    world.runtime.end = TOO_LONG
    model = after_all(world, world.model())
    assert code(model) == ("CREATE_FAILED", "MaxRuntimeExceeded")
    assert model.status_message == (
        "It ran for more than 600 s. The 110 bytes that it had saved are kept for the model's owner until "
        "DeleteTrainedModelOutput; the server's operator hands them over (`whiteroom partial`)."
    )
    assert (model.partial_bytes, model.model_bytes, model.output_bytes) == (110, None, None)
    kept = [f"trained-models/{model.id}/partial/{name}.tar.gz" for name in ("model", "output")]
    assert world.data.kept() == kept
    world.reconciler().sweep()
    assert world.data.kept() == kept
    assert world.runtime.runs() == ()


def test_what_is_too_much_to_be_gathered_at_once_is_gathered_after_the_failure_is_told(world: World) -> None:
    world.runtime.end = TOO_LONG
    world.data.gathering_seconds = 60
    model, reconciler = world.model(), world.reconciler()
    while world.get(Work.TRAINED_MODELS, model.id).status is not Status.CREATE_FAILED:
        reconciler.step("a")
        world.clock.forward(1)
    told = world.get(Work.TRAINED_MODELS, model.id)
    assert code(told) == ("CREATE_FAILED", "MaxRuntimeExceeded")
    assert "is being looked through" in str(told.status_message)
    reconciler.sweep()
    assert world.runtime.runs() != (), "it is still needed"
    model = after_all(world, model)
    assert "The 110 bytes that it had saved are kept" in str(model.status_message)
    assert (model.partial_bytes, model.partial_pending) == (110, False)
    assert len(world.data.kept()) == 2
    assert world.runtime.runs() == ()
    with world.store.reading() as tx:
        assert tx.trained_models.working() == ()


def test_what_takes_for_ever_to_be_gathered_is_given_up(world: World) -> None:
    world.runtime.end = TOO_LONG
    world.data.gathering_seconds = 1e6
    model = after_all(world, world.model())
    assert code(model) == ("CREATE_FAILED", "MaxRuntimeExceeded")
    assert "Nothing of it is kept: it is more than can be gathered in 600 s." in str(model.status_message)
    assert world.data.kept() == []
    assert world.runtime.runs() == ()


def test_a_model_that_is_deleted_while_what_it_saved_is_gathered_leaves_nothing(world: World) -> None:
    world.runtime.end = TOO_LONG
    world.data.gathering_seconds = 60
    model, reconciler = world.model(), world.reconciler()
    while world.get(Work.TRAINED_MODELS, model.id).status is not Status.CREATE_FAILED:
        reconciler.step("a")
        world.clock.forward(1)
    world.ask(Work.TRAINED_MODELS, model.id, Event.DELETE)
    assert after_all(world, model).status is Status.INACTIVE
    assert world.data.kept() == []
    assert world.runtime.runs() == ()


def test_a_partial_artefact_is_erased_with_the_models_output(world: World) -> None:
    world.runtime.end = TOO_LONG
    model = after_all(world, world.model())
    world.ask(Work.TRAINED_MODELS, model.id, Event.DELETE)
    assert after_all(world, model).status is Status.INACTIVE
    assert world.data.kept() == []


def test_a_program_that_saved_nothing_in_its_time_leaves_nothing(world: World) -> None:
    world.runtime.end, world.runtime.leaves = TOO_LONG, {}
    model = after_all(world, world.model())
    assert model.status_message == "It ran for more than 600 s. It had saved nothing."
    assert world.data.kept() == []


@pytest.mark.parametrize(
    ("leaves", "limit", "reason"),
    [
        ({"model/weights": b"w" * 100}, 99e-9, "(ArtifactTooLarge): The artefacts are 100 bytes"),
        ({}, 1.0, "(ConflictingArtifact): clash is not the same"),
        ({"model/link": b""}, 1.0, "(UnsafeArtifact): evil\\x0a has control characters"),
    ],
)
def test_a_partial_artefact_is_held_to_the_policies_and_its_training_failed_of_its_time_all_the_same(
    world: World, leaves: dict[str, bytes], limit: float, reason: str
) -> None:
    world.set_policies(POLICIES | {"trainedModels": {"maxArtifactSize": {"unit": "GB", "value": limit}}})
    world.runtime.end, world.runtime.leaves = TOO_LONG, leaves
    if not leaves:
        world.runtime.hosts, world.runtime.clashes = ("algo-1", "algo-2"), ("model/clash",)
    real = world.runtime.start

    def start(run: Any) -> None:
        real(run)
        if "model/link" in leaves:
            (world.runtime.place(run.id, "algo-1", "model") / "evil\n").touch()

    world.runtime.start = start  # type: ignore[method-assign]
    model = after_all(world, world.model())
    assert code(model) == ("CREATE_FAILED", "MaxRuntimeExceeded")
    assert model.status_message is not None
    assert f"Nothing of what it saved is kept {reason}" in model.status_message
    assert model.partial_bytes is None
    assert world.data.kept() == []


def test_the_words_of_a_program_that_ran_too_long_are_redacted(world: World) -> None:
    world.runtime.end = RunEnd(EndReason.MAX_RUNTIME, failure="the secret row")
    model = after_all(world, world.model())
    assert (model.status_message or "").startswith("the *** row The 110 bytes")


def test_a_sparse_file_larger_than_the_volume_is_not_packed(world: World) -> None:
    world.set_policies(None)
    real = world.runtime.start

    def start(run: Any) -> None:
        real(run)
        with world.runtime.place(run.id, "algo-1", "model/hole").open("wb") as file:
            file.truncate(10**12)

    world.runtime.start = start  # type: ignore[method-assign]
    model = after_all(world, world.model())
    assert code(model) == ("CREATE_FAILED", "ArtifactTooLarge")
    assert "without holes" in (model.status_message or "")
