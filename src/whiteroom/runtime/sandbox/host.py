"""One instance of a run as its supervisor sees it: what it holds, what it says, how it ended.

Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH208
from __future__ import annotations

import os
import signal

from whiteroom.runtime import spec as specs
from whiteroom.runtime.sandbox import instance
from whiteroom.runtime.supervisor import cgroups, meters
from whiteroom.runtime.supervisor.records import failure_text, first_line, now_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from whiteroom.runtime.sandbox.bubblewrap import Mount
    from whiteroom.runtime.spec import Member, Spec
    from whiteroom.runtime.supervisor.logs import LineSplitter, LogWriter
    from whiteroom.runtime.supervisor.watch import Watch

_READ_BYTES = 1 << 16
_SIGXFSZ_EXIT = 128 + signal.SIGXFSZ


class Ending:
    """Why the run is being ended, and what is known of how it did."""

    __slots__ = ("exit_code", "host", "message", "reason", "started_at_ms")

    def __init__(self, host: str) -> None:
        self.reason: str | None = None
        self.message = ""
        self.host = host
        """Whose end it is; the first one, where it is nobody's own."""
        self.exit_code: int | None = None
        self.started_at_ms = 0

    def because(self, reason: str, message: str, host: str | None = None) -> None:
        """Note the reason; the first one stays."""
        if self.reason is None:
            self.reason, self.message = reason, message
            self.host = host or self.host


class Host:
    """One instance: it is claimed for, started, followed until it is over, and judged once it is reaped."""

    def __init__(self, spec: Spec, member: Member) -> None:
        self.name = member.host
        self.member = member
        self.uid: int | None = None
        self.groups = cgroups.Groups({}, frozenset())
        self.running: instance.Instance | None = None
        self.watch: Watch | None = None
        self.over = False
        """Whether bubblewrap has ended. Its process ids may be another's once it is reaped."""
        self.status = 0
        """Bubblewrap's, once it is reaped."""
        self.splitters: dict[int, tuple[str, LineSplitter]] = {}
        self._spec = spec
        self.ended = -1
        """Becomes readable when bubblewrap has ended."""
        self._words = b""

    def own(self, uid: int | None) -> None:
        """Give what it may write to the user that it is."""
        self.uid = uid
        if uid is not None:
            work = self.member.work
            for name in os.listdir(work):
                os.chown(f"{work}/{name}", uid, uid)
            os.chown(f"{work}/{specs.OUTPUT}/{specs.DATA}", uid, uid)

    def limit(self) -> None:
        """Make its control groups."""
        spec = self._spec
        self.groups = cgroups.create(
            f"whiteroom-{spec.run_id}.{self.name}",
            memory_bytes=spec.memory_bytes,
            processes=spec.processes,
            cpus=spec.cpus,
        )

    def start(self, mounts: list[Mount], bwrap: str) -> None:
        """Start its sandbox; its program waits."""
        self.running = instance.start(self._spec, self.member, self.groups, self.uid, mounts, bwrap)

    def first(self) -> tuple[int, int] | None:
        """Its first process, by pid and start: to be killed should the supervisor be killed first."""
        pid = self.running.first if self.running else None
        ticks = meters.start_time(pid) if pid else None
        return (pid, ticks) if pid and ticks else None

    def follow(self) -> list[int]:
        """Watch it and listen; what becomes readable when there is something to do."""
        from whiteroom.runtime.supervisor.logs import LineSplitter  # noqa: PLC0415
        from whiteroom.runtime.supervisor.watch import Watch  # noqa: PLC0415

        running = self.running
        if running is None:
            return []
        limit = 4 * self._spec.log_line_characters
        self.splitters = {
            running.output: ("stdout", LineSplitter(limit)),
            running.errors: ("stderr", LineSplitter(limit)),
        }
        self.ended = os.pidfd_open(running.pid)
        self.watch = Watch(self._spec, self.member.work, running, self.groups)
        return [self.ended, self.watch.wake, *self.splitters]

    def pump(self, handle: int, log: LogWriter | None) -> bool:
        """Move what can be read to the log; False at the end of the stream."""
        stream, splitter = self.splitters[handle]
        data = os.read(handle, _READ_BYTES)
        lines = splitter.feed(data) if data else splitter.finish()
        if stream == "stderr" and len(self._words) < 4096:
            self._words += data
        if log:
            log.add(now_ms(), self.name, stream, lines)
        if not data:
            os.close(handle)
            del self.splitters[handle]
        return bool(data)

    def terminate(self) -> None:
        """SIGTERM to its program, if it lives."""
        if self.running and not self.over:
            self.running.terminate()

    def kill(self) -> None:
        """SIGKILL to all of it, if it lives."""
        if self.running and not self.over:
            self.running.kill()

    def finish(self) -> bool:
        """Take note that bubblewrap has ended; whether the program failed."""
        self.kill()
        self.over = True
        if self.watch:
            self.watch.finish()
        # Left to be reaped with everything else: until then nobody else has its number.
        seen = os.waitid(os.P_PIDFD, self.ended, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if seen is not None:
            self.status = seen.si_status << 8 if seen.si_code == os.CLD_EXITED else seen.si_status
        return self.status != 0

    def close(self) -> None:
        """Let go of what is still open; every process of it is gone."""
        if self.ended >= 0:
            os.close(self.ended)
        if self.running:
            self.running.close()

    def judge(self, ending: Ending, *, gone: bool) -> None:
        """Say why it ended, if nothing of ours ended it.

        Args:
            ending: takes the reason.
            gone: whether every process of it is reaped: then the rights to read what it left are given back.
        """
        running, spec = self.running, self._spec
        if running is None:
            return
        code = os.waitstatus_to_exitcode(self.status)
        code = 128 - code if code < 0 else code
        if ending.exit_code is None:
            ending.exit_code = code
        work = self.member.work
        try:
            used = meters.disk([f"{work}/{name}" for name in sorted(os.listdir(work))], repair=gone)
        except meters.TooDeep:
            used = 0
            ending.because("volume", "Its folders are nested too deep to be read.", self.name)
        if not running.was_sealed() and ending.reason is None:
            words = first_line(self._words)
            ending.exit_code = None
            ending.because(
                "sandbox", f"The sandbox could not be made ({words}). `whiteroom doctor` says more.", self.name
            )
        if code != 0 and self._words.startswith(b"bwrap: execvp"):
            ending.exit_code = None
            ending.because("image", f"The program could not be started: {first_line(self._words)[7:]}.", self.name)
        if self.groups.memory_kills():
            ending.because("memory", f"It took more than {spec.memory_bytes:,} bytes of memory.", self.name)
        full = used > spec.volume_bytes or (code != 0 and used >= spec.volume_bytes - (1 << 16))
        if full or code == _SIGXFSZ_EXIT:
            ending.because("volume", f"It wrote more than {spec.volume_bytes:,} bytes.", self.name)
        crowded = self.groups.refused_processes() or (self.watch and self.watch.crowded)
        if code != 0 and crowded:
            ending.because("processes", f"It needed more than {spec.processes:,} processes and threads.", self.name)
        if code != 0:
            ending.because("exited", "", self.name)

    def failure(self) -> str:
        """What its program left as the reason of its failure."""
        return failure_text(f"{self.member.work}/{specs.OUTPUT}")
