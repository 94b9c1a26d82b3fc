"""Which GPUs this machine has: NVIDIA's device nodes, which its driver makes, one for each."""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"nvidia(\d+)")


def gpus(devices: Path = Path("/dev")) -> tuple[Path, ...]:
    """The device node of each GPU, in the order of their numbers; empty where there is none."""
    found = [(int(match[1]), path) for path in devices.iterdir() if (match := _NAME.fullmatch(path.name))]
    return tuple(path for _, path in sorted(found) if path.is_char_device())
