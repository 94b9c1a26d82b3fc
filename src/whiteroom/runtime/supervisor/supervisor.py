"""The supervisor of one run: a small process that outlives the server.

It starts the instances, all of them or none, pumps their logs, enforces their limits, obeys
a stop and writes down how the run ended, once everything of it is gone. Where one instance
fails the others are stopped. The server starts it as
`python -I -S -c BOOT FOLDER LOCK_FD` and finds it again by the lock that it holds. Should
it be killed, bubblewrap and all below it die with it.

Standard library only, and what is slow to import is imported once the program runs.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH108, PTH110, PTH112, PTH120, PTH123
from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import sys
import time

from whiteroom.runtime import spec as specs
from whiteroom.runtime.sandbox.host import Ending, Host
from whiteroom.runtime.spec import Spec
from whiteroom.runtime.supervisor import meters, namespaces, users
from whiteroom.runtime.supervisor.records import now_ms, write_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from whiteroom.runtime.supervisor.feeding import Feeder
    from whiteroom.runtime.supervisor.logs import LogWriter
    from whiteroom.runtime.transform.serving import Client

_SERVE_GRACE_SECONDS = 10
_OTHERS_GRACE_SECONDS = 10
"""What the instances of a run have between SIGTERM and SIGKILL once one of them has failed: nothing of it is kept."""
_LAST_WORDS_SECONDS = 2.0


class SandboxFailed(Exception):
    """The sandbox could not be made. The message is for the model's owner and the operator."""


class ImageFailed(Exception):
    """The image is gone, or its program could not be started."""


