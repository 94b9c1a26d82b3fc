"""What a supervisor asks of a runtime: its instances (`Host`), and all of them together (`Fleet`).

The loop in supervisor.py knows these alone. sandbox/host.py has bubblewrap's, docker/host.py
a container engine's. Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH112, PTH110, PTH208
from __future__ import annotations

import os
import time

from whiteroom.runtime import spec as specs
from whiteroom.runtime.supervisor import meters, users
from whiteroom.runtime.supervisor.records import failure_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Protocol

    from whiteroom.runtime.spec import Pipe
    from whiteroom.runtime.supervisor.lender import Lender
    from whiteroom.runtime.supervisor.logs import LogWriter
    from whiteroom.runtime.supervisor.serving import Client
    from whiteroom.runtime.supervisor.watch import Watch

    class RunSpec(Protocol):
        """What every runtime's spec says."""

        @property
        def run_id(self) -> str: ...
        @property
        def transform(self) -> Mapping[str, Any] | None: ...
        @property
        def pipes(self) -> Sequence[Pipe]: ...
        @property
        def checkpoints(self) -> str: ...
        @property
        def in_memory(self) -> bool: ...
        @property
        def notes(self) -> Sequence[str]: ...
        @property
        def memory_bytes(self) -> int: ...
        @property
        def volume_bytes(self) -> int: ...
        @property
        def processes(self) -> int: ...
        @property
        def max_runtime_seconds(self) -> int: ...
        @property
        def stop_grace_seconds(self) -> int: ...
        @property
        def log_file(self) -> str: ...
        @property
        def log_limit_bytes(self) -> int: ...
        @property
        def log_line_characters(self) -> int: ...


# The module signal takes 6 ms to import, as it makes enumerations.
_SIGKILL_EXIT, _SIGXFSZ_EXIT = 128 + 9, 128 + 25
_NEARLY_BYTES = 1 << 16
_JUDGE_SECONDS = 2.0
"""How long what a run left may be looked at before its end is recorded, however much it is."""


class SandboxFailed(Exception):
    """The run could not be isolated. The message is for the model's owner and the operator."""


class ImageFailed(Exception):
    """The image is gone, or its program could not be started."""


class Cancelled(Exception):
    """A stop was asked for: nothing more is to be started."""


class Ending:
    """Why the run is being ended, and what is known of how it did."""

    __slots__ = ("_judged_until", "exit_code", "host", "message", "reason", "started_at_ms")

    def __init__(self, host: str) -> None:
        self.reason: str | None = None
        self.message = ""
        self.host = host
        """Whose end it is; the first one, where it is nobody's own."""
        self.exit_code: int | None = None
        self.started_at_ms = 0
        self._judged_until: float | None = None

    def judged_until(self) -> float:
        """Until when (monotonic) everything that was left may be looked at, by all instances together."""
        if self._judged_until is None:
            self._judged_until = time.monotonic() + _JUDGE_SECONDS
        return self._judged_until

    def because(self, reason: str, message: str, host: str | None = None) -> None:
        """Note the reason; the first one stays."""
        if self.reason is None:
            self.reason, self.message = reason, message
            self.host = host or self.host


