"""The supervisor of one run: a small process that outlives the server.

It starts the instance, pumps its log, enforces its limits, obeys a stop and writes down
how it ended, once everything of the run is gone. The server starts it as
`python -I -S -c BOOT FOLDER LOCK_FD` and finds it again by the lock that it holds. Should
it be killed, bubblewrap and all below it die with it.

Standard library only, and what is slow to import is imported once the program runs.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH108, PTH110, PTH112, PTH120, PTH123, PTH208
from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import sys
import time

from whiteroom.runtime import cgroups, instance, meters, namespaces, users
from whiteroom.runtime import spec as specs
from whiteroom.runtime.records import failure_text, first_line, now_ms, write_whole
from whiteroom.runtime.spec import Spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from whiteroom.runtime.logs import LineSplitter, LogWriter
    from whiteroom.runtime.serving import Client
    from whiteroom.runtime.watch import Watch

_READ_BYTES = 1 << 16
_SERVE_GRACE_SECONDS = 10
_SIGXFSZ_EXIT = 128 + signal.SIGXFSZ
_LAST_WORDS_SECONDS = 2.0


class SandboxFailed(Exception):
    """The sandbox could not be made. The message is for the model's owner and the operator."""


class ImageFailed(Exception):
    """The image is gone, or its program could not be started."""


class Ending:
    """Why the run is being ended, and what is known of how it did."""

    __slots__ = ("exit_code", "message", "reason", "started_at_ms")

    def __init__(self) -> None:
        self.reason: str | None = None
        self.message = ""
        self.exit_code: int | None = None
        self.started_at_ms = 0

    def because(self, reason: str, message: str) -> None:
        """Note the reason; the first one stays."""
        if self.reason is None:
            self.reason, self.message = reason, message


