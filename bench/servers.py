"""Whiteroom as its users run it: the command line, and a server in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast


def whiteroom(room: Path, *arguments: str) -> str:
    """Run a command on a data folder; its output."""
    command = [sys.executable, "-m", "whiteroom", *arguments, "--data", str(room)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def server(room: Path, core: int | None = None, options: Sequence[str] = ()) -> Iterator[str]:
    """A server on a free port, on one core if told so; its endpoint."""
    command = [sys.executable, "-m", "whiteroom", "up", "--port", "0", "--data", str(room), *options]
    process = subprocess.Popen(on_core(core, command), stdout=subprocess.PIPE, text=True)
    output = cast("IO[str]", process.stdout)
    try:
        line = output.readline()
        yield next(word for word in line.split() if word.startswith("http")).rstrip(".")
    finally:
        process.terminate()
        process.wait(60)
        output.close()


def on_core(core: int | None, command: list[str]) -> list[str]:
    """The command, kept to one core."""
    return command if core is None else ["taskset", "-c", str(core), *command]
