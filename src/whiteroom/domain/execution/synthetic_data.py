"""Synthetic data: what is asked for, what it may cost, when it may be kept, and what is seen of its making.

A template with `syntheticDataParameters` fills channels with synthetic rows and nothing else. Sources: the shapes
MLSyntheticDataParameters and SyntheticDataConfiguration (botocore 1.44.5), and the user guide's pages
synthetic-data-generation and considerations-for-data-generation. AWS names neither mechanism nor delta nor formula of
its score: ours are here, in decision 0019 and in docs/privacy.md. What makes the rows: synthesis/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, floor, sqrt
from typing import Any

from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.queries import ResultFormat
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.execution.spending import NOTHING_SPENT, Spent
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict

ATTACK_VERSION = "DISTANCE_TO_CLOSEST_RECORD_V1"

CONVERSION_DELTA = 5e-10
"""Of turning what was spent, in zero-concentrated differential privacy, into epsilon."""
KEYS_DELTA = 5e-10
"""Of all categorical columns together: that a value is shown which only one row has."""
DELTA = CONVERSION_DELTA + KEYS_DELTA

TOTAL_SHARE = 0.02
COLUMNS_SHARE = 0.13
PAIRS_SHARE = 0.30
CHOICES_SHARE = 0.10
TRIPLES_SHARE = 0.40
SCORE_SHARE = 0.05
"""What the budget is spent on: the number of rows, which values each column has, each column with the predicted
one, which pairs of columns belong together, those pairs with the predicted one; and the attack's score."""

HELD_OUT_SHARE = 0.1
"""Of the rows: drawn at random, and never learned from. The attack must distinguish them from the others."""
MIN_ROWS = 500
"""Rows, as counted with noise, below which nothing is made."""
MAX_CELLS = 200_000_000
"""Of a query's result, rows times columns: they are held in memory."""


class ColumnType(StrEnum):
    """SyntheticDataColumnType."""

    CATEGORICAL = "CATEGORICAL"
    """One of some values."""
    NUMERICAL = "NUMERICAL"
    """A number."""


@dataclass(frozen=True, slots=True)
class SyntheticColumn:
    """One entry of columnMapping."""

    name: str
    type: ColumnType
    is_predictive_value: bool


@dataclass(frozen=True, slots=True)
class SyntheticDataParameters:
    """MLSyntheticDataParameters of a template."""

    epsilon: float
    max_score: float
    """maxMembershipInferenceAttackScore."""
    columns: tuple[SyntheticColumn, ...]

    @classmethod
    def parse(cls, synthetic_data_parameters: Mapping[str, Any]) -> SyntheticDataParameters:
        """What SyntheticDataParameters of the service model say."""
        ml = synthetic_data_parameters["mlSyntheticDataParameters"]
        return cls(
            epsilon=float(ml["epsilon"]),
            max_score=float(ml["maxMembershipInferenceAttackScore"]),
            columns=tuple(
                SyntheticColumn(
                    column["columnName"], ColumnType(column["columnType"]), bool(column["isPredictiveValue"])
                )
                for column in ml["columnClassification"]["columnMapping"]
            ),
        )


