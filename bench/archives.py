"""Figure 4: model.tar.gz of 1 GB, beside Python's tarfile."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.results import Figure, Section
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.data import DataKind, DataRef

GIGABYTE = 10**9
TARGET = 0.1
TARFILE = """
import sys, tarfile, time
started = time.perf_counter()
with tarfile.open(sys.argv[2], "w:gz") as archive:
    archive.add(sys.argv[1], arcname=".")
print(time.perf_counter() - started)
"""


def run() -> Section:
    """One archive each, in turn: a gigabyte takes tarfile most of a minute."""
    with tempfile.TemporaryDirectory() as scratch:
        data, left = FolderData(Path(scratch)), DataRef(DataKind.RUN_OUTPUT, "model")
        model = Path(data.path(left))
        model.mkdir(parents=True)
        generator = np.random.default_rng(7)
        weights = generator.standard_normal(GIGABYTE // 4 - 2_500_000, dtype=np.float32)
        weights.tofile(model / "weights.bin")
        text = b"".join(b'"token %d": %d,\n' % (number, number) for number in range(400_000))
        (model / "vocabulary.json").write_bytes(text[:10_000_000])
        data.pack({"algo-1": left}, DataRef(DataKind.ARTEFACT, "warm", "model.tar.gz"), None)
        started = time.perf_counter()
        packed = data.pack({"algo-1": left}, DataRef(DataKind.ARTEFACT, "m", "model.tar.gz"), None)
        ours = time.perf_counter() - started
        peer_file = Path(scratch) / "peer.tar.gz"
        command = [sys.executable, "-c", TARFILE, str(model), str(peer_file)]
        theirs = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        sizes = packed.size_bytes / 1e6, peer_file.stat().st_size / 1e6
    ratio = ours / theirs
    figure = Figure(
        "model.tar.gz of 1 GB (float32 weights and a little text)",
        f"{ours:.1f} s, {sizes[0]:,.0f} MB",
        f"{theirs:.1f} s, {sizes[1]:,.0f} MB",
        f"{ratio:.3f} of its time",
        f"{TARGET:g}",
        ratio <= TARGET,
    )
    return Section("Artefacts", "`Data.pack`, durable, beside `tarfile.open(..., 'w:gz')`, not synced.", (figure,))
