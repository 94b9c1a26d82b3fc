import itertools
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from docker.api.client import APIClient

from contract.runtime import engine as engines
from support.patience import Patience
from whiteroom.base.trees import remove_tree
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.runs import ChannelMount, Limits, Observation, RunEnd, RunId, TrainingRun
from whiteroom.runtime.docker.runtime import DockerRuntime
from whiteroom.runtime.sandbox.runtime import SandboxRuntime
from whiteroom.runtime.supervised import SupervisedRuntime

PATIENCE_SECONDS = 20
MIB = 1 << 20
LIMITS = Limits(cpus=2, memory_bytes=256 * MIB, volume_bytes=64 * MIB, processes=48, max_runtime_seconds=300)


@dataclass
class Runs:
    """A runtime in a folder of its own, and what it takes to run a few lines of Python in it."""

    folder: Path
    runtime: Any
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def data(self) -> FolderData:
        return FolderData(self.folder / "data")

    def rows(self, name: str) -> Path:
        """The folder of a channel, which is made."""
        folder = self.folder / "data" / "channels" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def ref(self, path: Path) -> DataRef:
        """What lies below the data folder, by its name."""
        return self.data.reference(str(path))

    def left(self, run_id: RunId) -> list[tuple[Path, Path]]:
        """Where each instance left its model and its output."""
        path = self.data.path
        return [(Path(path(one.model)), Path(path(one.output))) for one in self.runtime.output(run_id)]

    def build(self, program: str, *, verb: str = "train", name: str | None = None) -> str:
        return self.image({verb: "#!/opt/venv/bin/python\n" + program}, name=name)

    def image(self, files: dict[str, str], *, name: str | None = None) -> str:
        """An image of these programs in /opt/ml/code."""
        name = name or f"image-{next(self.numbers)}"
        code = self.folder / "code" / name
        for path, text in files.items():
            (code / path).parent.mkdir(parents=True, exist_ok=True)
            (code / path).write_text(text)
            (code / path).chmod(0o755)
        return str(self.runtime.images.build(name, code).digest)

    def run_folder(self, run_id: RunId) -> Path:
        """What a run holds on this machine."""
        return self.folder / "data" / ("runs" if isinstance(self.runtime, SandboxRuntime) else "containers") / run_id

    def supervisor_of(self, run_id: RunId) -> int:
        return int(json.loads((self.run_folder(run_id) / "supervisor.json").read_text())["pid"])

    def fork_of(self, run_id: RunId) -> psutil.Process:
        """The process that the supervisor has forked and not replaced by another program."""
        supervisor = psutil.Process(self.supervisor_of(run_id))
        (found,) = [child for child in supervisor.children() if child.cmdline() == supervisor.cmdline()]
        return found

    def reopen(self) -> Any:
        """The same folder as another server sees it."""
        return SandboxRuntime(self.folder / "data", self.data)

    def run_of(self, program: str, **changes: object) -> TrainingRun:
        channel = self.rows("channel")
        (channel / "part-0.csv").write_text("x,y\n1,2\n")
        return replace(
            TrainingRun(
                # Control groups are the machine's: other tests that run at the same time have theirs.
                id=RunId(f"run-{os.getpid()}-{next(self.numbers)}"),
                job_name="churn",
                job_arn="arn:aws:cleanrooms-ml:us-east-1:111111111111:membership/m/trained-model/t",
                image_uri="image",
                image_digest=self.build(program),
                entrypoint=(),
                arguments=(),
                hyperparameters={"lr": "0.1"},
                environment={},
                channels=(ChannelMount("train", self.ref(channel)),),
                instance_type="ml.m5.large",
                instance_count=1,
                region="us-east-1",
                file_format="csv",
                limits=LIMITS,
                stop_grace_seconds=1,
            ),
            **changes,  # type: ignore[arg-type]  # fields of a Run, by name
        )

    def start(self, program: str, **changes: object) -> RunId:
        run = self.run_of(program, **changes)
        self.runtime.start(run)
        return run.id

    def finish(self, run_id: RunId, seconds: float = PATIENCE_SECONDS) -> RunEnd:
        seen: Observation = self.runtime.wait(run_id, seconds)
        patience = Patience(seconds)
        while seen.end is None:
            # The marker that `wait` needs is not written in the run's first milliseconds.
            assert not patience.is_lost, f"the run is {seen.phase}"
            seen = self.runtime.wait(run_id, 1)
        return seen.end

    def run(self, program: str, **changes: object) -> RunEnd:
        return self.finish(self.start(program, **changes))

    def text(self, run_id: RunId, stream: str = "stdout") -> str:
        return "\n".join(line.text for line in self.runtime.logs(run_id) if line.stream == stream)

    def until(self, condition: Callable[[], bool]) -> None:
        patience = Patience(PATIENCE_SECONDS)
        while not condition():
            assert not patience.is_lost, "it did not come to pass"
            patience.rest()

    def until_logged(self, run_id: RunId, text: str) -> None:
        self.until(lambda: text in self.text(run_id))


