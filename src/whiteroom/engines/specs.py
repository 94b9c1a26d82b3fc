"""A query's description and its end, as JSON files: what crosses between the server and the child process."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from whiteroom.base.documents import from_document
from whiteroom.domain.differential_privacy import Bill, PrivacyPolicy, bill_of
from whiteroom.domain.judgements import judgement_in, kept
from whiteroom.domain.queries import (
    CatalogTable,
    Column,
    FileFormat,
    QueryFailure,
    QueryObservation,
    QueryResult,
    QuerySpec,
    QueryTable,
    QueryUse,
    ResultFormat,
)
from whiteroom.domain.query_facts import Judgement
from whiteroom.domain.runs import Phase
from whiteroom.processes.children import write_json

SPEC = "spec.json"
END = "end.json"
BILL = "bill.json"
JUDGEMENT = "judgement.json"
SPILL = "spill"
"""Names inside a query's folder."""


def partial_folder(spec: QuerySpec) -> Path:
    """Where the result grows until it is whole."""
    return spec.folder.with_name(f".{spec.folder.name}.{spec.id}.partial")


def write_spec(path: Path, spec: QuerySpec) -> None:
    """Record a query before it starts."""
    write_json(path, asdict(spec) | {"folder": str(spec.folder)})


def read_spec(path: Path) -> QuerySpec:
    """The query recorded by `write_spec`."""
    document = json.loads(path.read_text(encoding="utf-8"))
    document["tables"] = tuple(_table(table) for table in document["tables"])
    document["result_format"] = ResultFormat(document["result_format"])
    document["folder"] = Path(document["folder"])
    document["receiver_account_ids"] = tuple(document["receiver_account_ids"])
    document["other_tables"] = tuple(document.get("other_tables", ()))
    return QuerySpec(**document)


def _table(document: dict[str, Any]) -> QueryTable:
    source = document["source"]
    catalog_table = CatalogTable(
        files=tuple(source["files"]),
        format=FileFormat(source["format"]),
        columns=tuple(Column(**column) for column in source["columns"]),
    )
    policy = document.get("privacy")
    return QueryTable(
        **(
            document
            | {"source": catalog_table, "allowed_columns": tuple(document["allowed_columns"])}
            | {"privacy": None if policy is None else PrivacyPolicy(**policy)}
        ),
    )


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


def write_end(path: Path, end: QueryResult | QueryFailure, message: str = "", disagreement: str = "") -> None:
    """Record how a query ended; what its two judges disagreed on is for the operator."""
    if isinstance(end, QueryResult):
        write_json(path, {"result": asdict(end)})
    else:
        write_json(path, {"failure": end.value, "message": message, "disagreement": disagreement})


def read_end(path: Path) -> QueryObservation | None:
    """How the query ended; None while nothing is recorded."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if "result" in document:
        result = document["result"] | {key: tuple(document["result"][key]) for key in ("files", "tables", "privacy")}
        result["use"] = None if result.get("use") is None else from_document(QueryUse, result["use"])
        return QueryObservation(Phase.ENDED, QueryResult(**result))
    failure, message = QueryFailure(document["failure"]), document["message"]
    return QueryObservation(Phase.ENDED, None, failure, message, disagreement=document.get("disagreement", ""))
