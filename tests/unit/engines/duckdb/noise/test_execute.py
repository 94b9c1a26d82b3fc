"""Noisy answers over real rows: near the truth where there are many users, and silent about each one of them.

Odds of a false alarm are said where a test draws noise; numbers are compared within 30 scales of it, which a discrete
Laplace draw exceeds with odds of e**-30. Limits and bounds that are learned are others with odds of 1e-5 each.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import duckdb
import pytest

from support.rules import CUSTOM, QUERIER, direct, table
from whiteroom.domain.privacy.differential_privacy import PrivacyPolicy
from whiteroom.engines.duckdb import optimizers
from whiteroom.engines.duckdb.noise.execute import fill, rehearse
from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.engines.duckdb.writing import WrittenQuery, judge_and_write

USERS_NOISE = 10
COLUMNS = {"user_id": "string", "shop": "string", "amount": "double", "day": "int"}
PRIVATE = {**CUSTOM, "differentialPrivacy": {"columns": [{"name": "user_id"}]}}
VISITS = replace(table("visits", COLUMNS, "CUSTOM", PRIVATE), privacy=PrivacyPolicy("budget", USERS_NOISE))
MINE = table("mine", {"id": "string", "seg": "string"}, "CUSTOM", CUSTOM, QUERIER)
Row = tuple[str | None, str | None, float | None, int | None]


@cache
def judged(sql: str) -> WrittenQuery:
    """The query: some are asked 150 times."""
    return judge_and_write(direct(sql, [VISITS, MINE], epsilon_left="20"))


class Rows:
    """Tables in an engine of the test's own, in place of files."""

    def __init__(self, visits: Iterable[Row], mine: Iterable[tuple[str, str]] = ()) -> None:
        self.connection = duckdb.connect()
        self.connection.execute(optimizers.without(optimizers.PRIVATE))
        self.connection.execute("CREATE TABLE visits (user_id TEXT, shop TEXT, amount DOUBLE, day INT)")
        self.connection.execute("CREATE TABLE mine (id TEXT, seg TEXT)")
        for name, rows in (("visits", list(visits)), ("mine", list(mine))):
            columns = list(zip(*rows, strict=True))
            if columns:
                values = ", ".join("unnest(?)" for _ in columns)
                self.connection.execute(f"INSERT INTO {name} SELECT {values}", [list(column) for column in columns])

    def ask(self, sql: str) -> tuple[list[tuple[Any, ...]], tuple[Mapping[str, Any], ...]]:
        """The rows that go out, and what is told of their noise."""
        guarded = judged(sql)
        noisy = guarded.noisy
        assert noisy is not None
        with self.connection.cursor() as cursor:
            for view, read in guarded.judged.views.items():
                cursor.execute(f'CREATE TEMP VIEW "{view}" AS SELECT * FROM {read.name}')
            prepare(self.connection, noisy.rows, noisy.answer, private=True)
            prepare(cursor, noisy.rows, noisy.answer, private=True)
            told = fill(cursor, noisy, rehearse(guarded.judged.views, noisy))
            answer = cursor.execute(noisy.answer).fetchall()
        return answer, told

    def number(self, sql: str) -> float:
        ((value,),), _ = self.ask(sql)
        return float(value)


@pytest.fixture(scope="module")
def many() -> Iterator[Rows]:
    """5,000 users with two rows each; amounts 0 to 49, days 0 to 9; four in five in shop a."""
    rows = Rows((f"u{n}", "a" if n % 5 else "b", float(n % 50), n % 10) for n in range(5_000) for _ in range(2))
    yield rows
    rows.connection.close()


def within(scales: float, truth: float) -> Any:
    return pytest.approx(truth, abs=30 * scales)


def test_users_are_counted(many: Rows) -> None:
    assert many.number("SELECT COUNT(DISTINCT user_id) AS n FROM visits") == within(USERS_NOISE, 5_000)


def test_rows_are_counted_and_the_limit_is_told(many: Rows) -> None:
    ((rows, days),), told = many.ask("SELECT COUNT(*) AS n, COUNT(DISTINCT day) AS d FROM visits")
    assert rows == within(USERS_NOISE * 2, 10_000)
    assert days == within(USERS_NOISE * 2, 10)
    assert [item["userContributionLimit"] for item in told] == [2, 2]
    assert [item["aggregationType"] for item in told] == ["COUNT", "COUNT_DISTINCT"]


