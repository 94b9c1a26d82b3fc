from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from whiteroom.runtime import machine
from whiteroom.runtime.supervisor import gpus


def test_the_machine_is_no_larger_than_the_container_that_the_server_runs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "CGROUP_LIMITS", (limit, tmp_path / "absent"))
    limit.write_text("1000000\n")
    assert machine.machine().memory_bytes == 1_000_000
    assert machine.machine().cpus >= 1


@pytest.mark.parametrize("text", ["max\n", "", "9223372036854771712\n"])
def test_a_container_without_a_limit_has_the_whole_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "CGROUP_LIMITS", (limit,))
    limit.write_text(text)
    assert machine.machine().memory_bytes == psutil.virtual_memory().total


def test_the_machine_has_the_gpus_that_its_driver_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "present", lambda: [0, 1])
    assert machine.machine().gpus == 2
