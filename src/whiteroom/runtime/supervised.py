"""What all runtimes share whose runs outlive the server: a folder for each run, its lock, its supervisor.

The supervisor of a run holds the run's lock as long as it lives. Whoever finds the lock free knows that it has
ended: with a record of the end, or dead.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from whiteroom.base.machine_errors import Trouble
from whiteroom.base.trees import remove_tree
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.runs import (
    ABSENT,
    RUNNING,
    EndReason,
    LogLine,
    Observation,
    Phase,
    Run,
    RunEnd,
    RunId,
    RunOutput,
    SandboxReport,
)
from whiteroom.domain.execution.spending import Spent
from whiteroom.domain.observability.metrics import Usage
from whiteroom.ports.data import LocalData
from whiteroom.ports.runtime import ImageNotFound, RunRefused
from whiteroom.processes import prestarted
from whiteroom.processes.children import child_folder, child_ids, killed, locked
from whiteroom.runtime import spec as specs
from whiteroom.runtime.folders import ProgramMissing
from whiteroom.runtime.lending import messages_of_lender, start_lender
from whiteroom.runtime.supervisor import logs as log_files
from whiteroom.runtime.supervisor import usage as usage_files
from whiteroom.runtime.supervisor.records import write_whole
from whiteroom.runtime.supervisor.sharing import is_scarce

log = logging.getLogger(__name__)

LOST_SECONDS = 2.0
"""How long the death of what was killed may take."""
NOT_BEGUN = RunEnd(EndReason.LOST, "The supervisor of this run was killed before it started the program.")
"""Of a run whose supervisor died without a marker: no program runs before there is one."""
_NEW, _GONE, _REMOVING = ".new-", ".gone-", ".removing-"
_LEFTOVER_SECONDS = 60


class SupervisedRuntime:
    """Runs whose supervisors outlive the server (most of ports.Runtime). A runtime adds what its instances are."""

    supervises: str
    """The module whose `main` is a run's supervisor."""
    leaves: DataKind
    """What its runs leave: their folders lie where data of that kind does."""
    first_uid = 200_000
    """Runs of a server that is root are users from here on, 65,536 of them."""

    def __init__(
        self, folder: Path, data: LocalData, *, in_memory: bool, log_limit_bytes: int, log_line_characters: int
    ) -> None:
        self._folder = folder.absolute()
        self._data = data
        self._in_memory = in_memory
        self._runs = Path(data.path(DataRef(self.leaves, "any"))).parent
        self._logs = self._folder / "logs"
        self._log_limit_bytes = log_limit_bytes
        self._log_line_characters = log_line_characters
        self._prestarted: prestarted.PrestartedPool | None = None
        self._sweep()

    # -- each runtime's own ----------------------------------------------------------

    def image_digest(self, image_uri: str) -> str:
        """See ports.Runtime."""
        raise NotImplementedError

    def report(self) -> SandboxReport:
        """See ports.Runtime."""
        raise NotImplementedError

    def kill_orphans(self, folder: Path) -> bool:
        """Kill what a dead supervisor left of the run in `folder`; whether nothing is left."""
        raise NotImplementedError

    def _refuse(self, run: Run) -> None:
        """Raise RunRefused if this runtime can never run it."""
        raise NotImplementedError

    def _fill(self, run: Run, new: Path, final: Path) -> None:
        """Write the run's folder as its supervisor wants to find it.

        Raises:
            ImageNotFound: the image is gone.
            ProgramMissing: it has no such program.
            RunRefused: this machine cannot give what the run needs.
        """
        raise NotImplementedError

    # -- the same for all ------------------------------------------------------------

    def start(self, run: Run) -> None:
        """See ports.Runtime."""
        self._refuse(run)
        folder = self._run_folder(run.id)
        self._runs.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not folder.exists():
            self._require_room()
            self._write(run, folder)
        with locked(folder) as lock:
            # A marker means that the program may have been started: it is not started again.
            begun = (folder / specs.END_FILE).exists() or (folder / specs.MARKER_FILE).exists()
            if lock is not None and not begun:
                self._spawn(folder, lock)

    def observe(self, run_id: RunId) -> Observation:
        """See ports.Runtime."""
        folder = self._run_folder(run_id)
        end = _read_end(folder)
        if end is not None:
            return Observation(Phase.ENDED, end)
        if not folder.exists():
            return ABSENT
        with locked(folder) as lock:
            return RUNNING if lock is None else self._unattended(folder)

    def wait(self, run_id: RunId, timeout_seconds: float) -> Observation:
        """As `observe`, but returns only once the run has ended, or the time is over. Costs no polling."""
        try:
            marker = json.loads((self._run_folder(run_id) / specs.MARKER_FILE).read_text())
            supervisor = os.pidfd_open(marker["pid"])
        except (OSError, ValueError):
            return self.observe(run_id)
        try:
            # Opened before the look: a supervisor that holds its lock now is the one that was opened.
            seen = self.observe(run_id)
            if seen.phase is Phase.RUNNING:
                poller = select.poll()
                poller.register(supervisor, select.POLLIN)
                poller.poll(timeout_seconds * 1000)
                seen = self.observe(run_id)
            return seen
        finally:
            os.close(supervisor)

    def stop(self, run_id: RunId, grace_seconds: int) -> None:
        """See ports.Runtime."""
        folder = self._run_folder(run_id)
        try:
            write_whole(str(folder / specs.STOP_FILE), str(grace_seconds))
            control = os.open(folder / specs.CONTROL_FIFO, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            # Nobody listens: it is absent or has ended, or looks at the file once it has started.
            return
        try:
            os.write(control, b"x")
        except BlockingIOError:
            return
        finally:
            os.close(control)

    def output(self, run_id: RunId) -> tuple[RunOutput, ...]:
        """See ports.Runtime."""
        work = self._run_folder(run_id) / specs.WORK
        return tuple(self._output(folder) for folder in sorted(work.iterdir()))

    def logs(self, run_id: RunId, after: int = 0) -> Iterator[LogLine]:
        """See ports.Runtime."""
        for line in log_files.read(self._log_file(run_id), after):
            at_ms, stream, text, host = (line.get(name) for name in ("at_ms", "stream", "text", "host"))
            yield LogLine(
                at_ms if isinstance(at_ms, int) else 0, str(stream or "platform"), str(text or ""), str(host or "")
            )

    def usage(self, run_id: RunId, after: int = 0) -> Iterator[Usage]:
        """See ports.Runtime."""
        for line in log_files.read(Path(usage_files.path_of(str(self._log_file(run_id)))), after):
            yield Usage(*usage_files.sample(line), Spent(*usage_files.spent(line)))

    def logged_bytes(self, run_id: RunId) -> int:
        """See ports.Runtime."""
        log_file = self._log_file(run_id)
        return sum(map(_bytes_of, (log_file, Path(usage_files.path_of(str(log_file))))))

    def runs(self) -> Iterable[RunId]:
        """See ports.Runtime."""
        return map(RunId, child_ids(self._runs))

    def forget(self, run_id: RunId) -> None:
        """See ports.Runtime. Waits the milliseconds until a run that still lives is dead."""
        folder = self._run_folder(run_id)
        with killed(folder, self._kill, 2 * LOST_SECONDS) as dead:
            if dead and self.kill_orphans(folder):
                for line in messages_of_lender(folder):
                    log.warning("run %s, what is lent to it: %s", run_id, line)
                # Out of the way at once: a half-deleted run must not look like one.
                gone = self._runs / f"{_GONE}{folder.name}-{time.time_ns()}"
                folder.rename(gone)
                remove_tree(gone)

    def forget_logs(self, run_id: RunId) -> None:
        """See ports.Runtime."""
        self._log_file(run_id).unlink(missing_ok=True)
        Path(usage_files.path_of(str(self._log_file(run_id)))).unlink(missing_ok=True)

    def holds(self, run_id: RunId) -> bool:
        """Whether this runtime has that run."""
        return self._run_folder(run_id).exists()

    def warm(self) -> None:
        """Have a supervisor stand by from now on. For a server; it ends with this process."""
        self._prestarted = prestarted.PrestartedPool(self.supervises, self.environment())
        self._prestarted.refill()

    def environment(self) -> dict[str, str]:
        """All that a supervisor gets of this process's variables."""
        return {"PATH": os.defpath, "LANG": "C.UTF-8"}

    def _unattended(self, folder: Path) -> Observation:
        """What a run is doing that no supervisor holds; its lock is ours."""
        # It may have ended between the look for its end and the one for its lock.
        end = _read_end(folder)
        if end is not None:
            return Observation(Phase.ENDED, end)
        if not (folder / specs.MARKER_FILE).exists():
            # Not written down: it is started again as it is by whoever was about to start it.
            return Observation(Phase.ENDED, NOT_BEGUN)
        if not self.kill_orphans(folder):
            return RUNNING
        return Observation(Phase.ENDED, _write_lost(folder, self._log_file(RunId(folder.name))))

    def _sweep(self) -> None:
        """Delete what a server left that was killed while it made or deleted a run's folder."""
        if not self._runs.is_dir():
            return
        for path in self._runs.iterdir():
            with contextlib.suppress(OSError):
                is_old = path.lstat().st_mtime < time.time() - _LEFTOVER_SECONDS
                if path.name.startswith((_NEW, _GONE, _REMOVING)) and is_old:
                    remove_tree(path)

    def _require_room(self) -> None:
        """Begin no run in a memory that is nearly full: it would fail for what others have there.

        Raises:
            Trouble: it is.
        """
        facts = os.statvfs(self._runs)
        if self._in_memory and is_scarce(facts):
            raise Trouble(
                f"In the memory for open files only {facts.f_bavail * facts.f_frsize:,} bytes are free, and no run is "
                "begun there before there is room again. It waits."
            )

    def _write(self, run: Run, folder: Path) -> None:
        """Make the run's folder, whole or not at all."""
        new = Path(tempfile.mkdtemp(prefix=_NEW, dir=self._runs))
        try:
            try:
                self._fill(run, new, folder)
            except (ImageNotFound, ProgramMissing) as problem:
                end = json.dumps({"reason": EndReason.IMAGE.value, "message": str(problem)})
                write_whole(str(new / specs.END_FILE), end)
            new.rename(folder)
        except RunRefused:
            shutil.rmtree(new)
            raise
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            # Somebody else made it meanwhile: the same id is the same run.
            if not folder.exists():
                raise

    def _spawn(self, folder: Path, lock: int) -> None:
        """Start the run's supervisor: the one that stands by, else a new one. First what lends to it."""
        start_lender(folder, self._data)
        log = os.open(folder / specs.SUPERVISOR_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            spare = self._prestarted.take() if self._prestarted else None
            if spare is None or not spare.hand(folder, lock, log):
                if (folder / specs.MARKER_FILE).exists():
                    return  # it died in the middle: what it has begun is not begun again
                prestarted.start(self.supervises, self.environment(), str(folder), lock, log)
        finally:
            os.close(log)

    def _kill(self, folder: Path) -> None:
        """Kill a supervisor; bubblewrap and all below it die with it."""
        try:
            pid = json.loads((folder / specs.MARKER_FILE).read_text())["pid"]
            supervisor = os.pidfd_open(pid)
        except (OSError, ValueError):
            # It is just starting: it will find the stop.
            self.stop(RunId(folder.name), 0)
            return
        try:
            with locked(folder) as lock:
                if lock is None and _read_end(folder) is None:
                    signal.pidfd_send_signal(supervisor, signal.SIGKILL)
            poller = select.poll()
            poller.register(supervisor, select.POLLIN)
            poller.poll(LOST_SECONDS * 1000)
        except ProcessLookupError:
            return
        finally:
            os.close(supervisor)

    def _output(self, work: Path) -> RunOutput:
        data = specs.TRANSFORMED if (work / specs.TRANSFORMED).is_dir() else specs.DATA
        model, output = (self._data.reference(str(work / name)) for name in (specs.MODEL, data))
        return RunOutput(work.name, model, output)

    def _run_folder(self, run_id: RunId) -> Path:
        return child_folder(self._runs, run_id)

    def _log_file(self, run_id: RunId) -> Path:
        return self._logs / f"{self._run_folder(run_id).name}.jsonl"


def _read_end(folder: Path) -> RunEnd | None:
    try:
        end = json.loads((folder / specs.END_FILE).read_text())
    except (FileNotFoundError, ValueError):
        # Empty after a power cut: as if it had not been written.
        return None
    return RunEnd(**{**end, "reason": EndReason(end["reason"])})


def _write_lost(folder: Path, log_file: Path) -> RunEnd:
    """Record the end of a run whose supervisor died, as far as its files show when it began and was last alive."""
    remove_tree(folder / specs.PIPES)
    started_at_ms = _changed_at_ms(folder / specs.MARKER_FILE)
    end = RunEnd(
        EndReason.LOST,
        "The supervisor of this run was killed, and the run with it.",
        started_at_ms=started_at_ms,
        ended_at_ms=max(started_at_ms, _changed_at_ms(log_file)),
    )
    write_whole(str(folder / specs.END_FILE), json.dumps({**asdict(end), "reason": end.reason.value}))
    return end


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _changed_at_ms(path: Path) -> int:
    """When a file was last written to; 0 where it is not there."""
    try:
        return path.stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return 0
