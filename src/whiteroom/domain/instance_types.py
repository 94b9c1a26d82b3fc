"""What each instance type is: how many CPUs and how much memory a run of it may take.

Source: vCPU count and memory that AWS publishes for the EC2 type of the same name
(aws.amazon.com/ec2/instance-types). The types are those of the service model's InstanceType and
InferenceInstanceType; a test holds the table to them. GPUs are not ours to give: a run gets
the machine's CPUs and memory, as much of them as its type has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from whiteroom.domain.runs import Limits

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a machine: of an instance type, or of the one that runs it."""

    cpus: int
    memory_bytes: int


def _even(family: str, gib_per_cpu: int, sizes: str) -> Iterator[tuple[str, Shape]]:
    """A family in which `large` has 2 CPUs, `xlarge` 4, `Nxlarge` 4 N, and memory goes with the CPUs."""
    for size in sizes.split():
        times = size.removesuffix("xlarge")
        cpus = 2 if size == "large" else 4 * int(times or "1")
        yield f"ml.{family}.{size}", Shape(cpus, cpus * gib_per_cpu * GIB)


def _odd(family: str, **sizes: tuple[int, float]) -> Iterator[tuple[str, Shape]]:
    """A family with sizes of their own, as CPUs and GiB; `x8large` stands for 8xlarge."""
    for name, (cpus, gib) in sizes.items():
        size = f"{name[1:-5]}xlarge" if name[0] == "x" and name[1].isdigit() else name
        yield f"ml.{family}.{size}", Shape(cpus, int(gib * GIB))


_UP_TO_24 = "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"

SHAPES: Mapping[str, Shape] = dict(
    entry
    for family in (
        _even("m4", 4, "xlarge 2xlarge 4xlarge 10xlarge 16xlarge"),
        _even("m5", 4, "large xlarge 2xlarge 4xlarge 12xlarge 24xlarge"),
        _even("m6i", 4, f"{_UP_TO_24} 32xlarge"),
        _even("m7i", 4, f"{_UP_TO_24} 48xlarge"),
        _odd("c4", xlarge=(4, 7.5), x2large=(8, 15), x4large=(16, 30), x8large=(36, 60)),
        _even("c5", 2, "xlarge 2xlarge 4xlarge 9xlarge 18xlarge"),
        _odd("c5n", xlarge=(4, 10.5), x2large=(8, 21), x4large=(16, 42), x9large=(36, 96), x18large=(72, 192)),
        _even("c6i", 2, f"{_UP_TO_24} 32xlarge"),
        _even("c7i", 2, f"{_UP_TO_24} 48xlarge"),
        _even("r5", 8, _UP_TO_24),
        _even("r5d", 8, _UP_TO_24),
        _even("r6i", 8, f"{_UP_TO_24} 32xlarge"),
        _even("r7i", 8, f"{_UP_TO_24} 48xlarge"),
        _odd("t3", medium=(2, 4), large=(2, 8), xlarge=(4, 16), x2large=(8, 32)),
        _even("g4dn", 4, "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"),
        _even("g5", 4, "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"),
        _even("g6", 4, "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"),
        _even("g6e", 8, "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"),
        _odd("p2", xlarge=(4, 61), x8large=(32, 488), x16large=(64, 732)),
        _odd("p3", x2large=(8, 61), x8large=(32, 244), x16large=(64, 488)),
        _odd("p3dn", x24large=(96, 768)),
        _odd("p4d", x24large=(96, 1_152)),
        _odd("p4de", x24large=(96, 1_152)),
        _odd("p5", x48large=(192, 2_048)),
        _odd("p5en", x48large=(192, 2_048)),
        _odd("trn1", x2large=(8, 32), x32large=(128, 512)),
        _odd("trn1n", x32large=(128, 512)),
    )
    for entry in family
)


def limits(
    instance_type: str,
    machine: Shape,
    *,
    volume_bytes: int,
    processes: int,
    max_runtime_seconds: int,
    instances: int = 1,
) -> Limits:
    """What each instance of a run of that type may take: its type's CPUs and memory, never more than the machine has.

    All instances together do not take more memory than the machine has, and share its CPUs. A type that is not in
    the table (a newer service model's) gets the machine's own size.
    """
    here = Shape(max(machine.cpus // instances, 1), machine.memory_bytes // instances)
    shape = SHAPES.get(instance_type, here)
    return Limits(
        cpus=min(shape.cpus, here.cpus),
        memory_bytes=min(shape.memory_bytes, here.memory_bytes),
        volume_bytes=volume_bytes,
        processes=processes,
        max_runtime_seconds=max_runtime_seconds,
    )