def test_sums_averages_and_deviations_are_near_the_truth(many: Rows) -> None:
    ((total, mean, deviation),), told = many.ask(
        "SELECT SUM(amount) AS s, AVG(amount) AS a, STDDEV(amount) AS d FROM visits"
    )
    # Values up to 64: 20 * 64 is the scale of a sum, and 1/10,000 of it that of an average.
    assert total == within(USERS_NOISE * 2 * 64, 245_000)
    assert mean == pytest.approx(24.5, abs=5)
    assert deviation == pytest.approx(14.4, abs=8)
    assert {(item["minColumnValue"], item["maxColumnValue"]) for item in told} == {(-64.0, 64.0)}


def test_groups_keep_their_keys_and_go_through_having_order_and_limit(many: Rows) -> None:
    rows, _ = many.ask(
        "SELECT shop, COUNT(DISTINCT user_id) AS n, SUM(day) * 1.0 / COUNT(*) AS m FROM visits "
        "GROUP BY shop HAVING COUNT(*) > 100 ORDER BY n DESC LIMIT 1"
    )
    ((shop, users, mean),) = rows
    assert shop == "a"
    assert users == within(USERS_NOISE * 2, 4_000)
    assert float(mean) == pytest.approx(4.5, abs=2)


def test_users_are_joined_to_tables_of_others(many: Rows) -> None:
    rows = Rows(many.connection.execute("FROM visits").fetchall(), [(f"u{n}", "xy"[n % 2]) for n in range(5_000)])
    found, _ = rows.ask("SELECT seg, COUNT(DISTINCT user_id) AS n FROM visits JOIN mine ON id = user_id GROUP BY seg")
    rows.connection.close()
    assert [(seg, count) for seg, count in found] == [("x", within(USERS_NOISE * 2, 2_500)), ("y", within(20, 2_500))]


def test_users_of_one_side_of_an_outer_join_are_counted_where_they_are() -> None:
    rows = Rows([(f"u{n}", "a", 1.0, 1) for n in range(1_000)] + [(f"u{n}", "b", 1.0, 1) for n in range(400)])
    sql = (
        "WITH a AS (SELECT user_id FROM visits WHERE shop = 'a'), b AS (SELECT user_id FROM visits WHERE shop = 'b') "
        "SELECT COUNT(DISTINCT a.user_id) AS l, COUNT(DISTINCT b.user_id) AS r "
        "FROM a LEFT JOIN b ON a.user_id = b.user_id"
    )
    ((left, right),), _ = rows.ask(sql)
    assert left == within(USERS_NOISE, 1_000)
    assert right == within(USERS_NOISE, 400)


def test_the_rows_of_nobody_are_not_counted() -> None:
    rows = Rows([(None, "a", 1.0, 1)] * 10_000 + [(f"u{n}", "a", 1.0, 1) for n in range(1_000)])
    assert rows.number("SELECT COUNT(*) AS n FROM visits") == within(USERS_NOISE, 1_000)


def test_a_user_with_a_million_rows_counts_as_much_as_the_others() -> None:
    rows = Rows((f"u{n}", "a", 1.0, 1) for n in range(2_000))
    rows.connection.execute("INSERT INTO visits SELECT 'x', 'a', 1.0, 1 FROM range(1000000)")
    ((count, total),), told = rows.ask("SELECT COUNT(*) AS n, SUM(amount) AS s FROM visits")
    assert told[0]["userContributionLimit"] == 1
    assert count == within(USERS_NOISE, 2_001)
    assert total == within(USERS_NOISE, 2_001)


def test_a_join_that_multiplies_one_users_rows_does_not_multiply_its_weight() -> None:
    rows = Rows(((f"u{n}", "a", 1.0, 1) for n in range(2_000)), [("u7", "x")] * 5_000 + [("none", "x")])
    count = rows.number("SELECT COUNT(*) AS n FROM visits LEFT JOIN mine ON id = user_id")
    assert count == within(USERS_NOISE, 2_000)


def test_rows_that_are_doubled_are_noised_doubly() -> None:
    rows = Rows((f"u{n}", "a", 1.0, 1) for n in range(2_000))
    sql = "WITH t AS (SELECT user_id FROM visits UNION ALL SELECT user_id FROM visits) SELECT COUNT(*) AS n FROM t"
    ((count,),), told = rows.ask(sql)
    assert told[0]["userContributionLimit"] == 2
    assert count == within(USERS_NOISE * 2, 4_000)


