"""Lends a run's channels: a process that answers the kernel's reads until the run's supervisor lets go of it.

It outlives the server, as the supervisor does, and is no part of the run: it has the server's identity, and the sandbox
sees folders. Started by lenders.py; the supervisor's end is runtime/supervisor/lender.py.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from whiteroom.data.fuse import Reply, ServedFile, ServedFolder
from whiteroom.data.s3.blocks import Pace, blocks_of, count
from whiteroom.data.s3.data import S3Data
from whiteroom.data.s3.filling import Filler
from whiteroom.data.s3.held import AHEAD, NOW, Held
from whiteroom.data.s3.lenders import Lenders, LentFiles, read_handed
from whiteroom.data.s3.manifests import KeptFile, objects_of
from whiteroom.data.s3.places import bucket_of, require_place
from whiteroom.data.s3.ranges import Ranges, Unreadable
from whiteroom.domain.execution.data import DataRef

TAKEN_WITHIN_SECONDS: Final = 120.0
"""So long it waits for a supervisor: one that does not come is dead."""
_MOST_PACES: Final = 1_024
"""Readers whose pace is known; who comes back after so many others is taken for a new one."""
READY: Final = b"ready\n"


@dataclass(frozen=True, slots=True)
class _Choice:
    """The server's settings, as far as they are passed on."""

    data: Path
    data_location: str
    cache_bytes: int
    region: str
    aws_profile: str


class Shelf:
    """What is lent of one piece of data, in one folder or several."""

    def __init__(self, data: S3Data, ref: DataRef, files: Sequence[KeptFile], ranges: Ranges) -> None:
        self.held = Held(files, partial(ranges.block, objects_of(ref)))
        self.numbers = {file.name: number for number, file in enumerate(files)}
        Filler(data, ref, {file.name: file for file in files}, self.held).start()


class Folder:
    """One folder of those that are lent."""

    def __init__(self, shelf: Shelf, lent: LentFiles, tell: Reporter) -> None:
        """Lend what is on the shelf, and tell what cannot be read."""
        self._held = shelf.held
        self._tell = tell
        self._numbers = [shelf.numbers[file.name] for file in lent.files]
        self._files = lent.files
        self._lock = threading.Lock()
        self._paces: dict[int, Pace] = {}

    def serve(self, handle: int) -> None:
        """Answer what the kernel asks at a descriptor of /dev/fuse."""
        served = [ServedFile(file.name.rpartition("/")[2], file.size_bytes) for file in self._files]
        ServedFolder(handle, served, self._read).serve()

    def _read(self, file: int, opening: int, start: int, length: int, reply: Reply) -> None:
        number, size_bytes = self._numbers[file], self._files[file].size_bytes
        wanted = blocks_of(start, length, size_bytes)
        if wanted:
            with self._lock:
                pace, ahead = self._paces.pop(opening, Pace()).at(wanted[-1])
                self._paces[opening] = pace
                if len(self._paces) > _MOST_PACES:
                    del self._paces[next(iter(self._paces))]
            self._held.want(number, [block for block in ahead if block < count(size_bytes)], AHEAD)
        self._answer(file, start, length, reply)

    def _answer(self, file: int, start: int, length: int, reply: Reply) -> None:
        number, size_bytes = self._numbers[file], self._files[file].size_bytes
        data = self._held.read(number, start, length)
        if data is not None:
            reply.give(data)
            return
        wanted = blocks_of(start, length, size_bytes)
        left = [len(wanted)]

        def then(problem: Unreadable | None) -> None:
            if problem is not None:
                self._fail(file, problem, reply)
                return
            left[0] -= 1
            if left[0] == 0 and reply.is_wanted:
                self._answer(file, start, length, reply)

        self._held.want(number, wanted, NOW, then)

    def _fail(self, file: int, problem: Unreadable, reply: Reply) -> None:
        """Tell before the program can know, so that nothing that it does of it looks like its own fault."""
        if reply.is_wanted:
            name = self._files[file].name.rpartition("/")[2]
            self._tell(name, problem)
            reply.fail()


class Reporter:
    """Tells the supervisor what cannot be read, once for each file, and the operator why."""

    def __init__(self, supervisor: socket.socket) -> None:
        self._supervisor = supervisor
        self._lock = threading.Lock()
        self._told: set[str] = set()

    def __call__(self, name: str, problem: Unreadable) -> None:
        """A file of that name cannot be read."""
        message = f"{name} cannot be read: {problem}."
        with self._lock:
            if message in self._told:
                return
            self._told.add(message)
            with suppress(OSError):  # the disk is full: the program hears of it all the same
                print(problem.for_operator, file=sys.stderr, flush=True)
            document = json.dumps({"message": message, "may_pass": problem.may_pass})
            self._supervisor.sendall(f"{document}\n".encode())


def serve(settings: Lenders, lent: Sequence[LentFiles], supervisor: socket.socket) -> None:
    """Lend until the supervisor lets go."""
    choice = _Choice(Path(settings.folder), settings.location, settings.cache_bytes, settings.region, settings.profile)
    bucket = bucket_of(choice, require_place(choice.data, choice.data_location))
    data = S3Data(choice.data, bucket, choice.cache_bytes)
    ranges = Ranges(bucket, settings.patience_seconds)
    tell = Reporter(supervisor)
    shelves: dict[DataRef, Shelf] = {}
    for one in lent:
        if one.data not in shelves:
            whole = {file.name: file for other in lent if other.data == one.data for file in other.files}
            shelves[one.data] = Shelf(data, one.data, list(whole.values()), ranges)
        _, handles, _, _ = socket.recv_fds(supervisor, 1, 1)
        Folder(shelves[one.data], one, tell).serve(handles[0])
    supervisor.sendall(READY)
    supervisor.recv(1)


def main() -> None:
    """Read what is handed to it, and take the supervisor's connection at the socket that the command line names."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    settings, lent = read_handed(sys.stdin.buffer.read())
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        listener.settimeout(TAKEN_WITHIN_SECONDS)
        supervisor, _ = listener.accept()
    supervisor.settimeout(None)
    serve(settings, lent, supervisor)
    # Threads wait for the store or the kernel still: with this process they let go of both.
    os._exit(0)


if __name__ == "__main__":
    main()
