"""How large this machine is, as far as this process may use it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

from whiteroom.domain.execution.instance_types import Shape
from whiteroom.runtime.supervisor import gpus

CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""What a container that the server runs in may use of the machine (cgroups v2 and v1)."""


def machine() -> Shape:
    """Its CPUs, memory and GPUs."""
    limits = [psutil.virtual_memory().total]
    for path in CGROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # another kind of cgroup, or "max"
            limits.append(int(path.read_text()))
    return Shape(len(os.sched_getaffinity(0)), min(limits), len(gpus.present()))
