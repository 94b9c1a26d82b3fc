"""The supervisor of one run: a small process that outlives the server.

It starts the instances, all of them or none, pumps their logs, enforces their limits, obeys
a stop and writes down how the run ended, once everything of it is gone. Where one instance
fails the others are stopped. The server starts it as `python BOOT FOLDER LOCK_FD` and finds
it again by the lock that it holds. What an instance is, a runtime says (hosts.py).

Standard library only, and what is slow to import is imported once the program runs.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH108, PTH110, PTH123
from __future__ import annotations

import os
import select
import time
from contextlib import suppress

from whiteroom.runtime import spec as specs
from whiteroom.runtime.supervisor.children import reap_all
from whiteroom.runtime.supervisor.hosts import Cancelled, Ending, ImageFailed, SandboxFailed
from whiteroom.runtime.supervisor.lender import MachineFailed
from whiteroom.runtime.supervisor.records import now_ms, tell_operator, write_patiently

TYPE_CHECKING = False
if TYPE_CHECKING:
    from whiteroom.runtime.supervisor.feeding import Feeder
    from whiteroom.runtime.supervisor.hosts import Fleet, Host, RunSpec
    from whiteroom.runtime.supervisor.lender import Lender
    from whiteroom.runtime.supervisor.logs import LogWriter
    from whiteroom.runtime.supervisor.serving import Client

_SERVE_GRACE_SECONDS = 10
_OTHERS_GRACE_SECONDS = 10
"""What the instances of a run have between SIGTERM and SIGKILL once one of them has failed: nothing of it is kept."""
_KILL_AGAIN_SECONDS = 1.0
_LAST_WORDS_SECONDS = 2.0
_LAST_PAUSE_MS = 50
_CONTROL_BYTES = 1 << 12
_ENDED_EARLY = "The program ended (exit code 0) before every file was transformed."
CLIENT_DIED = "The batch transform's client was killed."


class Supervisor:
    """One run from its start to its record. The current folder is the run's."""

    def __init__(self, spec: RunSpec, fleet: Fleet) -> None:
        self._spec = spec
        self._fleet = fleet
        self._hosts = fleet.hosts
        self._ending = Ending(self._hosts[0].name)
        self._clients: dict[int, tuple[Host, Client]] = {}
        """By the descriptor on which each says something."""
        self._feeder: Feeder | None = None
        self._log: LogWriter | None = None
        self._began: float | None = None
        self._deadline = float("inf")
        self._kill_at = float("inf")

    def run(self) -> None:
        """Everything; returns when the end is written."""
        ending = self._ending
        try:
            self._mark()
            self._stop_was_asked()
            if ending.reason is None:
                self._fleet.claim(self._note)
                self._prepare()
            if ending.reason is None:
                self._start()
                self._follow()
        except SandboxFailed as problem:
            ending.because("sandbox", str(problem))
        except ImageFailed as problem:
            ending.because("image", str(problem))
        except MachineFailed as problem:
            ending.because("machine", str(problem))
        except Cancelled:
            self._stop_was_asked()
        except Exception:  # noqa: BLE001 - whatever went wrong, the run must get its record
            import traceback  # noqa: PLC0415

            tell_operator(traceback.format_exc())
            ending.because("platform", "The supervisor of this run failed; the server's operator finds the reason.")
        self._clear()
        self._record()

    # -- before the program ---------------------------------------------------------

    def _prepare(self) -> None:
        """What a transform needs before its program starts."""
        transform = self._spec.transform
        self._stop_was_asked()
        if transform is None:
            return
        from whiteroom.runtime.supervisor import serving  # noqa: PLC0415 -- most runs serve nothing

        for host in self._hosts:
            if self._ending.reason is not None:
                return
            problem = serving.unpack_model(
                str(transform["archive"]),
                f"{host.work}/{specs.MODEL}",
                self._spec.volume_bytes,
                lambda: os.path.exists(specs.STOP_FILE),
            )
            self._stop_was_asked()
            if problem is not None:
                self._ending.because(*problem)

    def _start(self) -> None:
        """Start every instance, then every program: all of them or none."""
        self._fleet.borrow()
        if self._spec.pipes:
            from whiteroom.runtime.supervisor.feeding import Feeder  # noqa: PLC0415

            # Forked before there is a thread, and before a stage hides the folder that the channels are in.
            self._feeder = Feeder(tuple(self._spec.pipes))
        self._ending.started_at_ms = now_ms()
        self._fleet.start(self._logged, self._mark)
        self._began = time.monotonic()
        self._deadline = self._began + self._spec.max_runtime_seconds

    def _mark(self) -> None:
        """Write down whom to kill should this process be killed first."""
        processes, folders = self._fleet.marker()
        first = ",".join(f"[{pid},{ticks}]" for pid, ticks in processes)
        groups = ",".join(f'"{folder}"' for folder in sorted(folders))
        text = f'{{"first":[{first}],"groups":[{groups}],"pid":{os.getpid()}}}'
        write_patiently(specs.MARKER_FILE, text, lambda: os.path.exists(specs.STOP_FILE))

    def _logged(self) -> LogWriter:
        """The run's log. Slow to import: the programs are starting meanwhile."""
        if self._log is None:
            from whiteroom.runtime.supervisor.logs import LogWriter  # noqa: PLC0415

            spec = self._spec
            self._log = LogWriter(
                spec.log_file, limit_bytes=spec.log_limit_bytes, line_characters=spec.log_line_characters
            )
        return self._log

    # -- while the program runs -----------------------------------------------------

    def _follow(self) -> None:
        """Pump, watch and obey until every program has ended."""
        spec, log = self._spec, self._logged()
        for text in spec.notes:
            self._note(text)
        if not self._fleet.is_isolated():
            self._note("unsafe-no-sandbox: this program runs with the server's own rights.")
        if spec.transform is not None:
            # Forked before any host is watched by a thread.
            found = [(host, host.client(spec.transform)) for host in self._hosts]
            self._clients = {client.output: (host, client) for host, client in found if client is not None}
        control = os.open(specs.CONTROL_FIFO, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        poller = select.poll()
        sources = [control, *self._clients]
        if self._feeder:
            sources.append(self._feeder.ended)
        if self._fleet.lender:
            sources.append(self._fleet.lender.output)
        for host in self._hosts:
            host.follow(log)
            sources += [host.ended, *host.streams]
            sources += [host.watch.wake] if host.watch else []
        for handle in sources:
            poller.register(handle, select.POLLIN)
        try:
            self._loop(poller, control)
        finally:
            os.close(control)

    def _loop(self, poller: select.poll, control: int) -> None:
        while not all(host.over for host in self._hosts):
            self._obey()
            soonest = min(self._deadline, self._kill_at) - time.monotonic()
            ready = poller.poll(None if soonest == float("inf") else max(0.0, soonest) * 1000 + 1)
            handles = {handle for handle, _ in ready}
            if control in handles:
                os.read(control, _CONTROL_BYTES)
            if self._fleet.lender and self._fleet.lender.output in handles:
                self._heed(self._fleet.lender, poller)
            for host in self._hosts:
                self._attend(host, handles, poller)
            for handle in handles & self._clients.keys():
                host, client = self._clients[handle]
                if not client.hear(lambda text, name=host.name: self._note(text, name)):  # type: ignore[misc]
                    poller.unregister(handle)
                    self._served(host, client)
            if self._feeder and self._feeder.ended in handles:
                poller.unregister(self._feeder.ended)
                self._ending.because(*self._feeder.failure())
                self._kill_at = 0.0

    def _heed(self, lender: Lender, poller: select.poll) -> None:
        """Some of a channel cannot be read. The program finds out by itself; the run cannot succeed any more."""
        for reason, message in lender.hear():
            self._ending.because(reason, message)
            self._note(message)
        self._kill_at = min(self._kill_at, time.monotonic() + _OTHERS_GRACE_SECONDS)
        if lender.is_over:
            poller.unregister(lender.output)

    def _attend(self, host: Host, handles: set[int], poller: select.poll) -> None:
        """Hear what one instance says, and that it has ended."""
        for handle in handles & host.streams:
            if not host.pump(handle):
                poller.unregister(handle)
        if host.watch and host.watch.wake in handles:
            host.watch.heed()
        if host.over or host.ended not in handles:
            return
        poller.unregister(host.ended)
        failed = host.finish()
        host.over = True
        if len(self._hosts) == 1 or self._ending.reason is not None:
            return
        if failed:
            # Judged now, so that nothing that happens to the others on the way out looks like the reason.
            host.judge(self._ending, gone=False)
        elif self._spec.transform is not None:
            self._ending.because("transform", _ENDED_EARLY, host.name)
        else:
            return
        others = [other for other in self._hosts if not other.over]
        if others:
            self._note(f"{host.name} has failed; the other instances are being stopped.")
            self._terminate(time.monotonic() + _OTHERS_GRACE_SECONDS)

    def _obey(self) -> None:
        """Act on what has happened: a stop, a limit, a time that has come."""
        ending, now = self._ending, time.monotonic()
        grace = self._stop_was_asked()
        if grace is not None:
            self._terminate(now + grace)
        if now >= self._deadline:
            self._deadline = float("inf")
            ending.because("max_runtime", f"It ran longer than {self._spec.max_runtime_seconds:,} s.")
            self._note(f"The run has reached its limit of {self._spec.max_runtime_seconds:,} s and is being stopped.")
            self._terminate(now + self._spec.stop_grace_seconds)
        for host in self._hosts:
            if host.watch and host.watch.violation and ending.reason is None:
                ending.because(*host.watch.violation, host.name)
                self._note(f"{host.watch.violation[1]} The run is being killed.", host.name)
                self._kill_at = now
        if now >= self._kill_at:
            self._kill_at = float("inf")
            sent = [host.kill() for host in self._hosts]
            if not all(sent):
                self._kill_at = now + _KILL_AGAIN_SECONDS

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
        """SIGTERM to every program now, SIGKILL at a time that is never put off."""
        self._kill_at = min(self._kill_at, kill_at)
        for _, client in self._clients.values():
            client.stop()
        for host in self._hosts:
            host.terminate()

    def _served(self, host: Host, client: Client) -> None:
        """A transform's client is done. So are the programs, which serve for ever, once every client is."""
        client.done = True
        if client.outcome is None:
            # It says how it went, whatever the program does: it was killed.
            if host.lives():
                self._ending.because("machine", CLIENT_DIED, host.name)
                self._terminate(time.monotonic() + _OTHERS_GRACE_SECONDS)
            return
        ok, _ = client.outcome
        if not ok and not host.lives():
            # The program ended first: its own exit code says more.
            return
        if self._ending.reason is not None or not all(one.done for _, one in self._clients.values()):
            return
        said = [(one.outcome, served) for served, one in self._clients.values() if one.outcome is not None]
        failures = [(message, served) for (ok, message), served in said if not ok]
        if failures:
            message, failing = failures[0]
            self._ending.because("transform", message, failing.name)
        else:
            self._ending.because("exited", "")
            self._ending.exit_code = 0
        handling = any(one.handles_sigterm() for one in self._hosts)
        self._terminate(time.monotonic() + (_SERVE_GRACE_SECONDS if handling else 0))

    def _note(self, text: str, host: str | None = None) -> None:
        self._logged().note(now_ms(), host or self._hosts[0].name, text)

    # -- after the programs ---------------------------------------------------------

    def _clear(self) -> None:
        """Kill and reap everything of the run, then read its last words, judge it and take away what was made."""
        if self._feeder:
            self._feeder.close()
        started = [host for host in self._hosts if host.started]
        for host in started:
            host.kill()
        if self._fleet.lender:
            self._fleet.lender.close()
        self._fleet.reap()
        for host in started:
            if host.watch:
                host.watch.close()
        for _, client in self._clients.values():
            client.close()
        reap_all(forever=not any(host.watch and host.watch.leaves_behind for host in started))
        until = time.monotonic() + _LAST_WORDS_SECONDS
        for host in started:
            _drain_output(host, until)
        self._judge(started)
        self._fleet.remove()

    def _judge(self, started: list[Host]) -> None:
        """Say why the run ended, if nothing of ours ended it."""
        ending = self._ending
        for host in started:
            host.judge(ending, gone=True)
        if started and self._spec.transform is not None:
            ending.because("transform", _ENDED_EARLY)
        ending.because("exited", "")
        if started and ending.reason not in {"exited", "stopped"}:
            self._note(f"Ended: {ending.message}", ending.host)

    def _ended_at_ms(self) -> int:
        """By the time that passed since the start, whatever the machine's clock says: attempts are paid out of it."""
        if self._began is None:
            return now_ms()
        return self._ending.started_at_ms + int((time.monotonic() - self._began) * 1000)

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
            "ended_at_ms": self._ended_at_ms(),
        }
        if ending.reason == "volume" and self._spec.in_memory:
            self._make_room()
        # Without it the run would count as lost, and be run again.
        write_patiently(specs.END_FILE, json.dumps(end), lambda: False)

    def _make_room(self) -> None:
        """Take what the run wrote out of the memory that it shares, before anybody no longer counts it.

        Nothing is kept of a run that wrote too much, and the server, which forgets it, may be down. Until then the
        next run in size would be found to have the most.
        """
        from pathlib import Path  # noqa: PLC0415

        from whiteroom.base.trees import remove_tree  # noqa: PLC0415

        for host in self._hosts:
            with suppress(OSError):
                for folder in host.folders():
                    for left in Path(folder).iterdir():
                        remove_tree(left)


def _drain_output(host: Host, until: float) -> None:
    """Take the last words of an instance that nothing lives of."""
    for handle in list(host.streams):
        poller = select.poll()
        poller.register(handle, select.POLLIN)
        while time.monotonic() < until and poller.poll(_LAST_PAUSE_MS) and host.pump(handle):
            continue
