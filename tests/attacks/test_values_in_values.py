"""Attempts to carry a hidden column inside arrays, maps and functions of ours: what is in a value is followed."""

from __future__ import annotations

import pytest

from attacks.conftest import SECRETS, Attacker
from whiteroom.domain.execution.queries import QueryResult, ResultFormat
from whiteroom.engines.duckdb.worker import run_query

CARRIED = [
    "SELECT array(ssn)[0] AS x FROM pc",
    "SELECT array('a', ssn)[1] AS x FROM pc",
    "SELECT a[0] AS x FROM (SELECT array(ssn) AS a FROM pc) t",
    "SELECT element_at(split(ssn, '-'), 1) AS x FROM pc",
    "SELECT split(ssn, '-')[0] AS x FROM pc",
    "SELECT size(split(ssn, '1')) AS x FROM pc",
    "SELECT map(diag, ssn)['rare'] AS x FROM pc",
    "SELECT map_keys(map(ssn, 1))[0] AS x FROM pc",
    "SELECT array_join(sort_array(array(ssn, diag)), ',') AS x FROM pc",
    "SELECT array('a', 'b', 'c')[CAST(ssn AS INT)] AS x FROM pc",
    "SELECT concat_ws('', array(ssn, diag)) AS x FROM pc",
    "SELECT hash(ssn) AS x FROM pc",
    "SELECT format_string('%s', ssn) AS x FROM pc",
    "SELECT substring_index(ssn, '-', 1) AS x FROM pc",
    "SELECT decode(ssn, '078-05-1007', 1, 0) AS x FROM pc",
    "SELECT regexp_replace(ssn, '(.)', '$1') AS x FROM pc",
    "SELECT levenshtein(ssn, '078-05-1007') AS x FROM pc",
]


@pytest.mark.parametrize("sql", CARRIED)
def test_what_is_in_a_value_is_the_column_that_it_came_from(attacker: Attacker, sql: str) -> None:
    found = attacker.attempt(sql)
    assert found.refused, found
    assert not any(secret in found.message for secret in SECRETS)


@pytest.mark.parametrize(
    "test",
    [
        "array_contains(array(zip), '10038')",
        "array(zip)[0] = '10038'",
        "map('10038', 1)[zip] = 1",
        "size(split(zip, '10038')) = 2",
        "find_in_set(zip, '10038') = 1",
        "levenshtein(zip, '10038') = 0",
        "regexp_count(zip, '10038') = 1",
        "decode(zip, '10038', 1, 0) = 1",
        "crc32(zip) = 1",
    ],
)
def test_a_literal_that_meets_what_is_in_a_value_is_compared_with_it(attacker: Attacker, test: str) -> None:
    attacker.rule("pc", comparisonControls={"allowedLiteralComparisonColumns": ["diag"]})
    assert attacker.attempt(f"SELECT diag FROM pc WHERE {test}").refused


def test_an_array_is_no_value_of_a_csv_result_and_one_of_parquet(attacker: Attacker) -> None:
    found = attacker.attempt("SELECT array(diag) AS x FROM pc")
    assert "A CSV result cannot hold" in found.message, found
    spec = attacker.spec("SELECT array(diag) AS x FROM pc", result_format=ResultFormat.PARQUET)
    ended = run_query(attacker.folders(spec), spec, 10**9)
    end, message = ended.outcome, ended.message
    assert isinstance(end, QueryResult), message


def test_an_array_is_no_key_of_a_private_answer(attacker: Attacker) -> None:
    found = attacker.attempt("SELECT k, COUNT(*) AS c FROM (SELECT pid, array(diag) AS k FROM pd) t GROUP BY k")
    assert found.refused, found


def test_a_lambda_in_what_is_summed_up_is_told_without_generated_names(attacker: Attacker) -> None:
    total = "sum(size(filter(array(salary, 1), x -> x > 4)))"
    found = attacker.attempt(f"SELECT {total} AS s, avg(exists(array(age), x -> x > 30)::INT) AS e FROM pd")
    assert "wr$" not in found.message, found
    found = attacker.attempt(f"SELECT {total} AS s, count(transform(array(diag), x -> upper(x))[0]) AS c FROM pd")
    assert found.text.startswith("s,c"), found
