"""One isolated instance: starting it, watching it, signalling it, and knowing that it is gone.

Imported by the supervisor: nothing slow to import.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import termios
import time

from whiteroom.runtime.sandbox import bubblewrap
from whiteroom.runtime.spec import InstanceSpec, Spec
from whiteroom.runtime.supervisor import meters, namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from whiteroom.runtime.supervisor.cgroups import Groups

_MAX_OPEN_FILES = 65_536
_LOOK_SECONDS = 0.0005


class Gate:
    """Holds bubblewrap back where its sandbox is complete, until those of the other instances are, too.

    A file that bubblewrap writes last of all is read from a pipe: once its bytes are taken, everything else
    is in its place; until the pipe is closed it waits for more of them.
    """

    __slots__ = ("_end", "handle")

    def __init__(self, data: bytes) -> None:
        self.handle, self._end = os.pipe2(os.O_CLOEXEC)
        os.write(self._end, data)

    def wait(self, pid: int) -> bool:
        """Wait until the sandbox is complete; False if bubblewrap, our child `pid`, has given up."""
        while True:
            if not any(fcntl.ioctl(self.handle, termios.FIONREAD, bytes(4))):
                return True
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                return False
            time.sleep(_LOOK_SECONDS)

    def open(self) -> None:
        """Let it go on."""
        if self._end >= 0:
            os.close(self.handle)
            os.close(self._end)
            self._end = -1


class Instance:
    """The processes of one instance. `output` and `errors` are the read ends of its pipes."""

    __slots__ = (
        "_block",
        "_block_seen",
        "_gate",
        "_groups",
        "_info",
        "_released",
        "_sandboxed",
        "errors",
        "first",
        "output",
        "pid",
    )

    def __init__(
        self,
        pid: int,
        output: int,
        errors: int,
        info: int,
        block: int,
        block_seen: int,
        gate: Gate | None,
        groups: Groups,
    ) -> None:
        self.pid = pid
        """Bubblewrap itself, outside of the sandbox (the program, where there is no sandbox)."""
        self.first: int | None = None
        """The sandbox's first process: when it dies the kernel kills every other."""
        self.output, self.errors = output, errors
        self._info, self._block, self._block_seen, self._gate = info, block, block_seen, gate
        self._groups = groups
        self._sandboxed = info >= 0
        self._released = False
        if not self._sandboxed:
            self.first = pid

    def prepare(self, spec: Spec) -> bool:
        """Limit the waiting sandbox. False if bubblewrap gave up before it was complete."""
        if not self._sandboxed:
            return True
        text = b""
        while not text.rstrip().endswith(b"}"):
            part = os.read(self._info, 4096)
            if not part:
                return False
            text += part
        os.close(self._info)
        self._info = -1
        self.first = int(text.split(b'"child-pid":')[1].split(b",")[0].rstrip(b" \n}"))
        self._groups.take(self.first)
        if os.geteuid() != 0:
            self._limit_processes(spec.processes)
        return self._gate is None or self._gate.wait(self.pid)

    def release(self) -> None:
        """Let the program start."""
        self._released = True
        if self._gate:
            self._gate.open()
        os.write(self._block, b"x")

    def _limit_processes(self, processes: int) -> None:
        """Count processes in the sandbox's own user namespace alone (Linux 5.14), not the server's user's."""
        try:
            resource.prlimit(self.first or self.pid, resource.RLIMIT_NPROC, (processes, processes))
        except OSError as problem:
            # Bubblewrap gave up meanwhile; its own words are in the log.
            if problem.errno != errno.ESRCH:
                raise

    def was_isolated(self) -> bool:
        """Whether the sandbox was complete: bubblewrap takes the starting byte only then."""
        if not self._released:
            return False
        os.set_blocking(self._block_seen, False)
        try:
            return not os.read(self._block_seen, 1)
        except BlockingIOError:
            return True

    def processes(self, groups: Groups) -> list[int]:
        """Every process of the instance that lives now."""
        members = groups.members()
        if members is None:
            return meters.descendants(self.first or self.pid)
        return members

    def program(self) -> int | None:
        """The program that was asked for: the first child of the sandbox's first process."""
        if not self._sandboxed:
            return self.pid
        below = sorted(pid for pid in meters.descendants(self.first or self.pid) if _parent_is(pid, self.first))
        return below[0] if below else None

    def terminate(self) -> None:
        """SIGTERM to the program, as `docker stop` does it: not to what it started. What waits to start is killed."""
        if not self._released:
            self.kill()
            return
        program = self.program()
        if program is not None:
            _kill(program, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to everything."""
        if self._sandboxed:
            if self.first is not None:
                _kill(self.first, signal.SIGKILL)
            _kill(self.pid, signal.SIGKILL)
            return
        for pid in meters.descendants(os.getpid())[1:]:
            _kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Close what is still open."""
        for handle in (self._info, self._block, self._block_seen):
            if handle >= 0:
                os.close(handle)
        if self._gate:
            self._gate.open()


def _parent_is(pid: int, parent: int | None) -> bool:
    return pid != parent and meters.parent(pid) == parent


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


class _Ends:
    """The descriptors of an instance that is being started: ours, and those that it inherits."""

    __slots__ = ("block", "block_end", "errors", "errors_end", "gate", "info", "inherited", "output", "output_end")

    def __init__(self) -> None:
        self.output, self.output_end = os.pipe2(os.O_CLOEXEC)
        self.errors, self.errors_end = os.pipe2(os.O_CLOEXEC)
        self.block_end, self.block = os.pipe2(os.O_CLOEXEC)
        self.inherited = [self.block_end]
        self.info = -1
        self.gate: Gate | None = None

    def close_theirs(self) -> None:
        """Close what the instance has now, but for what tells how far it is."""
        kept = {self.block_end, self.gate.handle} if self.gate else {self.block_end}
        for handle in {*self.inherited, self.output_end, self.errors_end} - kept:
            os.close(handle)


def start(
    spec: Spec,
    own: InstanceSpec,
    groups: Groups,
    uid: int | None,
    mounts: list[bubblewrap.Mount],
    devices: dict[str, str],
    bwrap: str,
) -> Instance:
    """Start an instance as far as its limits can be set; `Instance.release` starts its program.

    Args:
        spec: what to run.
        own: the instance's part of it.
        groups: the control groups that it lives in.
        uid: the user that root gives it; None keeps ours.
        mounts: its own, with sources as this process sees them.
        devices: from `gpus.nodes`.
        bwrap: the program, as this process sees it.
    """
    ends = _Ends()
    command = _isolated_command(spec, own, mounts, devices, ends) if spec.sandboxed else list(own.command)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _become_instance(spec, own, groups, uid, ends, parent)
            if spec.sandboxed:
                # Nothing in the environment: the sandbox's first process shows its own to the program.
                os.execve(bwrap, command, {})  # noqa: S606
            os.read(ends.block_end, 1)
            os.chdir(spec.working_directory)
            os.execvpe(command[0], command, own.environment)  # noqa: S606
        except BaseException as problem:  # noqa: BLE001 - a fork must never return into the supervisor
            os.write(2, f"bwrap: {problem}\n".encode())
        os._exit(127)
    ends.close_theirs()
    # Meanwhile it makes its sandbox. What it has started by then is moved before the program is (`Instance.prepare`).
    groups.take(pid)
    return Instance(pid, ends.output, ends.errors, ends.info, ends.block, ends.block_end, ends.gate, groups)


def _isolated_command(
    spec: Spec, own: InstanceSpec, mounts: list[bubblewrap.Mount], devices: dict[str, str], ends: _Ends
) -> list[str]:
    """Bubblewrap's command line; what it reads and writes besides is put to `ends`."""
    ends.info, info_end = os.pipe2(os.O_CLOEXEC)
    filter_fd = _memory_file(spec.filter)
    etc = bubblewrap.etc_files(own.host, {one.host: one.address for one in spec.instances})
    last_files = {}
    if len(spec.instances) > 1:
        ends.gate = Gate(etc.pop("/etc/hostname").encode())
        last_files["/etc/hostname"] = ends.gate.handle
        ends.inherited.append(ends.gate.handle)
    files = {path: _memory_file(text.encode()) for path, text in etc.items()}
    options = bubblewrap.arguments(
        host=own.host,
        own_network=spec.own_networks,
        system=spec.system,
        mounts=mounts,
        devices=devices,
        files=files,
        last_files=last_files,
        environment=own.environment,
        working_directory=spec.working_directory,
        shared_memory_bytes=spec.shared_memory_bytes,
        filter_fd=filter_fd,
        info_fd=info_end,
        block_fd=ends.block_end,
    )
    options_fd = _memory_file(b"".join(os.fsencode(option) + b"\0" for option in options))
    ends.inherited += [info_end, filter_fd, options_fd, *files.values()]
    return ["bwrap", "--args", str(options_fd), "--", *own.command]


def _become_instance(
    spec: Spec,
    own: InstanceSpec,
    groups: Groups,
    uid: int | None,
    ends: _Ends,
    parent: int,
) -> None:
    """What happens between fork and exec: streams, groups, limits, user."""
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(ends.output_end, 1)
    os.dup2(ends.errors_end, 2)
    for handle in ends.inherited:
        os.set_inheritable(handle, True)
    # What the supervisor ignores would be ignored by the program too.
    for number in (signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    if "cpu" not in groups.folders:
        usable = sorted(os.sched_getaffinity(0))
        # Instances of one run, and runs, begin at different processors.
        offset = (parent + spec.instances.index(own) * spec.cpus) % len(usable)
        os.sched_setaffinity(0, (usable[offset:] + usable[:offset])[: spec.cpus])
    limit_resources(spec)
    if uid is not None:
        # The user is this run's alone, so this counts its processes and bubblewrap's two.
        _limit(resource.RLIMIT_NPROC, spec.processes + 2)
        namespaces.become(uid)
    namespaces.die_with_parent(parent)


def limit_resources(spec: Spec) -> None:
    """The limits of a single process: those that need no group and no watch."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, spec.volume_bytes)
    _limit(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES)
    _limit(resource.RLIMIT_MSGQUEUE, 0)


def _limit(kind: int, wanted: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(kind, (value, value))


def _memory_file(data: bytes) -> int:
    handle = os.memfd_create("whiteroom", os.MFD_CLOEXEC)
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
    os.lseek(handle, 0, os.SEEK_SET)
    return handle
