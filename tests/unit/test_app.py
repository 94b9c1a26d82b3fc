from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import psutil
import pytest

from whiteroom import app
from whiteroom.base.callers import Caller
from whiteroom.operations.registry import reading_files
from whiteroom.runtime.supervisor import gpus
from whiteroom.settings import Settings
from whiteroom.wire.calls import Call
from whiteroom.wire.models import all_operations


def test_the_machine_is_no_larger_than_the_container_that_the_server_runs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(app, "CGROUP_LIMITS", (limit, tmp_path / "absent"))
    limit.write_text("1000000\n")
    assert app.machine().memory_bytes == 1_000_000
    assert app.machine().cpus >= 1


@pytest.mark.parametrize("text", ["max\n", "", "9223372036854771712\n"])
def test_a_container_without_a_limit_has_the_whole_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(app, "CGROUP_LIMITS", (limit,))
    limit.write_text(text)
    assert app.machine().memory_bytes == psutil.virtual_memory().total


def test_the_machine_has_the_gpus_that_its_driver_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "present", lambda: [0, 1])
    assert app.machine().gpus == 2


def test_every_module_of_operations_registers_its_answers() -> None:
    answered = app.all_handlers()
    assert answered.keys() >= {
        ("cleanrooms", "CreateCollaboration"),
        ("cleanrooms-ml", "CreateTrainedModel"),
        ("cleanrooms-ml", "TagResource"),
    }


def test_a_call_that_reads_logs_keeps_no_other_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading is masking, which takes its time: it has a thread of its own."""
    whiteroom = app.Whiteroom(Settings(data=tmp_path, dev=True))
    reading, done = threading.Event(), threading.Event()

    def read(*_: object) -> dict[str, object]:
        reading.set()
        assert done.wait(30)
        return {"events": []}

    monkeypatch.setitem(whiteroom._handlers, ("logs", "FilterLogEvents"), read)
    operations = {operation.name: operation for operation in all_operations()}

    async def both() -> tuple[object, object]:
        caller = Caller("111111111111", "eu-west-1")
        slow = asyncio.create_task(whiteroom._dispatch(Call(operations["FilterLogEvents"], caller, {}, "1")))
        assert await asyncio.to_thread(reading.wait, 30)
        quick = await whiteroom._dispatch(Call(operations["ListMemberships"], caller, {}, "2"))
        done.set()
        return await slow, quick

    slow, quick = asyncio.run(both())
    assert slow == {"events": []}
    assert quick == {"membershipSummaries": [], "nextToken": None}
    whiteroom._readers.shutdown()
    whiteroom._store.close()


def test_the_operations_of_logs_and_metrics_and_no_others_are_given_threads() -> None:
    app.all_handlers()
    logs = {("logs", name) for name in ("DescribeLogStreams", "FilterLogEvents", "GetLogEvents")}
    metrics = {("monitoring", name) for name in ("GetMetricData", "GetMetricStatistics", "ListMetrics")}
    assert reading_files() == logs | metrics