class Host:
    """One instance: claimed for, started, followed until it is over, and judged once nothing of it lives.

    A runtime says how in the methods that raise NotImplementedError here.
    """

    def __init__(self, spec: RunSpec, name: str, work: str) -> None:
        self.name = name
        self.work = work
        """The folder of the folders that it may write to."""
        self.over = False
        """Whether it has ended: from then on it is sent nothing."""
        self.ended = -1
        """Becomes readable when it has ended."""
        self.streams: set[int] = set()
        """Where its words come from, while more may come."""
        self.watch: Watch | None = None
        self._limits = spec
        self._oom_kills = meters.machine_memory_kills()

    # -- each runtime's own ----------------------------------------------------------

    @property
    def started(self) -> bool:
        """Whether there is something that has to be ended and judged."""
        raise NotImplementedError

    def follow(self, log: LogWriter) -> None:
        """Begin to watch and to listen: sets `ended`, `streams` and `watch`."""
        raise NotImplementedError

    def pump(self, handle: int) -> bool:
        """Move what can be read from one of its streams to the log; False, and the stream closed, at its end."""
        raise NotImplementedError

    def terminate(self) -> None:
        """SIGTERM to its program, if it lives."""
        raise NotImplementedError

    def kill(self) -> bool:
        """SIGKILL to all of it, if it lives; whether nobody has to ask again."""
        raise NotImplementedError

    def finish(self) -> bool:
        """Take note that it has ended; whether its program failed."""
        raise NotImplementedError

    def judge(self, ending: Ending, *, gone: bool) -> None:
        """Say why it ended, if nothing of ours ended it.

        Args:
            ending: takes the reason.
            gone: whether nothing of it lives: then the rights to read what it left are given back.
        """
        raise NotImplementedError

    def lives(self) -> bool:
        """Whether its program can still be waited for."""
        raise NotImplementedError

    def client(self, transform: Mapping[str, Any]) -> Client | None:
        """Start what feeds its model server; None where its program has ended already."""
        raise NotImplementedError

    def handles_sigterm(self) -> bool:
        """Whether SIGTERM reaches its program at all."""
        return True

    # -- the same for all ------------------------------------------------------------

    def folders(self) -> list[str]:
        """Every folder that counts as its volume."""
        own = [f"{self.work}/{name}" for name in sorted(os.listdir(self.work))]
        return [*own, f"{self._limits.checkpoints}/{self.name}"] if self._limits.checkpoints else own

    def beside(self) -> tuple[list[str], Sequence[int]]:
        """Folders, and descriptors of files, that count as well and are not the run's to mend."""
        return [], ()

    def hand_over(self, uid: int) -> None:
        """Give what it may write to the user that it is."""
        for name in os.listdir(self.work):
            os.chown(f"{self.work}/{name}", uid, uid)
        os.chown(f"{self.work}/{specs.OUTPUT}/{specs.DATA}", uid, uid)
        if os.path.isdir(f"{self.work}/{specs.CODE}"):
            users.hand_over(f"{self.work}/{specs.CODE}", uid)
        if self._limits.checkpoints:
            # An earlier attempt was another user.
            users.hand_over(f"{self._limits.checkpoints}/{self.name}", uid)

    def failure(self) -> str:
        """What its program left as the reason of its failure."""
        return failure_text(f"{self.work}/{specs.OUTPUT}")

    def judge_limits(self, ending: Ending, code: int, *, gone: bool, memory_killed: bool, crowded: bool) -> None:
        """Hold its end against its limits, and against what the machine did.

        Args:
            ending: takes the reason.
            code: how its program ended; 128 + N where signal N ended it.
            gone: as in `judge`.
            memory_killed: whether the kernel killed something of it for its own limit.
            crowded: whether it had all the processes that it may have.
        """
        spec = self._limits
        most, until = meters.most_entries(spec.volume_bytes), ending.judged_until()
        looked: list[meters.Stock] = []
        try:
            for folders, files, repair in ((self.folders(), (), gone), (*self.beside(), False)):
                found = meters.stock(
                    folders, files, repair=repair, until=lambda found: found.entries > most or time.monotonic() > until
                )
                looked.append(found)
        except meters.TooDeep:
            ending.because("volume", "Its folders are nested too deep to be read.", self.name)
        used, entries = sum(found.used_bytes for found in looked), sum(found.entries for found in looked)
        if memory_killed:
            ending.because("memory", f"It took more than {spec.memory_bytes:,} bytes of memory.", self.name)
        full = used > spec.volume_bytes or (code != 0 and used >= spec.volume_bytes - _NEARLY_BYTES)
        if full or code == _SIGXFSZ_EXIT:
            ending.because("volume", f"It wrote more than {spec.volume_bytes:,} bytes.", self.name)
        if entries > most:
            ending.because("volume", meters.too_many(most), self.name)
        own = (looked[0].file_bytes, looked[0].entries) if looked else (0, 0)  # what is in the run's folder
        if code != 0 and self.watch and (starved := self.watch.starved(*own)):
            ending.because(*starved, self.name)
        if code != 0 and crowded:
            ending.because("processes", f"It needed more than {spec.processes:,} processes and threads.", self.name)
        if code == _SIGKILL_EXIT and meters.machine_memory_kills() > self._oom_kills:
            ending.because("machine", "This machine ran out of memory as a whole, and killed it.", self.name)
        if code != 0:
            ending.because("exited", "", self.name)


