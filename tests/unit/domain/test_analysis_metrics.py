"""What metrics of analyses are: rounded, withheld, and one value a query."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from support.fakes import NOON
from whiteroom.domain.analysis_metrics import MeasuredQuery, magnitude, series_of, written
from whiteroom.domain.protected_queries import ProtectedQueryStatus
from whiteroom.domain.queries import CatalogTable, FileFormat, QueryTable

ALICE = "111111111111"


def a_table(rule_type: str = "CUSTOM", **rule: Any) -> QueryTable:
    source = CatalogTable((), FileFormat.CSV, ())
    return QueryTable("t", ALICE, source, ("a",), rule_type, rule, None)


def a_query(number: int, start: float, end: float | None, **written: int) -> MeasuredQuery:
    return MeasuredQuery(
        id=f"q{number}",
        membership_id="m",
        account_id=ALICE,
        collaboration_id="c",
        payer_account_id=ALICE,
        status=ProtectedQueryStatus.STARTED if end is None else ProtectedQueryStatus.SUCCESS,
        written=written or None,
        created_at=NOON + timedelta(seconds=start),
        updated_at=NOON + timedelta(seconds=start if end is None else end),
    )


@pytest.mark.parametrize(
    ("number", "told"), [(0, 0), (1, 0), (99, 0), (100, 100), (999, 100), (1_000, 1_000), (9_999_999, 1_000_000)]
)
def test_a_count_is_told_by_its_order_of_magnitude(number: int, told: int) -> None:
    assert magnitude(number) == told


@pytest.mark.parametrize(
    "table",
    [
        a_table("AGGREGATION"),
        a_table(aggregationThresholds=[{"identityColumns": ["a"], "minimumIdentityCount": 2}]),
        a_table(differentialPrivacy={"columns": [{"name": "a"}]}),
    ],
)
def test_what_a_rule_hides_of_small_groups_and_single_users_is_not_counted(table: QueryTable) -> None:
    assert written(5_000, 70_000, [a_table(), table]) is None
    assert written(5_000, 70_000, [a_table()]) == {"RecordsWritten": 1_000, "BytesWritten": 10_000}


def test_queries_are_counted_where_they_end_and_followed_from_their_beginning() -> None:
    noon_ms = int(NOON.timestamp() * 1000)
    queries = [a_query(1, 0, 4, RecordsWritten=100), a_query(2, 1, 3), a_query(3, 2, None)]
    series = series_of(queries)
    assert series["AnalysisRuntime", None] == [(noon_ms + 3_000, 2_000.0), (noon_ms + 4_000, 4_000.0)]
    assert series["AnalysesCount", None] == [(noon_ms + 3_000, 1.0), (noon_ms + 4_000, 1.0)]
    concurrent = [(at_ms - noon_ms, value) for at_ms, value in series["ConcurrentQueries", None]]
    assert concurrent == [(0, 1.0), (1_000, 2.0), (2_000, 3.0), (3_000, 2.0), (4_000, 1.0)]
    assert series["RecordsWritten", "q1"] == [(noon_ms + 4_000, 100.0)]
    assert ("RecordsWritten", "q2") not in series
    assert ("AnalysisRuntime", "q3") not in series
