"""Attempts to have a lambda show a hidden column, compare one that may not be, or be taken for another name."""

from __future__ import annotations

import pytest

from attacks.conftest import SECRETS, Attacker
from whiteroom.domain.execution.queries import QueryFailure

CARRIED = [
    "transform(array(1), x -> ssn)[0]",
    "transform(array(ssn), x -> x)[0]",
    "transform(array(array(1)), a -> transform(a, b -> ssn)[0])[0]",
    "filter(array('a'), x -> ssn LIKE '078%')[0]",
    "size(filter(array(ssn), x -> x LIKE '078%'))",
    "aggregate(array('a'), '', (acc, x) -> concat(acc, ssn))",
    "aggregate(array('a'), '', (acc, x) -> acc, acc -> concat(acc, ssn))",
    "aggregate(array('a'), ssn, (acc, x) -> acc)",
    "reduce(array(salary, 1), 0, (acc, x) -> acc + x)",
    "exists(array(1), x -> ssn = '078-05-1007')",
    "forall(array(ssn), x -> x > '078-05-1007')",
    "zip_with(array('a'), array(ssn), (x, y) -> y)[0]",
    "transform_values(map(1, 'a'), (k, v) -> ssn)[1]",
    "map_keys(transform_keys(map(ssn, 1), (k, v) -> upper(k)))[0]",
    "size(map_filter(map('a', 1), (k, v) -> salary > 5))",
    "transform(array(ssn), diag -> diag)[0]",
    "transform(array(diag), x -> transform(array(ssn), x -> x)[0])[0]",
    "transform(array(diag), DIAG -> concat(diag, ssn))[0]",
    "size(sequence(1, salary))",
    "size(array_repeat('a', salary))",
    "array_union(array(ssn), array('a'))[0]",
    "flatten(array(array(ssn)))[0]",
    "array_insert(array('a'), salary, 'b')[0]",
    "slice(array('a', 'b', 'c', 'd'), salary, 1)[0]",
    "map_from_arrays(array('a'), array(ssn))['a']",
    "str_to_map(ssn, '-', '5')['078']",
    "map_contains_key(map(ssn, 1), '078-05-1007')",
    "map_entries(map('a', ssn))[0].value",
    "map_entries(map('a', ssn))[0].key",
    "map_values(map_from_entries(array(struct('a', ssn))))[0]",
    "transform(array(struct(ssn AS a, diag AS b)), s -> s.a)[0]",
]


@pytest.mark.parametrize("value", CARRIED)
def test_what_a_lambda_or_an_array_is_given_is_what_it_shows(attacker: Attacker, value: str) -> None:
    for sql in (f"SELECT {value} AS x FROM pc", f"SELECT v AS x FROM (SELECT {value} AS v, diag FROM pc) t"):
        found = attacker.attempt(sql)
        assert found.refused, (sql, found)
        assert "output" in found.message, found
        assert not found.disagreement
        assert not any(secret in found.message for secret in SECRETS)


def test_a_variable_that_is_named_like_a_hidden_column_is_the_variable(attacker: Attacker) -> None:
    found = attacker.attempt("SELECT DISTINCT transform(array(diag), ssn -> upper(SSN))[0] AS x FROM pc ORDER BY x")
    assert found.text.split() == ["x", "COMMON", "RARE"], found


def test_a_name_means_the_innermost_lambda_that_has_it(attacker: Attacker) -> None:
    found = attacker.attempt(
        "SELECT DISTINCT transform(array(diag), x -> transform(array('in'), X -> concat(x, diag))[0])[0] AS r FROM pc"
    )
    assert sorted(found.text.split()[1:]) == ["incommon", "inrare"], found


