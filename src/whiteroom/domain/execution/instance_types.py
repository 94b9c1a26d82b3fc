"""What each instance type is: how many CPUs and GPUs and how much memory a run of it may take.

Source: vCPU count, memory and GPU count that AWS publishes for the EC2 type of the same name
(aws.amazon.com/ec2/instance-types). The types are those of the service model's InstanceType and
InferenceInstanceType; a test holds the table to them. The accelerators of trn1 and trn1n are no GPUs
and are not counted. A run gets as much of the machine as its type has, and never more than there is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from whiteroom.domain.execution.runs import Limits
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a machine: of an instance type, or of the one that runs it."""

    cpus: int
    memory_bytes: int
    gpus: int = 0


def _even(family: str, gib_per_cpu: int, sizes: str) -> Iterator[tuple[str, Shape]]:
    """A family in which `large` has 2 CPUs, `xlarge` 4, `Nxlarge` 4 N, and memory goes with the CPUs.

    Each size may be followed by a colon and its GPUs.
    """
    for size, _, gpus in (entry.partition(":") for entry in sizes.split()):
        times = size.removesuffix("xlarge")
        cpus = 2 if size == "large" else 4 * int(times or "1")
        yield f"ml.{family}.{size}", Shape(cpus, cpus * gib_per_cpu * GIB, int(gpus or "0"))


def _odd(family: str, **sizes: tuple[int, float] | tuple[int, float, int]) -> Iterator[tuple[str, Shape]]:
    """A family with sizes of their own, as CPUs, GiB and GPUs; `x8large` stands for 8xlarge."""
    for name, (cpus, gib, *gpus) in sizes.items():
        size = f"{name[1:-5]}xlarge" if name[0] == "x" and name[1].isdigit() else name
        yield f"ml.{family}.{size}", Shape(cpus, int(gib * GIB), *gpus)


_UP_TO_24 = "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"
_GPUS_TO_16 = "xlarge:1 2xlarge:1 4xlarge:1 8xlarge:1 12xlarge:4 16xlarge:1"

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
        _even("g4dn", 4, _GPUS_TO_16),
        _even("g5", 4, f"{_GPUS_TO_16} 24xlarge:4 48xlarge:8"),
        _even("g6", 4, f"{_GPUS_TO_16} 24xlarge:4 48xlarge:8"),
        _even("g6e", 8, f"{_GPUS_TO_16} 24xlarge:4 48xlarge:8"),
        _odd("p2", xlarge=(4, 61, 1), x8large=(32, 488, 8), x16large=(64, 732, 16)),
        _odd("p3", x2large=(8, 61, 1), x8large=(32, 244, 4), x16large=(64, 488, 8)),
        _odd("p3dn", x24large=(96, 768, 8)),
        _odd("p4d", x24large=(96, 1_152, 8)),
        _odd("p4de", x24large=(96, 1_152, 8)),
        _odd("p5", x48large=(192, 2_048, 8)),
        _odd("p5en", x48large=(192, 2_048, 8)),
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
    """What each instance of a run of that type may take: what its type has, never more than the machine has.

    All instances together do not take more memory or GPUs than the machine has, and share its CPUs.
    """
    given = _given(instance_type, machine, instances)
    return Limits(
        cpus=given.cpus,
        memory_bytes=given.memory_bytes,
        volume_bytes=volume_bytes,
        processes=processes,
        max_runtime_seconds=max_runtime_seconds,
        gpus=given.gpus,
    )


def clamped(instance_type: str, machine: Shape, instances: int = 1) -> str:
    """The sentence that says how much less than its type an instance gets here; empty where it gets all of it."""
    given = _given(instance_type, machine, instances)
    shape = SHAPES.get(instance_type, given)
    if shape == given:
        return ""
    gives = "this machine gives" if instances == 1 else f"this machine gives each of {instances} instances"
    return f"{instance_type} has {_has(shape)}; {gives} {_gives(shape, given)}."


def fits(instance_type: str, machine: Shape, instances: int = 1) -> Verdict:
    """Whether the machine is as large as all instances of that type together: the rule of `strict_instance_types`."""
    sentence = clamped(instance_type, machine, instances)
    if not sentence:
        return ALLOWED
    return Denied(
        f"{sentence} The setting strict_instance_types of this server refuses that: choose a smaller instanceType or "
        "instanceCount, or have the operator set it to false, so that instances get what the machine has."
    )


def _given(instance_type: str, machine: Shape, instances: int) -> Shape:
    """What an instance gets. A type that is not in the table (a newer service model's) gets the machine's own size."""
    here = Shape(max(machine.cpus // instances, 1), machine.memory_bytes // instances, machine.gpus // instances)
    shape = SHAPES.get(instance_type, here)
    return Shape(min(shape.cpus, here.cpus), min(shape.memory_bytes, here.memory_bytes), min(shape.gpus, here.gpus))


def _has(shape: Shape) -> str:
    parts = [_counted(shape.cpus, "vCPU"), _gib(shape.memory_bytes)]
    if shape.gpus:
        parts.append(_counted(shape.gpus, "GPU"))
    return _listed(parts)


def _gives(shape: Shape, given: Shape) -> str:
    """What is given, beside what the type has: no word of GPUs where it has none."""
    parts = [_counted(given.cpus, "vCPU"), _gib(given.memory_bytes)]
    if shape.gpus:
        parts.append(_counted(given.gpus, "GPU") if given.gpus else "no GPU")
    return _listed(parts)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _gib(size_bytes: int) -> str:
    """In GiB with one decimal, never more than there is."""
    return f"{math.floor(size_bytes / GIB * 10) / 10:,.1f}".removesuffix(".0") + " GiB"


def _listed(parts: list[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
