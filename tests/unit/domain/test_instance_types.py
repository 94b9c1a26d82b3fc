"""The table of instance types."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from whiteroom.domain.instance_types import SHAPES, Shape, limits

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
    assert SHAPES[name] == Shape(cpus, int(gib * GIB))


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
