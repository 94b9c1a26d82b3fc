"""A synthesis' description and its end, as JSON files: what crosses between the server and the child process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from whiteroom.base.documents import from_document
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.execution.synthetic_data import (
    SynthesisCost,
    SynthesisFailure,
    SynthesisObservation,
    SynthesisSpec,
)
from whiteroom.processes.children import write_json

SPEC = "spec.json"
END = "end.json"
SPILL = "spill"
"""Names inside a synthesis' folder."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where on this machine a synthesis works, and where real and synthetic rows are."""

    work: Path
    """Its own, by its id."""
    source: Path
    rows: Path

    @property
    def partial(self) -> Path:
        """Where the synthetic rows grow until they are whole."""
        return self.rows.with_name(f".{self.rows.name}.{self.work.name}.synthetic.partial")


def write_spec(spec: SynthesisSpec, folders: Folders) -> None:
    """Record a synthesis before it starts."""
    places = {"source": str(folders.source), "folder": str(folders.rows)}
    write_json(folders.work / SPEC, {"spec": asdict(spec), **places})


def read_folders(work: Path) -> Folders:
    """Those of the synthesis recorded by `write_spec`."""
    document = json.loads((work / SPEC).read_text(encoding="utf-8"))
    return Folders(work, Path(document["source"]), Path(document["folder"]))


def read_spec(work: Path) -> SynthesisSpec:
    """The synthesis recorded by `write_spec`."""
    return from_document(SynthesisSpec, json.loads((work / SPEC).read_text(encoding="utf-8"))["spec"])


def write_end(path: Path, end: SynthesisObservation) -> None:
    """Record how a synthesis ended."""
    write_json(path, asdict(end))


def read_end(path: Path) -> SynthesisObservation | None:
    """How the synthesis ended; None while nothing is recorded."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    # An earlier release wrote no phase.
    return from_document(SynthesisObservation, {"phase": Phase.ENDED, **document})


def failed(failure: SynthesisFailure, message: str, cost: SynthesisCost | None = None) -> SynthesisObservation:
    """The end without rows."""
    return SynthesisObservation(Phase.ENDED, None, failure, message, cost)
