"""A runtime in a folder of its own, and runs of a few lines of Python in it."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from whiteroom.base.trees import remove_tree
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.runs import ChannelMount, EndReason, Limits, Phase, RunId, TrainingRun
from whiteroom.runtime.sandbox.runtime import SandboxRuntime

GB = 10**9
LIMITS = Limits(
    cpus=os.cpu_count() or 1, memory_bytes=8 * GB, volume_bytes=4 * GB, processes=512, max_runtime_seconds=600
)
BASE = TrainingRun(
    id=RunId("base"),
    job_name="bench",
    job_arn="arn:aws:cleanrooms-ml:us-east-1:111111111111:membership/m/trained-model/t",
    image_uri="bench/image:1",
    image_digest="",
    entrypoint=("python", "/opt/ml/code/train.py"),
    arguments=(),
    hyperparameters={},
    environment={},
    channels=(),
    instance_type="ml.m5.large",
    instance_count=1,
    region="us-east-1",
    file_format="csv",
    limits=LIMITS,
    stop_grace_seconds=1,
)


@dataclass(frozen=True, slots=True)
class Lab:
    """Somewhere to run programs."""

    folder: Path
    runtime: Any
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def image(self, program: str) -> str:
        """An image with this program as train.py; its digest."""
        code = self.folder / f"code-{next(self.numbers)}"
        code.mkdir()
        (code / "train.py").write_text(program)
        return str(self.runtime.images.build(f"bench/{code.name}", code).digest)

    def channel(self, name: str) -> tuple[DataRef, Path]:
        """A channel's name, and its folder, which is made."""
        ref = DataRef(DataKind.CHANNEL, name)
        folder = Path(FolderData(self.folder / "data").path(ref))
        folder.mkdir(parents=True)
        return ref, folder

    def words(self, digest: str, *channels: ChannelMount, **changes: object) -> tuple[int, list[str]]:
        """Run the image once: when it was started, in nanoseconds, and what it printed, line by line."""
        run = replace(
            BASE,
            id=RunId(f"bench-{os.getpid()}-{next(self.numbers)}"),
            image_digest=digest,
            channels=channels,
            **changes,  # type: ignore[arg-type]  # fields of a Run, by name
        )
        started = time.time_ns()
        self.runtime.start(run)
        lines = self._finished(run.id)
        return started, lines

    def _finished(self, run_id: RunId) -> list[str]:
        until = time.monotonic() + LIMITS.max_runtime_seconds
        while (seen := self.runtime.wait(run_id, 60)).end is None:
            if time.monotonic() > until or seen.phase is Phase.ABSENT:
                raise RuntimeError(f"the run is {seen.phase.value}")
            # The marker that `wait` needs is not written in the run's first milliseconds.
            time.sleep(0.002)
        lines = list(self.runtime.logs(run_id))
        if seen.end.reason is not EndReason.EXITED or seen.end.exit_code != 0:
            raise RuntimeError(f"the run failed: {seen.end} {[line.text for line in lines[-5:]]}")
        self.runtime.forget(run_id)
        self.runtime.forget_logs(run_id)
        return [line.text for line in lines if line.stream == "stdout"]


@contextmanager
def lab(kept: Path | None = None) -> Iterator[Lab]:
    """A lab, and nothing left of it but what is kept on purpose: its images."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield Lab(kept.absolute(), SandboxRuntime(kept / "data", FolderData(kept / "data")))
        return
    folder = Path(tempfile.mkdtemp(prefix="whiteroom-bench-", dir=os.environ.get("TMPDIR")))
    try:
        yield Lab(folder, SandboxRuntime(folder / "data", FolderData(folder / "data")))
    finally:
        remove_tree(folder)


def fill(file: Path, size_bytes: int) -> Path:
    """Write so many bytes, none of them a hole, and leave them in the page cache."""
    piece = os.urandom(1 << 24)
    with file.open("wb", buffering=0) as out:
        while size_bytes > 0:
            size_bytes -= out.write(piece[:size_bytes])
    return file