def parameters_fit(synthetic_data_parameters: Mapping[str, Any] | None) -> Verdict:
    """Whether a template may ask for this. What the service model constrains has been checked."""
    if synthetic_data_parameters is None:
        return ALLOWED
    if "mlSyntheticDataParameters" not in synthetic_data_parameters:
        return Denied("syntheticDataParameters must have mlSyntheticDataParameters.")
    parameters = SyntheticDataParameters.parse(synthetic_data_parameters)
    names = [column.name for column in parameters.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        return Denied(f"columnMapping has the column '{twice[0]}' more than once. Classify each column once.")
    predictive = [column.name for column in parameters.columns if column.is_predictive_value]
    if len(predictive) > 1:
        return Denied(
            f"columnMapping has more than one isPredictiveValue: {', '.join(predictive)}. "
            "Name the one column that models are to predict."
        )
    return ALLOWED


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of the query's result; its type as DuckDB spells it (`BIGINT`, `DECIMAL(10,2)`)."""

    name: str
    type: str


_WHOLE = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"})
_FRACTIONAL = frozenset({"FLOAT", "DOUBLE", "DECIMAL"})
_CATEGORICAL = _WHOLE | _FRACTIONAL | {"VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"}


def is_whole(column: ResultColumn) -> bool:
    """Whether the column holds whole numbers."""
    return _base_type(column) in _WHOLE


def mapping_fits(columns: Sequence[ResultColumn], mapped: Sequence[SyntheticColumn]) -> Verdict:
    """Whether columnMapping classifies exactly the query's output, by its name, as what it can be."""
    names = [column.name.lower() for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        return Denied(f"The query's output has more than one column '{twice[0]}'. Give each a name of its own (AS).")
    found = dict(zip(names, columns, strict=True))
    wanted = {column.name.lower(): column for column in mapped}
    unmapped = [column.name for column in columns if column.name.lower() not in wanted]
    if unmapped:
        return Denied(
            f"The query's output has the column '{unmapped[0]}', which the template's columnMapping does not classify. "
            "Add it there, in a new template, or leave it out of the query."
        )
    missing = [column.name for column in mapped if column.name.lower() not in found]
    if missing:
        return Denied(
            f"The template's columnMapping names '{missing[0]}', which the query's output does not have. "
            "Give a column of the output that name (AS), or leave it out of the mapping."
        )
    for name, column in wanted.items():
        refusal = _type_refusal(found[name], column)
        if refusal:
            return Denied(refusal)
    return ALLOWED


def _type_refusal(found: ResultColumn, wanted: SyntheticColumn) -> str:
    kind = _base_type(found)
    if wanted.type is ColumnType.NUMERICAL and kind not in _WHOLE | _FRACTIONAL:
        return (
            f"The column '{found.name}' is classified as NUMERICAL and has the type {kind}. Make a number of it in the "
            "query, such as CAST(... AS DOUBLE) or datediff(...), or classify it as CATEGORICAL."
        )
    if wanted.type is ColumnType.CATEGORICAL and kind not in _CATEGORICAL:
        return (
            f"The column '{found.name}' has the type {kind}, of which no synthetic values are made. "
            "Make text or a number of it in the query, or leave it out."
        )
    return ""


def _base_type(column: ResultColumn) -> str:
    if column.type.endswith("]"):
        return "ARRAY"
    return column.type.split("(")[0]


def enough_rows(rows: float, sigma: float) -> Verdict:
    """Whether so many rows, counted with noise of standard deviation `sigma`, are enough to learn from."""
    if rows >= max(MIN_ROWS, 10 * sigma):
        return ALLOWED
    return Denied(
        f"The query's output has too few rows for synthetic data at this epsilon: it takes {MIN_ROWS:,}, and so many "
        "that noise does not drown them. Have the query give more rows."
    )


class TooFewRows(Exception):
    """Noise would drown the rows. The message says what to do."""


class Unlearnable(Exception):
    """Hardly anything of a column can be distinguished from noise."""

    def __init__(self, column: str) -> None:
        super().__init__(
            f"The column '{column}' cannot be learned at this epsilon: hardly any value of it is that of many rows. "
            "Group or round its values in the query, or leave it out."
        )


CONFIDENCE = 1.96
"""Standard deviations about the noisy score, within which that of rows without end is, 95 times in 100."""


@dataclass(frozen=True, slots=True)
class AttackScore:
    """What members read about an attack: the noisy score, and its interval, each with two digits."""

    score: float
    low: float
    high: float


def rounded_score(noisy: float, members: int, strangers: int, sigma: float) -> AttackScore:
    """A score as members read it, and as it is judged. Nothing here comes from real rows without noise.

    Args:
        noisy: the score with its noise.
        members: how many rows that were learned from the attacker had.
        strangers: how many that were not.
        sigma: the standard deviation of the noise.

    Source of the variance by chance: Hanley and McNeil, The meaning and use of the area under a ROC curve (1982).
    """
    score = min(1.0, max(0.0, noisy))
    both, neither = score / (2 - score), 2 * score**2 / (1 + score)
    chance = score * (1 - score) + (members - 1) * (both - score**2) + (strangers - 1) * (neither - score**2)
    apart = CONFIDENCE * sqrt(max(0.0, chance) / (members * strangers) + sigma**2)
    low, high = max(0.0, noisy - apart), min(1.0, noisy + apart)
    return AttackScore(
        round(score, 2), min(1.0, floor(round(low * 100, 6)) / 100), max(0.0, ceil(round(high * 100, 6)) / 100)
    )


def within_threshold(score: AttackScore, max_score: float) -> Verdict:
    """Whether synthetic rows may be kept: not where all of the score's interval is above the threshold.

    Source: "Synthetic data generation fails if the score for the resulting data exceeds this threshold". That it does
    is known beyond chance and noise where the interval is above; were the score alone judged, rows that give nothing
    away would fail by chance.
    """
    if score.low > max_score:
        return Denied(
            f"The synthetic rows' membership inference attack score is {score.score:.2f} (95 in 100: between "
            f"{score.low:.2f} and {score.high:.2f}); the template allows {max_score:g} "
            "(maxMembershipInferenceAttackScore). They were erased. Group rare values in the query, or "
            "use a template with a smaller epsilon."
        )
    return ALLOWED


def configuration(
    synthetic_data_parameters: Mapping[str, Any] | None, synthesis: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """SyntheticDataConfiguration of a channel; None where its rows are the query's own.

    Args:
        synthetic_data_parameters: SyntheticDataParameters of its template.
        synthesis: a SynthesisCost, as recorded; None as long as there is none.
    """
    if synthetic_data_parameters is None:
        return None
    answer: dict[str, Any] = {"syntheticDataParameters": synthetic_data_parameters["mlSyntheticDataParameters"]}
    if synthesis is not None:
        attack = {"attackVersion": ATTACK_VERSION, "score": synthesis["score"]}
        answer["syntheticDataEvaluationScores"] = {"dataPrivacyScores": {"membershipInferenceAttackScores": [attack]}}
    return answer


@dataclass(frozen=True, slots=True)
class SynthesisSpec:
    """One making of synthetic rows, described whole."""

    id: str
    """The channel's protected query's UUID."""
    source: DataRef
    """The query's rows, as Parquet files; erased in any case."""
    target: DataRef
    """Takes the files of synthetic rows; they appear together or not at all."""
    parameters: SyntheticDataParameters
    result_format: ResultFormat
    csv_header: bool
    max_file_bytes: int
    memory_bytes: int
    cpus: int
    timeout_seconds: int


class SynthesisFailure(StrEnum):
    """Why no synthetic rows came of it."""

    UNFIT = "unfit"
    """The query's output cannot be synthesised; the message says why, and is safe for members."""
    SCORE = "score"
    """The rows gave away too much; the message has the score."""
    RESOURCES = "resources"
    """It needed more memory than it may."""
    TIMEOUT = "timeout"
    """It took longer than it may."""
    NOT_INSTALLED = "not installed"
    """The libraries that make synthetic rows are not there."""
    STOPPED = "stopped"
    """It was ended because nobody wants it any more."""
    PLATFORM = "platform"
    """A fault of ours, or of the machine."""


@dataclass(frozen=True, slots=True)
class SynthesisCost:
    """What was spent on rows that were made, and how well they withstood the attack."""

    epsilon: float
    """All releases together, by OpenDP's maps."""
    delta: float
    score: float
    """As members read it, with its noise."""
    low: float
    high: float
    """Between which it is, 95 times in 100."""

    @property
    def remark(self) -> str:
        """The audit trail's line."""
        return f"Synthetic rows: epsilon {self.epsilon:.4g} and delta {self.delta:.2g} spent. {self.interval}"

    @property
    def interval(self) -> str:
        """What members read about the score beside it."""
        return (
            f"Membership inference attack score {self.score:.2f}, with noise; without it, and of more rows, it lies "
            f"between {self.low:.2f} and {self.high:.2f} (95 in 100)."
        )


@dataclass(frozen=True, slots=True)
class SynthesisResult:
    """What was made."""

    rows: int
    """Synthetic ones."""
    files: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SynthesisObservation:
    """What is seen of it now. Once ended, it has either a result or a failure."""

    phase: Phase
    result: SynthesisResult | None = None
    failure: SynthesisFailure | None = None
    message: str = ""
    cost: SynthesisCost | None = None
    """Of rows that were made, kept or not; None where it did not come to that."""
    spent: Spent = NOTHING_SPENT
    """What all its processes took of the machine so far."""


NO_SYNTHESIS = SynthesisObservation(Phase.ABSENT)
