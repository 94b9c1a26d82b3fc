"""The watch over a run's limits: what no kernel limit holds is measured, again and again."""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH116, PTH119, PTH120
from __future__ import annotations

import os
import threading
import time
from contextlib import suppress

from whiteroom.runtime.supervisor import meters
from whiteroom.runtime.supervisor.cgroups import Groups
from whiteroom.runtime.supervisor.sharing import FULL, SharedMemory
from whiteroom.runtime.supervisor.usage import Sampler, gpu_numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    class Limits(Protocol):
        """What a watch reads of a runtime's spec."""

        @property
        def sandboxed(self) -> bool: ...
        @property
        def in_memory(self) -> bool: ...
        @property
        def memory_bytes(self) -> int: ...
        @property
        def volume_bytes(self) -> int: ...
        @property
        def processes(self) -> int: ...
        @property
        def log_file(self) -> str: ...

    class Watched(Protocol):
        """One instance that runs."""

        @property
        def first(self) -> int | None: ...
        def processes(self, groups: Groups) -> list[int]: ...


_PAUSE_SECONDS = 0.1
_LAST_LOOK_SECONDS = 0.5
_WORTH = 10
"""A look that takes long is followed by a pause this many times as long."""


class Watch:
    """A thread that looks, and a descriptor that becomes readable when it has seen too much."""

    def __init__(
        self,
        spec: Limits,
        folders: list[str],
        running: Watched,
        groups: Groups,
        devices: Iterable[str] = (),
        *,
        beside: Iterable[str] = (),
        files: Sequence[int] = (),
        disks: Sequence[int] = (),
    ) -> None:
        """Begin to look.

        Args:
            spec: has the limits, and says where the log is.
            folders: what counts as its volume; the first is in one with the host's name.
            running: the processes.
            groups: the control groups that they live in.
            devices: the device nodes that it has, its GPUs among them.
            beside: folders elsewhere that count, too.
            files: descriptors of single files that count, too.
            disks: devices of its files besides that of the first folder, and those that its processes see them on.
        """
        self.violation: tuple[str, str] | None = None
        """The reason (EndReason's value) and the message."""
        self.crowded = False
        """Whether the run was seen with all the processes that it may have."""
        self._spec, self._folders, self._files, self._running, self._groups = spec, folders, files, running, groups
        self._beside = list(beside)
        self._done = threading.Event()
        self.wake, self._wake_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._devices = frozenset((os.stat(folders[0]).st_dev, *disks))
        self._most_entries = meters.most_entries(spec.volume_bytes)
        host = os.path.basename(os.path.dirname(folders[0]))
        self._shared = SharedMemory(host) if spec.in_memory else None
        self._held = (0, 0)
        self._sampler = Sampler(
            spec.log_file,
            host,
            groups,
            memory_bytes=spec.memory_bytes,
            volume_bytes=spec.volume_bytes,
            gpus=gpu_numbers(devices),
        )
        self._thread = threading.Thread(target=self._look_on, name="watch", daemon=True)
        self._thread.start()

    @property
    def leaves_behind(self) -> bool:
        """Whether a process of the watch's own is there for good."""
        return self._sampler.leaves_behind

    def heed(self) -> None:
        """Take note of the signal, so that the descriptor is quiet again."""
        os.read(self.wake, 64)

    def finish(self) -> None:
        """Look no more; a look that is being taken ends first."""
        self._done.set()

    def close(self) -> None:
        """End the watch."""
        self._done.set()
        self._thread.join()
        if not self._sampler.has_taken:
            # What is too deep to be measured is judged where the instance's end is.
            until = time.monotonic() + _LAST_LOOK_SECONDS
            with suppress(meters.TooDeep):
                folders = [*self._folders, *self._beside]
                last = meters.stock(folders, self._files, until=lambda _: time.monotonic() > until)
                self._sampler.take([], None, last.used_bytes)
        else:
            self._sampler.settle()
        self._sampler.close()
        os.close(self.wake)
        os.close(self._wake_end)

    def starved(self, used_bytes: int, files: int) -> tuple[str, str] | None:
        """Why its program failed (as `violation`), where the memory that it shares with others was full.

        Args:
            used_bytes: what it has left there.
            files: how many files and folders.
        """
        if self._shared is None:
            return None
        # It may have been full, and its program over, between two looks.
        message = self._shared.look(max(used_bytes, self._held[0]), max(files, self._held[1]))
        if message:
            return "volume", message
        return ("machine", FULL) if self._shared.was_scarce else None

    def _look_on(self) -> None:
        pause = _PAUSE_SECONDS
        while not self._done.wait(pause):
            began = time.monotonic()
            self.violation = self._look()
            self._sampler.look()
            if self.violation:
                os.write(self._wake_end, b"x")
                return
            pause = max(_PAUSE_SECONDS, min(_WORTH * (time.monotonic() - began), 5.0))

    def _look(self) -> tuple[str, str] | None:
        spec, groups = self._spec, self._groups
        pids = self._running.processes(groups)
        self.crowded = self.crowded or len(pids) >= spec.processes
        try:
            found = meters.stock(self._folders, until=self._is_enough)
            beside = meters.stock(self._beside, self._files, until=self._is_enough)
            if self._shared:
                # What follows takes the longer the more its processes hold open: the others are not to wait for it.
                self._shared.say(max(found.file_bytes, self._held[0]), found.entries)
            unlinked = meters.unlinked(pids, self._devices)
            self._held = (found.file_bytes + unlinked, found.entries)
            used = found.used_bytes + unlinked + beside.used_bytes
        except meters.TooDeep:
            return "volume", "Its folders are nested too deep to be read."
        except meters.TooManyOpen:
            return "volume", "Its processes hold more files open and mapped than can be measured."
        memory = None
        if "memory" not in groups.folders:
            shared = [f"/proc/{self._running.first}/root/dev/shm"] if spec.sandboxed else []
            memory = meters.memory(pids, shared)
        if groups.memory_kills() or (memory or 0) > spec.memory_bytes:
            return "memory", f"It took more than {spec.memory_bytes:,} bytes of memory."
        # An engine may report an instance's end a moment after its last process is gone.
        if pids and self._sampler.is_due():
            self._sampler.take(pids, memory, used)
        if used > spec.volume_bytes:
            return "volume", f"It wrote more than {spec.volume_bytes:,} bytes."
        if found.entries + beside.entries > self._most_entries:
            return "volume", meters.too_many(self._most_entries)
        must_go = self._shared.look(*self._held) if self._shared else ""
        return ("volume", must_go) if must_go else None

    def _is_enough(self, found: meters.Stock) -> bool:
        """Whether nothing that is still to be counted would change anything."""
        over = found.entries > self._most_entries or found.used_bytes > self._spec.volume_bytes
        return over or self._done.is_set()
