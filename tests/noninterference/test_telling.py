"""What logs and metrics tell the runner is among what twins are compared by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from noninterference.kinds import everything
from noninterference.runner import Seen
from noninterference.telling import told
from noninterference.twins import OUTPUTS, THRESHOLDS, Ruled
from noninterference.uses import Uses
from support.rules import direct
from whiteroom.domain.execution.queries import QueryFailure, QueryResult, QueryUse, TableRead
from whiteroom.domain.observability.analysis_metrics import UNITS
from whiteroom.engines.duckdb.writing import judge_and_write

_NOTHING: frozenset[str] = frozenset()
_USE = QueryUse(1.0, 2, 0.5, 10**9, 10**8, (TableRead("a-pc", 44, 1, ("string", "bigint")),))
_RESULT = QueryResult(4_000, ("part-00000.csv",), 70_000, ("pc",), use=_USE)


def _told(ruled: Ruled, end: QueryResult | QueryFailure, message: str = "") -> str:
    table = ruled.tables[0].name
    spec = direct(f"SELECT diag, count(*) AS n FROM {table} GROUP BY diag", ruled.tables)
    judged = judge_and_write(spec).judged
    return "\n".join(told(tuple(judged.views.values()), judged.judgement, end, message))


def test_the_end_of_a_query_and_what_it_wrote_are_told() -> None:
    said = _told(OUTPUTS, _RESULT)
    assert '"logStage": "TERMINATION"' in said
    assert '"access": "READ"' in said
    assert "1000.0" in said


def test_every_metric_that_the_product_has_is_told() -> None:
    said = _told(OUTPUTS, _RESULT)
    assert not [name for name in UNITS if f"{name} of " not in said]


def test_why_a_query_failed_is_told() -> None:
    assert "A number is out of the range" in _told(OUTPUTS, QueryFailure.INVALID, "A number is out of the range.")


@pytest.mark.parametrize(("ruled", "count"), [(OUTPUTS, True), (THRESHOLDS, False)], ids=["outputs", "thresholds"])
def test_another_number_of_rows_is_another_text_unless_the_rule_hides_it(ruled: Ruled, count: bool) -> None:
    assert (_told(ruled, _RESULT) != _told(ruled, replace(_RESULT, rows=40_000, size_bytes=900_000))) is count


def test_a_difference_in_what_is_told_is_a_leak() -> None:
    uses = Uses(_NOTHING, _NOTHING, _NOTHING, (), grouped_apart=True)
    one = Seen(1, (), told=("RecordsWritten: 100",))
    assert everything(one, one, uses) == ""
    assert "told" in everything(one, replace(one, told=("RecordsWritten: 1000",)), uses)
