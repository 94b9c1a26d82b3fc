"""A query's description and its end, as JSON files: what crosses between the server and the child process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from whiteroom.base.documents import from_document
from whiteroom.domain.execution.queries import QueryFailure, QueryObservation, QueryResult, QuerySpec
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.privacy.differential_privacy import Bill, bill_of
from whiteroom.domain.privacy.judgements import judgement_in, kept
from whiteroom.domain.privacy.query_facts import Judgement
from whiteroom.processes.children import write_json

SPEC = "spec.json"
END = "end.json"
BILL = "bill.json"
JUDGEMENT = "judgement.json"
SPILL = "spill"
TABLES = "tables"
HELD = "held"
"""Names inside a query's folder."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where on this machine a query works, and where its rows come to be."""

    work: Path
    """Its own, by its id."""
    rows: Path

    @property
    def partial(self) -> Path:
        """Where the result grows until it is whole."""
        return self.rows.with_name(f".{self.rows.name}.{self.work.name}.partial")


def write_spec(spec: QuerySpec, folders: Folders) -> None:
    """Record a query before it starts."""
    write_json(folders.work / SPEC, asdict(spec) | {"folder": str(folders.rows)})


def read_folders(work: Path) -> Folders:
    """Those of the query recorded by `write_spec`."""
    return Folders(work, Path(json.loads((work / SPEC).read_text(encoding="utf-8"))["folder"]))


def read_spec(work: Path) -> QuerySpec:
    """The query recorded by `write_spec`."""
    return from_document(QuerySpec, json.loads((work / SPEC).read_text(encoding="utf-8")))


def write_bill(path: Path, bill: Bill) -> None:
    """Record what the query costs: before it reads a row, so that no end of it goes unpaid."""
    write_json(path, asdict(bill))


def read_bill(path: Path) -> Bill | None:
    """What the query costs; None where that is nothing, or not known yet."""
    try:
        return bill_of(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def write_judgement(path: Path, judgement: Judgement) -> None:
    """Record how the query was judged: before it reads a row, so that it can be judged again while it runs."""
    write_json(path, dict(kept(judgement)))


def read_judgement(path: Path) -> Judgement | None:
    """How the query was judged; None before it was."""
    try:
        return judgement_in(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


@dataclass(frozen=True, slots=True)
class End:
    """How a query ended."""

    outcome: QueryResult | QueryFailure
    message: str = ""
    """Where it failed."""
    disagreement: str = ""
    """What its two judges disagreed on; for the operator."""
    for_owners: Mapping[str, str] = field(default_factory=dict)
    """Why tables could not be read, by their associations' ids; each for its owner."""


def write_end(path: Path, end: End) -> None:
    """Record how a query ended."""
    if isinstance(end.outcome, QueryResult):
        write_json(path, {"result": asdict(end.outcome)})
    else:
        details = {"message": end.message, "disagreement": end.disagreement, "forOwners": dict(end.for_owners)}
        write_json(path, {"failure": end.outcome.value, **details})


def read_end(path: Path) -> QueryObservation | None:
    """How the query ended; None while nothing is recorded."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if "result" in document:
        return QueryObservation(Phase.ENDED, from_document(QueryResult, document["result"]))
    failure, message = QueryFailure(document["failure"]), document["message"]
    return QueryObservation(
        Phase.ENDED,
        None,
        failure,
        message,
        disagreement=document.get("disagreement", ""),
        for_owners=document.get("forOwners", {}),
    )
