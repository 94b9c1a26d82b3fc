"""How a channel reaches the program: delivered whole, read in place, and through a pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from bench.lab import GB, Lab, fill, lab
from bench.results import Figure, Section, spread
from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.runs import ChannelMount, InputMode

SIZE_BYTES = 2 * GB
STARTS, READS = 15, 7
DELIVERY_MS, FAST_FILE, OF_READING, OF_CAT = 50.0, 0.95, 0.5, 3.0
CHANNEL = "/opt/ml/input/data/train"

FIRST_LINE = "import time\nprint(time.time_ns(), flush=True)\n"
READ = """
import os, sys, time
path, kind = sys.argv[1], sys.argv[2]
buffer = bytearray(1 << 16)
started = time.perf_counter()
handle = os.open(path, os.O_RDONLY)
if kind == "random":
    import random
    size, step = os.fstat(handle).st_size, 2_147_483_647
    place, view = 1, memoryview(buffer)[:4096]
    started = time.perf_counter()
    for _ in range(400_000):
        place = place * 48_271 % step
        os.preadv(handle, (view,), place % (size // 4096) * 4096)
else:
    while os.readv(handle, (buffer,)):
        pass
print(time.perf_counter() - started, flush=True)
"""


def run() -> Section:
    """Each pair in turn, on a file that the page cache holds."""
    with lab() as room:
        (full, folder), (empty, _) = room.channel("full"), room.channel("empty")
        file = fill(folder / "part-0.csv", SIZE_BYTES)
        reader = room.image(READ)
        figures = (
            _delivery(room, full, empty),
            *(_in_place(room, reader, full, file, kind) for kind in ("sequential", "random")),
            *_piped(room, reader, full, file),
        )
    about = (
        f"A channel of one file of {SIZE_BYTES / GB:g} GB, in the page cache. Delivery: from `Runtime.start` to the "
        f"program's first line, median of {STARTS} runs. Reads: 64 KiB at a time (what a pipe holds by default), or "
        f"4 KiB at random places, by the same program in the sandbox and outside; median of {READS} runs."
    )
    return Section("Channels at the program", about, figures)


def _delivery(room: Lab, full: DataRef, empty: DataRef) -> Figure:
    image = room.image(FIRST_LINE)
    with_it: list[float] = []
    without: list[float] = []
    for turn in range(STARTS + 1):  # the first warms up
        for rows, times in ((full, with_it), (empty, without)):
            started, lines = room.words(image, ChannelMount("train", rows))
            if turn:
                times.append((int(lines[0]) - started) / 1e6)
    more = median(with_it) - median(without)
    return Figure(
        "File mode: first line with 2 GB, beside an empty channel",
        spread(with_it, "ms"),
        spread(without, "ms"),
        f"{more:.1f} ms more",
        f"under {DELIVERY_MS:.0f} ms more",
        more < DELIVERY_MS,
    )


def _in_place(room: Lab, reader: str, rows: DataRef, file: Path, kind: str) -> Figure:
    channel = ChannelMount("train", rows, InputMode.FAST_FILE)
    ours, bare = [], []
    for turn in range(READS + 1):
        inside = _seconds(room, reader, f"{CHANNEL}/{file.name}", kind, channel)
        outside = _bare_seconds(file, kind)
        if turn:
            ours.append(inside)
            bare.append(outside)
    ratio = median(bare) / median(ours)
    return Figure(
        f"FastFile: {kind} reads, beside the same outside",
        spread(ours, "s", 3),
        spread(bare, "s", 3),
        f"{ratio:.2f} of its speed",
        f"{FAST_FILE:g}",
        ratio >= FAST_FILE,
    )


def _piped(room: Lab, reader: str, rows: DataRef, file: Path) -> tuple[Figure, Figure]:
    channel = ChannelMount("train", rows, InputMode.PIPE)
    ours: list[float] = []
    reading: list[float] = []
    cat: list[float] = []
    for turn in range(READS + 1):
        took = (
            _seconds(room, reader, f"{CHANNEL}_0", "sequential", channel),
            _bare_seconds(file, "sequential"),
            _cat_seconds(file),
        )
        if turn:
            for times, seconds in zip((ours, reading, cat), took, strict=True):
                times.append(seconds)
    of_reading, of_cat = median(reading) / median(ours), median(cat) / median(ours)
    return (
        Figure(
            "Pipe: the channel to its end, beside reading the file",
            spread(ours, "s", 3),
            spread(reading, "s", 3),
            f"{of_reading:.2f} of its speed",
            f"{OF_READING:g}",
            of_reading >= OF_READING,
        ),
        Figure(
            "Pipe: the channel to its end, beside `cat` into a FIFO",
            spread(ours, "s", 3),
            spread(cat, "s", 3),
            f"{of_cat:.2f} times its speed",
            f"{OF_CAT:g}",
            of_cat >= OF_CAT,
        ),
    )


def _seconds(room: Lab, reader: str, path: str, kind: str, channel: ChannelMount) -> float:
    return float(room.words(reader, channel, arguments=(path, kind))[1][-1])


def _bare_seconds(path: Path, kind: str) -> float:
    command = [sys.executable, "-c", READ, str(path), kind]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _cat_seconds(file: Path) -> float:
    fifo = file.parent.parent / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["sh", "-c", f"exec cat '{file}' > '{fifo}'"]):
        seconds = _bare_seconds(fifo, "sequential")
    fifo.unlink()
    return seconds
