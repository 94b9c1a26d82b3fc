"""Synthetic data: what may be asked for, what a query's output must be, and when rows may be kept."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import get_session

from whiteroom.domain.execution import synthetic_data
from whiteroom.domain.execution.failures import OF_SYNTHESIS_FAILURE
from whiteroom.domain.execution.synthetic_data import (
    ATTACK_VERSION,
    AttackScore,
    ColumnType,
    ResultColumn,
    SynthesisCost,
    SynthesisFailure,
    SyntheticColumn,
    SyntheticDataParameters,
    configuration,
    enough_rows,
    is_whole,
    mapping_fits,
    parameters_fit,
    rounded_score,
    within_threshold,
)

CATEGORICAL, NUMERICAL = ColumnType.CATEGORICAL, ColumnType.NUMERICAL


def asked(*names: str, predictive: tuple[str, ...] = ()) -> dict[str, Any]:
    mapping = [
        {"columnName": name, "columnType": "NUMERICAL", "isPredictiveValue": name in predictive} for name in names
    ]
    ml = {
        "epsilon": 3,
        "maxMembershipInferenceAttackScore": 0.6,
        "columnClassification": {"columnMapping": mapping},
    }
    return {"mlSyntheticDataParameters": ml}


def test_types_and_attack_are_those_of_the_service_models() -> None:
    rooms = get_session().get_service_model("cleanrooms")
    ml = get_session().get_service_model("cleanroomsml")
    assert [kind.value for kind in ColumnType] == rooms.shape_for("SyntheticDataColumnType").enum  # type: ignore[attr-defined]
    assert ml.shape_for("MembershipInferenceAttackVersion").enum == [ATTACK_VERSION]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (None, None),
        (asked("a", "b"), None),
        (asked("a", "b", predictive=("b",)), None),
        ({}, "mlSyntheticDataParameters"),
        (asked("a", "b", "a"), "'a' more than once"),
        (asked("a", "b", predictive=("a", "b")), "a, b"),
    ],
)
def test_a_template_asks_for_what_can_be_made(parameters: Any, reason: str | None) -> None:
    verdict = parameters_fit(parameters)
    assert bool(verdict) is (reason is None)
    assert verdict or (reason is not None and reason in verdict.reason)


def test_parameters_are_read_whole() -> None:
    parameters = SyntheticDataParameters.parse(asked("a", predictive=("a",)))
    assert parameters == SyntheticDataParameters(3.0, 0.6, (SyntheticColumn("a", NUMERICAL, True),))


def test_a_mapping_fits_by_name_whatever_the_case_and_the_order() -> None:
    columns = [ResultColumn("Age", "BIGINT"), ResultColumn("town", "VARCHAR")]
    mapped = [SyntheticColumn("town", CATEGORICAL, False), SyntheticColumn("age", NUMERICAL, True)]
    assert mapping_fits(columns, mapped)


def test_output_columns_of_one_name_cannot_be_told_apart() -> None:
    columns = [ResultColumn("age", "BIGINT"), ResultColumn("Age", "BIGINT")]
    verdict = mapping_fits(columns, [SyntheticColumn("age", NUMERICAL, False)])
    assert not verdict
    assert "'age'" in verdict.reason


@pytest.mark.parametrize("kind", ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(10,2)"])
def test_numbers_can_be_either(kind: str) -> None:
    for column_type in ColumnType:
        assert mapping_fits([ResultColumn("a", kind)], [SyntheticColumn("a", column_type, False)])


@pytest.mark.parametrize("kind", ["VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"])
def test_text_flags_and_times_are_categories_alone(kind: str) -> None:
    assert mapping_fits([ResultColumn("a", kind)], [SyntheticColumn("a", CATEGORICAL, False)])
    assert not mapping_fits([ResultColumn("a", kind)], [SyntheticColumn("a", NUMERICAL, False)])


@pytest.mark.parametrize("kind", ["BLOB", "VARCHAR[]", "BIGINT[3]", "STRUCT(a BIGINT)", "MAP(VARCHAR, BIGINT)"])
@pytest.mark.parametrize("column_type", ColumnType)
def test_what_is_no_plain_value_is_refused(kind: str, column_type: ColumnType) -> None:
    assert not mapping_fits([ResultColumn("a", kind)], [SyntheticColumn("a", column_type, False)])


def test_only_whole_types_hold_whole_numbers() -> None:
    assert is_whole(ResultColumn("a", "BIGINT"))
    assert not is_whole(ResultColumn("a", "DECIMAL(4,0)"))


@pytest.mark.parametrize(
    ("rows", "sigma", "enough"), [(500, 1.0, True), (499, 1.0, False), (5_000, 500.0, True), (4_999, 500.0, False)]
)
def test_rows_are_enough_where_noise_does_not_drown_them(rows: float, sigma: float, enough: bool) -> None:
    assert bool(enough_rows(rows, sigma)) is enough


@pytest.mark.parametrize(("noisy", "score"), [(0.5, 0.5), (0.504, 0.5), (0.496, 0.5), (1.2, 1.0), (-0.1, 0.0)])
def test_a_score_is_told_in_two_digits_within_its_interval(noisy: float, score: float) -> None:
    rounded = rounded_score(noisy, 1_000, 1_000, 0.01)
    assert rounded.score == score
    assert 0 <= rounded.low <= score <= rounded.high <= 1


def test_the_interval_is_as_wide_as_chance_and_noise_make_it() -> None:
    # Of 1,000 rows of each kind that give nothing away, the score strays by sqrt(2001 / 12e6) = 0.0129.
    assert rounded_score(0.5, 1_000, 1_000, 0.0) == AttackScore(0.5, 0.47, 0.53)
    assert rounded_score(0.5, 1_000, 1_000, 0.05) == AttackScore(0.5, 0.39, 0.61)
    assert rounded_score(0.5, 540, 52, 0.0) == AttackScore(0.5, 0.41, 0.59)
    assert rounded_score(1.0, 1_000, 1_000, 0.0) == AttackScore(1.0, 1.0, 1.0)
    assert rounded_score(0.5, 1, 1, 100.0) == AttackScore(0.5, 0.0, 1.0)


def test_rows_are_kept_unless_all_of_the_interval_is_above_the_threshold() -> None:
    assert within_threshold(AttackScore(0.7, 0.6, 0.8), 0.6)
    assert within_threshold(AttackScore(0.52, 0.49, 0.55), 0.5)
    verdict = within_threshold(AttackScore(0.7, 0.61, 0.79), 0.6)
    assert not verdict
    for part in ("0.70", "0.61", "0.79", "0.6 "):
        assert part in verdict.reason


def test_the_shares_of_the_budget_make_up_the_whole() -> None:
    names = ("TOTAL_SHARE", "COLUMNS_SHARE", "PAIRS_SHARE", "CHOICES_SHARE", "TRIPLES_SHARE", "SCORE_SHARE")
    assert sum(getattr(synthetic_data, name) for name in names) == pytest.approx(1.0)


def test_the_configuration_has_a_score_once_there_is_one() -> None:
    assert configuration(None, None) is None
    ml = asked("a")["mlSyntheticDataParameters"]
    assert configuration(asked("a"), None) == {"syntheticDataParameters": ml}
    answered = configuration(asked("a"), {"epsilon": 3.0, "delta": 1e-9, "score": 0.52, "low": 0.5, "high": 0.54})
    assert answered is not None
    assert answered["syntheticDataEvaluationScores"]["dataPrivacyScores"] == {
        "membershipInferenceAttackScores": [{"attackVersion": ATTACK_VERSION, "score": 0.52}]
    }


def test_the_audit_trail_says_what_was_spent() -> None:
    remark = SynthesisCost(2.99999, 8.7e-10, 0.5, 0.47, 0.53).remark
    assert "score 0.50" in remark
    assert "between 0.47 and 0.53" in remark
    assert "epsilon 3 " in remark
    assert "delta 8.7e-10 " in remark


def test_every_failure_has_a_status_code() -> None:
    assert set(OF_SYNTHESIS_FAILURE) == set(SynthesisFailure)
