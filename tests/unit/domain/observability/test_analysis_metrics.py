"""What metrics of analyses are: rounded, withheld, and one value a query."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from support.fakes import NOON
from whiteroom.domain.execution.queries import QueryUse, TableRead
from whiteroom.domain.observability.analysis_metrics import MeasuredQuery, magnitude, measures, series_of, share
from whiteroom.domain.privacy.query_tables import CatalogTable, FileFormat, QueryTable
from whiteroom.domain.resources.protected_queries import ProtectedQueryStatus

ALICE = "111111111111"


def a_table(rule_type: str = "CUSTOM", **rule: Any) -> QueryTable:
    source = CatalogTable((), FileFormat.CSV, ())
    return QueryTable("t", ALICE, source, ("a",), rule_type, rule, None)


def a_use(*tables: TableRead, seconds: float = 10.0, cpus: int = 4) -> QueryUse:
    return QueryUse(seconds, cpus, cpu_seconds=9.0, memory_bytes=1_000, peak_memory_bytes=410, tables=tables)


def a_query(number: int, start: float, end: float | None, **measures: float) -> MeasuredQuery:
    return MeasuredQuery(
        id=f"q{number}",
        membership_id="m",
        account_id=ALICE,
        collaboration_id="c",
        payer_account_id=ALICE,
        status=ProtectedQueryStatus.STARTED if end is None else ProtectedQueryStatus.SUCCESS,
        measures=measures or None,
        started_at=None,
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
    use = a_use(TableRead("t", 5_000, 1, ("int",)))
    assert measures(5_000, 70_000, use, [a_table(), table]) == {"vCPUs": 4}
    assert measures(5_000, 70_000, use, None) == {"vCPUs": 4}
    assert measures(5_000, 70_000, use, [a_table()]).keys() == {
        *("vCPUs", "RecordsWritten", "BytesWritten", "RecordsRead", "BytesRead", "QueryFileScanned"),
        *("VCPUUtilization", "MemoryUtilization"),
    }


def test_what_was_written_is_told_by_its_order_of_magnitude() -> None:
    assert measures(5_000, 70_000, None, [a_table()]) == {"RecordsWritten": 1_000, "BytesWritten": 10_000}


@pytest.mark.parametrize("own_rows", [0, 100, 3_999, 4_000, 4_001, 50_000])
def test_no_table_of_ones_own_makes_anothers_rows_cross_a_power_of_ten(own_rows: int) -> None:
    def read(rows: int) -> tuple[float, float]:
        own = TableRead("own", own_rows, 1, ("bigint",))
        use = a_use(own, TableRead("other", rows, 1, ("string", "int")))
        told = measures(1, 1, use, [a_table()])
        return told["RecordsRead"], told["BytesRead"]

    assert read(6_000) == read(6_001) == (magnitude(own_rows) + 1_000, 8 * magnitude(own_rows) + 24 * 1_000)


def test_shares_are_told_in_steps_of_ten_percent() -> None:
    assert [share(part, 100) for part in (0, 0.5, 10, 11, 99, 250)] == [0, 10, 10, 20, 100, 100]
    told = measures(1, 1, a_use(), [a_table()])
    assert (told["VCPUUtilization"], told["MemoryUtilization"]) == (30, 50)


def test_a_query_consumes_half_its_processors_for_as_long_as_it_ran_and_a_minute_at_least() -> None:
    short, long = a_query(1, 0, 4, vCPUs=8), a_query(2, 0, 1_800, vCPUs=8)
    series = series_of([short, long])
    [(_, of_short)], [(_, of_long)] = series["CRPUConsumed", "q1"], series["CRPUConsumed", "q2"]
    assert of_short == pytest.approx(8 / 2 / 60)
    assert of_long == pytest.approx(8 / 2 / 2)
    noon_ms = int(NOON.timestamp() * 1000)
    together = [(at_ms - noon_ms, value) for at_ms, value in series["ConcurrentVCPUs", None]]
    assert together == [(0, 8), (0, 16), (4_000, 8), (1_800_000, 0)]
    assert ("vCPUs", "q1") not in series


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
