"""Bubblewrap's argument list for one instance.

`arguments` is pure; `host_libraries` looks at this machine. What bubblewrap does not give
by itself has its hostile program in tests/contract/runtime. Imported by the supervisor:
nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH110, PTH112, PTH114, PTH115, PTH208
from __future__ import annotations

import os

from whiteroom.runtime.spec import PROGRAM_ID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Mount = tuple[str, str, bool]
"""Source on this machine, target in the sandbox, whether it may be written to."""
SystemEntry = tuple[str, str, str]
"""`bind` or `symlink`, source, target."""

_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# What libraries look for besides /usr. No host name, no account, no secret among them.
_FILES = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/fonts",
    "/etc/mime.types",
    "/etc/R",
    # Processor counts and caches: numeric libraries read them.
    "/sys/devices/system/cpu",
)


def host_libraries() -> tuple[SystemEntry, ...]:
    """What of this machine every sandbox shows, read-only."""
    entries: list[SystemEntry] = []
    for path in _FOLDERS:
        if os.path.islink(path):
            entries.append(("symlink", os.readlink(path), path))
        elif os.path.isdir(path):
            entries.append(("bind", path, path))
    # Debian's Java keeps its settings here, one folder a version, and does not start without them.
    java = (f"/etc/{name}" for name in sorted(os.listdir("/etc")) if name.startswith("java-"))
    entries += [("bind", path, path) for path in (*_FILES, *java) if os.path.exists(path)]
    return tuple(entries)


def etc_files(host: str, addresses: Mapping[str, str]) -> dict[str, str]:
    """The files of /etc that are made for the sandbox of `host`, which finds every host of the run by name."""
    hosts = "".join(f"{address} {name}\n" for name, address in addresses.items())
    return {
        "/etc/passwd": (
            "root:x:0:0:root:/root:/bin/sh\n"
            f"algorithm:x:{PROGRAM_ID}:{PROGRAM_ID}:algorithm:/tmp:/bin/sh\n"
            "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
        ),
        "/etc/group": f"root:x:0:\nalgorithm:x:{PROGRAM_ID}:\nnogroup:x:65534:\n",
        "/etc/hosts": f"127.0.0.1 localhost\n::1 localhost\n{hosts}",
        "/etc/resolv.conf": "",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        "/etc/hostname": f"{host}\n",
    }


_ISOLATION = (
    *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try", "--disable-userns"),
    *("--uid", str(PROGRAM_ID), "--gid", str(PROGRAM_ID), "--cap-drop", "ALL", "--new-session", "--die-with-parent"),
)
"""What every sandbox is cut off from, whatever runs in it."""


def arguments(
    *,
    host: str,
    own_network: bool,
    system: Iterable[SystemEntry],
    mounts: Iterable[Mount],
    devices: Mapping[str, str],
    files: Mapping[str, int],
    last_files: Mapping[str, int],
    environment: Mapping[str, str],
    working_directory: str,
    shared_memory_bytes: int,
    filter_fd: int,
    info_fd: int,
    block_fd: int,
) -> list[str]:
    """The options for `--args`; the command itself goes on bubblewrap's own command line.

    Args:
        host: the instance's name.
        own_network: whether it gets a network of its own, and not its parent's.
        system: from `host_libraries`.
        mounts: the image and the job's own folders; where one is of `/`, everything else is put into it.
        devices: device nodes of its own, by their paths in the sandbox.
        files: path in the sandbox to a descriptor with the file's contents.
        last_files: the same, read once everything else is in its place.
        environment: all of the program's.
        working_directory: where the program starts.
        shared_memory_bytes: size of /dev/shm.
        filter_fd: the seccomp program.
        info_fd: takes the pid of the sandbox's first process.
        block_fd: the program starts when something can be read here.
    """
    options = [*_ISOLATION, *(["--unshare-net"] if own_network else []), "--hostname", host, "--clearenv"]
    for name, value in sorted(environment.items()):
        options += ["--setenv", name, value]
    bound = [["--bind" if writable else "--ro-bind", source, target] for source, target, writable in mounts]
    root = [option for mount in bound if mount[2] == "/" for option in mount]
    options += root
    for kind, source, target in system:
        options += ["--symlink" if kind == "symlink" else "--ro-bind", source, target]
    options += ["--proc", "/proc", "--dev", "/dev"]
    options += ["--perms", "1777", "--size", str(shared_memory_bytes), "--tmpfs", "/dev/shm"]  # noqa: S108
    for path, node in devices.items():
        options += ["--dev-bind", node, path]
    options += ["--remount-ro", "/dev"]
    options += _written(files)
    options += [option for mount in bound if mount[2] != "/" for option in mount]
    options += ["--dir", "/run", "--dir", "/var", "--symlink", "/tmp", "/var/tmp"]  # noqa: S108
    options += _written(last_files)
    if not root:
        # Last: everything above is written into it. A tmpfs without a size is memory without a limit.
        options += ["--remount-ro", "/"]
    options += ["--chdir", working_directory]
    return [*options, "--seccomp", str(filter_fd), "--info-fd", str(info_fd), "--block-fd", str(block_fd)]


def _written(files: Mapping[str, int]) -> list[str]:
    return [
        option for path, descriptor in files.items() for option in ("--perms", "0644", "--file", str(descriptor), path)
    ]
