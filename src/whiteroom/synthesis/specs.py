"""A synthesis' description and its end, as JSON files: what crosses between the server and the child process."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from whiteroom.domain.queries import ResultFormat
from whiteroom.domain.runs import Phase
from whiteroom.domain.synthetic_data import (
    ColumnType,
    SynthesisCost,
    SynthesisFailure,
    SynthesisObservation,
    SynthesisResult,
    SynthesisSpec,
    SyntheticColumn,
    SyntheticDataParameters,
)
from whiteroom.processes.children import write_json

SPEC = "spec.json"
END = "end.json"
SPILL = "spill"
"""Names inside a synthesis' folder."""


def partial_folder(spec: SynthesisSpec) -> Path:
    """Where the synthetic rows grow until they are whole."""
    return spec.folder.with_name(f".{spec.folder.name}.{spec.id}.synthetic.partial")


def write_spec(path: Path, spec: SynthesisSpec) -> None:
    """Record a synthesis before it starts."""
    write_json(path, asdict(spec) | {"source": str(spec.source), "folder": str(spec.folder)})


def read_spec(path: Path) -> SynthesisSpec:
    """The synthesis recorded by `write_spec`."""
    document = json.loads(path.read_text(encoding="utf-8"))
    parameters = document["parameters"]
    columns = tuple(
        SyntheticColumn(column["name"], ColumnType(column["type"]), column["is_predictive_value"])
        for column in parameters["columns"]
    )
    document |= {
        "source": Path(document["source"]),
        "folder": Path(document["folder"]),
        "result_format": ResultFormat(document["result_format"]),
        "parameters": SyntheticDataParameters(parameters["epsilon"], parameters["max_score"], columns),
    }
    return SynthesisSpec(**document)


def write_end(path: Path, end: SynthesisObservation) -> None:
    """Record how a synthesis ended."""
    failure = None if end.failure is None else end.failure.value
    cost = None if end.cost is None else asdict(end.cost)
    result = None if end.result is None else asdict(end.result)
    write_json(path, {"result": result, "failure": failure, "message": end.message, "cost": cost})


def read_end(path: Path) -> SynthesisObservation | None:
    """How the synthesis ended; None while nothing is recorded."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    result, failure = document["result"], document["failure"]
    return SynthesisObservation(
        Phase.ENDED,
        None if result is None else SynthesisResult(**(result | {"files": tuple(result["files"])})),
        None if failure is None else SynthesisFailure(failure),
        document["message"],
        None if document["cost"] is None else SynthesisCost(**document["cost"]),
    )


def failed(failure: SynthesisFailure, message: str, cost: SynthesisCost | None = None) -> SynthesisObservation:
    """The end without rows."""
    return SynthesisObservation(Phase.ENDED, None, failure, message, cost)
