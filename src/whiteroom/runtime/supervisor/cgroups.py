"""Control groups of a run: memory, processes and CPU, on v1, v2 and hybrid machines.

Each controller is taken where it can be had; what cannot is left to the watch (meters.py).
Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH103, PTH106, PTH112, PTH120
from __future__ import annotations

import os

WANTED = ("memory", "pids", "cpu")
_PERIOD_MICROSECONDS = 100_000


class Groups:
    """The control groups of one run: a folder for each controller that could be had."""

    __slots__ = ("folders", "unified")

    def __init__(self, folders: dict[str, str], unified: frozenset[str]) -> None:
        self.folders = folders
        """Controller to folder; on v2 several controllers share one."""
        self.unified = unified
        """The controllers that are v2's."""

    def take(self, pid: int) -> None:
        """Move a process, and so its future children, into the groups; one that is gone is left alone.

        The first move after a while takes the kernel some 10 ms (an RCU grace period): the process need not wait.
        """
        for folder in set(self.folders.values()):
            try:
                _write(f"{folder}/cgroup.procs", str(pid))
            except ProcessLookupError:
                return

    def members(self) -> list[int] | None:
        """The processes in the groups; None where there is no group to ask."""
        for folder in self.folders.values():
            return [int(line) for line in _read(f"{folder}/cgroup.procs").split()]
        return None

    def memory_kills(self) -> int:
        """How many processes the kernel has killed for want of memory."""
        if "memory" not in self.folders:
            return 0
        name = "memory.events" if "memory" in self.unified else "memory.oom_control"
        return _counter(f"{self.folders['memory']}/{name}", "oom_kill")

    def refused_processes(self) -> int:
        """How many times a process was not started because of the limit."""
        if "pids" not in self.folders:
            return 0
        return _counter(f"{self.folders['pids']}/pids.events", "max")

    def remove(self) -> bool:
        """Delete the groups; False while processes are left in them."""
        return all(list(map(remove, set(self.folders.values()))))


def remove(folder: str) -> bool:
    """Delete one group's folder; an absent one is a success."""
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def create(name: str, *, memory_bytes: int, processes: int, cpus: int) -> Groups:
    """Groups called `name` with these limits, as far as this machine and this user may have them."""
    folders: dict[str, str] = {}
    unified: set[str] = set()
    for controller, (parent, is_unified) in parents().items():
        folder = f"{parent}/{name}"
        try:
            if folder not in folders.values():
                os.makedirs(folder, exist_ok=True)
            _limit(folder, controller, is_unified, memory_bytes, processes, cpus)
        except OSError:
            if folder not in folders.values():
                remove(folder)
            continue
        folders[controller] = folder
        if is_unified:
            unified.add(controller)
    return Groups(folders, frozenset(unified))


def of(pid: int) -> Groups:
    """The groups that somebody else made for a process, as far as they can be seen from here."""
    folders: dict[str, str] = {}
    unified: set[str] = set()
    mounts = _mounts()
    try:
        lines = _read(f"/proc/{pid}/cgroup").splitlines()
    except OSError:
        return Groups({}, frozenset())
    # v1 first: on a hybrid machine v2 has no controllers.
    for line in sorted(lines, key=lambda line: line.startswith("0::")):
        _, controllers, path = line.split(":", 2)
        folder = _below(mounts, controllers.split(",")[0], path)
        if folder is None or path == "/" or not os.path.isdir(folder):
            continue
        for controller in WANTED if not controllers else controllers.split(","):
            if controller in WANTED and controller not in folders:
                folders[controller] = folder
                if not controllers:
                    unified.add(controller)
    return Groups(folders, frozenset(unified))


def _limit(folder: str, controller: str, is_unified: bool, memory_bytes: int, processes: int, cpus: int) -> None:
    if controller == "memory" and is_unified:
        _write(f"{folder}/memory.max", str(memory_bytes))
        _attempt(f"{folder}/memory.swap.max", "0")
        _attempt(f"{folder}/memory.oom.group", "1")
    elif controller == "memory":
        _write(f"{folder}/memory.limit_in_bytes", str(memory_bytes))
        _attempt(f"{folder}/memory.memsw.limit_in_bytes", str(memory_bytes))
    elif controller == "pids":
        _write(f"{folder}/pids.max", str(processes))
    elif is_unified:
        _write(f"{folder}/cpu.max", f"{cpus * _PERIOD_MICROSECONDS} {_PERIOD_MICROSECONDS}")
    else:
        _write(f"{folder}/cpu.cfs_period_us", str(_PERIOD_MICROSECONDS))
        _write(f"{folder}/cpu.cfs_quota_us", str(cpus * _PERIOD_MICROSECONDS))


def parents() -> dict[str, tuple[str, bool]]:
    """Where a group for each controller can be made: its folder, and whether that is v2."""
    found: dict[str, tuple[str, bool]] = {}
    mounts = _mounts()
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for controller, folder in _unified_parents(mounts, path).items():
                found.setdefault(controller, (folder, True))
            continue
        for controller in controllers.split(","):
            parent = _below(mounts, controller, path)
            if controller in WANTED and parent is not None and os.access(parent, os.W_OK):
                found[controller] = (parent, False)
    return found


def _unified_parents(mounts: list[tuple[str, str, str]], path: str) -> dict[str, str]:
    """Controllers that may be had on v2, and under which folder.

    A v2 group that holds processes cannot hand controllers to groups below it, so a server
    that sits in its service's own group finds them one level up (systemd: Delegate=yes and
    DelegateSubgroup=server).
    """
    folder = _below(mounts, "", path)
    if folder is None:
        return {}
    for candidate in (folder, os.path.dirname(folder)):
        try:
            available = set(_read(f"{candidate}/cgroup.controllers").split()) & set(WANTED)
            enabled = set(_read(f"{candidate}/cgroup.subtree_control").split())
        except OSError:
            continue
        if not os.access(candidate, os.W_OK):
            continue
        for controller in sorted(available - enabled):
            if _attempt(f"{candidate}/cgroup.subtree_control", f"+{controller}"):
                enabled.add(controller)
        if available & enabled:
            return dict.fromkeys(sorted(available & enabled), candidate)
    return {}


def _mounts() -> list[tuple[str, str, str]]:
    """(controllers or "" for v2, mounted root, mount point) of each mounted hierarchy."""
    found = []
    for line in _read("/proc/self/mountinfo").splitlines():
        fields, _, tail = line.partition(" - ")
        kind, _, options = tail.split(" ", 2)
        if kind in {"cgroup", "cgroup2"}:
            parts = fields.split(" ")
            found.append(("" if kind == "cgroup2" else options, parts[3], parts[4]))
    return found


def _below(mounts: list[tuple[str, str, str]], controller: str, path: str) -> str | None:
    """The folder of the group `path` in the hierarchy of `controller` ("" is v2's)."""
    for options, root, point in mounts:
        if (not controller and not options) or (controller and controller in options.split(",")):
            # A container may show a part of the hierarchy; what is outside of it has no folder.
            if root not in {"/", path} and not path.startswith(root + "/"):
                return point if os.path.isdir(point) else None
            return os.path.normpath(point + "/" + (path if root == "/" else path[len(root) :]))
    return None


def _counter(path: str, name: str) -> int:
    try:
        for line in _read(path).splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    except (OSError, ValueError):
        return 0
    return 0


def _attempt(path: str, text: str) -> bool:
    try:
        _write(path, text)
    except OSError:
        return False
    return True


def _write(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def _read(path: str) -> str:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(handle, 1 << 16):
            parts.append(part)
        return b"".join(parts).decode(errors="replace")
    finally:
        os.close(handle)
