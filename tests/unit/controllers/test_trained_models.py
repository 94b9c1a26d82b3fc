"""Trained models: what a run is started with, and what becomes of what it leaves."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.failpoints import once
from support.fakes import EXITED
from support.links import leave_links
from support.worlds.driven import POLICIES, World
from support.worlds.requests import ALICE
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import ChannelMount, Distribution, EndReason, InputMode, RunEnd, TrainingRun
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.trained_models import Status, TrainedModel
from whiteroom.ports.store import Work

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


def told_of(world: World, model: TrainedModel) -> str:
    """The reason of the event that ended it."""
    with world.store.reading() as tx:
        (reason,) = (event.reason for event in tx.events(model.arn) if event.event is Event.SUCCEEDED)
    return reason


def test_a_link_that_leads_out_is_left_out_and_the_training_kept_with_a_warning_in_its_events(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_links(world, monkeypatch, evil="/etc/passwd", weights2="/opt/ml/model/weights")
    model = after_all(world, world.model())
    assert model.status is Status.ACTIVE
    assert told_of(world, model) == "Left out of /opt/ml/model: evil is a link that leads out."
    assert model.model_bytes == 200


def test_a_training_without_links_has_no_warning(world: World) -> None:
    assert told_of(world, after_all(world, world.model())) == ""


def test_names_in_the_warning_are_redacted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_links(world, monkeypatch, secret="/etc/passwd")
    assert told_of(world, after_all(world, world.model())) == "Left out of /opt/ml/model: *** is a link that leads out."


@pytest.mark.parametrize("limit", [209, 110])
def test_links_whose_copies_are_over_the_limit_are_left_out_and_the_training_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    world.set_policies(POLICIES | {"trainedModels": {"maxArtifactSize": {"unit": "GB", "value": limit * 1e-9}}})
    world.data.overhead_bytes = 0
    leave_links(world, monkeypatch, latest="weights")
    model = after_all(world, world.model())
    assert (model.status, model.model_bytes) == ("ACTIVE", 100)
    told = told_of(world, model)
    assert told.startswith(
        "Left out of /opt/ml/model: latest is a link. No copies were made of links, since with them: "
    )
    assert "210 bytes" in told


def test_links_that_differ_between_instances_are_left_out_and_the_training_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.runtime.hosts = ("algo-1", "algo-2")
    world.runtime.leaves = {}
    real = world.runtime.output

    def output(run_id: Any) -> Any:
        found = real(run_id)
        for one in found:
            folder = Path(world.data.path(one.model))
            (folder / one.host).write_text(one.host)
            (folder / "latest").unlink(missing_ok=True)
            (folder / "latest").symlink_to(one.host)
        return found

    monkeypatch.setattr(world.runtime, "output", output)
    model = after_all(world, world.model())
    assert (model.status, model.model_bytes) == ("ACTIVE", 12)
    assert "latest is not the same on algo-1 and algo-2" in told_of(world, model)


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
