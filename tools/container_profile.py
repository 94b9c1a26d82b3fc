"""The profile of system calls of the server's own container: what an engine's default allows, and sandboxes take.

python tools/container_profile.py       writes deploy/container/seccomp.json

Without it the choice is between the engine's default, under which no sandbox can be made, and none at all.
"""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path
from typing import Any

from whiteroom.runtime.docker.seccomp import ALLOWED
from whiteroom.runtime.system_calls import ABSENT, JUDGED, REFUSED

PROFILE = Path(__file__).parents[1] / "deploy" / "container" / "seccomp.json"
OF_SANDBOXES = frozenset(
    # Namespaces and mounts, by a user who has no privilege outside of its own user namespace; a keyring of its own.
    {"clone", "unshare", "setns", "mount", "umount2", "pivot_root", "sethostname", "keyctl"}
)
OF_THE_SERVER = frozenset({"openat2"})
"""What the server asks for, and a program in a sandbox is refused."""


AF_VSOCK = 40
"""Sockets to the machine's own host, which engines keep shut too."""


def _not(argument: int, value: int) -> dict[str, Any]:
    return {"index": argument, "value": value, "op": "SCMP_CMP_NE"}


def profile() -> dict[str, Any]:
    """For x86-64 and AArch64; the 32-bit and x32 gates are shut: they are not named."""
    allowed = (ALLOWED | set(JUDGED) | OF_SANDBOXES | OF_THE_SERVER) - {"socket"}
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": errno.EPERM,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "syscalls": [
            {"names": sorted(allowed), "action": "SCMP_ACT_ALLOW"},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [_not(0, AF_VSOCK)]},
            {"names": sorted(set(REFUSED) - allowed), "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM},
            {"names": sorted(set(ABSENT) - allowed), "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS},
        ],
    }


def written() -> str:
    """The file's text."""
    return json.dumps(profile(), indent=2) + "\n"


if __name__ == "__main__":
    PROFILE.write_text(written(), encoding="utf-8")
    sys.exit(0)