def test_a_group_of_each_user_shows_nobody(many: Rows) -> None:
    """5,000 groups of one user: one shows with odds of 5,000 * 1e-9."""
    assert many.ask("SELECT user_id, COUNT(*) AS n FROM visits GROUP BY user_id")[0] == []


@pytest.mark.parametrize("amount", [1e308, float("inf"), float("-inf"), float("nan"), -1e308])
def test_one_value_beyond_all_bounds_moves_no_sum(amount: float) -> None:
    rows = Rows([(f"u{n}", "a", 1.0, 1) for n in range(3_000)] + [("x", "a", amount, 1)])
    ((total, mean),), told = rows.ask("SELECT SUM(amount) AS s, AVG(amount) AS a FROM visits")
    assert told[0]["maxColumnValue"] == 1.0
    assert total == within(USERS_NOISE, 3_000)
    assert mean == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize(
    "trap",
    [
        "1 / (day - 7)",
        "CAST(shop AS INT)",
        "CAST(shop AS INT) + CAST(shop AS INT)",
        "shop IN (day, day + 1)",
        "REVERSE(day - 10) = day",
        "LN(day - 7)",
        "day * 2147483647 * 2147483647 * 2147483647",
        "CASE WHEN day = 7 THEN CAST('x' AS INT) ELSE 1 END",
        "SPLIT_PART(shop, 'a', day - 7) = ''",
        "SQRT(0 - day)",
        "DATE_ADD(DATE '9999-12-31', day * 100000000)",
    ],
)
def test_an_expression_that_fails_for_one_user_fails_for_nobody_else(trap: str) -> None:
    rows = Rows([(f"u{n}", "a", 1.0, 1) for n in range(1_500)] + [("x", "(", 1.0, 7)])
    found = rows.number(f"SELECT COUNT(DISTINCT user_id) AS n FROM visits WHERE ({trap}) IS NULL OR user_id <> 'x'")
    assert found == within(USERS_NOISE, 1_500)


def frequency(rows: Rows, sql: str, times: int) -> float:
    """How often a query answers at least one row whose value is not 0."""
    return sum(any(row[-1] for row in rows.ask(sql)[0]) for _ in range(times)) / times


def test_whether_one_user_is_there_makes_no_difference_that_can_be_seen() -> None:
    """150 answers each: frequencies of about 1/2, equal but for 1/20, differ by 0.4 with odds of 1e-9."""
    rows = Rows((f"u{n}", "a", 1.0, 1) for n in range(100))
    there = frequency(rows, "SELECT COUNT(DISTINCT user_id) AS n FROM visits WHERE user_id = 'u1'", 150)
    absent = frequency(rows, "SELECT COUNT(DISTINCT user_id) AS n FROM visits WHERE user_id = 'nobody'", 150)
    assert there == pytest.approx(absent, abs=0.4)
    assert 0 < absent < 1


def test_having_at_the_threshold_decides_on_noise() -> None:
    """100 answers: none, or all, beyond a threshold that the truth is on, with odds of 2**-99."""
    rows = Rows((f"u{n}", "a", 1.0, 1) for n in range(1_000))
    sql = "SELECT COUNT(DISTINCT user_id) AS n FROM visits HAVING COUNT(DISTINCT user_id) >= 1000"
    assert 0 < frequency(rows, sql, 100) < 1


def test_differencing_two_queries_finds_noise_twice() -> None:
    """100 differences, true difference 1, noise of scale 10 in both: the mean |difference| is about 15, and is below 5
    with odds of less than 1e-9."""
    rows = Rows((f"u{n}", "a", 1.0, 1) for n in range(1_000))
    every, but_one = "SELECT COUNT(DISTINCT user_id) AS n FROM visits", " WHERE user_id <> 'u1'"
    apart = [rows.number(every) - rows.number(every + but_one) for _ in range(100)]
    assert sum(map(abs, apart)) / len(apart) > 5


def test_opendp_is_not_loaded_until_a_query_needs_it() -> None:
    check = "import sys, whiteroom.engines.duckdb.worker; raise SystemExit('opendp' in sys.modules)"
    assert subprocess.run([sys.executable, "-I", "-c", check], check=False).returncode == 0
