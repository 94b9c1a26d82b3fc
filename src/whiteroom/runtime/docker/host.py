"""The instances of a run in a container engine, as its supervisor sees them.

Should the supervisor be killed, the containers go on until the next look of a server, which
removes them (runtime.py).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from whiteroom.runtime import spec as specs
from whiteroom.runtime.docker import plan as docker_plan
from whiteroom.runtime.docker.engine import (
    ContainerState,
    Engine,
    EngineFacts,
    EngineFailed,
    EngineImage,
    NoSuchImage,
    repository,
)
from whiteroom.runtime.docker.output import Output
from whiteroom.runtime.docker.plan import HOST, SHELL, WORK, ContainerSpec
from whiteroom.runtime.supervisor import cgroups, meters, namespaces, users
from whiteroom.runtime.supervisor.hosts import Ending, Fleet, Host, ImageFailed, SandboxFailed
from whiteroom.runtime.supervisor.logs import LogWriter
from whiteroom.runtime.supervisor.records import first_line
from whiteroom.runtime.supervisor.supervisor import Supervisor, detach
from whiteroom.runtime.supervisor.watch import Watch
from whiteroom.runtime.transform.serving import Client

MADE_FILE = "made"
"""There from before something is made in the engine until it is removed."""
_ENGINE_PAUSE_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
_IMAGE_SIGNS = ("not found", "no such file or directory", "exec format error", "permission denied")
_NAMES = {"amd64": "x86_64", "arm64": "aarch64"}


class Container(Host):
    """One instance in a container."""

    def __init__(self, spec: ContainerSpec, name: str, work: str) -> None:
        super().__init__(spec, name, work)
        self.id = ""
        self.first: int | None = None
        """Its first process; None where it had ended before anyone could look."""
        self.address = ""
        self.groups = cgroups.Groups({}, frozenset())
        self.output: Output | None = None
        self._spec = spec
        self._engine: Engine | None = None
        self._state: ContainerState | None = None
        self._engine_ended = False

    @property
    def started(self) -> bool:
        """See Host."""
        return self._engine is not None

    def begin(self, engine: Engine) -> None:
        """Take note that its program runs."""
        self._engine = engine
        state = engine.state(self.id)
        if state is not None:
            self.first, self.address = state.pid or None, state.address
        if self.first is not None:
            self.groups = cgroups.of(self.first)

    def processes(self, groups: cgroups.Groups) -> list[int]:
        """Every process that lives in it now."""
        if self.first is None:
            return []
        members = groups.members()
        return meters.descendants(self.first) if members is None else members

    def follow(self, log: LogWriter) -> None:
        """See Host."""
        del log
        self.ended, end = os.pipe2(os.O_CLOEXEC)
        # A connection of its own: it says nothing until the container has ended.
        threading.Thread(target=self._wait, args=(end,), daemon=True).start()
        self.streams = {self.output.fileno()} if self.output else set()
        self.watch = Watch(self._spec, self.folders(), self, self.groups)

    def _wait(self, end: int) -> None:
        """Close `end` once the container has ended, or nobody can say any more."""
        try:
            Engine(self._spec.socket).wait(self.id)
        except EngineFailed as problem:
            self._engine_ended = True
            sys.stderr.write(f"waiting: {problem}\n")
        finally:
            os.close(end)

    def pump(self, handle: int) -> bool:
        """See Host."""
        if self.output and self.output.pump():
            return True
        self.streams.discard(handle)
        return False

    def terminate(self) -> None:
        """See Host."""
        self._signal("SIGTERM")

    def kill(self) -> bool:
        """See Host."""
        return self._signal("SIGKILL")

    def _signal(self, name: str) -> bool:
        """Send a signal, if it lives; False where the engine does not answer."""
        if self._engine is None or self.over:
            return True
        try:
            self._engine.signal(self.id, name)
        except EngineFailed as problem:
            sys.stderr.write(f"{name}: {problem}\n")
            return False
        return True

    def finish(self) -> bool:
        """See Host."""
        self.conclude()
        return self._state is None or self._state.exit_code != 0

    def conclude(self) -> None:
        """Return once it does not run, killed if it must be, however long the engine takes to answer."""
        if self.over or self._engine is None:
            return
        while True:
            try:
                self._state = self._engine.state(self.id)
                if self._state is None or not self._state.running:
                    break
                self._engine.signal(self.id, "SIGKILL")
            except EngineFailed as problem:
                # As long as it does not answer, nobody knows that nothing runs: there is no end to record.
                sys.stderr.write(f"looking: {problem}\n")
                time.sleep(_ENGINE_PAUSE_SECONDS)
            time.sleep(_PAUSE_SECONDS)
        self.over = True

    def lives(self) -> bool:
        """See Host."""
        return self.first is not None and meters.lives(self.first)

    def heeds_sigterm(self) -> bool:
        """See Host: without a handler the kernel does not deliver it to the first process of a container."""
        try:
            status = Path(f"/proc/{self.first}/status").read_text()
        except OSError:
            return True
        caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
        return bool(int(caught, 16) & 1 << (signal.SIGTERM - 1))

    def client(self, transform: Mapping[str, Any]) -> Client | None:
        """See Host."""
        first = self.first
        if first is None:
            return None
        if self.address:
            return Client(dict(transform), self.name, self.work, first, host=self.address)
        return Client(dict(transform), self.name, self.work, first, enter=lambda: namespaces.join_network(first))

    def judge(self, ending: Ending, *, gone: bool) -> None:
        """See Host."""
        state = self._state
        if state is None:
            ending.because("machine", "The container was removed by somebody else.", self.name)
            return
        code = state.exit_code
        if self._engine_ended and code != 0:
            ending.because("machine", "The container engine was restarted, and the run with it.", self.name)
        if ending.exit_code is None:
            ending.exit_code = code
        words = self.output.first_words if self.output else b""
        if docker_plan.program_missing(code, words):
            ending.exit_code = None
            ending.because("image", f"The program could not be started: {first_line(words)}.", self.name)
        self.judge_limits(
            ending,
            code,
            gone=gone,
            memory_killed=state.memory_killed,
            crowded=bool(self.watch and self.watch.crowded),
        )


class ContainerFleet(Fleet):
    """All containers of a run. What was made for them is removed, whatever happens."""

    def __init__(self, spec: ContainerSpec) -> None:
        """Ask the engine for nothing yet."""
        self._spec = spec
        self.hosts: list[Container] = [Container(spec, HOST, WORK)]
        self._engine: Engine | None = None
        self._facts: EngineFacts | None = None
        self._image: EngineImage | None = None

    def claim(self, note: Callable[[str], None]) -> None:
        """See Fleet: the engine is reached, and the image brought."""
        try:
            engine = self._engine = Engine(self._spec.socket)
            facts = self._facts = engine.facts()
            image = self._image = self._find_image(engine, note)
        except NoSuchImage as problem:
            raise ImageFailed(_safe(str(problem))) from None
        except EngineFailed as problem:
            raise _not_run(problem) from None
        if image.machine and facts.machine and image.machine != facts.machine:
            wanted, had = (_NAMES.get(name, name) for name in (image.machine, facts.machine))
            raise ImageFailed(f"The image is for {wanted}, and this machine is {had}. Build it for {had}.")

    def _find_image(self, engine: Engine, note: Callable[[str], None]) -> EngineImage:
        """The image that was pinned, brought from its registry where that is allowed."""
        spec = self._spec
        pinned = f"{repository(spec.image_name)}@{spec.image_digest}"
        for name in (spec.image_digest, pinned):
            image = engine.image(name)
            if image is not None:
                return image
        if spec.may_pull:
            note(f"The image {pinned} is being pulled.")
            engine.pull(repository(spec.image_name), spec.image_digest, lambda: not Path(specs.STOP_FILE).exists())
            image = engine.image(pinned)
            if image is not None:
                return image
        raise ImageFailed("The image has been removed. Bring it again, then create a new version.")

    def start(self, log: Callable[[], LogWriter], mark: Callable[[], None]) -> None:
        """See Fleet."""
        del mark
        engine, image, spec = self._engine, self._image, self._spec
        if engine is None or image is None:
            raise SandboxFailed("The container engine was not reached.")
        try:
            Path(MADE_FILE).touch(mode=0o600)
            network = None
            if spec.transform is not None and not self._can_join():
                network = docker_plan.name_of(spec)
                engine.create_network(network, docker_plan.labels_of(spec))
            for host in self.hosts:
                self._create(engine, image, host, self._user(host), network, log())
                host.begin(engine)
        except docker_plan.Unsealable as problem:
            raise ImageFailed(str(problem)) from None
        except EngineFailed as problem:
            raise _not_run(problem) from None

    def _create(
        self, engine: Engine, image: EngineImage, host: Container, user: str, network: str | None, log: LogWriter
    ) -> None:
        """The container, started; made anew without the shell where the image has none."""
        spec, facts = self._spec, self._facts
        for has_shell in (True, False):
            asked_for = docker_plan.document(
                spec,
                image,
                user=user,
                has_shell=has_shell,
                network=network,
                host_users=bool(facts and facts.remaps_users),
            )
            host.id = engine.create(docker_plan.name_of(spec), asked_for)
            try:
                # Podman looks for the program here already.
                host.output = Output(engine.attach(host.id), log, spec.log_line_characters)
                engine.start(host.id)
            except EngineFailed as problem:
                if host.output:
                    host.output.close()
                    host.output = None
                if not has_shell or engine.has_file(host.id, SHELL):
                    raise _not_started(problem) from None
                engine.remove_container(host.id)
            else:
                return

    def _user(self, host: Container) -> str:
        """Who the program is: never root of this machine, and whoever it is, the server can delete what it writes."""
        if self._facts is not None and self._facts.rootless:
            # Root in there is the server's own user out here.
            return "0:0"
        if os.geteuid() != 0:
            return f"{os.geteuid()}:{os.getegid()}"
        claimed = users.claim(self._spec.uid_folder, self._spec.first_uid)
        if claimed is None:
            raise SandboxFailed("Every user that runs may have is taken.")
        # Its lock is held as long as this process lives.
        uid = claimed[0]
        host.hand_over(uid)
        return f"{uid}:{uid}"

    def _can_join(self) -> bool:
        """Whether the transform's client can enter the container's own network, so that none else is needed."""
        is_process = self._spec.oci_runtime in {"", "runc", "crun"}
        return is_process and (os.geteuid() == 0 or bool(self._facts and self._facts.rootless))

    def reap(self) -> None:
        """See Fleet."""
        for host in self.hosts:
            host.conclude()

    def remove(self) -> None:
        """See Fleet, however long the engine takes to answer."""
        for host in self.hosts:
            if host.output:
                host.output.close()
        spec = self._spec
        while Path(MADE_FILE).exists():
            try:
                engine = Engine(spec.socket)
                try:
                    engine.remove(spec.folder_label, spec.run_id)
                finally:
                    engine.close()
                Path(MADE_FILE).unlink()
            except EngineFailed as problem:
                sys.stderr.write(f"removing: {problem}\n")
                time.sleep(_ENGINE_PAUSE_SECONDS)


def _not_started(problem: EngineFailed) -> Exception:
    """Whether it was the image's fault; the words are those of the engine's runtime."""
    words = str(problem).lower()
    if "exec" in words and any(sign in words for sign in _IMAGE_SIGNS):
        return ImageFailed(_safe(f"Its program could not be started: {problem}"))
    return problem


def _not_run(problem: EngineFailed) -> SandboxFailed:
    return SandboxFailed(f"The container engine could not run it: {_safe(str(problem))}")


def _safe(text: str) -> str:
    """An engine's words without paths of this machine."""
    return first_line(text.encode())[:500]


def main(folder: str, lock: int) -> None:
    """Supervise the run in `folder`, whose lock is open as descriptor `lock`, the highest that is ours."""
    detach(folder, lock)
    spec = docker_plan.load(Path(specs.SPEC_FILE).read_text())
    Supervisor(spec, ContainerFleet(spec)).run()
    sys.stdout.flush()
    # The waiting thread and the engine's connections need no farewell.
    os._exit(0)
