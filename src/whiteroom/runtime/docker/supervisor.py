"""The supervisor of one run in a container engine: a small process that outlives the server.

It brings the image, makes the container, pumps its log, enforces its limits, obeys a stop,
removes everything that it has made and writes down how the run ended. Should it be killed,
the container goes on until the next look of a server, which removes it (runtime.py).
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

from whiteroom.runtime import spec as specs
from whiteroom.runtime.docker import plan as docker_plan
from whiteroom.runtime.docker.engine import (
    Cancelled,
    Engine,
    EngineFacts,
    EngineFailed,
    EngineImage,
    NoSuchImage,
    repository,
)
from whiteroom.runtime.docker.output import Output
from whiteroom.runtime.docker.plan import HOST, SHELL, WORK, ContainerSpec
from whiteroom.runtime.sandbox.host import Ending
from whiteroom.runtime.supervisor import cgroups, meters, namespaces, users
from whiteroom.runtime.supervisor.logs import LogWriter
from whiteroom.runtime.supervisor.records import failure_text, first_line, now_ms, write_whole
from whiteroom.runtime.supervisor.supervisor import ImageFailed, SandboxFailed, detach
from whiteroom.runtime.supervisor.watch import Watch
from whiteroom.runtime.transform import serving

MADE_FILE = "made"
"""There from before something is made in the engine until it is removed."""
_READ_BYTES = 1 << 16
_SERVE_GRACE_SECONDS = 10
_ENGINE_PAUSE_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
_SIGXFSZ_EXIT = 128 + signal.SIGXFSZ
_IMAGE_SIGNS = ("not found", "no such file or directory", "exec format error", "permission denied")
_NAMES = {"amd64": "x86_64", "arm64": "aarch64"}


class Container:
    """The one container of a run, as the watch sees it."""

    __slots__ = ("address", "first", "id", "started")

    def __init__(self, container_id: str) -> None:
        self.id = container_id
        self.started = False
        self.first: int | None = None
        """Its first process; None where it had ended before anyone could look."""
        self.address = ""

    def processes(self, groups: cgroups.Groups) -> list[int]:
        """Every process that lives in it now."""
        if self.first is None:
            return []
        members = groups.members()
        return meters.descendants(self.first) if members is None else members

    def heeds_sigterm(self) -> bool:
        """Whether its first process has a handler: without one the kernel does not deliver it there."""
        try:
            status = Path(f"/proc/{self.first}/status").read_text()
        except OSError:
            return True
        caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
        return bool(int(caught, 16) & 1 << (signal.SIGTERM - 1))


class ContainerSupervisor:
    """One run from its start to its record. The current folder is the run's."""

    def __init__(self, spec: ContainerSpec) -> None:
        self._spec = spec
        self._ending = Ending(HOST)
        self._engine: Engine | None = None
        self._facts: EngineFacts | None = None
        self._container: Container | None = None
        self._groups = cgroups.Groups({}, frozenset())
        self._client: serving.Client | None = None
        self._watch: Watch | None = None
        self._log = LogWriter(spec.log_file, limit_bytes=spec.log_limit_bytes, line_characters=spec.log_line_characters)
        self._output: Output | None = None
        self._deadline = float("inf")
        self._kill_at = float("inf")

    def run(self) -> None:
        """Everything; returns when the end is written."""
        ending = self._ending
        write_whole(specs.MARKER_FILE, f'{{"first":[],"groups":[],"pid":{os.getpid()}}}')
        try:
            self._stop_was_asked()
            if ending.reason is None:
                self._follow(self._start(*self._prepare()))
        except Cancelled:
            ending.because("stopped", "It was stopped.")
        except (ImageFailed, NoSuchImage, docker_plan.Unsealable) as problem:
            ending.because("image", _safe(str(problem)))
        except (SandboxFailed, EngineFailed) as problem:
            ending.because("sandbox", f"The container engine could not run it: {_safe(str(problem))}")
        except Exception:  # noqa: BLE001 - whatever went wrong, the run must get its record
            traceback.print_exc()
            ending.because("platform", "The supervisor of this run failed; the server's operator finds the reason.")
        self._clear()
        self._record()

    # -- before the program ---------------------------------------------------------

    def _prepare(self) -> tuple[Engine, EngineImage]:
        """The engine, the image, and a transform's model."""
        spec = self._spec
        engine = self._engine = Engine(spec.socket)
        facts = self._facts = engine.facts()
        image = self._find_image(engine)
        if image.machine and facts.machine and image.machine != facts.machine:
            wanted, had = (_NAMES.get(name, name) for name in (image.machine, facts.machine))
            raise ImageFailed(f"The image is for {wanted}, and this machine is {had}. Build it for {had}.")
        if spec.transform is not None:
            problem = serving.unpack_model(
                str(spec.transform["archive"]),
                f"{WORK}/{specs.MODEL}",
                spec.volume_bytes,
                lambda: Path(specs.STOP_FILE).exists(),
            )
            if self._stop_was_asked() is not None:
                raise Cancelled
            if problem is not None:
                self._ending.because("transform", problem)
                raise Cancelled
        return engine, image

    def _find_image(self, engine: Engine) -> EngineImage:
        """The image that was pinned, brought from its registry where that is allowed."""
        spec = self._spec
        pinned = f"{repository(spec.image_name)}@{spec.image_digest}"
        for name in (spec.image_digest, pinned):
            image = engine.image(name)
            if image is not None:
                return image
        if spec.may_pull:
            self._note(f"The image {pinned} is being pulled.")
            engine.pull(repository(spec.image_name), spec.image_digest, lambda: not Path(specs.STOP_FILE).exists())
            image = engine.image(pinned)
            if image is not None:
                return image
        raise ImageFailed("The image has been removed. Bring it again, then create a new version.")

    def _start(self, engine: Engine, image: EngineImage) -> Container:
        spec = self._spec
        held, user = self._user()
        Path(MADE_FILE).touch(mode=0o600)
        network = None
        if spec.transform is not None and not self._can_join():
            network = docker_plan.name_of(spec)
            engine.create_network(network, docker_plan.labels_of(spec))
        if held is not None:
            self._hand_over(held)
        container = self._create(engine, image, user, network)
        container.started = True
        self._deadline = time.monotonic() + spec.max_runtime_seconds
        state = engine.state(container.id)
        if state is not None:
            container.first, container.address = state.pid or None, state.address
        if container.first is not None:
            self._groups = cgroups.of(container.first)
        return container

    def _create(self, engine: Engine, image: EngineImage, user: str, network: str | None) -> Container:
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
            container = self._container = Container(engine.create(docker_plan.name_of(spec), asked_for))
            self._ending.started_at_ms = now_ms()
            try:
                # Podman looks for the program here already.
                self._output = Output(engine.attach(container.id), self._log, spec.log_line_characters)
                engine.start(container.id)
            except EngineFailed as problem:
                if self._output:
                    self._output.close()
                    self._output = None
                if not has_shell or engine.has_file(container.id, SHELL):
                    raise _not_started(problem) from None
                engine.remove_container(container.id)
            else:
                break
        return container

    def _user(self) -> tuple[int | None, str]:
        """Who the program is: never root of this machine, and whoever it is, the server can delete what it writes."""
        if self._facts is not None and self._facts.rootless:
            # Root in there is the server's own user out here.
            return None, "0:0"
        if os.geteuid() != 0:
            return None, f"{os.geteuid()}:{os.getegid()}"
        claimed = users.claim(self._spec.uid_folder, self._spec.first_uid)
        if claimed is None:
            raise SandboxFailed("Every user that runs may have is taken.")
        # Its lock is held as long as this process lives.
        return claimed[0], f"{claimed[0]}:{claimed[0]}"

    def _hand_over(self, uid: int) -> None:
        """Give the program its folders."""
        for name in (specs.MODEL, specs.OUTPUT, f"{specs.OUTPUT}/{specs.DATA}", specs.DATA, specs.TMP):
            os.chown(f"{WORK}/{name}", uid, uid)

    def _can_join(self) -> bool:
        """Whether the transform's client can enter the container's own network, so that none else is needed."""
        is_process = self._spec.oci_runtime in {"", "runc", "crun"}
        return is_process and (os.geteuid() == 0 or bool(self._facts and self._facts.rootless))

    # -- while the program runs -----------------------------------------------------

    def _follow(self, container: Container) -> None:
        """Pump, watch and obey until the program has ended."""
        spec = self._spec
        if spec.transform is not None and container.first is not None:
            first = container.first
            if container.address:
                self._client = serving.Client(dict(spec.transform), WORK, first, host=container.address)
            else:
                self._client = serving.Client(
                    dict(spec.transform), WORK, first, enter=lambda: namespaces.join_network(first)
                )
        ended, ended_end = os.pipe2(os.O_CLOEXEC)
        # A connection of its own: it says nothing until the container has ended.
        threading.Thread(target=_wait, args=(spec.socket, container.id, ended_end), daemon=True).start()
        control = os.open(specs.CONTROL_FIFO, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._watch = Watch(spec, WORK, container, self._groups)
        poller = select.poll()
        sources = [control, ended, self._watch.wake]
        sources += [self._output.fileno()] if self._output else []
        sources += [self._client.output] if self._client else []
        for source in sources:
            poller.register(source, select.POLLIN)
        try:
            self._loop(poller, control, ended)
        finally:
            os.close(control)

    def _loop(self, poller: select.poll, control: int, ended: int) -> None:
        output = self._output
        while True:
            self._obey()
            soonest = min(self._deadline, self._kill_at) - time.monotonic()
            ready = poller.poll(None if soonest == float("inf") else max(0.0, soonest) * 1000 + 1)
            handles = {handle for handle, _ in ready}
            if control in handles:
                os.read(control, _READ_BYTES)
            if output and output.fileno() in handles and not output.pump():
                poller.unregister(output)
            if self._watch and self._watch.wake in handles:
                self._watch.heed()
            if self._client and self._client.output in handles and not self._client.hear(self._note):
                poller.unregister(self._client.output)
                self._served()
            if ended in handles:
                return

    def _obey(self) -> None:
        """Act on what has happened: a stop, a limit, a time that has come."""
        ending, now = self._ending, time.monotonic()
        grace = self._stop_was_asked()
        if grace is not None:
            self._terminate(min(self._kill_at, now + grace))
        if now >= self._deadline:
            self._deadline = float("inf")
            ending.because("max_runtime", f"It ran longer than {self._spec.max_runtime_seconds:,} s.")
            self._note(f"The run has reached its limit of {self._spec.max_runtime_seconds:,} s and is being stopped.")
            self._terminate(now + self._spec.stop_grace_seconds)
        if self._watch and self._watch.violation and ending.reason is None:
            ending.because(*self._watch.violation)
            self._note(f"{self._watch.violation[1]} The run is being killed.")
            self._kill_at = now
        if now >= self._kill_at:
            self._kill_at = float("inf")
            self._signal("SIGKILL")

    def _stop_was_asked(self) -> float | None:
        """The grace of a stop that has not been acted on yet."""
        stop = Path(specs.STOP_FILE)
        try:
            grace = float(stop.read_text() or 0)
            stop.unlink()
        except (FileNotFoundError, ValueError):
            return None
        self._ending.because("stopped", "It was stopped.")
        return grace

    def _terminate(self, kill_at: float) -> None:
        self._kill_at = kill_at
        if self._client:
            self._client.stop()
        self._signal("SIGTERM")

    def _signal(self, name: str) -> None:
        if self._engine and self._container:
            try:
                self._engine.signal(self._container.id, name)
            except EngineFailed:
                # It does not answer: asked again soon, and whatever is left goes with the container.
                self._kill_at = min(self._kill_at, time.monotonic() + 1)

    def _served(self) -> None:
        """The transform's client is done: so is the program, which serves for ever."""
        if self._client is None or self._container is None or self._ending.reason is not None:
            return
        ok, message = self._client.outcome
        if not ok and not (self._container.first and meters.lives(self._container.first)):
            # The program ended first: its own exit code says more.
            return
        if ok:
            self._ending.because("exited", "")
            self._ending.exit_code = 0
        else:
            self._ending.because("transform", message)
        grace = _SERVE_GRACE_SECONDS if self._container.heeds_sigterm() else 0
        self._terminate(time.monotonic() + grace)

    def _note(self, text: str) -> None:
        self._log.note(now_ms(), HOST, text)

    # -- after the program ----------------------------------------------------------

    def _clear(self) -> None:
        """Read the container's last words, judge it, and remove everything."""
        if self._client:
            self._client.close()
        if self._watch:
            self._watch.close()
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                break
        started = self._container is not None and self._container.started
        if started:
            self._conclude()
        elif self._output:
            self._output.close()
        if Path(MADE_FILE).exists():
            self._remove()
        used = self._used(repair=True)
        if started and used > self._spec.volume_bytes:
            self._ending.because("volume", f"It wrote more than {self._spec.volume_bytes:,} bytes.")
        self._ending.because("exited", "")
        if self._ending.reason not in {"exited", "stopped"}:
            self._note(f"Ended: {self._ending.message}")

    def _conclude(self) -> None:
        state = None
        while self._engine and self._container:
            try:
                state = self._engine.state(self._container.id)
                if state is None or not state.running:
                    break
                self._engine.signal(self._container.id, "SIGKILL")
                self._ending.because("lost", "The container engine was restarted, and the run with it.")
            except EngineFailed as problem:
                # As long as it does not answer, nobody knows that nothing runs: there is no end to record.
                sys.stderr.write(f"looking: {problem}\n")
                time.sleep(_ENGINE_PAUSE_SECONDS)
            time.sleep(_PAUSE_SECONDS)
        if self._output:
            self._output.drain()
        if state is None:
            self._ending.because("lost", "The container was removed by somebody else.")
            return
        self._judge(state.exit_code, memory_killed=state.memory_killed)

    def _judge(self, code: int, *, memory_killed: bool) -> None:
        """Say why the program ended, if nothing of ours ended it."""
        ending, spec = self._ending, self._spec
        if ending.exit_code is None:
            ending.exit_code = code
        words = self._output.first_words if self._output else b""
        if docker_plan.program_missing(code, words):
            ending.exit_code = None
            ending.because("image", f"The program could not be started: {first_line(words)}.")
        if memory_killed:
            ending.because("memory", f"It took more than {spec.memory_bytes:,} bytes of memory.")
        full = code != 0 and self._used() >= spec.volume_bytes - (1 << 16)
        if full or code == _SIGXFSZ_EXIT:
            ending.because("volume", f"It wrote more than {spec.volume_bytes:,} bytes.")
        if code != 0 and self._watch and self._watch.crowded:
            ending.because("processes", f"It needed more than {spec.processes:,} processes and threads.")
        if spec.transform is not None and ending.reason is None and code == 0:
            ending.because("transform", "The program ended (exit code 0) before every file was transformed.")

    def _used(self, *, repair: bool = False) -> int:
        try:
            return meters.disk([str(path) for path in sorted(Path(WORK).iterdir())], repair=repair)
        except meters.TooDeep:
            self._ending.because("volume", "Its folders are nested too deep to be read.")
            return 0

    def _remove(self) -> None:
        """Remove what was made, however long the engine takes to answer."""
        spec = self._spec
        while True:
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
            else:
                return

    def _record(self) -> None:
        import json  # noqa: PLC0415

        ending = self._ending
        self._log.close()
        end = {
            "reason": ending.reason,
            "message": ending.message,
            "exit_code": ending.exit_code,
            "failure": failure_text(f"{WORK}/{specs.OUTPUT}"),
            "host": ending.host,
            "instances": 1,
            "started_at_ms": ending.started_at_ms,
            "ended_at_ms": now_ms(),
        }
        write_whole(specs.END_FILE, json.dumps(end))


def _wait(socket: str, container: str, end: int) -> None:
    """Close `end` once the container has ended, or nobody can say any more."""
    try:
        Engine(socket).wait(container)
    except EngineFailed as problem:
        sys.stderr.write(f"waiting: {problem}\n")
    finally:
        os.close(end)


def _not_started(problem: EngineFailed) -> Exception:
    """Whether it was the image's fault; the words are those of the engine's runtime."""
    words = str(problem).lower()
    if "exec" in words and any(sign in words for sign in _IMAGE_SIGNS):
        return ImageFailed(f"Its program could not be started: {problem}")
    return problem


def _safe(text: str) -> str:
    """An engine's words without paths of this machine."""
    return first_line(text.encode())[:500]


def main(folder: str, lock: int) -> None:
    """Supervise the run in `folder`, whose lock is open as descriptor `lock`, the highest that is ours."""
    detach(folder, lock)
    ContainerSupervisor(docker_plan.load(Path(specs.SPEC_FILE).read_text())).run()
    sys.stdout.flush()
    # The waiting thread and the engine's connections need no farewell.
    os._exit(0)