class Fleet:
    """All instances of one run."""

    hosts: Sequence[Host]

    def __init__(self) -> None:
        self.lender: Lender | None = None
        """What reads channels that are not on this machine, where there are any."""
        self._held: list[int] = []
        """Descriptors of what is claimed for as long as this process lives."""

    def claim_user(self, folder: str, first: int) -> int:
        """A user of this machine that no other live run has.

        Raises:
            SandboxFailed: there is none.
        """
        claimed = users.claim(folder, first)
        if claimed is None:
            raise SandboxFailed("Every user that runs may have is taken.")
        self._held.append(claimed[1])
        return claimed[0]

    def claim_gpus(self, each: int, devices: str, note: Callable[[str], None]) -> list[list[int]]:
        """So many GPUs for each instance, in the order of the hosts; waits until they are free.

        Args:
            each: how many.
            devices: the folder of this machine's device nodes.
            note: writes to the run's log.

        Raises:
            SandboxFailed: this machine has too few.
            Cancelled: a stop was asked for meanwhile.
        """
        from whiteroom.runtime.supervisor import gpus  # noqa: PLC0415

        # Device nodes that are no others' need no claim that others see.
        claims = gpus.FOLDER if devices == gpus.DEVICES else f"{devices}/claims"
        present, count = gpus.present(devices), each * len(self.hosts)
        if len(present) < count:
            raise SandboxFailed(f"This machine has {len(present)} GPUs, and the run needs {count}.")
        claimed = gpus.claim_when_free(
            present, count, note=note, stopping=lambda: os.path.exists(specs.STOP_FILE), folder=claims
        )
        if claimed is None:
            raise Cancelled
        self._held += [handle for _, handle in claimed]
        return [[claimed.pop()[0] for _ in range(each)] for _ in self.hosts]

    def claim(self, note: Callable[[str], None]) -> None:
        """Take what the run needs before anything of it exists: its image, its users.

        Args:
            note: writes to the run's log.

        Raises:
            ImageFailed: there is no such image any more.
            SandboxFailed: the machine cannot give it.
            Cancelled: a stop was asked for meanwhile.
        """
        raise NotImplementedError

    def borrow(self) -> None:
        """Mount what is lent, before anything that reads it exists.

        Raises:
            MachineFailed: what lends it is dead.
            SandboxFailed: the machine cannot mount it.
        """

    def start(self, log: Callable[[], LogWriter], mark: Callable[[], None]) -> None:
        """Start every instance, then every program: all of them or none.

        Args:
            log: the run's log, opened when it is first asked for.
            mark: to be called whenever `marker` has changed, and before any program runs.

        Raises:
            ImageFailed: its program could not be started.
            SandboxFailed: the sandbox could not be made.
        """
        raise NotImplementedError

    def marker(self) -> tuple[list[tuple[int, int]], list[str]]:
        """Whom to kill should this process be killed first: (pid, start) of processes, and control groups."""
        return [], []

    def is_isolated(self) -> bool:
        """Whether programs run without the server's own rights."""
        return True

    def reap(self) -> None:
        """Return once nothing of any instance runs; each has been sent SIGKILL."""
        raise NotImplementedError

    def remove(self) -> None:
        """Take away all that was made for the run outside its folder."""
        raise NotImplementedError
