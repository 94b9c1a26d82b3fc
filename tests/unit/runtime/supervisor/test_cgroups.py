from pathlib import Path

import pytest

from whiteroom.runtime.supervisor import cgroups


@pytest.mark.parametrize(
    ("mounts", "controller", "path", "expected"),
    [
        ([("rw,memory", "/", "/sys/fs/cgroup/memory")], "memory", "/a/b", "/sys/fs/cgroup/memory/a/b"),
        ([("", "/", "/sys/fs/cgroup")], "", "/system.slice/x.service", "/sys/fs/cgroup/system.slice/x.service"),
        # A container that sees its own part of the hierarchy at the mount point.
        ([("rw,memory", "/docker/1", "/sys/fs/cgroup/memory")], "memory", "/docker/1", "/sys/fs/cgroup/memory"),
        ([("rw,memory", "/docker/1", "/cg")], "memory", "/docker/1/x", "/cg/x"),
        ([("rw,cpu,cpuacct", "/", "/cg")], "memory", "/a", None),
        ([("", "/", "/cg")], "memory", "/a", None),
    ],
)
def test_a_groups_folder_is_found_on_every_kind_of_machine(
    mounts: list[tuple[str, str, str]], controller: str, path: str, expected: str | None
) -> None:
    assert cgroups._below(mounts, controller, path) == expected


def test_limits_are_written_as_each_version_wants_them(tmp_path: Path) -> None:
    for name in ("memory.max", "memory.limit_in_bytes", "pids.max", "cpu.max", "cpu.cfs_period_us", "cpu.cfs_quota_us"):
        (tmp_path / name).touch()
    for controller, unified in (("memory", True), ("memory", False), ("pids", True), ("cpu", True), ("cpu", False)):
        cgroups._limit(str(tmp_path), controller, unified, memory_bytes=1000, processes=7, cpus=2)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {
        "memory.max": "1000",
        "memory.limit_in_bytes": "1000",
        "pids.max": "7",
        "cpu.max": "200000 100000",
        "cpu.cfs_period_us": "100000",
        "cpu.cfs_quota_us": "200000",
    }


def test_kills_and_refusals_are_counted_on_both_versions(tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\noom_kill 1\n")
    (tmp_path / "pids.events").write_text("max 5\n")
    folders = {"memory": str(tmp_path), "pids": str(tmp_path)}
    assert cgroups.Groups(folders, frozenset({"memory"})).memory_kills() == 2
    assert cgroups.Groups(folders, frozenset()).memory_kills() == 1
    assert cgroups.Groups(folders, frozenset()).refused_processes() == 5
    assert cgroups.Groups({}, frozenset()).memory_kills() == 0
