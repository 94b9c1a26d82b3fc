"""All containers of a run: what they need is claimed, they are started together, and what was made is removed.

Should the supervisor be killed, the containers go on until the next look of a server, which
removes them (runtime.py). Imported by the supervisor: nothing slow to import, the SDK least.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH108, PTH110, PTH123
from __future__ import annotations

import os
import sys
import time

from whiteroom.runtime import spec as specs
from whiteroom.runtime.docker import networks
from whiteroom.runtime.docker import spec as docker_specs
from whiteroom.runtime.docker.calls import Calls, EngineFailed, NotThere
from whiteroom.runtime.docker.host import Container
from whiteroom.runtime.docker.spec import NO_NETWORK, OWN_NETWORK, RUN_NETWORK, SHELL
from whiteroom.runtime.supervisor.detaching import detach
from whiteroom.runtime.supervisor.hosts import Fleet, ImageFailed, SandboxFailed
from whiteroom.runtime.supervisor.records import first_line, now_ms
from whiteroom.runtime.supervisor.supervisor import Supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whiteroom.runtime.docker.engine import Engine, EngineImage
    from whiteroom.runtime.docker.spec import ContainerSpec
    from whiteroom.runtime.supervisor.logs import LogWriter

_ENGINE_PAUSE_SECONDS = 1.0
_READ_ONLY = (
    "The image's own folders are read-only: write to /tmp, /opt/ml/model or /opt/ml/output/data. "
    "The documentation (docs/containers.md) says which engines and images they can be written in."
)
_IMAGE_SIGNS = ("not found", "no such file or directory", "exec format error", "permission denied")


class ContainerFleet(Fleet):
    """All containers of a run. What was made for them is removed, whatever happens."""

    def __init__(self, spec: ContainerSpec) -> None:
        """Ask the engine for nothing yet."""
        super().__init__()
        self._spec = spec
        self.hosts: list[Container] = [Container(spec, own) for own in spec.instances]
        self._gpus: dict[str, list[int]] = {}
        self._has_shell = True
        """Whether the image is believed to have one."""

    # -- before anything is made ------------------------------------------------------

    def claim(self, note: Callable[[str], None]) -> None:
        """See Fleet: the image is brought where it has to be, and devices and users are claimed."""
        if any(own.document is None for own in self._spec.instances):
            self._prepare(note, has_shell=True)
        if self._spec.gpus:
            from whiteroom.runtime.supervisor import gpus  # noqa: PLC0415

            for host, numbers in zip(self.hosts, self.claim_gpus(self._spec.gpus, gpus.DEVICES, note), strict=True):
                self._gpus[host.name] = numbers
                host.devices = gpus.nodes(gpus.DEVICES, numbers)
        if os.geteuid() == 0 and not self._spec.rootless:
            for host in self.hosts:
                host.uid = self.claim_user(self._spec.uid_folder, self._spec.first_uid)
                host.hand_over(host.uid)

    def _prepare(self, note: Callable[[str], None], *, has_shell: bool, has_scratch: bool = True) -> None:
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
                image = self._find_image(engine, note)
                self._take(plan.prepared(spec, facts, image, has_shell=has_shell, has_scratch=has_scratch))
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
        for host, own in zip(self.hosts, spec.instances, strict=True):
            host.take(spec, own)

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
        del mark
        open(specs.IN_ENGINE_FILE, "w").close()
        try:
            addresses = self._make_networks()
            if not self._started(addresses):
                self._has_shell = False
                self._prepare(lambda _: None, has_shell=False)
                self._started(addresses)
            large = self._open_up() if self._spec.scratch else {}
            if large is None:
                self._abandon()
                self._prepare(lambda _: None, has_shell=True, has_scratch=False)
                self._started(addresses)
            if self._spec.is_held:
                for host in self.hosts:
                    host.release()
            for host in self.hosts:
                host.look()
            if not self._spec.scratch:
                log().note(now_ms(), self.hosts[0].name, _READ_ONLY)
            for name, places in (large or {}).items():
                log().note(now_ms(), name, _large(places))
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
                    self._abandon()
                    return False
        return True

    def _open_up(self) -> dict[str, list[str]] | None:
        """Let every program write to its root; what of each cannot be changed. None where nobody could watch it."""
        large = {}
        for host in self.hosts:
            host.look()
            places = host.open_up()
            if places is None:
                return None
            if places:
                large[host.name] = places
        return large

    def _abandon(self) -> None:
        for host in self.hosts:
            host.abandon()

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
        prepared = host.own.document
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
        while os.path.exists(specs.IN_ENGINE_FILE):
            try:
                self._remove_all()
                os.unlink(specs.IN_ENGINE_FILE)
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
            for name in docker_specs.volumes(host.own.document):
                calls.remove_volume(name)


def _not_started(problem: EngineFailed, host: str) -> Exception:
    """Whether it was the image's fault; the words are those of the engine's runtime."""
    words = str(problem).lower()
    where = f"{host}: " if host else ""
    if "exec" in words and any(sign in words for sign in _IMAGE_SIGNS):
        return ImageFailed(_safe(f"{where}Its program could not be started: {problem}"))
    return EngineFailed(f"{where}{problem}")


def _large(places: list[str]) -> str:
    from whiteroom.runtime.docker.scratch import MOST_BYTES, MOST_ENTRIES  # noqa: PLC0415

    return (
        f"{' and '.join(places)}: more than {MOST_BYTES >> 20} MiB or {MOST_ENTRIES:,} files. "
        "New ones can be written there, and what the image has there cannot be changed."
    )


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