def new_folder() -> Path:
    # Below the root user's home, which no other user may pass, as a server's data folder often is.
    above = Path.home() if os.geteuid() == 0 and os.access(Path.home(), os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="whiteroom-test-", dir=above))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    # Users are the machine's: a fork bomb among tests that run at the same time must not fill up this one's.
    monkeypatch.setattr(SupervisedRuntime, "first_uid", SupervisedRuntime.first_uid + os.getpid() % 1000 * 40)
    folder = new_folder()
    runs = Runs(folder, SandboxRuntime(folder / "data", FolderData(folder / "data")))
    report = runs.runtime.report()
    if not report.usable:
        remove_tree(folder)
        pytest.skip("; ".join(finding.detail for finding in report.findings if not finding.ok))
    yield runs
    for run_id in runs.runtime.runs():
        runs.runtime.forget(run_id)
    left = list((folder / "data" / "runs").glob("*")) if (folder / "data" / "runs").exists() else []
    remove_tree(folder)
    assert not left
    assert not folder.exists()


@dataclass
class DockerRuns(Runs):
    socket: str = ""
    built: list[str] = field(default_factory=list)

    @property
    def docker(self) -> Any:
        assert isinstance(self.runtime, DockerRuntime)
        return self.runtime

    def image(self, files: dict[str, str], *instructions: str, name: str | None = None) -> str:
        name = name or f"whiteroom-tests-{os.getpid()}-{next(self.numbers)}:1"
        self.built.append(name)
        return engines.build(self.socket, name, files, *instructions)

    def reopen(self) -> Any:
        return DockerRuntime(self.folder / "data", self.data, socket=self.socket)


@pytest.fixture(scope="session")
def engine_socket() -> Iterator[str]:
    with engines.engine() as (place, problem):
        if not place:
            pytest.skip(problem)
        engines.import_base(place)
        yield place


def everything(api: APIClient) -> tuple[set[str], ...]:
    """What an engine has that a run could leave behind."""
    volumes = api.volumes()["Volumes"] or []
    return (
        {container["Id"] for container in api.containers(all=True)},
        {network["Id"] for network in api.networks()},
        {volume["Name"] for volume in volumes},
    )


@pytest.fixture
def api(engine_socket: str) -> Iterator[APIClient]:
    api = APIClient(base_url=f"unix://{engine_socket}", version="auto")
    yield api
    api.close()


@pytest.fixture
def docker_runs(engine_socket: str, api: APIClient) -> Iterator[DockerRuns]:
    before = everything(api)
    folder = new_folder()
    runtime = DockerRuntime(folder / "data", FolderData(folder / "data"), socket=engine_socket)
    runs = DockerRuns(folder, runtime, socket=engine_socket)
    yield runs
    for run_id in runs.runtime.runs():
        runs.runtime.forget(run_id)
    left = list((folder / "data" / "containers").glob("*"))
    remove_tree(folder)
    for name in runs.built:
        api.remove_image(name, force=True)
    assert not left
    assert everything(api) == before
    assert not folder.exists()
