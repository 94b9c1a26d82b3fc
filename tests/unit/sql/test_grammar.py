"""What may stand where, and that what is not listed may not."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from whiteroom.sql import constructs
from whiteroom.sql.grammar import EXPRESSION, TABLE, StarOf, allowed_at, check_places
from whiteroom.sql.refusals import Refused


def parsed(sql: str) -> exp.Expr:
    return sqlglot.parse_one(sql, dialect="spark")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, t.b, t.*, * FROM t",
        "SELECT COUNT(*), COUNT(DISTINCT a), COUNT(1) FROM t LIMIT 5 OFFSET 3",
        "WITH q AS (SELECT 1 AS a) SELECT (SELECT max(a) FROM q) AS m FROM t WHERE EXISTS (SELECT 1 FROM q)",
        "SELECT a FROM t WHERE (a, b) IN ((1, 2), (3, 4)) AND c IN (SELECT d FROM u)",
        "SELECT a, SUM(b) OVER (PARTITION BY c ORDER BY d ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM t",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FILTER (WHERE b > 1) AS p FROM t",
        "SELECT a FROM t NATURAL JOIN u JOIN v USING (k) LEFT SEMI JOIN w ON t.a = w.a",
        "SELECT a FROM (t JOIN u ON t.a = u.a)",
        "SELECT a FROM VALUES (1, 2), (3, 4) AS v(a, b)",
        "SELECT CASE a WHEN 1 THEN 2 ELSE 3 END AS x, CAST(b AS DECIMAL(10, 2)) AS y, DATE '2026-01-01' AS d FROM t",
        "SELECT a FROM t GROUP BY GROUPING SETS ((a, b), (a), ()) HAVING COUNT(*) > 1",
        "SELECT a FROM t UNION ALL (SELECT b FROM u ORDER BY b LIMIT 1) ORDER BY a",
        "SELECT extract(YEAR FROM d) AS y, d + INTERVAL 1 DAY AS n FROM t",
    ],
)
def test_what_spark_queries_are_made_of_has_its_place(sql: str) -> None:
    check_places(parsed(sql))


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT (*) AS x FROM t", "A star stands as an output column"),
        ("SELECT upper(*) AS x FROM t", "A star stands as an output column"),
        ("SELECT max(*) AS x FROM t", "A star stands as an output column"),
        ("SELECT COUNT(t.*) AS x FROM t", "A star stands as an output column"),
        ("SELECT COUNT(DISTINCT *) AS x FROM t", "A star stands as an output column"),
        ("SELECT a FROM t WHERE a IN (*)", "A star stands as an output column"),
        ("SELECT a FROM t ORDER BY *", "A star stands as an output column"),
        ("SELECT a FROM t GROUP BY *", "A star stands as an output column"),
        ("SELECT a FROM t LIMIT (SELECT 1)", "LIMIT takes a whole number"),
        ("SELECT a FROM t LIMIT 1 + 1", "LIMIT takes a whole number"),
        ("SELECT a FROM t LIMIT ALL", "LIMIT takes a whole number"),
        ("SELECT a FROM t LIMIT 1 OFFSET b", "OFFSET takes a whole number"),
        ("SELECT (a, b) AS x FROM t", "TUPLE is not allowed as THIS of ALIAS"),
        ("SELECT s.f(a) AS x FROM t", "IDENTIFIER is not allowed as THIS of DOT"),
        ("SELECT a FROM range(5)", "TABLE"),
        ("SELECT a FROM db.t", "Name the table"),
        ("SELECT a FROM t TABLESAMPLE (5 ROWS)", "SAMPLE is not allowed"),
        ("SELECT a FROM t, LATERAL explode(b) AS x", "LATERAL is not allowed"),
        ("SELECT a FROM t WHERE a = (SELECT b FROM u FOR UPDATE)", "LOCK"),
        ("SELECT a FROM t PIVOT (max(a) FOR b IN (1))", "PIVOT"),
    ],
)
def test_what_stands_elsewhere_is_refused_with_its_name(sql: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        check_places(parsed(sql))
    assert words in str(refused.value)


def test_a_scalar_function_is_one_word_and_takes_expressions() -> None:
    own = {kind for kind in constructs.SCALARS if kind not in TABLE and not issubclass(kind, exp.AggFunc)}
    assert len(own) > 80
    for kind in own:
        assert allowed_at(kind(), "this") == EXPRESSION
        assert exp.Star not in EXPRESSION | (allowed_at(kind(), "unit") or EXPRESSION)


def test_stars_and_aliases_are_expressions_nowhere() -> None:
    places = {(kind, name) for kind, row in TABLE.items() for name, kinds in row.items() if exp.Alias in kinds}
    assert places == {(exp.Select, "expressions")}
    stars = {(kind, name) for kind, row in TABLE.items() for name, kinds in row.items() if exp.Star in kinds}
    assert {(exp.Select, "expressions"), (exp.Count, "this")} <= stars
    assert {kind for kind, _ in stars} == {exp.Select, exp.Count, exp.Column, StarOf}
