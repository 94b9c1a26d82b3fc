"""What an instance takes of the machine, measured without one."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.patience import Patience
from whiteroom.runtime.supervisor import logs, usage
from whiteroom.runtime.supervisor.cgroups import Groups
from whiteroom.runtime.supervisor.usage import (
    GpuQuery,
    Sampler,
    gpu_names,
    gpu_numbers,
    gpu_values,
    path_of,
    sample,
    spent,
)

NO_GROUPS = Groups({}, frozenset())
MIB = 2**20
INACTIVE = "inactive_file 400"
ANSWER = "0, GPU-aa, 50, 1000, 4000\n1, GPU-bb, 25, 3000, 4000\n2, GPU-cc, [N/A], [N/A], [N/A]\n"


@pytest.fixture
def log_file(tmp_path: Path) -> str:
    return str(tmp_path / "training-1.jsonl")


@pytest.fixture
def sampler(log_file: str) -> Iterator[Sampler]:
    sampler = Sampler(log_file, "algo-1", NO_GROUPS, memory_bytes=200 * MIB, volume_bytes=1000)
    yield sampler
    sampler.close()


def samples(log_file: str) -> list[tuple[int, str, dict[str, float]]]:
    return [sample(line) for line in logs.read(Path(path_of(log_file)), 0)]


def group(tmp_path: Path, unified: bool, files: dict[str, str]) -> Groups:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    names = ("cpu", "memory")
    return Groups(dict.fromkeys(names, str(tmp_path)), frozenset(names if unified else ()))


def test_a_sample_is_percent_of_a_cpu_and_of_the_limits(sampler: Sampler, log_file: str) -> None:
    spent = time.process_time()
    while time.process_time() - spent < 0.2:
        continue
    sampler.take([os.getpid()], 50 * MIB, 100)
    ((at_ms, host, values),) = samples(log_file)
    assert host == "algo-1"
    assert abs(at_ms / 1000 - time.time()) < 5
    assert values["MemoryUtilization"] == 25.0
    assert values["DiskUtilization"] == 10.0
    assert values["CPUUtilization"] > 0


def test_the_first_sample_is_due_at_once_and_the_next_after_twice_as_long_each(
    sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    taken = []
    began = now
    while now - began < 60:
        if sampler.is_due():
            sampler.take([], 0, 0)
            taken.append(now - began)
        now += 0.1
    gaps = [round(after - before, 1) for before, after in itertools.pairwise(taken)]
    assert taken[0] == 0
    assert gaps[:7] == sorted(gaps[:7])
    assert len([at for at in taken if at < 2]) >= 4
    assert set(gaps[7:]) <= {5.0, 5.1}


@pytest.mark.parametrize(
    ("unified", "files"),
    [
        (
            True,
            {
                "cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
                "memory.current": "1000",
                "memory.stat": INACTIVE,
            },
        ),
        (
            False,
            {
                "cpuacct.usage": "2500000000",
                "memory.usage_in_bytes": "1000",
                "memory.stat": "inactive_file 1\ntotal_inactive_file 400",
            },
        ),
    ],
)
def test_control_groups_of_both_versions_are_read(tmp_path: Path, unified: bool, files: dict[str, str]) -> None:
    groups = group(tmp_path, unified, files)
    assert usage.group_cpu_seconds(groups) == 2.5
    assert usage.group_memory_bytes(groups) == 600


@pytest.mark.parametrize("files", [{}, {"cpu.stat": "odd", "memory.current": "max"}, {"memory.current": "5"}])
def test_a_control_group_that_does_not_count_is_none(tmp_path: Path, files: dict[str, str]) -> None:
    groups = group(tmp_path, True, files)
    assert usage.group_cpu_seconds(groups) is None
    assert usage.group_memory_bytes(groups) is None


def test_cpu_time_counts_children_that_were_waited_for() -> None:
    before = usage.cpu_seconds([os.getpid(), 2**22])
    child = os.fork()
    if child == 0:
        spent = time.process_time()
        while time.process_time() - spent < 0.3:
            continue
        os._exit(0)
    os.waitpid(child, 0)
    assert usage.cpu_seconds([os.getpid()]) - before > 0.25


def test_gpus_are_summed_as_sagemaker_does_and_others_left_out() -> None:
    both = {"GPUUtilization": 75.0, "GPUMemoryUtilization": 100.0}
    assert gpu_values(ANSWER, frozenset({"0", "1"})) == both
    assert gpu_values(ANSWER, frozenset({"GPU-aa", "GPU-bb", "2"})) == both
    assert gpu_values(ANSWER, frozenset({"1"})) == {"GPUUtilization": 25.0, "GPUMemoryUtilization": 75.0}
    for text in ("", "No devices were found\n", "0, GPU-aa, 1\n", "0,GPU-aa,x,y,z"):
        assert gpu_values(text, frozenset({"0"})) == {}


def test_a_gpu_is_known_by_the_node_that_the_program_has(tmp_path: Path) -> None:
    for bus, minor, uuid in (("0000:01:00.0", 1, "GPU-bb"), ("0000:02:00.0", 0, "GPU-aa")):
        (tmp_path / bus).mkdir()
        facts = f"Model: \t\t NVIDIA H200\nGPU UUID: \t {uuid}\nBus Location: \t {bus}\nDevice Minor: \t {minor}\n"
        (tmp_path / bus / "information").write_text(facts)
    nodes = ["/dev/nvidia1", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/fuse"]
    assert gpu_numbers(nodes) == (1,)
    assert gpu_names((1,), str(tmp_path)) == {"GPU-bb"}
    assert gpu_names((0, 1), str(tmp_path)) == {"GPU-aa", "GPU-bb"}
    assert gpu_names((3,), str(tmp_path)) == {"3"}
    assert gpu_names((1,), str(tmp_path / "none")) == {"1"}


def nvidia_smi(folder: Path, script: str) -> tuple[str, ...]:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return (str(folder),)


def answered(query: GpuQuery, seconds: float = 10) -> dict[str, float] | None:
    query.start()
    patience = Patience(seconds)
    while not patience.is_lost:
        found = query.answer()
        if found:
            return found[1]
        time.sleep(0.01)
    return None


def test_nvidia_smi_is_asked_without_waiting_for_it(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    script = f"until [ -e {allowed} ]; do sleep 0.01; done; printf '{ANSWER}'"
    query = GpuQuery(frozenset({"0", "1"}), nvidia_smi(tmp_path, script))
    query.start()
    query.start()
    assert query.answer() is None
    allowed.touch()
    assert answered(query) == {"GPUUtilization": 75.0, "GPUMemoryUtilization": 100.0}
    assert answered(query) is not None
    query.close()


@pytest.mark.parametrize(
    "script",
    ["exit 9", "echo nonsense", "exec sleep 100", "sleep 100", "trap '' TERM; sleep 100 & wait", "yes", "exec yes 0,"],
)
def test_an_nvidia_smi_that_fails_or_hangs_is_given_up(
    tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "_SLOWEST_GPU_SECONDS", 0.05)
    query = GpuQuery(frozenset({"0"}), nvidia_smi(tmp_path, f"echo x >> {tmp_path}/asked; {script}"))
    for _ in range(6):
        assert answered(query, 0.3) is None
    query.close()
    assert (tmp_path / "asked").read_text().count("x") == 3
    assert not query.is_stuck


def test_100_mb_of_nvidia_smi_are_not_read(tmp_path: Path) -> None:
    # Lines that would count, so that only their number speaks against them.
    query = GpuQuery(frozenset({"0"}), nvidia_smi(tmp_path, "exec yes '0, GPU-aa, 50, 1000, 4000' | head -c 100000000"))
    query.start()
    assert answered(query, 2) is None
    assert len(query._text) <= 2 * usage._MOST_GPU_BYTES
    query.close()


def test_what_an_nvidia_smi_has_started_ends_with_it(tmp_path: Path) -> None:
    query = GpuQuery(frozenset({"0"}), nvidia_smi(tmp_path, f"sleep 100 & echo $! > {tmp_path}/child; wait"))
    query.start()
    patience = Patience(10)
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text().strip():
        assert not patience.is_lost
        time.sleep(0.01)
    query.close()
    child = int((tmp_path / "child").read_text())
    while Path(f"/proc/{child}/stat").exists() and Path(f"/proc/{child}/stat").read_text().split()[2] != "Z":
        assert not patience.is_lost
        time.sleep(0.01)


def test_a_machine_without_nvidia_smi_says_nothing(tmp_path: Path) -> None:
    query = GpuQuery(frozenset({"0"}), (str(tmp_path),))
    query.start()
    assert query.answer() is None
    query.close()


@pytest.mark.parametrize("line", [{}, {"at_ms": "1", "host": "a"}, {"at_ms": 1}, {"at_ms": 1, "host": 2}])
def test_a_damaged_line_counts_and_has_no_values(line: dict[str, object]) -> None:
    assert sample(line)[2] == {}


def taken(log_file: str) -> list[tuple[float, float, float]]:
    return [spent(line) for line in logs.read(Path(path_of(log_file)), 0)]


def test_what_was_taken_between_samples_adds_up_to_all_of_it(sampler: Sampler, log_file: str) -> None:
    for _ in range(3):
        before = time.process_time()
        while time.process_time() - before < 0.1:
            continue
        sampler.take([os.getpid()], 50 * MIB, 100)
    sampler.settle()
    seconds, cpu_seconds, byte_seconds = (sum(one) for one in zip(*taken(log_file), strict=True))
    assert seconds >= 0.3
    assert cpu_seconds >= 0.25
    assert byte_seconds == pytest.approx(50 * MIB * seconds, rel=0.01)


@pytest.mark.parametrize("unified", [True, False])
def test_what_an_instance_took_after_its_last_sample_is_told_by_its_control_group(
    tmp_path: Path, log_file: str, unified: bool
) -> None:
    name, first, last = (
        ("cpu.stat", "usage_usec 1000000\n", "usage_usec 3500000\n")
        if unified
        else ("cpuacct.usage", "1000000000", "3500000000")
    )
    sampler = Sampler(log_file, "algo-1", group(tmp_path, unified, {name: first}), memory_bytes=1, volume_bytes=1)
    (tmp_path / name).write_text(last)
    sampler.settle()
    (tmp_path / name).unlink()  # it is removed with its instance
    sampler.settle()
    sampler.close()
    assert [cpu for _, cpu, _ in taken(log_file)] == [2.5, 0.0]


@pytest.mark.parametrize("line", [{}, {"cpuSeconds": "many"}, {"at_ms": 1, "host": "a", "CPUUtilization": 3.0}])
def test_a_sample_of_an_earlier_release_or_a_damaged_one_says_that_nothing_was_taken(line: dict[str, object]) -> None:
    assert spent(line) == (0.0, 0.0, 0.0)
