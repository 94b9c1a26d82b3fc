"""Trained models: what a run is started with, and what becomes of what it leaves."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.fakes import EXITED
from support.rooms import ALICE, POLICIES, World, once
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import ChannelMount, Distribution, EndReason, InputMode, RunEnd, TrainingRun
from whiteroom.domain.resources.collaborations import CollaborationStatus
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.trained_models import Status, TrainedModel, artefacts, model_archive
from whiteroom.ports import CannotSeal, RunRefused, Work

GIB = 2**30


def after_all(world: World, model: TrainedModel) -> TrainedModel:
    world.drive()
    found: TrainedModel = world.get(Work.TRAINED_MODELS, model.id)
    return found


def code(model: TrainedModel) -> tuple[str, str | None]:
    return model.status.value, model.status_code


def test_a_run_is_described_whole(world: World) -> None:
    channel = world.ready_channel()
    model = after_all(world, world.model(channels=(channel,)))
    (run,) = world.runtime.started
    assert isinstance(run, TrainingRun)
    assert run.id == run.job_name == f"training-{model.id}"
    assert run.job_arn == model.arn
    assert (run.image_uri, run.image_digest) == ("image:1", model.image_digest)
    assert (run.entrypoint, run.arguments) == (("python", "t.py"), ("-v",))
    assert (run.hyperparameters, run.environment) == ({"depth": "3"}, {"A": "b"})
    assert run.channels == (
        ChannelMount("train0", DataRef(DataKind.CHANNEL, channel.id), InputMode.FILE, Distribution.FULLY_REPLICATED),
    )
    assert (run.region, run.file_format, run.instance_count) == ("eu-west-1", "csv", 1)
    limits = run.limits
    # ml.m5.xlarge has 4 CPUs and 16 GiB; the room's machine has 2 and 8.
    assert (limits.cpus, limits.memory_bytes) == (2, 8 * GIB)
    assert (limits.volume_bytes, limits.max_runtime_seconds, limits.processes) == (3 * 10**9, 600, 100)


def sharded(channel: MLInputChannel) -> tuple[dict[str, str], ...]:
    return ({"mlInputChannelArn": channel.arn, "channelName": "train", "s3DataDistributionType": "ShardedByS3Key"},)


def test_a_sharded_channel_of_too_few_files_is_laid_out_once_and_erased_with_the_channel(world: World) -> None:
    channel = world.ready_channel()
    resources = {"instanceType": "ml.m5.xlarge", "volumeSizeInGB": 3, "instanceCount": 3}
    for _ in range(2):
        after_all(world, world.model(channels=(channel,), data_channels=sharded(channel), resource_config=resources))
    layout = DataRef(DataKind.LAYOUT, channel.id, "3")
    assert [run.channels[0].data for run in world.runtime.started if isinstance(run, TrainingRun)] == [layout] * 2
    assert world.layouts.made == [layout]
    assert len(world.data.list(layout)) == 3
    world.ask(Work.ML_INPUT_CHANNELS, channel.id, Event.DELETE)
    world.drive()
    assert not (world.channels / f"{channel.id}.layouts").exists()


def test_a_sharded_channel_with_a_file_for_every_instance_is_mounted_as_it_is(world: World) -> None:
    channel = world.ready_channel()
    after_all(world, world.model(channels=(channel,), data_channels=sharded(channel)))
    (run,) = world.runtime.started
    assert isinstance(run, TrainingRun)
    assert run.channels[0].data == DataRef(DataKind.CHANNEL, channel.id)
    assert run.channels[0].distribution is Distribution.SHARDED_BY_S3_KEY
    assert world.layouts.made == []


def test_a_training_without_a_stopping_condition_gets_the_servers(world: World) -> None:
    after_all(world, world.model(stopping_condition=None))
    assert world.runtime.started[0].limits.max_runtime_seconds == 86_400


def test_a_finished_training_says_what_it_kept_and_when_it_ran(world: World) -> None:
    model = after_all(world, world.model())
    assert model.status is Status.ACTIVE
    assert (model.model_bytes, model.output_bytes) == (100, 10)
    assert model.image_digest == "sha256:" + "a" * 64
    assert model.run_started_at == datetime.fromtimestamp(EXITED.started_at_ms / 1000, UTC)
    assert model.run_ended_at == datetime.fromtimestamp(EXITED.ended_at_ms / 1000, UTC)


def test_the_image_that_was_found_first_is_the_one_that_runs(world: World) -> None:
    """The tag moves between finding out and starting: the version keeps its digest."""
    moved = once("recorded", lambda: world.runtime.images.update({"image:1": "sha256:" + "b" * 64}))
    model = world.model()
    world.drive(world.reconciler(moved))
    assert world.runtime.started[0].image_digest == "sha256:" + "a" * 64
    assert world.get(Work.TRAINED_MODELS, model.id).image_digest == "sha256:" + "a" * 64


def test_an_unknown_image_fails_with_how_to_bring_it(world: World) -> None:
    world.runtime.images.clear()
    model = after_all(world, world.model())
    assert code(model) == ("CREATE_FAILED", "ImageNotFound")
    assert model.status_message == "There is no image image:1. Build it."


def test_artefacts_over_the_limit_fail_and_nothing_is_kept(world: World) -> None:
    world.set_policies(POLICIES | {"trainedModels": {"maxArtifactSize": {"unit": "GB", "value": 109e-9}}})
    model = after_all(world, world.model())
    assert code(model) == ("CREATE_FAILED", "ArtifactTooLarge")
    assert "110 bytes" in (model.status_message or "")
    assert world.data.kept() == []
    assert world.runtime.runs() == ()


def test_artefacts_of_exactly_the_limit_are_kept(world: World) -> None:
    world.set_policies(POLICIES | {"trainedModels": {"maxArtifactSize": {"unit": "GB", "value": 110e-9}}})
    world.data.overhead_bytes = 0
    assert after_all(world, world.model()).status is Status.ACTIVE


@pytest.mark.parametrize(("over", "status"), [(0, "ACTIVE"), (1, "CREATE_FAILED")])
def test_the_limit_is_of_the_archives_as_well_and_over_it_nothing_is_kept(world: World, over: int, status: str) -> None:
    world.set_policies(POLICIES | {"trainedModels": {"maxArtifactSize": {"unit": "GB", "value": 120e-9}}})
    world.data.overhead_bytes = 5 + over
    model = after_all(world, world.model())
    assert model.status == status
    if over:
        assert code(model) == ("CREATE_FAILED", "ArtifactTooLarge")
        assert "archives of the artefacts are 122 bytes" in (model.status_message or "")
        assert world.data.kept() == []


def test_a_link_among_the_artefacts_fails_and_nothing_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = world.runtime.output

    def output(run_id: Any) -> Any:
        (found,) = real(run_id)
        Path(world.data.path(found.output.at("evil"))).symlink_to("/etc/passwd")
        return (found,)

    monkeypatch.setattr(world.runtime, "output", output)
    model = after_all(world, world.model())
    assert code(model) == ("CREATE_FAILED", "UnsafeArtifact")
    assert world.data.kept() == []


def test_instances_that_wrote_different_contents_to_one_path_fail_the_training(world: World) -> None:
    world.runtime.hosts, world.runtime.clashes = ("algo-1", "algo-2"), ("model/clash",)
    model = after_all(world, world.model())
    assert code(model) == ("CREATE_FAILED", "ConflictingArtifact")
    assert (model.status_message or "").startswith("clash is not the same on algo-1 and algo-2.")
    assert world.data.kept() == []


@pytest.mark.parametrize(
    ("end", "status_code"),
    [
        (RunEnd(EndReason.EXITED, exit_code=2), "AlgorithmError"),
        (RunEnd(EndReason.MEMORY), "OutOfMemory"),
        (RunEnd(EndReason.VOLUME), "VolumeExceeded"),
        (RunEnd(EndReason.SANDBOX), "SandboxUnavailable"),
        (RunEnd(EndReason.PROCESSES), "TooManyProcesses"),
        (RunEnd(EndReason.IMAGE), "ImageNotFound"),
        (RunEnd(EndReason.MACHINE), "InstanceLost"),
        (RunEnd(EndReason.LOST), "InstanceLost"),
        (RunEnd(EndReason.PLATFORM), "PlatformError"),
    ],
)
def test_a_run_that_ends_badly_fails_and_nothing_is_kept(world: World, end: RunEnd, status_code: str) -> None:
    world.runtime.end = end
    assert code(after_all(world, world.model())) == ("CREATE_FAILED", status_code)
    assert world.data.kept() == []
    assert world.runtime.runs() == ()


def test_the_names_of_files_are_a_programs_words_too(world: World) -> None:
    world.set_policies({"trainedModels": {"containerLogs": [{"allowedAccountIds": [ALICE]}]}})
    world.runtime.hosts, world.runtime.clashes = ("algo-1", "algo-2"), ("model/clash",)
    world.model()
    world.drive()
    assert [policies[0].allowed_account_ids for policies in world.redactions] == [(ALICE,)]


def test_a_programs_own_words_are_redacted_before_anyone_sees_them(world: World) -> None:
    logs = {"allowedAccountIds": [ALICE], "logRedactionConfiguration": {"entitiesToRedact": ["NUMBERS"]}}
    world.set_policies(POLICIES | {"trainedModels": {"containerLogs": [logs]}})
    world.runtime.end = RunEnd(EndReason.EXITED, exit_code=1, failure="row: secret")
    model = after_all(world, world.model())
    assert model.status_message == "row: ***"
    assert world.redactions[0][0].allowed_account_ids == (ALICE,)
    with world.store.reading() as tx:
        assert not any("secret" in event.reason for event in tx.events(model.arn))


def test_logs_are_said_to_be_published_only_where_a_policy_publishes_them(world: World) -> None:
    assert after_all(world, world.model()).logs_status is None
    world.set_policies(POLICIES | {"trainedModels": {"containerLogs": [{"allowedAccountIds": [ALICE]}]}})
    assert after_all(world, world.model()).logs_status == "PUBLISH_SUCCEEDED"


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
        (CannotSeal("No sandbox here. Install one."), "SandboxUnavailable"),
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
        room = tx.collaborations.get("collab")
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
        ({"model/link": b""}, 1.0, "(UnsafeArtifact): evil is a link"),
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
            world.runtime.place(run.id, "algo-1", "model/evil").symlink_to("/etc/passwd")

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