COMPARED = [
    "exists(array(zip), x -> x = '10038')",
    "exists(array('10038'), x -> x = zip)",
    "exists(array('10038', diag), x -> x = zip)",
    "forall(array(zip), x -> x <> '10038')",
    "size(filter(array(zip), x -> x = '10038')) = 1",
    "size(filter(array('10038', '10039'), x -> x = zip)) = 1",
    "transform(array(zip), x -> x = '10038')[0]",
    "transform(array(zip), x -> transform(array('10038'), y -> x = y)[0])[0]",
    "aggregate(array(zip), 0, (n, x) -> n + if(x = '10038', 1, 0)) = 1",
    "aggregate(array('10038'), 0, (n, x) -> n + if(x = zip, 1, 0)) = 1",
    "aggregate(array(1, 2), '10038', (acc, x) -> if(acc = zip, acc, 'no')) = '10038'",
    "zip_with(array(zip), array('10038'), (x, y) -> x = y)[0]",
    "size(map_filter(map(zip, 1), (k, v) -> k = '10038')) = 1",
    "element_at(array('10038', diag), 1) = zip",
    "exists(array(if(age > 0, '10038', diag)), x -> x = zip)",
    "exists(transform(array(diag), x -> if(age > 0, '10038', x)), x -> x = zip)",
    "aggregate(array(diag), diag, (acc, x) -> if(age > 0, '10038', acc), acc -> acc) = zip",
    "aggregate(array(diag), diag, (acc, x) -> if(age > 0, '10038', acc), acc -> if(acc = zip, 'y', 'n')) = 'y'",
    "array_union(array(diag), array('10038'))[1] = zip",
    "map(diag, '10038')[diag] = zip",
    "array('10038')[age] = zip",
    "array_position(array(zip), '10038') = 1",
    "arrays_overlap(array(zip), array('10038'))",
    "size(array_remove(array(zip), '10038')) = 0",
    "size(array_except(array(zip), array('10038'))) = 0",
    "size(array_intersect(array('10038'), array(zip))) = 1",
    "map_contains_key(map(zip, 1), '10038')",
    "array(zip) = array('10038')",
    "array_sort(array(zip, '10038'))[0] = '10038'",
    "size(sequence(10038, CAST(zip AS INT))) = 1",
    "str_to_map(zip, '0', '3')['8'] IS NULL",
    "exists(array(CAST(zip AS BOOLEAN)), x -> x)",
]


@pytest.mark.parametrize("test", COMPARED)
def test_what_meets_a_literal_in_a_lambda_is_compared_with_it(attacker: Attacker, test: str) -> None:
    attacker.rule("pc", comparisonControls={"allowedLiteralComparisonColumns": ["diag"]})
    assert attacker.attempt(f"SELECT diag FROM pc WHERE {test}").refused
    assert attacker.attempt(f"SELECT diag, count(*) AS n FROM pc GROUP BY diag, {test}").refused


@pytest.mark.parametrize(
    "test",
    [
        "exists(array(diag), x -> x = zip)",
        "aggregate(array(zip), '', (acc, x) -> greatest(acc, x)) > diag",
        "zip_with(array(zip), array(diag), (x, y) -> x = y)[0]",
        "transform(array(zip), x -> transform(array(diag), y -> x = y)[0])[0]",
        "arrays_overlap(array(zip), array(diag))",
    ],
)
def test_columns_that_meet_in_a_lambda_are_compared_with_each_other(attacker: Attacker, test: str) -> None:
    every = ["pid", "ssn", "salary", "zip", "age", "diag", "amount"]
    attacker.rule("pc", comparisonControls={"allowedLiteralComparisonColumns": every})
    assert attacker.attempt(f"SELECT diag FROM pc WHERE {test}").refused


@pytest.mark.parametrize(
    "value",
    [
        "array_repeat('x', 2000000000)",
        "sequence(1, 9000000000000000000)",
        "sequence(1, 2000000000, 2)",
        "array_insert(array(1), 2000000000, 2)",
        "array_insert(array(1), -2000000000, 2)",
        "sequence(TIMESTAMP '2000-01-01 00:00:00', TIMESTAMP '2024-01-01 00:00:00', INTERVAL 1 SECOND)",
    ],
)
def test_an_array_without_end_ends_the_query_and_nothing_else(attacker: Attacker, value: str) -> None:
    found = attacker.attempt(f"SELECT size({value}) AS n FROM mine")
    assert found.failure is QueryFailure.INVALID, found
    assert not found.text
