"""What inference is given, and which files of its answers are delivered."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from support.worlds.driven import World
from support.worlds.records import ALGORITHM
from unit.controllers.test_deliveries import inferred
from whiteroom.domain.execution.runs import EndReason, RunEnd, TransformRun


def test_an_algorithm_without_an_inference_container_fails_the_job(world: World) -> None:
    job = world.inference_job()
    with world.store.transaction() as tx:
        algorithm = tx.configured_model_algorithms.find(arn=ALGORITHM)
        assert algorithm is not None
        tx.configured_model_algorithms.update(algorithm, inference_container_config=None)
    assert inferred(world, job).status_code == "ImageNotFound"


def test_a_parquet_channel_is_sent_file_by_file(world: World) -> None:
    channel = world.ready_channel()
    inputs = {**channel.input_channel["dataSource"]["protectedQueryInputParameters"], "resultFormat": "PARQUET"}
    data = {**channel.input_channel, "dataSource": {"protectedQueryInputParameters": inputs}}
    with world.store.transaction() as tx:
        tx.ml_input_channels.update(channel, input_channel=data)
    inferred(world, world.inference_job(channel=dataclasses.replace(channel, input_channel=data)))
    run = world.runtime.started[-1]
    assert isinstance(run, TransformRun)
    assert run.content_type == "application/x-parquet"


def test_the_outputs_of_all_instances_are_delivered_as_one(world: World) -> None:
    world.runtime.hosts = ("algo-1", "algo-2")
    job = world.inference_job(resource_config={"instanceType": "ml.m5.large", "instanceCount": 2})
    leave_on_the_second_host(world, "part-1.csv.out", b"22\n")
    job = inferred(world, job)
    run = world.runtime.started[-1]
    assert isinstance(run, TransformRun)
    assert run.instance_count == 2
    # The machine of the room has 2 CPUs and 8 GiB.
    assert (run.limits.cpus, run.limits.memory_bytes) == (1, 4 * 2**30)
    note = "ml.m5.large has 2 vCPUs and 8 GiB; this machine gives each of 2 instances 1 vCPU and 4 GiB."
    assert run.notes == (note,)
    assert (job.status, job.status_code, job.status_message) == ("ACTIVE", "InstanceClamped", note)
    delivered = {key.rsplit("/", 1)[-1]: content for key, content in world.data.delivered.items()}
    assert delivered == {"part-0.csv.out": b"1\n", "part-1.csv.out": b"22\n"}
    assert job.output_bytes == 5


@pytest.mark.parametrize("content", [b"1\n", b"2\n"])
def test_an_output_of_the_same_name_from_two_instances_is_not_delivered(world: World, content: bytes) -> None:
    world.runtime.hosts = ("algo-1", "algo-2")
    job = world.inference_job(resource_config={"instanceType": "ml.m5.large", "instanceCount": 2})
    leave_on_the_second_host(world, "part-0.csv.out", content)
    job = inferred(world, job)
    assert (job.status, job.status_code) == ("CREATE_FAILED", "ConflictingArtifact")
    assert job.status_message == "algo-1 and algo-2 both left part-0.csv.out."
    assert world.data.delivered == {}


def test_the_limit_is_of_what_all_instances_answered(world: World) -> None:
    world.runtime.hosts = ("algo-1", "algo-2")
    job = world.inference_job(resource_config={"instanceType": "ml.m5.large", "instanceCount": 2})
    leave_on_the_second_host(world, "part-1.csv.out", b"x" * 99)
    world.set_policies({"trainedModelInferenceJobs": {"maxOutputSize": {"unit": "GB", "value": 100e-9}}})
    job = inferred(world, job)
    assert (job.status, job.status_code) == ("CREATE_FAILED", "OutputTooLarge")
    assert world.data.delivered == {}


def test_an_inference_job_that_died_of_the_machine_is_tried_again_and_delivers_once(world: World) -> None:
    job = world.inference_job(resource_config={"instanceType": "ml.m5.large"})
    world.runtime.deaths = [RunEnd(EndReason.LOST, "The supervisor was killed.")] * 2
    world.runtime.started.clear()
    job = inferred(world, job)
    assert (job.status, job.retries, job.retry) == ("ACTIVE", 2, None)
    assert [run.notes for run in world.runtime.started] == [
        (),
        ("Attempt 2 of 3: the one before died of the machine.",),
        ("Attempt 3 of 3: the one before died of the machine.",),
    ]
    assert len(world.data.delivered) == 1


def test_an_inference_job_that_died_three_times_fails_with_the_reason(world: World) -> None:
    job = world.inference_job()
    world.runtime.deaths = [RunEnd(EndReason.MACHINE, "The machine had no memory left.")] * 3
    job = inferred(world, job)
    assert (job.status, job.status_code) == ("CREATE_FAILED", "InstanceLost")
    assert (job.status_message or "").startswith("The machine had no memory left. This was the last of 3 attempts")
    assert world.data.delivered == {}


def leave_on_the_second_host(world: World, name: str, content: bytes) -> None:
    """Have every run that starts leave that file on algo-2, too."""
    real = world.runtime.start

    def start(run: Any) -> None:
        real(run)
        file = world.runtime.place(run.id, "algo-2", f"output/{name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    world.runtime.start = start  # type: ignore[method-assign]
