"""The table of instance types."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from whiteroom.domain.execution.instance_types import SHAPES, Shape, clamped, fits, limits

GIB = 2**30


def test_the_table_has_every_type_of_the_service_model_and_no_other() -> None:
    model: Any = botocore.session.get_session().get_service_model("cleanroomsml")
    types = {name for shape in ("InstanceType", "InferenceInstanceType") for name in model.shape_for(shape).enum}
    assert set(SHAPES) == types


# From AWS's published tables, chosen across the kinds of families.
@pytest.mark.parametrize(
    ("name", "cpus", "gib"),
    [
        ("ml.m5.large", 2, 8),
        ("ml.m5.24xlarge", 96, 384),
        ("ml.m4.10xlarge", 40, 160),
        ("ml.c4.8xlarge", 36, 60),
        ("ml.c5.9xlarge", 36, 72),
        ("ml.c5n.18xlarge", 72, 192),
        ("ml.c5n.xlarge", 4, 10.5),
        ("ml.c7i.48xlarge", 192, 384),
        ("ml.r5d.xlarge", 4, 32),
        ("ml.t3.medium", 2, 4),
        ("ml.t3.2xlarge", 8, 32),
        ("ml.g4dn.12xlarge", 48, 192),
        ("ml.g6e.48xlarge", 192, 1_536),
        ("ml.p3.2xlarge", 8, 61),
        ("ml.p3dn.24xlarge", 96, 768),
        ("ml.p4d.24xlarge", 96, 1_152),
        ("ml.p5en.48xlarge", 192, 2_048),
        ("ml.trn1.32xlarge", 128, 512),
    ],
)
def test_a_type_has_the_size_that_aws_publishes(name: str, cpus: int, gib: float) -> None:
    assert (SHAPES[name].cpus, SHAPES[name].memory_bytes) == (cpus, int(gib * GIB))


# From AWS's published tables: every family with GPUs, and the sizes in which their number jumps.
@pytest.mark.parametrize(
    ("name", "gpus"),
    [
        ("ml.g4dn.xlarge", 1),
        ("ml.g4dn.12xlarge", 4),
        ("ml.g4dn.16xlarge", 1),
        ("ml.g5.16xlarge", 1),
        ("ml.g5.12xlarge", 4),
        ("ml.g5.24xlarge", 4),
        ("ml.g5.48xlarge", 8),
        ("ml.g6.4xlarge", 1),
        ("ml.g6.48xlarge", 8),
        ("ml.g6e.12xlarge", 4),
        ("ml.g6e.2xlarge", 1),
        ("ml.p2.xlarge", 1),
        ("ml.p2.8xlarge", 8),
        ("ml.p2.16xlarge", 16),
        ("ml.p3.2xlarge", 1),
        ("ml.p3.8xlarge", 4),
        ("ml.p3.16xlarge", 8),
        ("ml.p3dn.24xlarge", 8),
        ("ml.p4d.24xlarge", 8),
        ("ml.p4de.24xlarge", 8),
        ("ml.p5.48xlarge", 8),
        ("ml.p5en.48xlarge", 8),
        ("ml.trn1.32xlarge", 0),
        ("ml.m5.24xlarge", 0),
    ],
)
def test_a_type_has_the_gpus_that_aws_publishes(name: str, gpus: int) -> None:
    assert SHAPES[name].gpus == gpus


def test_only_the_families_named_for_graphics_and_acceleration_have_gpus() -> None:
    assert {name.split(".")[1][0] for name, shape in SHAPES.items() if shape.gpus} == {"g", "p"}
    assert not [name for name, shape in SHAPES.items() if name[3] in "gp" and not shape.gpus]


@pytest.mark.parametrize(
    ("name", "machine", "given"),
    [
        ("ml.m5.large", Shape(16, 64 * GIB), (2, 8 * GIB)),
        ("ml.m5.24xlarge", Shape(2, 4 * GIB), (2, 4 * GIB)),
        ("ml.x99.huge", Shape(2, 4 * GIB), (2, 4 * GIB)),
    ],
)
def test_a_run_gets_its_types_size_and_never_more_than_the_machine(
    name: str, machine: Shape, given: tuple[int, int]
) -> None:
    found = limits(name, machine, volume_bytes=1, processes=2, max_runtime_seconds=3)
    assert (found.cpus, found.memory_bytes) == given
    assert (found.volume_bytes, found.processes, found.max_runtime_seconds) == (1, 2, 3)


def test_all_instances_of_a_run_together_take_no_more_than_the_machine() -> None:
    found = limits("ml.m5.24xlarge", Shape(2, 8 * GIB), volume_bytes=1, processes=2, max_runtime_seconds=3, instances=4)
    # Two processors cannot be given to four by the piece: they share them.
    assert (found.cpus, found.memory_bytes) == (1, 2 * GIB)


@pytest.mark.parametrize(
    ("name", "machine", "instances", "gpus"),
    [
        ("ml.p3.8xlarge", Shape(64, 500 * GIB, 8), 1, 4),
        ("ml.p3.8xlarge", Shape(64, 500 * GIB, 2), 1, 2),
        ("ml.p3.8xlarge", Shape(64, 500 * GIB, 8), 4, 2),
        ("ml.p3.8xlarge", Shape(64, 500 * GIB, 1), 2, 0),
        ("ml.p3.8xlarge", Shape(64, 500 * GIB), 1, 0),
        ("ml.m5.large", Shape(64, 500 * GIB, 8), 1, 0),
    ],
)
def test_a_run_gets_its_types_gpus_as_far_as_the_machine_has_them(
    name: str, machine: Shape, instances: int, gpus: int
) -> None:
    found = limits(name, machine, volume_bytes=1, processes=2, max_runtime_seconds=3, instances=instances)
    assert found.gpus == gpus


@pytest.mark.parametrize(
    ("name", "machine", "instances", "sentence"),
    [
        (
            "ml.p3.16xlarge",
            Shape(2, int(23.48 * GIB)),
            1,
            "ml.p3.16xlarge has 64 vCPUs, 488 GiB and 8 GPUs; this machine gives 2 vCPUs, 23.4 GiB and no GPU.",
        ),
        (
            "ml.g5.xlarge",
            Shape(1, 64 * GIB, 1),
            1,
            "ml.g5.xlarge has 4 vCPUs, 16 GiB and 1 GPU; this machine gives 1 vCPU, 16 GiB and 1 GPU.",
        ),
        (
            "ml.p5.48xlarge",
            Shape(500, 9_000 * GIB, 4),
            1,
            "ml.p5.48xlarge has 192 vCPUs, 2,048 GiB and 8 GPUs; this machine gives 192 vCPUs, 2,048 GiB and 4 GPUs.",
        ),
        (
            "ml.c4.xlarge",
            Shape(4, 30 * GIB),
            2,
            "ml.c4.xlarge has 4 vCPUs and 7.5 GiB; this machine gives each of 2 instances 2 vCPUs and 7.5 GiB.",
        ),
        ("ml.c4.xlarge", Shape(8, 15 * GIB), 2, ""),
        ("ml.m5.large", Shape(2, 8 * GIB, 8), 1, ""),
        ("ml.x99.huge", Shape(2, 4 * GIB), 1, ""),
    ],
)
def test_what_the_machine_lacks_is_said_in_one_sentence(
    name: str, machine: Shape, instances: int, sentence: str
) -> None:
    assert clamped(name, machine, instances) == sentence
    assert bool(fits(name, machine, instances)) is (not sentence)


def test_a_refusal_says_what_the_machine_has_which_setting_it_is_and_what_to_do() -> None:
    verdict = fits("ml.m5.xlarge", Shape(2, 8 * GIB))
    assert not verdict
    assert "this machine gives 2 vCPUs and 8 GiB" in verdict.reason
    assert "strict_instance_types" in verdict.reason
    assert "choose a smaller instanceType" in verdict.reason