class Supervisor:
    """One run from its start to its record. The current folder is the run's."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._hosts = [Host(spec, member) for member in spec.members]
        self._ending = Ending(self._hosts[0].name)
        self._held: list[int] = []
        self._client: Client | None = None
        self._feeder: Feeder | None = None
        self._log: LogWriter | None = None
        self._deadline = float("inf")
        self._kill_at = float("inf")

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
        for host in self._hosts:
            host.own(self._claim_user() if os.geteuid() == 0 and spec.sandboxed else None)

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
        from whiteroom.runtime.transform import serving  # noqa: PLC0415

        problem = serving.unpack_model(
            str(transform["archive"]),
            f"{self._hosts[0].member.work}/{specs.MODEL}",
            self._spec.volume_bytes,
            lambda: os.path.exists(specs.STOP_FILE),
        )
        self._stop_was_asked()
        if problem is not None:
            self._ending.because("transform", problem)

    def _start(self) -> None:
        """Start every instance, then every program: all of them or none."""
        spec, hosts = self._spec, self._hosts
        namespaces.adopt_orphans()
        namespaces.leave_keyring()
        for host in hosts:
            host.limit()
        self._mark()
        if spec.pipes:
            from whiteroom.runtime.supervisor.feeding import Feeder  # noqa: PLC0415

            # Before anything is staged: the stage may hide the folder that the channels lie in.
            self._feeder = Feeder(spec.pipes)
        mounts, bwrap = [list(host.member.mounts) for host in hosts], spec.bwrap
        try:
            if spec.sandboxed:
                namespaces.enter_own_network()
            if hosts[0].uid is not None:
                # Bubblewrap loads a library beside its own package: all of that is shown at once.
                home = os.path.dirname(os.path.dirname(os.path.dirname(bwrap)))
                sources = sorted({source for own in mounts for source, _, _ in own})
                places = dict(zip([home, *sources], namespaces.stage([home, *sources]), strict=True))
                bwrap = places[home] + bwrap[len(home) :]
                mounts = [[(places[source], target, w) for source, target, w in own] for own in mounts]
        except OSError as problem:
            raise SandboxFailed(
                f"The sandbox could not be made ({os.strerror(problem.errno or 0)}). "
                "`whiteroom doctor` says what this machine lacks."
            ) from problem
        for host, own in zip(hosts, mounts, strict=True):
            host.start(own, bwrap)
        self._ending.started_at_ms = now_ms()
        self._deadline = time.monotonic() + spec.max_runtime_seconds
        started = [host.running for host in hosts if host.running]
        ready = [one.prepare(spec) for one in started]
        if all(ready):
            for one in started:
                one.release()
        self._mark()

    def _mark(self) -> None:
        """Write down whom to kill should this process be killed first."""
        first = ",".join(f"[{known[0]},{known[1]}]" for host in self._hosts if (known := host.first()))
        folders = sorted({folder for host in self._hosts for folder in host.groups.folders.values()})
        groups = ",".join(f'"{folder}"' for folder in folders)
        write_whole(specs.MARKER_FILE, f'{{"first":[{first}],"groups":[{groups}],"pid":{os.getpid()}}}')

    # -- while the program runs -----------------------------------------------------

    def _follow(self) -> None:
        """Pump, watch and obey until every program has ended."""
        # The programs are starting meanwhile; these take as long to import as they take to start.
        from whiteroom.runtime.supervisor.logs import LogWriter  # noqa: PLC0415

        spec, first = self._spec, self._hosts[0].running
        self._log = LogWriter(spec.log_file, limit_bytes=spec.log_limit_bytes, line_characters=spec.log_line_characters)
        if not spec.sandboxed:
            self._note("unsafe-no-sandbox: this program runs with the server's own rights.")
        if spec.transform is not None and first is not None:
            from whiteroom.runtime.transform.serving import Client  # noqa: PLC0415

            # Forked before any host is watched by a thread.
            self._client = Client(spec.transform, self._hosts[0].member.work, first.first or first.pid)
        control = os.open(specs.CONTROL_FIFO, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        poller = select.poll()
        sources = [control, *(handle for host in self._hosts for handle in host.follow())]
        if self._client:
            sources.append(self._client.output)
        if self._feeder:
            sources.append(self._feeder.ended)
        for handle in sources:
            poller.register(handle, select.POLLIN)
        try:
            self._loop(poller)
        finally:
            os.close(control)

    def _loop(self, poller: select.poll) -> None:
        while not all(host.over for host in self._hosts):
            self._obey()
            soonest = min(self._deadline, self._kill_at) - time.monotonic()
            ready = poller.poll(None if soonest == float("inf") else max(0.0, soonest) * 1000 + 1)
            handles = {handle for handle, _ in ready}
            for host in self._hosts:
                self._attend(host, handles, poller)
            if self._client and self._client.output in handles and not self._client.hear(self._note):
                poller.unregister(self._client.output)
                self._served()
            if self._feeder and self._feeder.ended in handles:
                poller.unregister(self._feeder.ended)
                self._ending.because("platform", "The files of an input channel could not be read.")
                self._kill_at = 0.0

    def _attend(self, host: Host, handles: set[int], poller: select.poll) -> None:
        """Hear what one instance says, and that it has ended."""
        for handle in handles & host.splitters.keys():
            if not host.pump(handle, self._log):
                poller.unregister(handle)
        if host.watch and host.watch.wake in handles:
            host.watch.heed()
        if host.over or host.ended not in handles:
            return
        poller.unregister(host.ended)
        if not host.finish() or len(self._hosts) == 1 or self._ending.reason is not None:
            return
        # Judged now, so that nothing that happens to the others on the way out looks like the reason.
        host.judge(self._ending, gone=False)
        others = [other for other in self._hosts if not other.over]
        if others:
            self._note(f"{host.name} has failed; the other instances are being stopped.")
            self._kill_at = min(self._kill_at, time.monotonic() + _OTHERS_GRACE_SECONDS)
            for other in others:
                other.terminate()

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
            self._terminate(min(self._kill_at, now + self._spec.stop_grace_seconds))
        for host in self._hosts:
            if host.watch and host.watch.violation and ending.reason is None:
                ending.because(*host.watch.violation, host.name)
                self._note(f"{host.watch.violation[1]} The run is being killed.", host.name)
                self._kill_at = now
        if now >= self._kill_at:
            self._kill_at = float("inf")
            for host in self._hosts:
                host.kill()

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
        for host in self._hosts:
            host.terminate()

    def _served(self) -> None:
        """The transform's client is done: so is the program, which serves for ever."""
        if self._client is None or self._ending.reason is not None:
            return
        ok, message = self._client.outcome
        served = self._hosts[0].running
        first = served.first if served else None
        if not ok and not (first and meters.lives(first)):
            # The program ended first: its own exit code says more.
            return
        if ok:
            self._ending.because("exited", "")
            self._ending.exit_code = 0
        else:
            self._ending.because("transform", message)
        self._terminate(time.monotonic() + _SERVE_GRACE_SECONDS)

    def _note(self, text: str, host: str | None = None) -> None:
        if self._log:
            self._log.note(now_ms(), host or self._hosts[0].name, text)

    # -- after the programs ---------------------------------------------------------

    def _clear(self) -> None:
        """Kill and reap everything of the run, then read its last words and judge it."""
        if self._feeder:
            self._feeder.close()
        started = [host for host in self._hosts if host.running]
        # The statuses are bubblewrap's; a sandbox's first process may still be dying (up to 4 ms).
        for host in started:
            host.kill()
        _reap(started)
        for host in started:
            if host.watch:
                host.watch.close()
        if self._client:
            self._client.close()
        while _reaped() is not None:
            continue
        until = time.monotonic() + _LAST_WORDS_SECONDS
        for host in started:
            self._hear_out(host, until)
        self._judge(started)
        for _ in range(100):
            gone = [host.groups.remove() for host in self._hosts]
            if all(gone):
                break
            time.sleep(0.005)

    def _judge(self, started: list[Host]) -> None:
        """Say why the run ended, if nothing of ours ended it."""
        ending = self._ending
        for host in started:
            host.judge(ending, gone=True)
            host.close()
        if not started:
            return
        if self._spec.transform is not None:
            ending.because("transform", "The program ended (exit code 0) before every file was transformed.")
        ending.because("exited", "")
        if ending.reason not in {"exited", "stopped"}:
            self._note(f"Ended: {ending.message}", ending.host)

    def _hear_out(self, host: Host, until: float) -> None:
        for handle in list(host.splitters):
            os.set_blocking(handle, False)
            try:
                while time.monotonic() < until and host.pump(handle, self._log):
                    continue
            except BlockingIOError:
                continue

    def _record(self) -> None:
        import json  # noqa: PLC0415

        ending = self._ending
        if self._log:
            self._log.close()
        end = {
            "reason": ending.reason,
            "message": ending.message,
            "exit_code": ending.exit_code,
            "failure": next(host.failure() for host in self._hosts if host.name == ending.host),
            "host": ending.host,
            "instances": len(self._hosts),
            "started_at_ms": ending.started_at_ms,
            "ended_at_ms": now_ms(),
        }
        write_whole(specs.END_FILE, json.dumps(end))
        for handle in self._held:
            os.close(handle)


def _reap(hosts: list[Host]) -> None:
    """Reap children until bubblewrap of every host is among them; orphans may be, too."""
    waiting = {host.running.pid: host for host in hosts if host.running}
    while waiting:
        reaped = _reaped()
        if reaped is None:
            return
        host = waiting.pop(reaped[0], None)
        if host is not None:
            host.over, host.status = True, reaped[1]


def _reaped() -> tuple[int, int] | None:
    """Wait for a child to end; None where there is none."""
    try:
        return os.waitpid(-1, 0)
    except ChildProcessError:
        return None


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
