"""Figure 9: what a classifier learns from synthetic rows, beside what it learns from the real ones."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import psutil
from sklearn.metrics import roc_auc_score

from bench.results import Figure, Section, spread
from whiteroom.data.folder import FolderData
from whiteroom.demo.data import write_tables
from whiteroom.demo.story import JOINT
from whiteroom.demo.telling import ALGORITHM
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.queries import ResultFormat
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.execution.synthetic_data import (
    ColumnType,
    SynthesisObservation,
    SynthesisSpec,
    SyntheticColumn,
    SyntheticDataParameters,
)
from whiteroom.synthesis.synthesiser import LocalSynthesiser

TARGETS = {10.0: 0.8, 1.0: 0.7}
"""By epsilon: how much is to be kept of what a classifier that learned from real rows does better than chance."""
RUNS = 3
LABEL = "late"
CATEGORICAL = {"hour", "carrier", "origin", "dest", "weekday", LABEL}
SETTINGS: dict[str, Any] = {
    "n_estimators": 60, "learning_rate": 0.1, "max_depth": 4, "min_samples_leaf": 200, "max_features": 6,
    "subsample": 0.2,
}  # fmt: skip
"""As the demo's algorithm trains by default, with more trees."""


def run() -> Section:
    """Each epsilon several times: noise is drawn anew."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as scratch:
        folder = Path(scratch)
        rows, real = _real(folder)
        figures = tuple(_epsilon(folder, rows, real, epsilon, target) for epsilon, target in TARGETS.items())
    about = (
        "The demo's data: flights of January to September joined with the weather, and the area under the ROC curve "
        "(AUC) of the demo's classifier on December's flights, where it learned from synthetic rows, beside the same "
        "classifier where it learned from the real ones. The ratio is of what is above 0.5, a coin's. Median of "
        f"{RUNS} runs, each with noise of its own; seconds from `Synthesiser.start` to the end, the attack included."
    )
    return Section("Synthetic data", about, figures)


def _real(folder: Path) -> tuple[int, float]:
    """Write the rows to learn from and December's; how many, and the AUC of what learns from the real ones."""
    flights, weather = write_tables(folder / "tables")
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW flights AS FROM '{flights}'")
        connection.execute(f"CREATE VIEW weather AS FROM '{weather}'")
        for name, (first, last) in {"real": (1, 9), "december": (12, 12)}.items():
            (folder / name).mkdir()
            query = JOINT.format(first=first, last=last)
            connection.execute(f"COPY ({query}) TO '{folder / name}/part-00000.csv' (FORMAT csv, HEADER)")
        kept = f"COPY ({JOINT.format(first=1, last=9)}) TO '{folder}/real.parquet' (FORMAT parquet)"
        counted = connection.execute(kept).fetchone()
    return int(counted[0]) if counted else 0, _auc(folder, folder / "real")


def _epsilon(folder: Path, rows: int, real: float, epsilon: float, target: float) -> Figure:
    aucs, seconds, scores = [], [], []
    for turn in range(RUNS):
        took, seen = _synthesised(folder, epsilon, f"{epsilon:g}-{turn}")
        if seen.result is None or seen.cost is None:
            raise SystemExit(f"No synthetic rows at epsilon {epsilon:g}: {seen.message}")
        aucs.append(_auc(folder, folder / "channels" / f"{epsilon:g}-{turn}"))
        seconds.append(took)
        scores.append(seen.cost.score)
    kept = (sorted(aucs)[RUNS // 2] - 0.5) / (real - 0.5)
    return Figure(
        f"{rows:,} rows, epsilon {epsilon:g}; {spread(seconds, 's')}; attack's score {max(scores):.2f}",
        spread(aucs, "AUC", 3),
        f"{real:.3f} AUC",
        f"{kept:.0%} kept",
        f"{target:.0%}",
        kept >= target,
    )


def _synthesised(folder: Path, epsilon: float, name: str) -> tuple[float, SynthesisObservation]:
    synthesiser, source = LocalSynthesiser(folder, FolderData(folder)), folder / "originals" / name
    source.mkdir(parents=True)
    shutil.copy(folder / "real.parquet", source / "part-00000.parquet")
    (folder / "channels").mkdir(exist_ok=True)
    with duckdb.connect() as connection:
        described = connection.execute(f"DESCRIBE FROM '{folder}/real.parquet'").fetchall()
    columns = tuple(
        SyntheticColumn(
            column, ColumnType.CATEGORICAL if column in CATEGORICAL else ColumnType.NUMERICAL, column == LABEL
        )
        for column, *_ in described
    )
    spec = SynthesisSpec(
        id=name.replace(".", "-"),
        source=DataRef(DataKind.ORIGINAL, name),
        target=DataRef(DataKind.CHANNEL, name),
        parameters=SyntheticDataParameters(epsilon, 1.0, columns),
        result_format=ResultFormat.CSV,
        csv_header=True,
        max_file_bytes=10**9,
        memory_bytes=psutil.virtual_memory().total // 4,
        cpus=os.cpu_count() or 1,
        timeout_seconds=600,
    )
    began = time.perf_counter()
    synthesiser.start(spec)
    while (seen := synthesiser.observe(spec.id)).phase is not Phase.ENDED:
        time.sleep(0.02)
    return time.perf_counter() - began, seen


def _auc(folder: Path, learned_from: Path) -> float:
    """The AUC on December of the demo's classifier."""
    sys.path.insert(0, str(ALGORITHM))
    late = importlib.import_module("late")  # the demo's algorithm is a folder of its own
    frame = late.read_channel(learned_from)
    model = late.LateModel(frame, **SETTINGS)
    model.fit(frame)
    december = late.read_channel(folder / "december")
    return float(roc_auc_score(december[LABEL], model.probability(december)))
