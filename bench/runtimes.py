"""From `Runtime.start` to the program's first line: the sandbox and Docker, each beside its bare way to start it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench.lab import Lab, lab
from bench.results import Figure, Section, not_measured, spread
from whiteroom.data.folder import FolderData
from whiteroom.runtime.docker.runtime import DockerRuntime

RUNS = 20
_STANDING_BY_SECONDS = 1.0
SANDBOX_MS, DOCKER = 15.0, 1.1
PROGRAM = "import time\nprint(time.time_ns(), flush=True)\n"
IMAGE = "whiteroom-bench:start"
COMMAND = ("python", "/opt/ml/code/train.py")
DOCKER_NAME = "Docker: first line, beside `docker run` of the same image"


def run() -> Section:
    """Each pair in turn."""
    with lab() as room:
        figures = (_sandbox(room), _docker(room))
    about = (
        "From `Runtime.start`, where a supervisor stands by as in a server, to the first line of a program of one "
        f"line. Median of {RUNS} runs. The bare process is of the same Python; `docker run` has no network and is "
        "started from the command line."
    )
    return Section("Runtimes", about, figures)


def _sandbox(room: Lab) -> Figure:
    image = room.image(PROGRAM)
    room.runtime.warm()
    ours, bare = _in_turn(lambda: room.words(image), [sys.executable, "-c", PROGRAM])
    more = median(ours) - median(bare)
    return Figure(
        "Sandbox: first line, beside a bare process",
        spread(ours, "ms"),
        spread(bare, "ms"),
        f"{more:.1f} ms more",
        f"{SANDBOX_MS:.0f} ms more",
        more <= SANDBOX_MS,
    )


def _docker(room: Lab) -> Figure:
    # The tests know how to start an engine, and how to make an image out of this machine's own Python.
    sys.path.append(str(Path("tests").absolute()))
    from contract.runtime.engine import build, engine, import_base  # noqa: PLC0415

    client = shutil.which("docker")
    if client is None:
        return not_measured(DOCKER_NAME, f"{DOCKER:g}", "there is no docker command here (Debian: docker.io)")
    with ExitStack() as held:
        socket, problem = held.enter_context(engine())
        if problem:
            return not_measured(DOCKER_NAME, f"{DOCKER:g}", problem)
        import_base(socket)
        build(socket, IMAGE, {"train.py": PROGRAM})
        runtime = DockerRuntime(room.folder / "docker", FolderData(room.folder / "docker"), socket=socket)
        docker = replace(room, runtime=runtime)
        runtime.warm()
        digest = runtime.image_digest(IMAGE)
        bare = [client, "--host", f"unix://{socket}", "run", "--rm", "--network", "none", IMAGE, *COMMAND]
        ours, theirs = _in_turn(lambda: docker.words(digest, image_uri=IMAGE), bare)
    ratio = median(ours) / median(theirs)
    return Figure(
        DOCKER_NAME,
        spread(ours, "ms", 0),
        spread(theirs, "ms", 0),
        f"{ratio:.2f} times its time",
        f"{DOCKER:g}",
        ratio <= DOCKER,
    )


def _in_turn(ours: Callable[[], tuple[int, list[str]]], bare: list[str]) -> tuple[list[float], list[float]]:
    """Milliseconds to the time that each program printed, ours and bare."""
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(RUNS + 1):  # the first warms up
        started, lines = ours()
        mine = (int(lines[0]) - started) / 1e6
        started = time.time_ns()
        printed = subprocess.run(bare, check=True, capture_output=True, text=True).stdout
        # Until another supervisor stands by.
        time.sleep(_STANDING_BY_SECONDS)
        if turn:
            found[0].append(mine)
            found[1].append((int(printed) - started) / 1e6)
    return found
