"""The local runtime: isolated instances under bubblewrap.

DATA/runs/ID/           one run: its spec, its lock, what its program may write, how it ended
DATA/logs/ID.jsonl      its log, which outlives it; ID.usage.jsonl is what it took of the machine
DATA/images/            local images (images/library.py)
DATA/users/             which users live runs have, where the server is root
"""

from __future__ import annotations

import json
import os
import signal
import time
from functools import cached_property
from pathlib import Path

from whiteroom.domain.execution.data import DataKind
from whiteroom.domain.execution.runs import Run, SandboxReport
from whiteroom.ports.data import LocalData
from whiteroom.ports.runtime import CannotIsolate, RunRefused
from whiteroom.processes.children import LOOK_SECONDS
from whiteroom.runtime import spec as specs
from whiteroom.runtime.images.library import Images
from whiteroom.runtime.sandbox import doctor
from whiteroom.runtime.sandbox.plan import write_run
from whiteroom.runtime.supervised import LOST_SECONDS, SupervisedRuntime
from whiteroom.runtime.supervisor import cgroups, meters


class SandboxRuntime(SupervisedRuntime):
    """Runs isolated instances on this machine (ports.Runtime)."""

    supervises = "whiteroom.runtime.sandbox.host"
    leaves = DataKind.RUN_OUTPUT

    def __init__(
        self,
        folder: Path,
        data: LocalData,
        *,
        unsafe_no_sandbox: bool = False,
        in_memory: bool = False,
        devices: Path = Path("/dev"),
        log_limit_bytes: int = 256 << 20,
        log_line_characters: int = 1 << 16,
    ) -> None:
        """Take over what runs below `folder`, or start with nothing.

        Args:
            folder: the server's data folder.
            data: says where what runs are given is, and takes what they leave.
            unsafe_no_sandbox: run programs with the server's own rights, not isolated.
            in_memory: whether the folders of runs are in memory, which all of them share.
            devices: where this machine's device nodes are.
            log_limit_bytes: how much of one run's output is kept.
            log_line_characters: how much of one line is kept.
        """
        super().__init__(
            folder,
            data,
            in_memory=in_memory,
            log_limit_bytes=log_limit_bytes,
            log_line_characters=log_line_characters,
        )
        self._unsafe = unsafe_no_sandbox
        self._devices = devices
        self._usable: SandboxReport | None = None
        self.images = Images(self._folder / "images")

    def image_digest(self, image_uri: str) -> str:
        """See ports.Runtime."""
        return self.images.show(image_uri).digest

    def report(self) -> SandboxReport:
        """See ports.Runtime."""
        return doctor.report(self._folder, self._devices, unsafe_no_sandbox=self._unsafe)

    def kill_orphans(self, folder: Path) -> bool:
        """Kill what a dead supervisor left of the run in `folder`; whether nothing is left."""
        return _kill_orphans(folder)

    @cached_property
    def _lends(self) -> bool:
        """Whether what is not on this machine can be read as it comes."""
        return not self._unsafe and doctor.lending(self._devices).ok

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
            raise CannotIsolate(f"This server cannot isolate a run: {problem.detail} {problem.remedy}")

    def _fill(self, run: Run, new: Path, final: Path) -> None:
        """Write the run's folder as its supervisor wants to find it."""
        write_run(
            run,
            self.images.by_digest(run.image_digest),
            new,
            data=self._data,
            final=final,
            log_file=self._log_file(run.id),
            users=self._folder / "users",
            first_uid=self.first_uid,
            sandboxed=not self._unsafe,
            in_memory=self._in_memory,
            devices=self._devices,
            lends=lambda: self._lends,
            log_limit_bytes=self._log_limit_bytes,
            log_line_characters=self._log_line_characters,
        )


def _kill_orphans(folder: Path) -> bool:
    """Kill what a dead supervisor left; whether nothing is left."""
    try:
        marker = json.loads((folder / specs.MARKER_FILE).read_text())
    except (FileNotFoundError, ValueError):
        # Empty after a power cut, which nothing survives.
        return True
    until = time.monotonic() + LOST_SECONDS
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
        time.sleep(LOOK_SECONDS)


def _members(group: Path) -> list[int]:
    try:
        return [int(line) for line in (group / "cgroup.procs").read_text().split()]
    except (FileNotFoundError, OSError):
        return []
