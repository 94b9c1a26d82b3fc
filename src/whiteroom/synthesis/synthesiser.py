"""Makes synthetic rows of a query's rows: one child process for each, as engines/duckdb/engine.py has for queries.

A synthesis' folder (`syntheses/ID`) holds all there is to know of it. The real rows are in `Folders.source`; the
child erases them as soon as it has written down how it ended, and so does whoever stops or forgets it.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.execution.synthetic_data import (
    NO_SYNTHESIS,
    SynthesisFailure,
    SynthesisObservation,
    SynthesisSpec,
)
from whiteroom.ports.data import LocalData
from whiteroom.processes.children import child_folder, child_ids, killed, locked, make_child_folder, spawn
from whiteroom.processes.spending import read_spent
from whiteroom.synthesis.specs import (
    END,
    SPEC,
    SPILL,
    Folders,
    failed,
    read_end,
    read_folders,
    write_end,
    write_spec,
)

_RUNNING = SynthesisObservation(Phase.RUNNING)


def is_installed() -> bool:
    """Whether the packages are there that make synthetic rows."""
    return all(importlib.util.find_spec(name) is not None for name in ("numpy", "opendp"))


class LocalSynthesiser:
    """Implements ports.Synthesiser. Any number of them, in any number of processes, may share a folder."""

    def __init__(self, folder: Path, data: LocalData) -> None:
        """Keep syntheses below `folder`, and rows where `data` says."""
        self._data = data
        self._syntheses = folder.resolve() / "syntheses"
        self._syntheses.mkdir(parents=True, exist_ok=True, mode=0o700)

    def start(self, spec: SynthesisSpec) -> None:
        """Start the synthesis unless it runs or has ended."""
        folder = child_folder(self._syntheses, spec.id)
        make_child_folder(folder)
        with locked(folder) as lock:
            if lock is None or read_end(folder / END) is not None:
                return
            folders = Folders(folder, *(Path(self._data.path(ref)) for ref in (spec.source, spec.target)))
            shutil.rmtree(folders.partial, ignore_errors=True)
            write_spec(spec, folders)
            spawn(folder, lock, "whiteroom.synthesis.child", environment=_threads(spec.cpus))

    def observe(self, synthesis_id: str) -> SynthesisObservation:
        """What the synthesis is doing now."""
        folder = child_folder(self._syntheses, synthesis_id)
        if not folder.is_dir():
            return NO_SYNTHESIS
        with locked(folder) as lock:
            seen = _RUNNING if lock is None else read_end(folder / END) or NO_SYNTHESIS
        return replace(seen, spent=read_spent(folder))

    def stop(self, synthesis_id: str) -> None:
        """Kill the synthesis and erase the real rows; one that has ended keeps its end."""
        folder = child_folder(self._syntheses, synthesis_id)
        with killed(folder) as dead:
            if dead and read_end(folder / END) is None:
                write_end(folder / END, failed(SynthesisFailure.STOPPED, "The synthesis was stopped."))
            if dead and (folder / SPEC).exists():
                erase_traces(read_folders(folder))

    def forget(self, synthesis_id: str) -> None:
        """Kill the synthesis and free what it holds."""
        self.stop(synthesis_id)
        shutil.rmtree(child_folder(self._syntheses, synthesis_id), ignore_errors=True)

    def syntheses(self) -> Iterable[str]:
        """Every synthesis that still has a folder, in the order of their names."""
        return child_ids(self._syntheses)


def erase_traces(folders: Folders) -> None:
    """Erase the real rows, and whatever of the synthetic ones is not whole."""
    for path in (folders.source, folders.partial, folders.work / SPILL):
        if path.exists():
            shutil.rmtree(path)


def _threads(cpus: int) -> dict[str, str]:
    """What keeps numerical libraries to the processors that a synthesis may use."""
    return {"OMP_NUM_THREADS": str(cpus), "OPENBLAS_NUM_THREADS": str(cpus)}
