"""The instances of a run in a container engine, as its supervisor sees them.

Should the supervisor be killed, the containers go on until the next look of a server, which
removes them (runtime.py). Imported by the supervisor: nothing slow to import, the SDK least.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH108, PTH110, PTH112, PTH123, PTH208
from __future__ import annotations

import os
import sys
import time

from whiteroom.runtime import spec as specs
from whiteroom.runtime.docker import networks
from whiteroom.runtime.docker import spec as docker_specs
from whiteroom.runtime.docker.calls import Calls, EngineFailed, NotThere, end_of_words
from whiteroom.runtime.docker.spec import NO_NETWORK, OWN_NETWORK, RUN_NETWORK, SHELL, SHELL_NAME, TOOLKITS
from whiteroom.runtime.supervisor import cgroups, meters, namespaces, users
from whiteroom.runtime.supervisor.hosts import Cancelled, Fleet, Host, ImageFailed, SandboxFailed
from whiteroom.runtime.supervisor.records import first_line
from whiteroom.runtime.supervisor.supervisor import Supervisor, detach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from whiteroom.runtime.docker.engine import Engine, EngineImage
    from whiteroom.runtime.docker.output import Output
    from whiteroom.runtime.docker.spec import ContainerMember, ContainerSpec
    from whiteroom.runtime.supervisor.hosts import Ending
    from whiteroom.runtime.supervisor.logs import LogWriter
    from whiteroom.runtime.transform.serving import Client

MADE_FILE = "made"
"""There from before something is made in the engine until it is removed."""
_ENGINE_PAUSE_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
_LOOKS, _LOOK_SECONDS = 20, 0.01
_IMAGE_SIGNS = ("not found", "no such file or directory", "exec format error", "permission denied")
_NOT_FOUND_EXITS = (126, 127)
_GO = b"\n"
_SIGTERM = 15
"""The module signal takes 6 ms to import, as it makes enumerations."""


class Container(Host):
    """One instance in a container."""

    def __init__(self, spec: ContainerSpec, member: ContainerMember) -> None:
        super().__init__(spec, member.host, member.work)
        self.id = spec.name_of(member.host)
        self.member = member
        self.uid: int | None = None
        """Who it is, where it is a user of its own."""
        self.first: int | None = None
        """Its first process; None where it had ended before anyone could look."""
        self.address = ""
        self.devices: dict[str, str] = {}
        """Nodes of the GPUs that it has, for the watch."""
        self.groups = cgroups.Groups({}, frozenset())
        self._spec = spec
        self._calls = Calls(spec.socket, spec.api_version)
        self._attached = -1
        self._output: Output | None = None
        self._running = False
        self._state: dict[str, Any] | None = None
        self._engine_ended = False

    @property
    def started(self) -> bool:
        """See Host."""
        return self._running

    def hand_over(self, uid: int) -> None:
        """See Host."""
        super().hand_over(uid)
        place = f"{self.work}/{TOOLKITS}"
        for name in os.listdir(place) if os.path.isdir(place) else ():
            os.chown(f"{place}/{name}", uid, uid)

    def take(self, spec: ContainerSpec, member: ContainerMember) -> None:
        """Learn what the server could not know."""
        self.member, self._spec = member, spec
        self._calls = Calls(spec.socket, spec.api_version)

    def create(self, document: bytes) -> None:
        """Make it, and listen to it before it has anything to say."""
        self._calls.create(self.id, document)
        # Podman looks for the program here already.
        self._attached = self._calls.attach(self.id, writing=self._spec.is_held)

    def start(self) -> None:
        """Start it; its program may wait for `release`."""
        self._calls.start(self.id)
        self._running = True

    def release(self) -> None:
        """Let its program run."""
        try:
            os.write(self._attached, _GO)
        except OSError:
            # It has ended already, and what it ended with is found then.
            return
        end_of_words(self._attached)

    def abandon(self) -> None:
        """Take it away again before it ever ran."""
        if self._attached >= 0:
            os.close(self._attached)
            self._attached = -1
        self._running = False
        self._calls.remove_container(self.id)

    def look(self) -> None:
        """See which processes of this machine it is."""
        found = self._calls.inspect(self.id)
        if not found:
            return
        self.first = int(found["State"].get("Pid") or 0) or None
        networks = (found.get("NetworkSettings") or {}).get("Networks") or {}
        self.address = next((one["IPAddress"] for one in networks.values() if one.get("IPAddress")), "")
        if self.first is not None:
            self.groups = cgroups.of(self.first)

    def processes(self, groups: cgroups.Groups) -> list[int]:
        """Every process that lives in it now."""
        if self.first is None:
            return []
        try:
            members = groups.members()
        except FileNotFoundError:
            # The engine has taken its groups away: it has ended.
            return []
        return meters.descendants(self.first) if members is None else members

    def follow(self, log: LogWriter) -> None:
        """See Host."""
        from threading import Thread  # noqa: PLC0415

        from whiteroom.runtime.docker.output import Output  # noqa: PLC0415
        from whiteroom.runtime.supervisor.watch import Watch  # noqa: PLC0415

        self.ended, end = os.pipe2(os.O_CLOEXEC)
        # A connection of its own: it says nothing until the container has ended.
        Thread(target=self._wait, args=(end,), daemon=True).start()
        self._output = Output(self._attached, self.name, log, self._spec.log_line_characters)
        self.streams = {self._attached}
        self.watch = Watch(self._spec, self.folders(), self, self.groups, self.devices)

    def _wait(self, end: int) -> None:
        """Close `end` once the container has ended, or nobody can say any more."""
        try:
            self._calls.wait(self.id)
        except EngineFailed as problem:
            self._engine_ended = True
            sys.stderr.write(f"waiting: {problem}\n")
        finally:
            os.close(end)

    def pump(self, handle: int) -> bool:
        """See Host."""
        if self._output and self._output.pump():
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
        if not self._running or self.over:
            return True
        try:
            self._calls.signal(self.id, name)
        except EngineFailed as problem:
            sys.stderr.write(f"{name}: {problem}\n")
            return False
        return True

    def finish(self) -> bool:
        """See Host."""
        self.conclude()
        return self._state is None or self._exit_code() != 0

    def conclude(self) -> None:
        """Return once it does not run, killed if it must be, however long the engine takes to answer."""
        if self.over or not self._running:
            return
        while True:
            try:
                found = self._calls.inspect(self.id)
                self._state = found["State"] if found else None
                if self._state is None or not self._state.get("Running"):
                    break
                self._calls.signal(self.id, "SIGKILL")
            except EngineFailed as problem:
                # As long as it does not answer, nobody knows that nothing runs: there is no end to record.
                sys.stderr.write(f"looking: {problem}\n")
                time.sleep(_ENGINE_PAUSE_SECONDS)
            time.sleep(_PAUSE_SECONDS)
        self.over = True

    def lives(self) -> bool:
        """See Host. A process that ends closes its connections a moment before it is gone."""
        for _ in range(_LOOKS):
            if self.first is None or not meters.lives(self.first):
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def heeds_sigterm(self) -> bool:
        """See Host: without a handler the kernel does not deliver it to the first process of a container."""
        try:
            with open(f"/proc/{self.first}/status") as file:
                status = file.read()
        except OSError:
            return True
        caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
        return bool(int(caught, 16) & 1 << (_SIGTERM - 1))

    def client(self, transform: Mapping[str, Any]) -> Client | None:
        """See Host."""
        from whiteroom.runtime.transform.serving import Client  # noqa: PLC0415

        first = self.first
        if first is None:
            return None
        if self._spec.network == OWN_NETWORK:
            return Client(dict(transform), self.name, self.work, first, host=self.address)
        return Client(dict(transform), self.name, self.work, first, enter=lambda: namespaces.join_network(first))

    def judge(self, ending: Ending, *, gone: bool) -> None:
        """See Host."""
        state = self._state
        if state is None:
            ending.because("machine", "The container was removed by somebody else.", self.name)
            return
        code = self._exit_code()
        if self._engine_ended and code != 0:
            ending.because("machine", "The container engine was restarted, and the run with it.", self.name)
        if ending.exit_code is None:
            ending.exit_code = code
        words = self._output.first_words if self._output else b""
        # Then it was the shell that ended, because there is no such program.
        if code in _NOT_FOUND_EXITS and words.startswith(SHELL_NAME.encode() + b":"):
            ending.exit_code = None
            ending.because("image", f"The program could not be started: {first_line(words)}.", self.name)
        self.judge_limits(
            ending,
            code,
            gone=gone,
            memory_killed=bool(state.get("OOMKilled")),
            crowded=bool(self.watch and self.watch.crowded),
        )

    def _exit_code(self) -> int:
        return int(self._state.get("ExitCode") or 0) if self._state else 0

    def close(self) -> None:
        """Let go of what is still open."""
        if self._output:
            self._output.close()
        elif self._attached >= 0:
            os.close(self._attached)
        if self.ended >= 0:
            os.close(self.ended)


class ContainerFleet(Fleet):
    """All containers of a run. What was made for them is removed, whatever happens."""

    def __init__(self, spec: ContainerSpec) -> None:
        """Ask the engine for nothing yet."""
        self._spec = spec
        self.hosts: list[Container] = [Container(spec, member) for member in spec.members]
        self._held: list[int] = []
        self._gpus: dict[str, list[int]] = {}
        self._has_shell = True
        """Whether the image is believed to have one."""

    # -- before anything is made ------------------------------------------------------

    def claim(self, note: Callable[[str], None]) -> None:
        """See Fleet: the image is brought where it has to be, and devices and users are claimed."""
        if any(member.document is None for member in self._spec.members):
            self._prepare(note, has_shell=True)
        if self._spec.gpus:
            self._claim_gpus(note)
        if os.geteuid() == 0 and not self._spec.rootless:
            for host in self.hosts:
                claimed = users.claim(self._spec.uid_folder, self._spec.first_uid)
                if claimed is None:
                    raise SandboxFailed("Every user that runs may have is taken.")
                self._held.append(claimed[1])
                host.uid = claimed[0]
                host.hand_over(claimed[0])

    def _claim_gpus(self, note: Callable[[str], None]) -> None:
        from whiteroom.runtime.supervisor import gpus  # noqa: PLC0415

        present, count = gpus.present(), self._spec.gpus * len(self.hosts)
        if len(present) < count:
            raise SandboxFailed(f"This machine has {len(present)} GPUs, and the run needs {count}.")
        claimed = gpus.claim_when_free(present, count, note=note, stopping=lambda: os.path.exists(specs.STOP_FILE))
        if claimed is None:
            raise Cancelled
        self._held += [handle for _, handle in claimed]
        for host in self.hosts:
            self._gpus[host.name] = [claimed.pop()[0] for _ in range(self._spec.gpus)]
            host.devices = gpus.nodes(gpus.DEVICES, self._gpus[host.name])

    def _prepare(self, note: Callable[[str], None], *, has_shell: bool) -> None:
        """Find out, by the SDK, what the server could not: it takes its time, and few runs need it."""
        sys.path[:] = [*self._spec.packages]
        from whiteroom.runtime.docker import plan  # noqa: PLC0415
        from whiteroom.runtime.docker.engine import Engine  # noqa: PLC0415

        spec = self._spec
        try:
            engine = Engine(spec.socket)
            try:
                facts = engine.facts()
                refused = plan.refusal(spec.oci_runtime, spec.gpus, facts)
                if refused is not None:
                    raise SandboxFailed(refused)
                self._take(plan.prepared(spec, facts, self._find_image(engine, note), has_shell=has_shell))
            finally:
                engine.close()
        except NotThere as problem:
            raise ImageFailed(_safe(str(problem))) from None
        except EngineFailed as problem:
            raise _not_run(problem) from None
        except plan.Unsealable as problem:
            raise ImageFailed(str(problem)) from None

    def _take(self, spec: ContainerSpec) -> None:
        self._spec = spec
        for host, member in zip(self.hosts, spec.members, strict=True):
            host.take(spec, member)

    def _find_image(self, engine: Engine, note: Callable[[str], None]) -> EngineImage:
        """The image that was pinned, brought from its registry where that is allowed."""
        from whiteroom.runtime.docker.engine import repository  # noqa: PLC0415

        spec = self._spec
        pinned = f"{repository(spec.image_name)}@{spec.image_digest}"
        for name in (spec.image_digest, pinned):
            image = engine.image(name)
            if image is not None:
                return image
        if spec.may_pull:
            note(f"The image {pinned} is being pulled.")
            engine.pull(repository(spec.image_name), spec.image_digest, lambda: not os.path.exists(specs.STOP_FILE))
            image = engine.image(pinned)
            if image is not None:
                return image
        raise ImageFailed("The image has been removed. Bring it again, then create a new version.")

    # -- the start ----------------------------------------------------------------------

    def start(self, log: Callable[[], LogWriter], mark: Callable[[], None]) -> None:
        """See Fleet. Every program waits until all containers run; one in an image without a shell cannot."""
        del log, mark
        open(MADE_FILE, "w").close()
        try:
            addresses = self._make_networks()
            if not self._started(addresses):
                self._has_shell = False
                self._prepare(lambda _: None, has_shell=False)
                self._started(addresses)
            if self._spec.is_held:
                for host in self.hosts:
                    host.release()
            for host in self.hosts:
                host.look()
        except EngineFailed as problem:
            raise _not_run(problem) from None

    def _started(self, addresses: Mapping[str, str]) -> bool:
        """Make and start every container; False, and none is left, where it takes another try without a shell."""
        for act in (lambda host: host.create(self._document(host, addresses)), Container.start):
            for host in self.hosts:
                try:
                    act(host)
                except EngineFailed as problem:
                    if not self._lacks_shell(host):
                        raise _not_started(problem, host.name if len(self.hosts) > 1 else "") from None
                    for made in self.hosts:
                        made.abandon()
                    return False
        return True

    def _lacks_shell(self, host: Container) -> bool:
        """Whether the engine was asked for a shell that the image does not have."""
        if not self._has_shell:
            return False
        sys.path[:] = [*self._spec.packages]
        from whiteroom.runtime.docker.engine import Engine  # noqa: PLC0415

        engine = Engine(self._spec.socket)
        try:
            return not engine.has_file(host.id, SHELL)
        finally:
            engine.close()

    def _document(self, host: Container, addresses: Mapping[str, str]) -> bytes:
        """What the engine is asked for, with what the server could not know."""
        prepared = host.member.document
        if prepared is None:
            raise SandboxFailed("The container engine was not reached.")
        prepared = f'{{"User":"{self._user(host)}",{prepared[1:]}'
        if not addresses and not self._gpus:
            # Most runs do without reading it.
            return prepared.encode()
        import json  # noqa: PLC0415

        document = json.loads(prepared)
        if addresses:
            document["HostConfig"]["ExtraHosts"] = [f"{name}:{address}" for name, address in addresses.items()]
            place = {"IPAMConfig": {"IPv4Address": addresses[host.name]}}
            document["NetworkingConfig"] = {"EndpointsConfig": {self._spec.network_of(host.name): place}}
        if numbers := self._gpus.get(host.name):
            devices = [f"nvidia.com/gpu={number}" for number in numbers]
            document["HostConfig"]["DeviceRequests"] = [{"Driver": "cdi", "DeviceIDs": devices}]
        return json.dumps(document).encode()

    def _user(self, host: Container) -> str:
        """Who the program is: never root of this machine, and whoever it is, the server can delete what it writes."""
        if self._spec.rootless:
            # Root in there is the server's own user out here.
            return "0:0"
        return f"{os.geteuid()}:{os.getegid()}" if host.uid is None else f"{host.uid}:{host.uid}"

    def _make_networks(self) -> dict[str, str]:
        """The networks that the instances are in; the address of each, where they share one."""
        spec, calls = self._spec, Calls(self._spec.socket, self._spec.api_version)
        if spec.network == OWN_NETWORK:
            for host in self.hosts:
                calls.create_network(networks.reachable(spec.network_of(host.name), spec.labels))
        if spec.network != RUN_NETWORK:
            return {}
        subnet = networks.make_private(calls, spec)
        if not spec.rootless:
            networks.wall_off(spec.bridge)
        return networks.addresses(subnet, [host.name for host in self.hosts])

    # -- the end ------------------------------------------------------------------------

    def reap(self) -> None:
        """See Fleet."""
        for host in self.hosts:
            host.conclude()

    def remove(self) -> None:
        """See Fleet, however long the engine takes to answer."""
        for host in self.hosts:
            host.close()
        while os.path.exists(MADE_FILE):
            try:
                self._remove_all()
                os.unlink(MADE_FILE)
            except EngineFailed as problem:
                sys.stderr.write(f"removing: {problem}\n")
                time.sleep(_ENGINE_PAUSE_SECONDS)

    def _remove_all(self) -> None:
        spec, calls = self._spec, Calls(self._spec.socket, self._spec.api_version)
        for host in self.hosts:
            calls.remove_container(host.id)
        for name in sorted({spec.network_of(host.name) for host in self.hosts} if spec.network != NO_NETWORK else ()):
            calls.remove_network(name)
        for host in self.hosts:
            for name in docker_specs.volumes(host.member.document):
                calls.remove_volume(name)


def _not_started(problem: EngineFailed, host: str) -> Exception:
    """Whether it was the image's fault; the words are those of the engine's runtime."""
    words = str(problem).lower()
    where = f"{host}: " if host else ""
    if "exec" in words and any(sign in words for sign in _IMAGE_SIGNS):
        return ImageFailed(_safe(f"{where}Its program could not be started: {problem}"))
    return EngineFailed(f"{where}{problem}")


def _not_run(problem: EngineFailed) -> SandboxFailed:
    return SandboxFailed(f"The container engine could not run it: {_safe(str(problem))}")


def _safe(text: str) -> str:
    """An engine's words without paths of this machine."""
    return first_line(text.encode())[:500]


def main(folder: str, lock: int) -> None:
    """Supervise the run in `folder`, whose lock is open as descriptor `lock`, the highest that is ours."""
    detach(folder, lock)
    with open(specs.SPEC_FILE, "rb") as file:
        spec = docker_specs.load(file.read())
    Supervisor(spec, ContainerFleet(spec)).run()
    sys.stdout.flush()
    # The waiting threads need no farewell.
    os._exit(0)
