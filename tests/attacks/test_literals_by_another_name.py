"""Attempts to compare a column with a literal that is none: numbers made of no column, counts, tests for NULL."""

from __future__ import annotations

import pytest

from attacks.conftest import Attacker

NUMBERS = [
    "SELECT age FROM pc WHERE salary = (SELECT count(*) FROM mine WHERE seq < 5)",
    "SELECT age FROM pc WHERE (SELECT count(*) FROM mine) > salary",
    "SELECT age FROM pc WHERE salary > (SELECT approx_count_distinct(seq) FROM mine)",
    "SELECT age FROM pc WHERE salary > pi()",
    "SELECT age FROM pc WHERE salary BETWEEN pi() AND exp(pi())",
    "SELECT age FROM pc WHERE salary IN (SELECT count(*) FROM mine GROUP BY x)",
    "SELECT age FROM pc JOIN (SELECT count(*) AS c FROM mine) m ON salary = m.c",
    "SELECT age FROM pc JOIN (SELECT row_number() OVER (ORDER BY 1) AS r FROM mine) m ON salary = m.r",
    "SELECT t.age FROM (SELECT age, salary, count(*) OVER () AS c FROM pc) t WHERE salary > c",
    "SELECT age FROM pc p WHERE EXISTS (SELECT 1 FROM mine m GROUP BY m.x HAVING count(*) = p.salary)",
    "SELECT age FROM pc WHERE salary > abs((SELECT count(*) FROM mine))",
    "SELECT age FROM pc WHERE salary > coalesce((SELECT max(seq) FROM mine WHERE seq > 99), pi())",
    "SELECT age FROM pc WHERE salary > CASE WHEN age > 20 THEN pi() END",
    "SELECT age FROM pc WHERE zip = chr((SELECT count(*) FROM mine))",
    "SELECT age FROM pc ORDER BY CASE WHEN age = 23 THEN salary ELSE row_number() OVER (ORDER BY 1) END",
    "SELECT salary FROM pc UNION ALL SELECT count(*) FROM mine",
    "SELECT age FROM pc WHERE (salary, age) IN (SELECT count(*), 23 FROM mine)",
]

COUNTS = [
    "count(to_date(zip, '10038'))",
    "count(CAST(ssn AS INT))",
    "count(salary)",
    "count(space(salary))",
    "count(DISTINCT to_date(zip, '10038'))",
    "count(DISTINCT salary)",
    "approx_count_distinct(salary)",
    "sum(DISTINCT salary * 0)",
]


@pytest.mark.parametrize("sql", NUMBERS)
def test_a_number_that_is_made_of_no_column_is_a_literal(attacker: Attacker, sql: str) -> None:
    """A member counts as many rows of its own as it likes."""
    lists = {"allowedLiteralComparisonColumns": ["diag", "age"], "allowedColumnComparisonColumns": ["diag", "age"]}
    attacker.rule("pc", comparisonControls=lists)
    assert attacker.attempt(sql).refused


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT age FROM pc WHERE (age, 5) IN (SELECT a.age, a.salary FROM pc a)",
        "SELECT age FROM pc WHERE salary = (SELECT max(CASE WHEN seq > 3 THEN 5 ELSE seq END) FROM mine)",
        "SELECT p.age FROM pc p JOIN mine m ON p.salary = CASE WHEN m.seq > 3 THEN 5 ELSE m.seq END",
        "SELECT p.age FROM pc p JOIN mine m ON p.salary = coalesce(m.seq, 5)",
        "SELECT p.age FROM pc p JOIN (SELECT IF(seq > 3, 5, seq) AS v FROM mine) m ON p.salary = m.v",
        "SELECT age FROM pc WHERE salary = abs(IF(diag = 'rare', 90000, age))",
        "SELECT age FROM pc WHERE salary = IF(diag = 'rare', 90000, age) + 1",
        "SELECT age FROM pc WHERE salary = -coalesce(age, 90000)",
        "SELECT age FROM pc WHERE salary = abs(abs(CASE WHEN diag = 'rare' THEN 90000 ELSE age END) * 2)",
        "SELECT p.age FROM pc p JOIN (SELECT greatest(1, IF(seq > 3, 5, seq)) AS v FROM mine) m ON p.salary = m.v",
    ],
)
def test_a_literal_beside_a_column_is_one_for_what_both_are_compared_with(attacker: Attacker, sql: str) -> None:
    """Where a column may be compared with columns alone."""
    lists = {"allowedLiteralComparisonColumns": ["diag"], "allowedColumnComparisonColumns": ["age", "salary"]}
    attacker.rule("pc", comparisonControls=lists)
    assert attacker.attempt(sql).refused


@pytest.mark.parametrize("count", COUNTS)
def test_what_is_counted_of_a_column_is_no_test_of_its_values(attacker: Attacker, count: str) -> None:
    lists = {"allowedLiteralComparisonColumns": ["diag", "age"], "allowedColumnComparisonColumns": ["diag", "age"]}
    attacker.rule("pc", comparisonControls=lists)
    groups = "FROM pc GROUP BY age"
    assert attacker.attempt(f"SELECT age {groups} HAVING {count} > 0").refused
    assert attacker.attempt(f"SELECT age {groups} ORDER BY {count}").refused
    assert attacker.attempt(f"SELECT t.age FROM (SELECT age, {count} AS c {groups}) t JOIN mine m ON m.seq = c").refused


def test_distinct_values_of_a_column_that_columns_may_meet_are_counted(attacker: Attacker) -> None:
    lists = {"allowedLiteralComparisonColumns": ["diag"], "allowedColumnComparisonColumns": ["diag", "zip"]}
    attacker.rule("pc", comparisonControls=lists)
    assert attacker.attempt("SELECT diag FROM pc GROUP BY diag HAVING count(DISTINCT zip) > 3").text
    assert attacker.attempt("SELECT diag FROM pc GROUP BY diag HAVING count(DISTINCT upper(zip)) > 3").refused


def test_counts_are_compared_with_each_other_and_with_literals(attacker: Attacker) -> None:
    attacker.rule("pc", comparisonControls={"allowedLiteralComparisonColumns": ["diag"]})
    assert attacker.attempt("SELECT count(*) / 2 AS half, count(amount) - count(age) AS gap FROM pc").text
    assert attacker.attempt("SELECT sum(amount) FILTER (WHERE diag = 'rare') AS s FROM pc").refused
