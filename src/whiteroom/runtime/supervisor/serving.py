"""What a batch transform needs besides its program: the model unpacked, and the client that feeds it.

Both run in processes of their own, forked from the supervisor and so in the run's network.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH123
from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from whiteroom.runtime import spec as specs
from whiteroom.runtime.supervisor import meters, namespaces
from whiteroom.runtime.supervisor.children import signal_child
from whiteroom.runtime.supervisor.logs import LineSplitter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_POLL_SECONDS = 0.01
_LINE_BYTES = 1 << 16


UNPACKER_DIED = "What unpacks the model's archive was killed."


def unpack_model(archive: str, folder: str, limit_bytes: int, stopping: Callable[[], bool]) -> tuple[str, str] | None:
    """Unpack a model's archive into a folder; None, or the reason (EndReason's value) and what is wrong.

    A stop cuts it short, and then there is nothing wrong with it.
    """
    answer, answer_end = os.pipe2(os.O_CLOEXEC)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        namespaces.die_with_parent(parent)
        _unpack(archive, folder, limit_bytes, answer_end)
    os.close(answer_end)
    with open(answer, "rb") as file:
        while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if stopping():
                os.kill(pid, signal.SIGKILL)
            time.sleep(_POLL_SECONDS)
        _, status = os.waitpid(pid, 0)
        problem = file.read().decode(errors="replace")
    if status == 0 or stopping():
        return None
    if os.WIFSIGNALED(status):
        return "machine", UNPACKER_DIED
    problem = problem or "the disk is full or the archive is gone."
    return "transform", f"The model's archive could not be unpacked: {problem}"


def _unpack(archive: str, folder: str, limit_bytes: int, answer: int) -> None:
    from whiteroom.base.archives import ArchiveTooLarge, UnsafeArchive, unpack  # noqa: PLC0415

    try:
        unpack(Path(archive), Path(folder), limit_bytes)
        os._exit(0)
    except ArchiveTooLarge as problem:
        os.write(answer, str(problem).encode())
    except UnsafeArchive:
        # What it says may hold names of files, which a program chose.
        os.write(answer, b"it is damaged, or holds more than plain files.")
    except BaseException as problem:  # noqa: BLE001 - a fork must never return into the supervisor
        os.write(2, f"unpacking: {problem!r}\n".encode())
    os._exit(1)


class Client:
    """The batch transform's client, at work in a process of its own."""

    def __init__(
        self,
        transform: dict[str, Any],
        name: str,
        work: str,
        served: int,
        *,
        host: str = "127.0.0.1",
        enter: Callable[[], None] | None = None,
    ) -> None:
        """Start it.

        Args:
            transform: spec.Transform as plain values.
            name: the instance's.
            work: the folder of what the instance may write.
            served: a process that lives as long as the served program does.
            host: where the program serves.
            enter: called first in the new process, to bring it where it can reach the program.
        """
        self.outcome: tuple[bool, str] | None = None
        """Whether every file was transformed, and why not; None as long as it has not said, also where it died."""
        self.done = False
        """Whether it has said all that it will say."""
        self.output, output_end = os.pipe2(os.O_CLOEXEC)
        self._splitter = LineSplitter(_LINE_BYTES)
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                if enter is not None:
                    enter()
                # After it: the kernel forgets this where the process gains privileges in another namespace.
                namespaces.die_with_parent(parent)
                _serve(transform, name, work, served, host, output_end)
            except BaseException as problem:  # noqa: BLE001 - a fork must never return into the supervisor
                os.write(2, f"transform: {problem!r}\n".encode())
            os._exit(0)
        os.close(output_end)

    def hear(self, note: Callable[[str], None]) -> bool:
        """Take in what the client says; False when it has ended."""
        data = os.read(self.output, 1 << 16)
        for line in self._splitter.feed(data):
            said = json.loads(line)
            if "note" in said:
                note(said["note"])
            else:
                self.outcome = (said["ok"], said["message"])
        return bool(data)

    def stop(self) -> None:
        """Have it end soon."""
        signal_child(self._pid, signal.SIGTERM)

    def close(self) -> None:
        """Have it end now; the supervisor reaps it with everything else."""
        signal_child(self._pid, signal.SIGKILL)
        os.close(self.output)


def _serve(transform: dict[str, Any], name: str, work: str, served: int, host: str, output: int) -> None:
    from whiteroom.runtime.transform.client import run_transform  # noqa: PLC0415
    from whiteroom.runtime.transform.jobs import TransformJob  # noqa: PLC0415

    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    settings = specs.Transform(**transform)

    def say(**message: object) -> None:
        os.write(output, json.dumps(message).encode() + b"\n")

    outcome = run_transform(
        TransformJob(
            input_folder=Path(settings.input_folder),
            output_folder=Path(work, specs.TRANSFORMED).absolute(),
            content_type=settings.content_type,
            header=settings.header,
            accept=settings.accept,
            max_payload_mb=settings.max_payload_mb,
            ready_timeout_seconds=settings.ready_timeout_seconds,
            host=host,
            files=tuple(settings.files[name]),
        ),
        alive=lambda: meters.lives(served),
        stopping=lambda: bool(stopped),
        note=lambda text: say(note=text),
    )
    say(ok=outcome.ok, message=outcome.message)
