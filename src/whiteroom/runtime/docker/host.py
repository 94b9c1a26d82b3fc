"""One instance of a run in a container engine, as its supervisor sees it.

Imported by the supervisor: nothing slow to import, the SDK least.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH112, PTH123, PTH208
from __future__ import annotations

import os
import sys
import time

from whiteroom.runtime.docker.calls import Calls, EngineFailed, end_of_words
from whiteroom.runtime.docker.spec import OWN_NETWORK, SHELL_NAME, TOOLKITS
from whiteroom.runtime.supervisor import cgroups, meters, namespaces
from whiteroom.runtime.supervisor.hosts import Host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from whiteroom.runtime.docker.output import Output
    from whiteroom.runtime.docker.scratch import Layer
    from whiteroom.runtime.docker.spec import ContainerInstance, ContainerSpec
    from whiteroom.runtime.supervisor.hosts import Ending
    from whiteroom.runtime.supervisor.logs import LogWriter
    from whiteroom.runtime.supervisor.serving import Client

_ENGINE_PAUSE_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
_LOOKS, _LOOK_SECONDS = 20, 0.01
_NOT_FOUND_EXITS = {126: "it cannot be executed", 127: "there is none of that name in the image"}
"""What a shell's exit code says of the program that it was to start."""
_GO = b"\n"
_SIGTERM = 15
"""The module signal takes 6 ms to import, as it makes enumerations."""


class Container(Host):
    """One instance in a container."""

    def __init__(self, spec: ContainerSpec, own: ContainerInstance) -> None:
        super().__init__(spec, own.host, own.work)
        self.id = spec.name_of(own.host)
        self.own = own
        self.uid: int | None = None
        """Who it is, where it is a user of its own."""
        self.first: int | None = None
        """Its first process; None where it had ended before anyone could look."""
        self.address = ""
        self.layer: Layer | None = None
        """Where what it writes to its root is, if it may."""
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

    def take(self, spec: ContainerSpec, own: ContainerInstance) -> None:
        """Learn what the server could not know."""
        self.own, self._spec = own, spec
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
        self._let_go()
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

    def open_up(self) -> list[str] | None:
        """Let its program write to its root, and watch what it writes there. It waits meanwhile.

        Returns:
            The folders whose files it can replace and not change, as they hold too much; None where nobody could watch.
        """
        from whiteroom.runtime.docker import scratch  # noqa: PLC0415

        self.layer = scratch.layer_of(self.first, self.own.mounts) if self.first else None
        if not self.first or not self.layer:
            return None
        try:
            return scratch.hand_over(self.first, self.uid, self._spec.scratch)
        except OSError as problem:
            # Where users are mapped, or its shell has ended already: how is found then.
            sys.stderr.write(f"opening up: {problem}\n")
            return None

    def beside(self) -> tuple[list[str], Sequence[int]]:
        """See Host."""
        return ([self.layer.folder], self.layer.files) if self.layer else ([], ())

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
        folders, files = self.beside()
        self.watch = Watch(
            self._spec,
            self.folders(),
            self,
            self.groups,
            self.devices,
            beside=folders,
            files=files,
            disks=self.layer.devices if self.layer else (),
        )

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

    def handles_sigterm(self) -> bool:
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
        from whiteroom.runtime.supervisor.serving import Client  # noqa: PLC0415 -- most runs serve nothing

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
            # A program can write such words and end so, and every member reads this: it quotes none of them.
            ending.exit_code = None
            failure = f"{self._program()}: {_NOT_FOUND_EXITS[code]}"
            ending.because("image", f"The program could not be started: {failure}.", self.name)
        self.judge_limits(
            ending,
            code,
            gone=gone,
            memory_killed=bool(state.get("OOMKilled")),
            crowded=bool(self.watch and self.watch.crowded),
        )

    def _program(self) -> str:
        """What the shell was to start (docker/plan.py)."""
        import json  # noqa: PLC0415

        entrypoint: list[str] = json.loads(self.own.document)["Entrypoint"] if self.own.document else []
        return entrypoint[entrypoint.index("--") + 1] if "--" in entrypoint else self.own.command[0]

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
        self._let_go()

    def _let_go(self) -> None:
        if self.layer:
            self.layer.close()
            self.layer = None
