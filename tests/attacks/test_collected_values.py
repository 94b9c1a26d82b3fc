"""Attempts to have collect_list and collect_set show values of rows, or tell where rows lie."""

from __future__ import annotations

import pytest

from attacks.conftest import PATIENTS, ROWS, Attacker
from support.rules import QUERIER

CARRIED = [
    "SELECT array_join(collect_list(ssn), ',') AS x FROM pc",
    "SELECT collect_set(ssn)[0] AS x FROM pc",
    "SELECT size(collect_list(salary)) AS x FROM pc",
    "SELECT aggregate(collect_list(salary), 0, (a, x) -> a + x) AS x FROM pc",
    "SELECT array_join(array_agg(diag || ssn), ',') AS x FROM pc",
    "SELECT diag, array_join(collect_list(ssn) OVER (PARTITION BY diag), ',') AS x FROM pc",
    "SELECT array_join(a, ',') AS x FROM (SELECT collect_list(age) AS a, collect_list(salary) AS s FROM pc) t",
    "SELECT array_join(a, ',') AS x FROM (SELECT collect_list(salary) AS s, collect_list(age) AS a FROM pc) t",
    "SELECT array_join(transform(collect_list(struct(age, ssn)), s -> s.ssn), ',') AS x FROM pc",
    "SELECT x FROM pc LATERAL VIEW explode(array(ssn)) v AS x GROUP BY x",
]


@pytest.mark.parametrize("sql", CARRIED)
def test_what_is_collected_is_shown_and_so_is_what_a_list_is_sorted_by(attacker: Attacker, sql: str) -> None:
    found = attacker.attempt(sql)
    assert found.refused, found
    assert not found.disagreement


_SHOWING = ["collect_list(age)", "collect_set(age)", "array_agg(age)", "collect_list(DISTINCT age)"]


@pytest.mark.parametrize("value", _SHOWING)
def test_a_list_shows_rows_and_stands_under_no_threshold(attacker: Attacker, value: str) -> None:
    threshold = {"type": "COUNT_DISTINCT", "identityColumns": ["pid"], "minimumIdentityCount": 2}
    attacker.rule("pc", aggregationThresholds=[{**threshold, "allowedAggregateExpressionType": "ANY_EXPRESSION"}])
    for shown in (f"size({value})", f"array_join({value}, ',')", f"array_max({value})"):
        found = attacker.attempt(f"SELECT diag, count(pid) AS n, {shown} AS x FROM pc GROUP BY diag")
        assert found.refused, found
        assert "COLLECT_" in found.message, found


@pytest.mark.parametrize("value", _SHOWING)
def test_a_list_is_no_private_aggregate_and_none_of_a_users_own_rows(attacker: Attacker, value: str) -> None:
    assert attacker.attempt(f"SELECT size({value}) AS x FROM pd").refused
    inner = f"SELECT pid, size({value}) AS n FROM pd GROUP BY pid"
    assert attacker.attempt(f"SELECT n, count(*) AS c FROM ({inner}) t GROUP BY n").refused


@pytest.mark.parametrize(
    "test",
    [
        "array_contains(collect_list(zip), '10038')",
        "exists(collect_list(zip), x -> x = '10038')",
        "size(filter(collect_list(zip), x -> x < '10038')) > 3",
        "collect_set(zip)[0] = '10038'",
    ],
)
def test_what_is_collected_is_compared_with_what_its_list_is(attacker: Attacker, test: str) -> None:
    attacker.rule("pc", comparisonControls={"allowedLiteralComparisonColumns": ["diag"]})
    assert attacker.attempt(f"SELECT diag FROM pc GROUP BY diag HAVING {test}").refused


def test_a_set_compares_the_rows_that_it_is_made_of(attacker: Attacker) -> None:
    every = list(PATIENTS)
    attacker.rule("pc", disallowedOutputColumns=[], comparisonControls={"allowedLiteralComparisonColumns": every})
    assert attacker.attempt("SELECT array_join(collect_set(zip), ',') AS x FROM pc").refused
    assert not attacker.attempt("SELECT array_join(collect_list(zip), ',') AS x FROM pc").refused


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT diag, array_join(collect_list(age), ',') AS x FROM {t} GROUP BY diag ORDER BY diag",
        "SELECT array_join(zip_with(collect_list(diag), collect_list(age), (d, a) -> concat(d, a)), ',') AS x FROM {t}",
        "SELECT array_join(collect_set(amount % 2), ',') AS x FROM {t}",
        "SELECT array_join(transform(collect_list(struct(diag, age)), s -> concat(s.diag, s.age)), ',') AS x FROM {t}",
        "SELECT pid, array_join(collect_list(age) OVER (PARTITION BY diag), ',') AS x FROM {t} ORDER BY pid",
        "SELECT pid, array_join(collect_list(age) OVER (ORDER BY salary), ',') AS x FROM {t} ORDER BY pid",
        "SELECT array_join(collect_list(a.age), ',') AS x FROM {t} a JOIN {t} b ON a.salary = b.salary",
    ],
)
def test_a_list_is_the_same_wherever_its_rows_lie(attacker: Attacker, sql: str) -> None:
    attacker.table("here", PATIENTS, ROWS, QUERIER)
    attacker.table("there", PATIENTS, ROWS[23:] + ROWS[11:23][::-1] + ROWS[:11], QUERIER)
    here, there = (attacker.attempt(sql.format(t=name)) for name in ("here", "there"))
    assert here.text, here
    assert here.text == there.text


def test_lists_of_one_select_have_a_rows_values_in_the_same_place(attacker: Attacker) -> None:
    attacker.table("own", PATIENTS, ROWS, QUERIER)
    found = attacker.attempt(
        "SELECT size(filter(zip_with(collect_list(salary), collect_list(age), (s, a) -> s = 3 + (a - 20) % 7), x -> x))"
        " AS right, count(*) AS n FROM own"
    )
    assert found.text.split() == ["right,n", "40,40"], found
