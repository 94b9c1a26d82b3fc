"""A job of a batch transform: its folders, and one call to put them through a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from whiteroom.runtime.transform.client import run_transform
from whiteroom.runtime.transform.jobs import TransformJob, TransformOutcome


class Exchange:
    """A job's folders, and one call to put them through a server."""

    def __init__(self, root: Path) -> None:
        self.inputs = root / "in"
        self.outputs = root / "out"
        self.inputs.mkdir()
        self.outputs.mkdir()
        self.notes: list[str] = []
        self.alive: Callable[[], bool] = lambda: True
        self.stopping: Callable[[], bool] = lambda: False
        self.job = TransformJob(self.inputs, self.outputs, "text/csv", True, None, 1, 5, response_timeout_seconds=5)

    def put(self, **files: bytes) -> None:
        for name, data in files.items():
            (self.inputs / name).write_bytes(data)

    def run(self, port: int, **changes: object) -> TransformOutcome:
        return run_transform(
            replace(self.job, port=port, **changes),  # type: ignore[arg-type]
            alive=self.alive,
            stopping=self.stopping,
            note=self.notes.append,
        )

    def found(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.outputs.iterdir()}


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    return Exchange(tmp_path)
