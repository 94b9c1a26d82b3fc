"""The instances of a run under bubblewrap, as its supervisor sees them.

Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH112, PTH120, PTH123
from __future__ import annotations

import fcntl
import os
import sys
import time

from whiteroom.runtime import spec as specs
from whiteroom.runtime.sandbox import instance
from whiteroom.runtime.supervisor import cgroups, meters, namespaces
from whiteroom.runtime.supervisor.detaching import detach
from whiteroom.runtime.supervisor.hosts import Ending, Fleet, Host, ImageFailed, SandboxFailed
from whiteroom.runtime.supervisor.records import exec_failure, first_line, now_ms
from whiteroom.runtime.supervisor.supervisor import Supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from whiteroom.runtime.sandbox.bubblewrap import Mount
    from whiteroom.runtime.spec import InstanceSpec, Spec
    from whiteroom.runtime.supervisor.logs import LineSplitter, LogWriter
    from whiteroom.runtime.supervisor.serving import Client

_READ_BYTES = 1 << 16
_FIRST_WORDS_BYTES = 4096
_GROUP_LOOKS = 100
_LOOK_SECONDS = 0.005
_IMAGE_GONE = "The image has been removed. Build it again, then create a new version."


class SealedHost(Host):
    """One instance under bubblewrap."""

    def __init__(self, spec: Spec, own: InstanceSpec) -> None:
        super().__init__(spec, own.host, own.work)
        self.own = own
        self.uid: int | None = None
        self.devices: dict[str, str] = {}
        """Device nodes of its own, by their paths in the sandbox."""
        self.groups = cgroups.Groups({}, frozenset())
        self.running: instance.Instance | None = None
        self.status = 0
        """Bubblewrap's. Its process ids may be another's once it is reaped."""
        self._spec = spec
        self._log: LogWriter | None = None
        self._splitters: dict[int, tuple[str, LineSplitter]] = {}
        self._words = b""
        self._killed = False

    @property
    def started(self) -> bool:
        """See Host."""
        return self.running is not None

    def limit(self) -> None:
        """Make its control groups."""
        spec = self._spec
        self.groups = cgroups.create(
            f"whiteroom-{spec.run_id}.{self.name}",
            memory_bytes=spec.memory_bytes,
            processes=spec.processes,
            cpus=spec.cpus,
        )

    def start(self, mounts: list[Mount], bwrap: str) -> instance.Instance:
        """Start its sandbox; its program waits."""
        self.running = instance.start(self._spec, self.own, self.groups, self.uid, mounts, self.devices, bwrap)
        return self.running

    def first(self) -> tuple[int, int] | None:
        """Its first process, by pid and start: to be killed should the supervisor be killed first."""
        pid = self.running.first if self.running else None
        ticks = meters.start_time(pid) if pid else None
        return (pid, ticks) if pid and ticks else None

    def follow(self, log: LogWriter) -> None:
        """See Host."""
        from whiteroom.runtime.supervisor.logs import LineSplitter  # noqa: PLC0415
        from whiteroom.runtime.supervisor.watch import Watch  # noqa: PLC0415

        running = self.running
        if running is None:
            return
        self._log = log
        limit = 4 * self._spec.log_line_characters
        self._splitters = {
            running.output: ("stdout", LineSplitter(limit)),
            running.errors: ("stderr", LineSplitter(limit)),
        }
        self.streams = set(self._splitters)
        self.ended = os.pidfd_open(running.pid)
        self.watch = Watch(self._spec, self.folders(), running, self.groups, self.devices)

    def pump(self, handle: int) -> bool:
        """See Host."""
        stream, splitter = self._splitters[handle]
        data = os.read(handle, _READ_BYTES)
        lines = splitter.feed(data, now_ms()) if data else splitter.finish()
        if stream == "stderr" and len(self._words) < _FIRST_WORDS_BYTES:
            self._words += data
        if self._log:
            self._log.add(now_ms(), self.name, stream, lines)
        if not data:
            os.close(handle)
            self.streams.discard(handle)
        return bool(data)

    def terminate(self) -> None:
        """See Host."""
        if self.running and not self.over:
            self.running.terminate()

    def kill(self) -> bool:
        """See Host."""
        if self.running and not self.over:
            self._killed = True
            self.running.kill()
        return True

    def finish(self) -> bool:
        """See Host."""
        if self.running:
            # What of the sandbox still lives has nobody left to wait for it.
            self.running.kill()
        if self.watch:
            self.watch.finish()
        # Left to be reaped with everything else: until then nobody else has its number.
        seen = os.waitid(os.P_PIDFD, self.ended, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if seen is not None:
            self.status = seen.si_status << 8 if seen.si_code == os.CLD_EXITED else seen.si_status
        return self.status != 0

    def lives(self) -> bool:
        """See Host."""
        first = self.running.first if self.running else None
        return first is not None and meters.lives(first)

    def client(self, transform: Mapping[str, Any]) -> Client | None:
        """See Host."""
        if self.running is None:
            return None
        from whiteroom.runtime.supervisor.serving import Client  # noqa: PLC0415 -- most runs serve nothing

        first = self.running.first or self.running.pid
        # Model servers listen on the same port: where there are several, each has a network of its own.
        enter = (lambda: namespaces.join_network(first)) if len(self._spec.instances) > 1 else None
        return Client(dict(transform), self.name, self.work, first, enter=enter)

    def judge(self, ending: Ending, *, gone: bool) -> None:
        """See Host."""
        running = self.running
        if running is None:
            return
        code = os.waitstatus_to_exitcode(self.status)
        if code < 0 and self._spec.sandboxed and not self._killed:
            ending.because("machine", "Its sandbox was killed by something else on this machine.", self.name)
        code = 128 - code if code < 0 else code
        if ending.exit_code is None:
            ending.exit_code = code
        if not running.was_isolated() and self.watch and (starved := self.watch.starved(0, 0)):
            ending.because(*starved, self.name)
        if not running.was_isolated() and ending.reason is None:
            words = first_line(self._words)
            ending.exit_code = None
            ending.because(
                "sandbox", f"The sandbox could not be made ({words}). `whiteroom doctor` says more.", self.name
            )
        program = self.own.command[0]
        failure = exec_failure(self._words, program)
        if code != 0 and failure is not None:
            ending.exit_code = None
            line = first_line(f"{program}: {failure}".encode())
            ending.because("image", f"The program could not be started: {line}.", self.name)
        crowded = bool(self.groups.refused_processes() or (self.watch and self.watch.crowded))
        self.judge_limits(ending, code, gone=gone, memory_killed=self.groups.memory_kills() > 0, crowded=crowded)

    def close(self) -> None:
        """Let go of what is still open; every process of it is gone."""
        if self.ended >= 0:
            os.close(self.ended)
        if self.running:
            self.running.close()


class SealedFleet(Fleet):
    """All instances of a run under bubblewrap. Should this process be killed, they die with it."""

    def __init__(self, spec: Spec) -> None:
        """Start nothing yet."""
        super().__init__()
        self._spec = spec
        self.hosts: list[SealedHost] = [SealedHost(spec, own) for own in spec.instances]
        self._in_own_network = False

    def claim(self, note: Callable[[str], None]) -> None:
        """See Fleet: the image is held, and as root a user that no other live run has."""
        spec = self._spec
        try:
            lock = os.open(f"{spec.image}.lock", os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            raise ImageFailed(_IMAGE_GONE) from None
        self._held.append(lock)
        if not os.path.isdir(spec.image):
            raise ImageFailed(_IMAGE_GONE)
        if spec.gpus:
            from whiteroom.runtime.supervisor import gpus  # noqa: PLC0415

            for host, numbers in zip(self.hosts, self.claim_gpus(spec.gpus, spec.devices, note), strict=True):
                host.devices = gpus.nodes(spec.devices, numbers)
        if os.geteuid() == 0 and spec.sandboxed:
            for host in self.hosts:
                host.uid = self.claim_user(spec.uid_folder, spec.first_uid)
                host.hand_over(host.uid)

    def borrow(self) -> None:
        """See Fleet: in a mount namespace of this process's own, so that nothing of it is left."""
        if not self._spec.lent:
            return
        from whiteroom.runtime.supervisor.lender import Lender  # noqa: PLC0415 - most runs are lent nothing

        self.lender = Lender()
        try:
            self._enter_network()
            namespaces.enter_own_mounts()
            devices = [namespaces.mount_lent(place, f"{self._spec.devices}/fuse") for place in self._spec.lent]
        except OSError as problem:
            raise _no_sandbox(problem) from problem
        self.lender.hand(devices)

    def start(self, log: Callable[[], LogWriter], mark: Callable[[], None]) -> None:
        """See Fleet."""
        del log
        namespaces.adopt_orphans()
        namespaces.leave_keyring()
        for host in self.hosts:
            host.limit()
        mark()
        mounts, bwrap = self._enter()
        running = [host.start(own, bwrap) for host, own in zip(self.hosts, mounts, strict=True)]
        ready = [one.prepare(self._spec) for one in running]
        mark()
        if all(ready):
            for one in running:
                one.release()

    def _enter(self) -> tuple[list[list[Mount]], str]:
        """Enter what all instances share; what each mounts, and bubblewrap, as they are to be found there."""
        spec = self._spec
        mounts, bwrap = [list(host.own.mounts) for host in self.hosts], spec.bwrap
        try:
            self._enter_network()
            if self.hosts[0].uid is not None:
                # Bubblewrap loads a library beside its own package: all of that is shown at once.
                home = os.path.dirname(os.path.dirname(os.path.dirname(bwrap)))
                sources = sorted({source for own in mounts for source, _, _ in own})
                places = dict(zip([home, *sources], namespaces.stage([home, *sources]), strict=True))
                bwrap = places[home] + bwrap[len(home) :]
                mounts = [[(places[source], target, w) for source, target, w in own] for own in mounts]
        except OSError as problem:
            raise _no_sandbox(problem) from problem
        return mounts, bwrap

    def _enter_network(self) -> None:
        """Enter the network that all instances share, once."""
        if self._spec.sandboxed and not self._spec.own_networks and not self._in_own_network:
            namespaces.enter_own_network()
            self._in_own_network = True

    def marker(self) -> tuple[list[tuple[int, int]], list[str]]:
        """See Fleet."""
        first = [known for host in self.hosts if (known := host.first())]
        return first, sorted({folder for host in self.hosts for folder in host.groups.folders.values()})

    def is_isolated(self) -> bool:
        """See Fleet."""
        return self._spec.sandboxed

    def reap(self) -> None:
        """See Fleet. Orphans may be reaped among them; a sandbox's first process may be dying still (up to 4 ms)."""
        waiting = {host.running.pid: host for host in self.hosts if host.running}
        while waiting:
            try:
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError:
                return
            host = waiting.pop(pid, None)
            if host is not None:
                host.over, host.status = True, status

    def remove(self) -> None:
        """See Fleet."""
        for host in self.hosts:
            host.close()
        for _ in range(_GROUP_LOOKS):
            gone = [host.groups.remove() for host in self.hosts]
            if all(gone):
                break
            time.sleep(_LOOK_SECONDS)


def _no_sandbox(problem: OSError) -> SandboxFailed:
    return SandboxFailed(
        f"The sandbox could not be made ({os.strerror(problem.errno or 0)}). "
        "`whiteroom doctor` says what this machine lacks."
    )


def main(folder: str, lock: int) -> None:
    """Supervise the run in `folder`, whose lock is open as descriptor `lock`, the highest that is ours."""
    detach(folder, lock)
    with open(specs.SPEC_FILE, "rb") as file:
        spec = specs.load(file.read())
    Supervisor(spec, SealedFleet(spec)).run()
    sys.stdout.flush()
    # Nothing is left to tidy up, and the server waits for the lock.
    os._exit(0)
