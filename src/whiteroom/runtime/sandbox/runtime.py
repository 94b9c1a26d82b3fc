"""The local runtime: sealed instances under bubblewrap, each run with a supervisor that outlives the server.

DATA/runs/ID/           one run: its spec, its lock, what its program may write, how it ended
DATA/logs/ID.jsonl      its log, which outlives it; ID.usage.jsonl is what it took of the machine
DATA/images/            local images (images.py)
DATA/users/             which users live runs have, where the server is root
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import whiteroom
from whiteroom.domain.metrics import Usage
from whiteroom.domain.runs import (
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
from whiteroom.ports import CannotSeal, ImageNotFound, RunRefused
from whiteroom.runtime import spec as specs
from whiteroom.runtime.images.library import Images
from whiteroom.runtime.sandbox import doctor
from whiteroom.runtime.sandbox.plan import ProgramMissing, write_run
from whiteroom.runtime.supervisor import cgroups, meters
from whiteroom.runtime.supervisor import logs as log_files
from whiteroom.runtime.supervisor import usage as usage_files
from whiteroom.runtime.trees import remove_tree

FIRST_UID = 200_000
"""Runs of a server that is root are users from here on, 65,536 of them."""

_BOOT = (
    "import sys; sys.path.append({home!r}); from whiteroom.runtime.sandbox.host import main; "
    "main(sys.argv[1], int(sys.argv[2]))"
)
_LOCK_FD = 3
_RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
_LOST_SECONDS = 2.0
_LOOK_SECONDS = 0.002
_NEW, _GONE, _REMOVING = ".new-", ".gone-", ".removing-"
_LEFTOVER_SECONDS = 60


class SandboxRuntime:
    """Runs sealed instances on this machine (ports.Runtime).

    What a run's folder is, who holds it and how its supervisor is started is the same for
    every runtime whose runs outlive the server: DockerRuntime builds on it.
    """

    boot = _BOOT
    """What the interpreter of a supervisor is told to do."""
    boot_options: tuple[str, ...] = ("-I", "-S")
    folder_name = "runs"
    """Below the data folder."""

    def __init__(
        self,
        folder: Path,
        *,
        unsafe_no_sandbox: bool = False,
        devices: Path = Path("/dev"),
        log_limit_bytes: int = 256 << 20,
        log_line_characters: int = 1 << 16,
    ) -> None:
        """Take over what runs below `folder`, or start with nothing.

        Args:
            folder: the server's data folder.
            unsafe_no_sandbox: run programs with the server's own rights, unsealed.
            devices: where this machine's device nodes are.
            log_limit_bytes: how much of one run's output is kept.
            log_line_characters: how much of one line is kept.
        """
        self._folder = folder.absolute()
        self._runs = self._folder / self.folder_name
        self._logs = self._folder / "logs"
        self._unsafe = unsafe_no_sandbox
        self._devices = devices
        self._log_limit_bytes = log_limit_bytes
        self._log_line_characters = log_line_characters
        self._children: set[int] = set()
        self._usable: SandboxReport | None = None
        self.images = Images(self._folder / "images")
        self._sweep()

    def image_digest(self, image_uri: str) -> str:
        """See ports.Runtime."""
        return self.images.show(image_uri).digest

    def start(self, run: Run) -> None:
        """See ports.Runtime."""
        self._refuse(run)
        folder = self._run_folder(run.id)
        self._runs.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not folder.exists():
            self._write(run, folder)
        lock = self._try_lock(folder)
        if lock is None:
            return
        try:
            # A marker means that the program may have been started: it is not started again.
            if not (folder / specs.END_FILE).exists() and not (folder / specs.MARKER_FILE).exists():
                self._spawn(folder, lock)
        finally:
            os.close(lock)

    def observe(self, run_id: RunId) -> Observation:
        """See ports.Runtime."""
        folder = self._run_folder(run_id)
        self._reap()
        end = _read_end(folder)
        if end is not None:
            return Observation(Phase.ENDED, end)
        if not folder.exists():
            return ABSENT
        lock = self._try_lock(folder)
        if lock is None:
            return RUNNING
        try:
            return self._unattended(folder)
        finally:
            os.close(lock)

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
            new = folder / f"{specs.STOP_FILE}.new"
            new.write_text(str(grace_seconds))
            new.rename(folder / specs.STOP_FILE)
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
        return tuple(_output(folder) for folder in sorted(work.iterdir()))

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
            yield Usage(*usage_files.sample(line))

    def runs(self) -> Iterable[RunId]:
        """See ports.Runtime."""
        if not self._runs.is_dir():
            return []
        return sorted(RunId(path.name) for path in self._runs.iterdir() if _RUN_ID.fullmatch(path.name))

    def forget(self, run_id: RunId) -> None:
        """See ports.Runtime. Waits the milliseconds until a run that still lives is dead."""
        folder = self._run_folder(run_id)
        if not folder.exists():
            return
        lock = self._try_lock(folder)
        if lock is None and _read_end(folder) is None:
            self._kill(folder)
        until = time.monotonic() + _LOST_SECONDS
        while lock is None:
            if time.monotonic() > until or not folder.exists():
                return
            time.sleep(_LOOK_SECONDS)
            lock = self._try_lock(folder)
        try:
            if self.kill_orphans(folder):
                # Out of the way at once: a half-deleted run must not look like one.
                gone = self._runs / f"{_GONE}{folder.name}-{time.time_ns()}"
                folder.rename(gone)
                remove_tree(gone)
        finally:
            os.close(lock)
            self._reap()

    def forget_logs(self, run_id: RunId) -> None:
        """See ports.Runtime."""
        self._log_file(run_id).unlink(missing_ok=True)
        Path(usage_files.path_of(str(self._log_file(run_id)))).unlink(missing_ok=True)

    def report(self) -> SandboxReport:
        """See ports.Runtime."""
        return doctor.report(self._folder, unsafe_no_sandbox=self._unsafe)

    def holds(self, run_id: RunId) -> bool:
        """Whether this runtime has that run."""
        return self._run_folder(run_id).exists()

    def kill_orphans(self, folder: Path) -> bool:
        """Kill what a dead supervisor left of the run in `folder`; whether nothing is left."""
        return _kill_orphans(folder)

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
            return ABSENT
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

    def _refuse(self, run: Run) -> None:
        if run.instance_count > 1 and self._unsafe:
            raise RunRefused(
                f"Without a sandbox there is no network for {run.instance_count} instances to find each other in. "
                "Set instanceCount to 1, or have the operator take unsafe-no-sandbox out of the settings."
            )
        if self._unsafe:
            return
        if self._usable is None or not self._usable.usable:
            self._usable = doctor.quick(self._folder)
        if not self._usable.usable:
            problem = next(finding for finding in self._usable.findings if not finding.ok)
            raise CannotSeal(f"This server cannot seal a run: {problem.detail} {problem.remedy}")

    def _write(self, run: Run, folder: Path) -> None:
        """Make the run's folder, whole or not at all."""
        new = Path(tempfile.mkdtemp(prefix=_NEW, dir=self._runs))
        try:
            try:
                self._fill(run, new, folder)
            except (ImageNotFound, ProgramMissing) as problem:
                _write_json(new / specs.END_FILE, {"reason": EndReason.IMAGE.value, "message": str(problem)})
            new.rename(folder)
        except RunRefused:
            shutil.rmtree(new)
            raise
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            # Somebody else made it meanwhile: the same id is the same run.
            if not folder.exists():
                raise

    def _fill(self, run: Run, new: Path, final: Path) -> None:
        """Write the run's folder as its supervisor wants to find it."""
        write_run(
            run,
            self.images.by_digest(run.image_digest),
            new,
            final=final,
            log_file=self._log_file(run.id),
            users=self._folder / "users",
            first_uid=FIRST_UID,
            sandboxed=not self._unsafe,
            devices=self._devices,
            log_limit_bytes=self._log_limit_bytes,
            log_line_characters=self._log_line_characters,
        )

    def _spawn(self, folder: Path, lock: int) -> None:
        home = str(Path(whiteroom.__file__).parent.parent)
        command = [sys.executable, *self.boot_options, "-c", self.boot.format(home=home), str(folder), str(_LOCK_FD)]
        log = folder / specs.SUPERVISOR_LOG
        self._children.add(
            os.posix_spawn(
                sys.executable,
                command,
                self.environment(),
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                    (os.POSIX_SPAWN_DUP2, lock, _LOCK_FD),
                ],
            )
        )

    def _reap(self) -> None:
        for pid in list(self._children):
            try:
                done, _ = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                done = pid
            if done:
                self._children.discard(pid)

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
            if _read_end(folder) is None and self._try_lock_fails(folder):
                signal.pidfd_send_signal(supervisor, signal.SIGKILL)
            poller = select.poll()
            poller.register(supervisor, select.POLLIN)
            poller.poll(_LOST_SECONDS * 1000)
        except ProcessLookupError:
            return
        finally:
            os.close(supervisor)

    def _try_lock_fails(self, folder: Path) -> bool:
        lock = self._try_lock(folder)
        if lock is not None:
            os.close(lock)
        return lock is None

    def _try_lock(self, folder: Path) -> int | None:
        """The run's lock, as a descriptor to close; None while a supervisor lives."""
        try:
            lock = os.open(folder / specs.LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def _run_folder(self, run_id: RunId) -> Path:
        return self._runs / _checked(run_id)

    def _log_file(self, run_id: RunId) -> Path:
        return self._logs / f"{_checked(run_id)}.jsonl"


def _output(work: Path) -> RunOutput:
    transformed = work / specs.TRANSFORMED
    return RunOutput(work.name, work / specs.MODEL, transformed if transformed.is_dir() else work / specs.DATA)


def _checked(run_id: RunId) -> str:
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError(f"{run_id!r} is not a run's id: it is made of a-z, 0-9 and hyphens.")
    return run_id


def _read_end(folder: Path) -> RunEnd | None:
    try:
        end = json.loads((folder / specs.END_FILE).read_text())
    except FileNotFoundError:
        return None
    return RunEnd(**{**end, "reason": EndReason(end["reason"])})


def _write_lost(folder: Path, log_file: Path) -> RunEnd:
    """Record the end of a run whose supervisor died, as far as its files tell when it began and was last alive."""
    remove_tree(folder / specs.PIPES)
    started_at_ms = _changed_at_ms(folder / specs.MARKER_FILE)
    end = RunEnd(
        EndReason.LOST,
        "The supervisor of this run was killed, and the run with it.",
        started_at_ms=started_at_ms,
        ended_at_ms=max(started_at_ms, _changed_at_ms(log_file)),
    )
    _write_json(folder / specs.END_FILE, {**asdict(end), "reason": end.reason.value})
    return end


def _changed_at_ms(path: Path) -> int:
    """When a file was last written to; 0 where it is not there."""
    try:
        return path.stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return 0


def _write_json(path: Path, value: dict[str, object]) -> None:
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(value))
    new.rename(path)


def _kill_orphans(folder: Path) -> bool:
    """Kill what a dead supervisor left; whether nothing is left."""
    try:
        marker = json.loads((folder / specs.MARKER_FILE).read_text())
    except FileNotFoundError:
        return True
    until = time.monotonic() + _LOST_SECONDS
    while True:
        members = [pid for pid, ticks in marker["first"] if meters.start_time(pid) == ticks]
        for group in marker["groups"]:
            members += _members(Path(group))
        # A zombie holds nothing; whoever inherited it reaps it in its own time.
        members = [pid for pid in members if meters.lives(pid)]
        if not members and all(list(map(cgroups.remove, marker["groups"]))):
            return True
        for pid in members:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_SECONDS)


def _members(group: Path) -> list[int]:
    try:
        return [int(line) for line in (group / "cgroup.procs").read_text().split()]
    except (FileNotFoundError, OSError):
        return []
