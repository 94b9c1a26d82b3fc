"""Queries for an engine: SQL over members' tables, with everything needed to judge and run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.execution.spending import NOTHING_SPENT, Spent
from whiteroom.domain.privacy.differential_privacy import Bill
from whiteroom.domain.privacy.query_facts import Judgement
from whiteroom.domain.privacy.query_tables import QueryTable


class ResultFormat(StrEnum):
    """How a channel's rows are written (ResultFormat)."""

    CSV = "CSV"
    """With a header where the request says so."""
    PARQUET = "PARQUET"
    """With Spark's types."""


@dataclass(frozen=True, slots=True)
class QuerySpec:
    """One query, described whole: who asks, what for, over what, and where its rows go."""

    id: str
    """The protected query's UUID."""
    sql: str
    """Spark SQL, as the member wrote it."""
    parameters: Mapping[str, str]
    """Values of the template's `:name` placeholders, with defaults filled in."""
    parameter_types: Mapping[str, str]
    """Their declared types; empty for a query without a template."""
    template_arn: str | None
    querier_account_id: str
    algorithm_association_arn: str | None
    """The configured model algorithm association the rows are for; None for a direct query."""
    tables: tuple[QueryTable, ...]
    """Every table associated to the collaboration."""
    result_format: ResultFormat
    target: DataRef
    """Takes the files of rows; they appear together or not at all."""
    csv_header: bool
    max_file_bytes: int
    """A result up to this is one file; above it, several (docs/sources.md, Where AWS is silent)."""
    memory_bytes: int
    cpus: int
    timeout_seconds: int
    receiver_account_ids: tuple[str, ...] = ()
    """Who receives the rows of a direct query; nobody receives those of a channel."""
    epsilon_left: str = "0"
    """What is left of the collaboration's budget of differential privacy, as a fraction."""
    other_tables: tuple[str, ...] = ()
    """Names of the collaboration's tables that the text does not name: for the sentence about one that is not there."""
    max_result_bytes: int = 1 << 62
    """A result of more is not kept."""
    measured: bool = False
    """Whether the rows of the tables that it reads are to be counted (domain/observability/analysis_metrics.py)."""


class QueryFailure(StrEnum):
    """Why a query ended without a result."""

    REFUSED = "refused"
    """The guard said no: the message is the reason, safe for the querier."""
    INVALID = "invalid"
    """The engine could not run it: the SQL names what is not there, or types do not fit."""
    DATA = "data"
    """A table's files are broken or gone; the message names table, file and line, not the row's contents."""
    RESOURCES = "resources"
    """It needed more memory, or gave more bytes, than it may."""
    TIMEOUT = "timeout"
    """It took longer than it may."""
    STOPPED = "stopped"
    """It was ended because nobody wants it any more."""
    PLATFORM = "platform"
    """A fault of ours, or of the machine."""
    AGAIN = "again"
    """A table that is elsewhere changed while it was brought, or could not be reached: it may be had another time."""


@dataclass(frozen=True, slots=True)
class TableRead:
    """A table that a query read: how large it is as a whole, whatever the query took of it."""

    association_id: str
    rows: int
    files: int
    columns: tuple[str, ...]
    """Types of the columns that the query reads, in Spark SQL's spelling."""


@dataclass(frozen=True, slots=True)
class QueryUse:
    """What a query read and used."""

    seconds: float
    """From its judgement to its last row."""
    cpus: int
    """What it was granted; and so with memory."""
    cpu_seconds: float
    memory_bytes: int
    peak_memory_bytes: int
    tables: tuple[TableRead, ...] | None = None
    """None where nobody asked for it, or it would take too long to count."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a query wrote."""

    rows: int
    files: tuple[str, ...]
    """Names below `QuerySpec.target`, in order; none is empty."""
    size_bytes: int
    tables: tuple[str, ...]
    """Names of the associations that the query read."""
    privacy: tuple[Mapping[str, Any], ...] = ()
    """DifferentialPrivacySensitivityParameters, where the result is noisy."""
    use: QueryUse | None = None


@dataclass(frozen=True, slots=True)
class QueryObservation:
    """What is seen of a query now. Once ended, it has either a result or a failure."""

    phase: Phase
    result: QueryResult | None = None
    failure: QueryFailure | None = None
    message: str = ""
    spent: Spent = NOTHING_SPENT
    """What all its processes took of the machine so far."""
    bill: Bill | None = None
    """What the query costs of a budget of differential privacy: there before it reads a row, and ever after."""
    disagreement: str = ""
    """For the operator: what the engine's binder found in the query and the guard had not; no row was read then."""
    judgement: Judgement | None = None
    """How the query was judged: there before it reads a row, and ever after."""
    for_owners: Mapping[str, str] = field(default_factory=dict)
    """Why tables could not be read, by the ids of their associations: each for the table's owner alone."""
