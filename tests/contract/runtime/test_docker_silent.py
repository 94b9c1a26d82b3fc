"""A container engine that takes every call and answers none: its own jobs fail in time, and all others go on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.runs import RunId
from whiteroom.ports.runtime import ImageNotFound
from whiteroom.runtime.docker import runtime as docker_runtime
from whiteroom.runtime.docker.runtime import DockerRuntime
from whiteroom.runtime.spec import IN_ENGINE_FILE

QUICK_SECONDS = 0.3


@pytest.fixture
def calls(tmp_path: Path) -> Iterator[list[socket.socket]]:
    """Every call that the engine at `engine.sock` has taken."""
    taken: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "engine.sock"))
        listener.listen(100)
        listener.settimeout(0.05)
        ended = threading.Event()

        def take() -> None:
            while not ended.is_set():
                try:
                    taken.append(listener.accept()[0])
                except TimeoutError:
                    continue

        taker = threading.Thread(target=take)
        taker.start()
        yield taken
        ended.set()
        taker.join()
    for call in taken:
        call.close()


@pytest.fixture
def runtime(tmp_path: Path, calls: list[socket.socket], monkeypatch: pytest.MonkeyPatch) -> DockerRuntime:
    monkeypatch.setattr(docker_runtime, "_QUICK_SECONDS", QUICK_SECONDS)
    return DockerRuntime(tmp_path / "data", FolderData(tmp_path / "data"), socket=str(tmp_path / "engine.sock"))


def test_an_image_is_not_found_in_time_and_with_the_reason(runtime: DockerRuntime) -> None:
    began = time.monotonic()
    with pytest.raises(ImageNotFound, match="it takes calls and does not answer"):
        runtime.image_digest("trainer:1")
    assert time.monotonic() - began < 10 * QUICK_SECONDS


def test_it_is_left_alone_for_a_while_by_all_who_would_wait_for_it(
    runtime: DockerRuntime, calls: list[socket.socket]
) -> None:
    with pytest.raises(ImageNotFound):
        runtime.image_digest("trainer:1")
    asked, began = len(calls), time.monotonic()
    for _ in range(20):
        with pytest.raises(ImageNotFound, match="asked again in half a minute"):
            runtime.image_digest("trainer:1")
    assert len(calls) == asked
    assert time.monotonic() - began < QUICK_SECONDS


def test_what_a_dead_run_left_in_it_is_waited_for_and_holds_nobody_up(runtime: DockerRuntime, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "containers" / "training-1"
    folder.mkdir(parents=True)
    for name in (IN_ENGINE_FILE, "supervisor.json", "lock"):
        (folder / name).touch()
    began = time.monotonic()
    for _ in range(10):
        assert runtime.observe(RunId("training-1")).phase.value == "running"
    assert time.monotonic() - began < 10 * QUICK_SECONDS
    assert (folder / IN_ENGINE_FILE).exists()
