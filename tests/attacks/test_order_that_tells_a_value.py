"""Attempts to learn a column that may be neither shown nor compared from the order in which rows come."""

from __future__ import annotations

import pytest

from attacks.conftest import Attacker

_CROSSED = "FROM pc p CROSS JOIN mine m WHERE p.diag = 'rare'"
ORDERS = [
    f"SELECT m.seq {_CROSSED} ORDER BY CASE WHEN m.seq = 0 THEN p.salary ELSE m.seq END",
    f"SELECT m.seq {_CROSSED} ORDER BY IF(m.seq = 0, p.salary, 5)",
    f"SELECT t.seq FROM (SELECT m.seq, rank() OVER (ORDER BY IF(m.seq = 0, p.salary, 5)) AS r {_CROSSED}) t ORDER BY r",
    f"SELECT t.seq FROM (SELECT m.seq, IF(m.seq = 0, p.salary, m.seq) AS k {_CROSSED}) t ORDER BY abs(k)",
    f"SELECT m.seq, count(*) AS n {_CROSSED} GROUP BY m.seq ORDER BY max(IF(m.seq = 0, p.salary, m.seq))",
    "SELECT diag, age FROM pc ORDER BY CAST(salary AS BOOLEAN)",
    "SELECT t.age FROM (SELECT age, TRY_CAST(salary AS BOOLEAN) AS k FROM pc) t ORDER BY k",
    "SELECT age FROM pc ORDER BY CAST(salary AS TINYINT)",
    "SELECT age FROM pc ORDER BY CAST(CAST(salary AS BIGINT) AS SMALLINT)",
    "SELECT diag, age FROM pc ORDER BY count(*) OVER (ORDER BY salary RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)",
    "SELECT diag, age FROM pc ORDER BY count(*) OVER (ORDER BY salary RANGE BETWEEN CURRENT ROW AND 5 FOLLOWING)",
    "SELECT diag, age FROM pc ORDER BY locate('1', '00000000100000', salary) DESC LIMIT 1",
]

_JOINED = {"allowedColumnComparisonColumns": ["age", "diag"]}

KEYS = [
    "md5(CAST(salary AS STRING))",
    "md5(md5(CAST(salary AS STRING)))",
    "crc32(CAST(salary AS STRING))",
    "hash(salary)",
    "xxhash64(salary)",
    "sin(salary)",
    "abs(salary)",
    "chr(salary)",
    "reverse(CAST(salary AS STRING))",
    "CAST(salary AS STRING)",
    "CAST(CAST(salary AS STRING) AS INT)",
    "CAST(salary AS SMALLINT)",
    "CAST(salary AS DECIMAL(3, 0))",
    "CAST(CAST(salary AS DOUBLE) AS TINYINT)",
    "length(ssn)",
    "min(sin(salary)) OVER (PARTITION BY diag)",
    "rank() OVER (ORDER BY sin(salary))",
    "round(salary, -3)",
    "floor(CAST(salary AS DECIMAL(12, 2)))",
    "CAST(salary AS FLOAT)",
    "CAST(CAST(salary AS DECIMAL(12, 2)) AS DECIMAL(20, 0))",
    "sum(salary) OVER (PARTITION BY diag)",
    "avg(salary) OVER (ORDER BY age ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
    "count(salary) OVER (PARTITION BY diag)",
]

SUMS = [
    "sum(salary)",
    "avg(salary)",
    "percentile(salary, 0.37)",
    "median(salary)",
    "percentile_approx(salary, 0.5)",
    "percentile_cont(0.37) WITHIN GROUP (ORDER BY salary)",
    "stddev(salary)",
    "bit_xor(salary)",
    "count(salary)",
    "count(DISTINCT salary)",
    "approx_count_distinct(salary)",
]


@pytest.mark.parametrize("key", KEYS)
def test_no_order_of_a_function_stands_in_for_a_column_that_may_not_be_compared(attacker: Attacker, key: str) -> None:
    attacker.rule("pc", comparisonControls={"allowedLiteralComparisonColumns": ["diag"]})
    assert attacker.attempt(f"SELECT age FROM pc ORDER BY {key}").refused
    assert attacker.attempt(f"SELECT t.age FROM (SELECT age, {key} AS k FROM pc) t ORDER BY k LIMIT 1").refused


@pytest.mark.parametrize("key", SUMS)
def test_no_order_of_groups_tells_what_is_worked_out_of_their_values(attacker: Attacker, key: str) -> None:
    """Which rows stand in a group, and how often each, is the attacker's choice."""
    attacker.rule("pc", comparisonControls={"allowedLiteralComparisonColumns": ["diag", "age"]} | _JOINED)
    groups = "FROM pc p JOIN mine m ON p.age = m.seq GROUP BY m.seq"
    assert attacker.attempt(f"SELECT m.seq {groups} ORDER BY {key}").refused
    inner = f"SELECT m.seq, {key} AS k {groups}"
    assert attacker.attempt(f"SELECT t.seq FROM ({inner}) t ORDER BY k LIMIT 1").refused


@pytest.mark.parametrize("key", ["max(salary)", "min(salary)", "first(salary)", "percentile_disc(0.5)"])
def test_groups_are_sorted_by_one_of_their_values(attacker: Attacker, key: str) -> None:
    attacker.rule("pc", comparisonControls={"allowedLiteralComparisonColumns": ["diag"]} | _JOINED)
    within = " WITHIN GROUP (ORDER BY salary)" if "percentile" in key else ""
    assert attacker.attempt(f"SELECT diag FROM pc GROUP BY diag ORDER BY {key}{within}").text


def test_what_may_be_shown_may_be_summed_up_and_sorted_by(attacker: Attacker) -> None:
    attacker.rule("pc", comparisonControls={"allowedLiteralComparisonColumns": []} | _JOINED)
    attacker.rule("pc", disallowedOutputColumns=["ssn"])
    assert attacker.attempt("SELECT diag FROM pc GROUP BY diag ORDER BY sum(salary), count(DISTINCT zip)").text
    assert attacker.attempt("SELECT age FROM pc ORDER BY round(salary, -1), md5(zip)").text


@pytest.mark.parametrize("channel", [False, True], ids=["query", "channel"])
@pytest.mark.parametrize("sql", ORDERS)
def test_no_order_puts_a_value_among_others_that_it_may_not_be_compared_with(
    attacker: Attacker, sql: str, channel: bool
) -> None:
    attacker.rule("pc", comparisonControls={"allowedLiteralComparisonColumns": ["diag"]})
    assert attacker.attempt(sql, channel=channel).refused


def test_rows_are_sorted_by_one_column_or_by_its_absence(attacker: Attacker) -> None:
    attacker.rule("pc", comparisonControls={"allowedLiteralComparisonColumns": ["diag"]})
    ranked = "rank() OVER (ORDER BY salary RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    wider = ("CAST(salary AS BIGINT)", "CAST(salary AS DECIMAL(12, 2))", "CAST(salary AS DOUBLE)", "floor(amount)")
    for key in ("salary", "-salary", "CASE WHEN diag = 'rare' THEN salary END", ranked, *wider, "md5(diag)"):
        assert attacker.attempt(f"SELECT age FROM pc ORDER BY {key}").text
