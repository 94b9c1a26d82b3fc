"""Attempts by functions of arrays, maps and structs, and by lambdas: to show a column, and to compare one."""

from __future__ import annotations

import pytest

from attacks.conftest import Attacker

SHOWN = [
    "SELECT transform(array(1), x -> ssn) AS a, pid FROM pc",
    "SELECT array_join(transform(array(1), x -> ssn), ',') AS a FROM pc",
    "SELECT size(filter(sequence(1, 100), x -> x < salary)) AS n FROM pc",
    "SELECT size(sequence(1, salary)) AS n FROM pc",
    "SELECT size(array_repeat(1, salary)) AS n FROM pc",
    "SELECT length(space(salary)) AS n FROM pc",
    "SELECT pid, pos FROM pc LATERAL VIEW posexplode(sequence(1, salary)) e AS pos, v",
    "SELECT aggregate(sequence(1, 100), 0, (acc, x) -> acc + IF(x < salary, 1, 0)) AS n FROM pc",
    "SELECT map_keys(map(ssn, 1))[0] AS k FROM pc",
    "SELECT array_join(map_keys(map_filter(map('a', ssn), (k, v) -> true)), ',') AS k FROM pc",
    "SELECT element_at(map('a', ssn), 'a') AS v FROM pc",
    "SELECT array_join(collect_list(ssn), ',') AS a FROM pc",
    "SELECT size(collect_set(salary)) AS a FROM pc",
    "SELECT array_join(sort_array(collect_set(zip)), ',') AS a FROM pc GROUP BY age",
    "SELECT s.a AS a FROM (SELECT struct(ssn AS a, age AS b) AS s FROM pc) t",
    "SELECT s.b AS a FROM (SELECT struct(ssn AS a, age AS b) AS s FROM pc) t",
    "SELECT stack(2, ssn, zip) AS a FROM pc",
    "SELECT element_at(split('a,b,c,d,e,f,g,h,i,j,k', ','), salary) AS a FROM pc",
    "SELECT split('a,b,c,d,e,f,g,h,i,j,k', ',')[salary] AS a FROM pc",
    "SELECT slice(sequence(1,20), 1, salary)[0] AS a, size(slice(sequence(1,20), 1, salary)) AS b FROM pc",
    "SELECT array_position(array('10001','10002','10003'), zip) AS p FROM pc",
    "SELECT zip_with(array(ssn), array(1), (x, y) -> x)[0] AS a FROM pc",
    "SELECT try_add(salary, 0) AS a FROM pc",
    "SELECT map_entries(map(1, ssn))[0].value AS v FROM pc",
    "SELECT transform_values(map(1, 2), (k, v) -> salary)[1] AS v FROM pc",
    "SELECT exists(array(1), x -> salary > 5) AS v, pid FROM pc",
    "SELECT forall(array(1), x -> salary > 5) AS v FROM pc",
    "SELECT transform(array(salary), salary -> salary)[0] AS v FROM pc",
    "SELECT pid, col FROM (SELECT pid, explode(array(ssn)) FROM pc) t",
    "SELECT str_to_map(concat('a:', ssn))['a'] AS v FROM pc",
    "SELECT concat(array(ssn), array('x'))[0] AS v FROM pc",
    "SELECT array_max(transform(array(0), x -> x + salary)) AS v FROM pc",
]
COMPARED = [
    "SELECT age FROM pc WHERE array_contains(array(zip), '10038')",
    "SELECT age FROM pc WHERE exists(array(zip), x -> x = '10038')",
    "SELECT age FROM pc WHERE size(filter(array(zip), x -> x LIKE '1003%')) > 0",
    "SELECT age FROM pc WHERE array_position(array(zip), '10038') = 1",
    "SELECT age FROM pc WHERE arrays_overlap(array(zip), array('10038'))",
    "SELECT age FROM pc WHERE size(array_union(array(zip), array('10038'))) = 1",
    "SELECT age FROM pc WHERE size(array_remove(array(zip), '10038')) = 0",
    "SELECT age FROM pc WHERE map('10038', true)[zip]",
    "SELECT age FROM pc WHERE element_at(map('10038', 1), zip) IS NOT NULL",
    "SELECT age FROM pc WHERE map_contains_key(map('10038', 1), zip)",
    "SELECT age FROM pc WHERE array_max(array(zip, '10038')) = zip",
    "SELECT age FROM pc WHERE size(array_distinct(array(zip, '10038'))) = 1",
    "SELECT age FROM pc WHERE sort_array(array(zip, '10038'))[0] = zip",
    "SELECT age FROM pc LATERAL VIEW explode(filter(array(zip), x -> x > '10030')) e AS v",
    "SELECT age FROM pc LATERAL VIEW explode(sequence(1, salary)) e AS v",
    "SELECT age FROM pc LATERAL VIEW explode(split(zip, '38')) e AS v",
    "SELECT age FROM pc LATERAL VIEW explode(IF(zip = '10038', array(1), array(1, 2))) e AS v",
    "SELECT age, explode(array_repeat(1, salary)) AS v FROM pc",
    "SELECT age FROM pc WHERE struct(zip, 1) = struct('10038', 1)",
    "SELECT age FROM pc WHERE named_struct('a', zip) IN (named_struct('a', '10038'))",
    "SELECT age FROM pc WHERE transform(array(zip), x -> x = '10038')[0]",
    "SELECT age FROM pc WHERE aggregate(array(zip), false, (a, x) -> a OR x = '10038')",
    "SELECT age FROM pc WHERE aggregate(array('10038'), zip, (a, x) -> IF(a = x, 'y', 'n')) = 'y'",
    "SELECT age FROM pc WHERE zip_with(array(zip), array('10038'), (x, y) -> x = y)[0]",
    "SELECT age FROM pc ORDER BY array_contains(array(zip), '10038')",
    "SELECT age FROM pc ORDER BY size(filter(array(salary), x -> x > 5))",
    "SELECT age FROM pc ORDER BY transform(array(salary), x -> IF(x > 5, 0, 1))",
    "SELECT age FROM pc SORT BY salary % 2",
    "SELECT age FROM pc WHERE try_divide(1, salary - 5) IS NULL",
    "SELECT age FROM pc WHERE element_at(array(1,2,3,4,5), 3) > 0 AND split('x', ',')[salary - 3] IS NOT NULL",
    "SELECT age FROM pc WHERE get(array(true, false), salary)",
    "SELECT age FROM pc WHERE slice(array(true), 1, salary - 3)[0]",
    "SELECT collect_set(salary)[0] AS v, age FROM pc GROUP BY age",
    "SELECT size(collect_set(zip)) AS n, diag FROM pc GROUP BY diag",
]


@pytest.mark.parametrize("sql", SHOWN)
@pytest.mark.parametrize("channel", [False, True])
def test_a_column_that_may_not_be_shown_comes_out_of_no_function(attacker: Attacker, sql: str, channel: bool) -> None:
    assert attacker.attempt(sql, channel=channel).refused


@pytest.mark.parametrize("sql", COMPARED)
def test_a_column_that_may_not_be_compared_is_compared_by_no_function(attacker: Attacker, sql: str) -> None:
    controls = {"allowedLiteralComparisonColumns": ["age"], "allowedColumnComparisonColumns": ["age"]}
    attacker.rule("pc", comparisonControls=controls)
    assert attacker.attempt(sql).refused
