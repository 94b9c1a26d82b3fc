"""Sealed files beside plain ones: making a channel, and having 2 GB there for a start in File mode."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil

from bench.channels import made, write_tables
from bench.results import Figure, Section, not_measured, spread
from whiteroom.base.trees import remove_tree
from whiteroom.data.folder import FolderData
from whiteroom.data.s3.seals import Seal, SealedAs
from whiteroom.data.sealed.data import SealedData
from whiteroom.data.sealed.memory import NotPrivate, open_memory
from whiteroom.data.sealed.shelf import Shelf
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.queries import ResultFormat
from whiteroom.keys.local import LocalRing

RUNS = 3
CHANNEL_TARGET = 1.1
START_BYTES = 2 * 10**9
START_TARGET_SECONDS = 2.0
"""As 1 GB/s."""
_MAKING = "Making a channel of a 10-million-row join, as Parquet, until it is kept"
_STARTING = "2 GB of a channel there for a start in File mode"


def run() -> Section:
    """Sealed and plain in turn."""
    about = (
        f'files = "sealed" beside files = "plain", on the same disk; opened bytes in /dev/shm. Median of {RUNS} runs. '
        "A plain channel is there at once."
    )
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as scratch, _memory() as memory:
        if problem := _problem(memory):
            targets = ((_MAKING, f"{CHANNEL_TARGET:g}"), (_STARTING, f"{START_TARGET_SECONDS:g} s more"))
            return Section("Sealed files", about, tuple(not_measured(*target, problem) for target in targets))
        folder = Path(scratch)
        seal = Seal(
            LocalRing(folder / "master.key", lambda: True), lambda _: SealedAs("bench", "arn"), takes_plain=False
        )
        sealed = SealedData(folder, Shelf(folder / "sealed"), seal, memory, 10**12, frozenset, adopts=False)
        return Section("Sealed files", about, (_making(folder, sealed), _starting(sealed, memory)))


@contextmanager
def _memory() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="whiteroom-bench-", dir="/dev/shm"))
    try:
        yield folder
    finally:
        remove_tree(folder)


def _problem(memory: Path) -> str:
    try:
        open_memory(memory)
    except NotPrivate as error:
        return str(error)
    return ""


def _making(folder: Path, sealed: SealedData) -> Figure:
    write_tables(folder)
    cpus, memory = os.cpu_count() or 1, psutil.virtual_memory().total // 4
    ours, theirs = [], []
    for turn in range(RUNS + 1):  # the first warms the page cache
        pair = [made(folder, ResultFormat.PARQUET, cpus, memory, data)[0] for data in (sealed, FolderData(folder))]
        if turn:
            ours.append(pair[0])
            theirs.append(pair[1])
    ratio = median(ours) / median(theirs)
    told = f"{ratio:.2f} times its time"
    return Figure(
        _MAKING, spread(ours, "s", 2), spread(theirs, "s", 2), told, f"{CHANNEL_TARGET:g}", ratio <= CHANNEL_TARGET
    )


def _starting(sealed: SealedData, memory: Path) -> Figure:
    ref = DataRef(DataKind.CHANNEL, "rows")
    rows = Path(sealed.path(ref))
    rows.mkdir(parents=True)
    piece = os.urandom(1 << 20)
    with (rows / "part-00000.csv").open("wb") as out:
        for _ in range(START_BYTES >> 20):
            out.write(piece)
    sealed.keep(ref)
    seconds = []
    for _ in range(RUNS):
        remove_tree(rows)
        remove_tree(memory / "state" / "notes")
        began = time.perf_counter()
        sealed.bring(ref)
        seconds.append(time.perf_counter() - began)
    more = median(seconds)
    target = f"{START_TARGET_SECONDS:g} s more"
    return Figure(_STARTING, spread(seconds, "s", 2), "0 s", f"{more:.2f} s more", target, more <= START_TARGET_SECONDS)