class Supervisor:
    """One run from its start to its record. The current folder is the run's."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._ending = Ending()
        self._held: list[int] = []
        self._uid: int | None = None
        self._groups = cgroups.Groups({}, frozenset())
        self._instance: instance.Instance | None = None
        self._client: Client | None = None
        self._watch: Watch | None = None
        self._log: LogWriter | None = None
        self._splitters: dict[int, tuple[str, LineSplitter]] = {}
        self._deadline = float("inf")
        self._kill_at = float("inf")
        self._sandbox_words = b""

    def run(self) -> None:
        """Everything; returns when the end is written."""
        ending = self._ending
        try:
            self._mark()
            self._claim()
            self._prepare()
            if ending.reason is None:
                self._start()
                self._follow()
        except SandboxFailed as problem:
            ending.because("sandbox", str(problem))
        except ImageFailed as problem:
            ending.because("image", str(problem))
        except Exception:  # noqa: BLE001 - whatever went wrong, the run must get its record
            import traceback  # noqa: PLC0415

            traceback.print_exc()
            ending.because("platform", "The supervisor of this run failed; the server's operator finds the reason.")
        self._clear()
        self._record()

    # -- before the program ---------------------------------------------------------

    def _claim(self) -> None:
        """Hold the image, and as root a user that no other live run has."""
        spec = self._spec
        try:
            lock = os.open(f"{spec.image}.lock", os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            raise ImageFailed("The image has been removed. Build it again, then create a new version.") from None
        self._held.append(lock)
        if not os.path.isdir(spec.image):
            raise ImageFailed("The image has been removed. Build it again, then create a new version.")
        if os.geteuid() == 0 and spec.sandboxed:
            self._uid = self._claim_user()
        for name in os.listdir(specs.WORK):
            if self._uid is not None:
                os.chown(f"{specs.WORK}/{name}", self._uid, self._uid)
        if self._uid is not None:
            os.chown(f"{specs.WORK}/{specs.OUTPUT}/{specs.DATA}", self._uid, self._uid)

    def _claim_user(self) -> int:
        claimed = users.claim(self._spec.uid_folder, self._spec.first_uid)
        if claimed is None:
            raise SandboxFailed("Every user that runs may have is taken.")
        self._held.append(claimed[1])
        return claimed[0]

    def _prepare(self) -> None:
        """What a transform needs before its program starts."""
        transform = self._spec.transform
        self._stop_was_asked()
        if transform is None or self._ending.reason is not None:
            return
        from whiteroom.runtime import serving  # noqa: PLC0415

        problem = serving.unpack_model(
            str(transform["archive"]),
            f"{specs.WORK}/{specs.MODEL}",
            self._spec.volume_bytes,
            lambda: os.path.exists(specs.STOP_FILE),
        )
        self._stop_was_asked()
        if problem is not None:
            self._ending.because("transform", problem)

    def _start(self) -> None:
        spec = self._spec
        namespaces.adopt_orphans()
        namespaces.leave_keyring()
        self._groups = cgroups.create(
            f"whiteroom-{spec.run_id}", memory_bytes=spec.memory_bytes, processes=spec.processes, cpus=spec.cpus
        )
        self._mark()
        mounts, bwrap = list(spec.mounts), spec.bwrap
        try:
            if spec.sandboxed:
                namespaces.enter_own_network()
            if self._uid is not None:
                # Bubblewrap loads a library beside its own package: all of that is shown at once.
                home = os.path.dirname(os.path.dirname(os.path.dirname(bwrap)))
                places = namespaces.stage([home, *(source for source, _, _ in mounts)])
                bwrap = places[0] + bwrap[len(home) :]
                mounts = [(place, target, w) for place, (_, target, w) in zip(places[1:], mounts, strict=True)]
        except OSError as problem:
            raise SandboxFailed(
                f"The sandbox could not be made ({os.strerror(problem.errno or 0)}). "
                "`whiteroom doctor` says what this machine lacks."
            ) from problem
        started = self._instance = instance.start(spec, self._groups, self._uid, mounts, bwrap)
        self._ending.started_at_ms = now_ms()
        self._deadline = time.monotonic() + spec.max_runtime_seconds
        started.release(spec)
        self._mark()

    def _mark(self) -> None:
        """Write down whom to kill should this process be killed first."""
        first = self._instance.first if self._instance else None
        ticks = meters.start_time(first) if first else None
        folders = ",".join(f'"{folder}"' for folder in sorted(set(self._groups.folders.values())))
        text = f'{{"first":{first or 0},"first_ticks":{ticks or 0},"groups":[{folders}],"pid":{os.getpid()}}}'
        write_whole(specs.MARKER_FILE, text)

    # -- while the program runs -----------------------------------------------------

    def _follow(self) -> None:
        """Pump, watch and obey until the program has ended."""
        running = self._instance
        if running is None:
            return
        # The program is starting meanwhile; these take as long to import as it takes to start.
        from whiteroom.runtime.logs import LineSplitter, LogWriter  # noqa: PLC0415
        from whiteroom.runtime.watch import Watch  # noqa: PLC0415

        spec = self._spec
        self._log = LogWriter(
            spec.log_file,
            host=spec.host,
            limit_bytes=spec.log_limit_bytes,
            line_characters=spec.log_line_characters,
        )
        if not spec.sandboxed:
            self._note("unsafe-no-sandbox: this program runs with the server's own rights.")
        if spec.transform is not None:
            from whiteroom.runtime.serving import Client  # noqa: PLC0415

            self._client = Client(spec.transform, running.first or running.pid)
        control = os.open(specs.CONTROL_FIFO, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._watch = Watch(spec, running, self._groups)
        poller = select.poll()
        ended = os.pidfd_open(running.pid)
        limit = 4 * spec.log_line_characters
        self._splitters = {
            running.output: ("stdout", LineSplitter(limit)),
            running.errors: ("stderr", LineSplitter(limit)),
        }
        sources = [control, ended, self._watch.wake, *self._splitters]
        if self._client:
            sources.append(self._client.output)
        for handle in sources:
            poller.register(handle, select.POLLIN)
        try:
            self._loop(poller, ended)
        finally:
            os.close(ended)
            os.close(control)

    def _loop(self, poller: select.poll, ended: int) -> None:
        while True:
            self._obey()
            soonest = min(self._deadline, self._kill_at) - time.monotonic()
            ready = poller.poll(None if soonest == float("inf") else max(0.0, soonest) * 1000 + 1)
            handles = {handle for handle, _ in ready}
            for handle in handles & self._splitters.keys():
                if not self._pump(handle):
                    poller.unregister(handle)
            if self._watch and self._watch.wake in handles:
                self._watch.heed()
            if self._client and self._client.output in handles and not self._client.hear(self._note):
                poller.unregister(self._client.output)
                self._served()
            if ended in handles:
                return

    def _obey(self) -> None:
        """Act on what has happened: a stop, a limit, a time that has come."""
        running, ending, now = self._instance, self._ending, time.monotonic()
        if running is None:
            return
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
            running.kill()

    def _stop_was_asked(self) -> float | None:
        """The grace of a stop that has not been acted on yet."""
        try:
            with open(specs.STOP_FILE) as file:
                grace = float(file.read() or 0)
            os.unlink(specs.STOP_FILE)
        except (FileNotFoundError, ValueError):
            return None
        self._ending.because("stopped", "It was stopped.")
        return grace

    def _terminate(self, kill_at: float) -> None:
        self._kill_at = kill_at
        if self._client:
            self._client.stop()
        if self._instance:
            self._instance.terminate()

    def _served(self) -> None:
        """The transform's client is done: so is the program, which serves for ever."""
        if self._client is None or self._ending.reason is not None:
            return
        ok, message = self._client.outcome
        first = self._instance.first if self._instance else None
        if not ok and not (first and meters.lives(first)):
            # The program ended first: its own exit code says more.
            return
        if ok:
            self._ending.because("exited", "")
            self._ending.exit_code = 0
        else:
            self._ending.because("transform", message)
        self._terminate(time.monotonic() + _SERVE_GRACE_SECONDS)

    def _pump(self, handle: int) -> bool:
        """Move what can be read to the log; False at the end of the stream."""
        stream, splitter = self._splitters[handle]
        data = os.read(handle, _READ_BYTES)
        lines = splitter.feed(data) if data else splitter.finish()
        if stream == "stderr" and len(self._sandbox_words) < 4096:
            self._sandbox_words += data
        if self._log:
            self._log.add(now_ms(), stream, lines)
        if not data:
            os.close(handle)
            del self._splitters[handle]
        return bool(data)

    def _note(self, text: str) -> None:
        if self._log:
            self._log.note(now_ms(), text)

    # -- after the program ----------------------------------------------------------

    def _clear(self) -> None:
        """Kill and reap everything of the run, then read its last words."""
        running = self._instance
        if running is None:
            self._groups.remove()
            return
        # The status is bubblewrap's; the sandbox's first process may still be dying (up to 4 ms).
        status = _wait(running.pid, running)
        if self._watch:
            self._watch.close()
        if self._client:
            self._client.close()
        running.kill()
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                break
        until = time.monotonic() + _LAST_WORDS_SECONDS
        for handle in list(self._splitters):
            os.set_blocking(handle, False)
            try:
                while time.monotonic() < until and self._pump(handle):
                    continue
            except BlockingIOError:
                continue
        self._judge(running, status)
        running.close()
        for _ in range(100):
            if self._groups.remove():
                break
            time.sleep(0.005)

    def _judge(self, running: instance.Instance, status: int) -> None:
        """Say why the program ended, if nothing of ours ended it."""
        ending, spec = self._ending, self._spec
        code = os.waitstatus_to_exitcode(status)
        code = 128 - code if code < 0 else code
        if ending.exit_code is None:
            ending.exit_code = code
        try:
            used = meters.disk([f"{specs.WORK}/{name}" for name in sorted(os.listdir(specs.WORK))], repair=True)
        except meters.TooDeep:
            used = 0
            ending.because("volume", "Its folders are nested too deep to be read.")
        if not running.was_sealed() and ending.reason is None:
            words = first_line(self._sandbox_words)
            ending.exit_code = None
            ending.because("sandbox", f"The sandbox could not be made ({words}). `whiteroom doctor` says more.")
        if code != 0 and self._sandbox_words.startswith(b"bwrap: execvp"):
            ending.exit_code = None
            ending.because("image", f"The program could not be started: {first_line(self._sandbox_words)[7:]}.")
        if self._groups.memory_kills():
            ending.because("memory", f"It took more than {spec.memory_bytes:,} bytes of memory.")
        full = used > spec.volume_bytes or (code != 0 and used >= spec.volume_bytes - (1 << 16))
        if full or code == _SIGXFSZ_EXIT:
            ending.because("volume", f"It wrote more than {spec.volume_bytes:,} bytes.")
        crowded = self._groups.refused_processes() or (self._watch and self._watch.crowded)
        if code != 0 and crowded:
            ending.because("processes", f"It needed more than {spec.processes:,} processes and threads.")
        if spec.transform is not None and ending.reason is None and code == 0:
            ending.because("transform", "The program ended (exit code 0) before every file was transformed.")
        ending.because("exited", "")
        if ending.reason not in {"exited", "stopped"}:
            self._note(f"Ended: {ending.message}")

    def _record(self) -> None:
        import json  # noqa: PLC0415

        ending = self._ending
        if self._log:
            self._log.close()
        end = {
            "reason": ending.reason,
            "message": ending.message,
            "exit_code": ending.exit_code,
            "failure": failure_text(f"{specs.WORK}/{specs.OUTPUT}"),
            "host": self._spec.host,
            "started_at_ms": ending.started_at_ms,
            "ended_at_ms": now_ms(),
        }
        write_whole(specs.END_FILE, json.dumps(end))
        for handle in self._held:
            os.close(handle)


def _wait(pid: int, running: instance.Instance) -> int:
    """The status of bubblewrap, killed first if it still lives; its orphans may be reaped on the way."""
    if _alive(pid):
        running.kill()
    while True:
        reaped, status = os.waitpid(-1, 0)
        if reaped == pid:
            return status


def _alive(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def detach(folder: str, lock: int) -> None:
    """Make this process the supervisor of the run in `folder`, on its own from now on.

    Args:
        folder: becomes the current folder.
        lock: the descriptor of the run's lock, the highest that is ours.
    """
    os.setsid()
    # What the server has open is not ours to keep: its sockets would outlive it.
    os.closerange(lock + 1, 65_536)
    os.set_inheritable(lock, False)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.chdir(folder)
    os.umask(0o022)


def main(folder: str, lock: int) -> None:
    """Supervise the run in `folder`, whose lock is open as descriptor `lock`, the highest that is ours."""
    detach(folder, lock)
    with open(specs.SPEC_FILE, "rb") as file:
        spec = specs.load(file.read())
    Supervisor(spec).run()
    sys.stdout.flush()
    # Nothing is left to tidy up, and the server waits for the lock.
    os._exit(0)
