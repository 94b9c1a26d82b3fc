"""Both runtimes as one: an image that is local runs in the sandbox, any other in the container engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from whiteroom.domain.execution.runs import LogLine, Observation, Run, RunId, RunOutput, SandboxReport
from whiteroom.domain.observability.metrics import Usage
from whiteroom.ports.runtime import ImageNotFound
from whiteroom.runtime.docker.runtime import DockerRuntime
from whiteroom.runtime.sandbox.runtime import SandboxRuntime
from whiteroom.runtime.supervised import SupervisedRuntime


class Runtimes:
    """Chooses by the image where a run starts, and finds it again by its id (ports.Runtime)."""

    def __init__(self, sandbox: SandboxRuntime, docker: DockerRuntime) -> None:
        self._sandbox = sandbox
        self._docker = docker
        self._both: tuple[SupervisedRuntime, ...] = (sandbox, docker)

    def warm(self) -> None:
        """Have supervisors stand by, for a server that will start runs."""
        self._sandbox.warm()
        if self._docker.is_there:
            self._docker.warm()

    def image_digest(self, image_uri: str) -> str:
        """See ports.Runtime. Local images come first."""
        try:
            return self._sandbox.image_digest(image_uri)
        except ImageNotFound as local:
            if not self._docker.is_there:
                raise
            try:
                return self._docker.image_digest(image_uri)
            except ImageNotFound as other:
                raise ImageNotFound(f"{local} {other}") from None

    def start(self, run: Run) -> None:
        """See ports.Runtime."""
        self._for(run).start(run)

    def observe(self, run_id: RunId) -> Observation:
        """See ports.Runtime."""
        return self._of(run_id).observe(run_id)

    def stop(self, run_id: RunId, grace_seconds: int) -> None:
        """See ports.Runtime."""
        self._of(run_id).stop(run_id, grace_seconds)

    def output(self, run_id: RunId) -> tuple[RunOutput, ...]:
        """See ports.Runtime."""
        return self._of(run_id).output(run_id)

    def logs(self, run_id: RunId, after: int = 0) -> Iterator[LogLine]:
        """See ports.Runtime. Logs of both are in one folder."""
        return self._sandbox.logs(run_id, after)

    def usage(self, run_id: RunId, after: int = 0) -> Iterator[Usage]:
        """See ports.Runtime. They are beside the logs."""
        return self._sandbox.usage(run_id, after)

    def logged_bytes(self, run_id: RunId) -> int:
        """See ports.Runtime. Logs of both are in one folder."""
        return self._sandbox.logged_bytes(run_id)

    def runs(self) -> Iterable[RunId]:
        """See ports.Runtime."""
        return sorted({*self._sandbox.runs(), *self._docker.runs()})

    def forget(self, run_id: RunId) -> None:
        """See ports.Runtime."""
        self._sandbox.forget(run_id)
        self._docker.forget(run_id)

    def forget_logs(self, run_id: RunId) -> None:
        """See ports.Runtime."""
        self._sandbox.forget_logs(run_id)

    def report(self) -> SandboxReport:
        """See ports.Runtime."""
        local, engine = self._sandbox.report(), self._docker.report()
        return SandboxReport(local.usable and engine.usable, (*local.findings, *engine.findings))

    def _for(self, run: Run) -> SupervisedRuntime:
        """Where a run starts: where it is already, else by its image."""
        for runtime in self._both:
            if runtime.holds(run.id):
                return runtime
        try:
            self._sandbox.images.by_digest(run.image_digest)
        except ImageNotFound:
            # Where there is no engine, the sandbox says that the image is gone.
            return self._docker if self._docker.is_there else self._sandbox
        return self._sandbox

    def _of(self, run_id: RunId) -> SupervisedRuntime:
        return self._docker if self._docker.holds(run_id) else self._sandbox
