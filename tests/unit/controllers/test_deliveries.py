"""Inference and export jobs: who receives what, and what keeps them from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.failpoints import once
from support.worlds.driven import POLICIES, World
from support.worlds.records import MEMBERSHIPS, ROOM
from support.worlds.requests import ALICE, BOB
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import EndReason, RunEnd, TransformRun
from whiteroom.domain.resources.collaborations import MemberStatus, member_id
from whiteroom.domain.resources.trained_model_export_jobs import TrainedModelExportJob
from whiteroom.domain.resources.trained_model_inference_jobs import TrainedModelInferenceJob
from whiteroom.domain.resources.trained_models import artefacts, model_archive
from whiteroom.ports.data import UnsafeContents
from whiteroom.ports.deliveries import DeliveryFailed
from whiteroom.ports.store import Work

INFERENCES, EXPORTS = Work.TRAINED_MODEL_INFERENCE_JOBS, Work.TRAINED_MODEL_EXPORT_JOBS


def leaves(world: World) -> None:
    with world.store.transaction() as tx:
        member = tx.members.get(member_id(ROOM, BOB))
        assert member is not None
        tx.members.update(member, status=MemberStatus.LEFT)


def loses_abilities(world: World) -> None:
    with world.store.transaction() as tx:
        member = tx.members.get(member_id(ROOM, BOB))
        assert member is not None
        tx.members.update(member, ml_abilities=())


def loses_location(world: World) -> None:
    with world.store.transaction() as tx:
        configuration = tx.ml_configurations.get(MEMBERSHIPS[BOB])
        assert configuration is not None
        tx.ml_configurations.update(configuration, destination=None)


def loses_membership(world: World) -> None:
    world.end_membership(BOB)


def loses_configuration(world: World) -> None:
    with world.store.transaction() as tx:
        configuration = tx.ml_configurations.get(MEMBERSHIPS[BOB])
        if configuration is not None:
            tx.ml_configurations.remove(configuration)


LOSSES = [leaves, loses_abilities, loses_location, loses_configuration, loses_membership]


def code_of(loss: Callable[[World], None]) -> str:
    """Why nothing is delivered: with Bob goes his table, of which the model was made."""
    return "RevokedByOwner" if loss is leaves else "ReceiverNotReady"


def inferred(world: World, job: TrainedModelInferenceJob) -> TrainedModelInferenceJob:
    world.drive()
    found: TrainedModelInferenceJob = world.get(INFERENCES, job.id)
    return found


def exported(world: World, job: TrainedModelExportJob) -> TrainedModelExportJob:
    world.drive()
    found: TrainedModelExportJob = world.get(EXPORTS, job.id)
    return found


def test_a_transform_is_described_whole(world: World) -> None:
    model, channel = world.ready_model(), world.ready_channel()
    job = world.inference_job(
        model=model, channel=channel, accept="text/csv", max_payload_in_mb=3, environment={"K": "v"}
    )
    job = inferred(world, job)
    run = world.runtime.started[-1]
    assert isinstance(run, TransformRun)
    assert run.id == run.job_name == f"inference-{job.id}"
    assert (run.image_uri, run.image_digest, run.job_arn) == ("image:1", job.image_digest, job.arn)
    assert run.model_archive == model_archive(model.id)
    assert run.input_data == DataRef(DataKind.CHANNEL, channel.id)
    assert (run.content_type, run.header, run.accept, run.max_payload_mb) == ("text/csv", True, "text/csv", 3)
    assert (run.environment, run.region) == ({"K": "v"}, "eu-west-1")
    assert job.status == "ACTIVE"
    assert job.output_bytes == 2


def test_only_out_files_reach_the_receiver(world: World) -> None:
    job = world.inference_job()
    world.runtime.leaves = {"output/a.csv.out": b"1", "output/b.csv.out": b"2", "output/b.part": b"3"}
    job = inferred(world, job)
    folder = f"s3://{BOB}/results/{ROOM}"
    assert all(key.startswith(folder) for key in world.data.delivered)
    assert sorted(key.rsplit("/", 1)[-1] for key in world.data.delivered) == ["a.csv.out", "b.csv.out"]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_receiver_that_lost_its_standing_gets_no_inference_output(
    world: World, loss: Callable[[World], None]
) -> None:
    job = world.inference_job()
    world.reconciler().step("a")
    loss(world)
    job = inferred(world, job)
    assert (job.status, job.status_code) == ("CREATE_FAILED", code_of(loss))
    assert job.status_message
    assert world.data.delivered == {}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_receiver_that_lost_its_standing_gets_no_export(world: World, loss: Callable[[World], None]) -> None:
    job = world.export_job()
    loss(world)
    job = exported(world, job)
    assert (job.status, job.status_code) == ("CREATE_FAILED", code_of(loss))
    assert world.data.delivered == {}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("which", ["inference", "export"])
def test_a_receiver_that_loses_its_standing_while_files_are_copied_gets_none(
    world: World, which: str, loss: Callable[[World], None]
) -> None:
    job: Any = world.inference_job() if which == "inference" else world.export_job()
    world.data.while_copying = lambda: loss(world)
    world.drive()
    ended = world.get(INFERENCES if which == "inference" else EXPORTS, job.id)
    assert (ended.status, ended.status_code) == ("CREATE_FAILED", code_of(loss))
    assert world.data.delivered == {}


@pytest.mark.parametrize("which", ["inference", "export"])
def test_a_member_that_leaves_while_its_files_are_copied_has_none_delivered(world: World, which: str) -> None:
    job: Any = world.inference_job() if which == "inference" else world.export_job()
    world.data.while_copying = lambda: world.end_membership(ALICE)
    world.drive()
    ended = world.get(INFERENCES if which == "inference" else EXPORTS, job.id)
    assert (ended.status, ended.status_code) == ("CREATE_FAILED", "MembershipEnded")
    assert world.data.delivered == {}


@pytest.mark.parametrize("which", ["inference", "export"])
def test_a_receiver_that_moves_while_files_are_copied_gets_them_at_its_new_place(world: World, which: str) -> None:
    job: Any = world.inference_job() if which == "inference" else world.export_job()
    world.data.while_copying = lambda: moves(world)
    world.drive()
    ended = world.get(INFERENCES if which == "inference" else EXPORTS, job.id)
    assert ended.status == "ACTIVE"
    assert world.data.delivered
    assert all(key.startswith("s3://elsewhere/") for key in world.data.delivered)


def moves(world: World) -> None:
    with world.store.transaction() as tx:
        configuration = tx.ml_configurations.get(MEMBERSHIPS[BOB])
        assert configuration is not None
        s3 = {"s3Destination": {"s3Uri": "s3://elsewhere"}}
        tx.ml_configurations.update(configuration, destination=s3)


def test_output_over_the_limit_is_not_delivered(world: World) -> None:
    job = world.inference_job()
    world.runtime.leaves = {"output/a.csv.out": b"x" * 101}
    world.set_policies({"trainedModelInferenceJobs": {"maxOutputSize": {"unit": "GB", "value": 100e-9}}})
    job = inferred(world, job)
    assert (job.status, job.status_code) == ("CREATE_FAILED", "OutputTooLarge")
    assert world.data.delivered == {}
    assert world.runtime.runs() == ()


@pytest.mark.parametrize(
    ("refusal", "status_code"),
    [(DeliveryFailed("The bucket is full."), "DeliveryFailed"), (UnsafeContents("a is a link."), "UnsafeArtifact")],
)
def test_a_delivery_that_is_refused_fails_the_job_with_the_reason(
    world: World, refusal: Exception, status_code: str
) -> None:
    world.data.refusal = refusal
    job = inferred(world, world.inference_job())
    assert (job.status, job.status_code, job.status_message) == ("CREATE_FAILED", status_code, str(refusal))
    export = exported(world, world.export_job())
    assert (export.status, export.status_code) == ("CREATE_FAILED", status_code)


def test_an_output_under_whose_name_nothing_can_be_delivered_ends_the_job_with_what_to_do(world: World) -> None:
    job = world.inference_job()
    world.runtime.leaves = {"output/a b.csv.out": b"1"}
    job = inferred(world, job)
    assert (job.status, job.status_code) == ("CREATE_FAILED", "UnsafeArtifact")
    assert job.status_message is not None
    assert job.status_message.startswith("The file name 'a b.csv.out' is not made of ")
    assert job.status_message.endswith("let the program give the file another name.")
    assert world.data.delivered == {}


@pytest.mark.parametrize(
    ("end", "status_code"),
    [
        (RunEnd(EndReason.TRANSFORM, "a.csv, bytes 0-9: HTTP 500"), "InferenceError"),
        (RunEnd(EndReason.MEMORY), "OutOfMemory"),
    ],
)
def test_a_transform_that_ends_badly_fails_the_job(world: World, end: RunEnd, status_code: str) -> None:
    job = world.inference_job()
    world.runtime.end = end
    job = inferred(world, job)
    assert (job.status, job.status_code) == ("CREATE_FAILED", status_code)
    assert world.data.delivered == {}


def test_a_model_deleted_before_the_job_starts_fails_it(world: World) -> None:
    model = world.ready_model()
    job, export = world.inference_job(model=model), world.export_job(model=model)
    world.ask(Work.TRAINED_MODELS, model.id, Event.DELETE)
    assert inferred(world, job).status_code == "ModelUnavailable"
    assert exported(world, export).status_code == "ModelUnavailable"


def test_artefacts_that_are_not_those_that_were_recorded_leave_nowhere(world: World) -> None:
    model = world.ready_model()
    world.data.spoil(model_archive(model.id))
    assert inferred(world, world.inference_job(model=model)).status_code == "ModelUnavailable"
    assert exported(world, world.export_job(model=model)).status_code == "ModelUnavailable"
    assert world.data.delivered == {}


@pytest.mark.parametrize("which", ["inference", "export"])
def test_a_member_that_leaves_ends_its_jobs(world: World, which: str) -> None:
    job = world.inference_job() if which == "inference" else world.export_job()
    world.reconciler().step("a")
    world.end_membership(ALICE)
    world.drive()
    ended = world.get(INFERENCES if which == "inference" else EXPORTS, job.id)
    assert (ended.status, ended.status_code) == ("CREATE_FAILED", "MembershipEnded")


def test_a_cancelled_inference_job_ends_inactive_and_delivers_nothing(world: World) -> None:
    job = world.inference_job()
    world.runtime.looks = 10_000
    reconciler = world.reconciler()
    for _ in range(3):
        reconciler.step("a")
    world.ask(INFERENCES, job.id, Event.CANCEL)
    assert inferred(world, job).status == "INACTIVE"
    assert world.runtime.stops == [(f"inference-{job.id}", 5)]
    assert world.data.delivered == {}


@pytest.mark.parametrize(
    ("files", "size_bytes"),
    [
        (["MODEL"], 100),
        (["OUTPUT"], 10),
        (["OUTPUT", "MODEL"], 110),
    ],
)
def test_an_export_delivers_what_the_policy_names_and_nothing_else(
    world: World, files: list[str], size_bytes: int
) -> None:
    model = world.ready_model()
    world.set_policies(
        POLICIES | {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 1}, "filesToExport": files}}
    )
    job = exported(world, world.export_job(model=model, trained_model_name="churn"))
    assert (job.status, job.exported_bytes) == ("ACTIVE", size_bytes)
    place = f"s3://{BOB}/results/{ROOM}/churn/{ALICE}/{job.name}"
    assert world.data.delivered == {
        f"{place}/{name}": Path(world.data.path(artefacts(model.id).at(name))).read_bytes()
        for name in (f"{kind.lower()}.tar.gz" for kind in files)
    }


@pytest.mark.parametrize("policies", [None, {"trainedModels": {}}])
def test_without_an_export_policy_nothing_is_exported(world: World, policies: dict[str, object] | None) -> None:
    model = world.ready_model()
    world.set_policies(policies)
    job = exported(world, world.export_job(model=model))
    assert (job.status, job.status_code) == ("CREATE_FAILED", "ExportNotAllowed")
    assert world.data.delivered == {}


@pytest.mark.parametrize(("limit_bytes", "status"), [(110, "ACTIVE"), (109, "CREATE_FAILED")])
def test_an_export_over_the_limit_fails_whole(world: World, limit_bytes: int, status: str) -> None:
    model = world.ready_model()
    world.data.overhead_bytes = 0
    size = {"unit": "GB", "value": limit_bytes / 10**9}
    world.set_policies({"trainedModelExports": {"maxSize": size, "filesToExport": ["MODEL", "OUTPUT"]}})
    job = exported(world, world.export_job(model=model))
    assert job.status == status
    assert (job.status_code, world.data.delivered == {}) == (
        (None, False) if status == "ACTIVE" else ("ExportTooLarge", True)
    )


@pytest.mark.parametrize(("overhead_bytes", "status"), [(5, "ACTIVE"), (6, "CREATE_FAILED")])
def test_an_export_whose_archives_are_over_the_limit_fails_whole(
    world: World, overhead_bytes: int, status: str
) -> None:
    model = world.ready_model()
    world.data.overhead_bytes = overhead_bytes
    size = {"unit": "GB", "value": 120e-9}
    world.set_policies({"trainedModelExports": {"maxSize": size, "filesToExport": ["MODEL", "OUTPUT"]}})
    job = exported(world, world.export_job(model=model))
    assert job.status == status
    if status == "CREATE_FAILED":
        assert (job.status_code, world.data.delivered) == ("ExportTooLarge", {})


def test_an_inference_image_that_moves_meanwhile_is_not_followed(world: World) -> None:
    job = world.inference_job()
    moved = once("recorded", lambda: world.runtime.images.update({"image:1": "sha256:" + "b" * 64}))
    world.drive(world.reconciler(moved))
    assert world.runtime.started[-1].image_digest == "sha256:" + "a" * 64
    assert world.get(INFERENCES, job.id).image_digest == "sha256:" + "a" * 64
