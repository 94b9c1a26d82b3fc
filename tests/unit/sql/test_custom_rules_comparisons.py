"""CUSTOM rules: comparison controls and thresholds."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from support.rules import direct
from unit.sql.test_custom_rules import CONTROLS, MINE, impressions, reason
from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.engines.duckdb.writing import judge_and_write
from whiteroom.sql.refusals import Refused


@pytest.mark.parametrize("field", ["comparisonControls", "aggregationThresholds"])
def test_a_parameter_is_a_literal_like_any_other(field: str) -> None:
    rule = {**CONTROLS, **threshold()}
    column = "zip" if field == "comparisonControls" else "user_id"
    spec = direct(
        f"SELECT COUNT(*) AS n FROM impressions WHERE {column} = :it",
        (impressions(**{field: rule[field]}), MINE),
        parameters={"it": "u1"},
        parameter_types={"it": "STRING"},
    )
    with pytest.raises(Refused, match="literal"):
        judge_and_write(spec)


def threshold(**fields: Any) -> dict[str, Any]:
    only = {
        "identityColumns": ["user_id"],
        "minimumIdentityCount": 100,
        "type": "COUNT_DISTINCT",
        "allowedAggregateExpressionType": "COLUMNS_ONLY",
    }
    return {"aggregationThresholds": [{**only, **fields}]}


GROUPED = [
    "SELECT day, COUNT(DISTINCT user_id) AS reach FROM impressions WHERE campaign = 'a' GROUP BY day",
    "SELECT COUNT(*) AS n FROM impressions",
    "SELECT campaign, SUM(cost) / COUNT(*) AS s, MAX(cost) AS m FROM impressions GROUP BY campaign ORDER BY s LIMIT 3",
    "SELECT c.segment, AVG(i.cost) AS a FROM impressions i LEFT JOIN customers c ON c.id = user_id GROUP BY c.segment",
    "WITH r AS (SELECT day, COUNT(*) AS n FROM impressions GROUP BY day) SELECT AVG(n) AS a FROM r WHERE n > 5",
    (
        "WITH r AS (SELECT day, COUNT(*) AS n FROM impressions GROUP BY day)"
        " SELECT day, SUM(n) OVER (ORDER BY day) AS s FROM r"
    ),
    "SELECT campaign, COUNT(*) AS n FROM impressions GROUP BY campaign UNION ALL SELECT segment, 1 FROM customers",
    "SELECT id FROM customers",
    (
        "SELECT c.segment, r.n FROM customers c"
        " JOIN (SELECT campaign, COUNT(*) AS n FROM impressions GROUP BY campaign) r ON r.campaign = c.segment"
    ),
    "SELECT id, (SELECT SUM(cost) FROM impressions) AS s FROM customers",
]


@pytest.mark.parametrize("sql", GROUPED)
def test_under_a_threshold_every_select_that_reads_the_table_has_the_minimum(sql: str) -> None:
    text = judge_and_write(direct(sql, (impressions(**threshold()), MINE))).sql
    assert text.count('"user_id") >= 100') == ("impressions" in sql)


FEW = [
    (
        "SELECT 'u' || i % 2 AS user_id, 'a' AS campaign, 'z' || i AS zip, i::DOUBLE AS cost, DATE '2026-01-01' AS day"
        " FROM range(40) t(i)"
    ),
    "SELECT 'u' || i % 2, 'b', 'y' || i, i::DOUBLE, DATE '2026-01-02' FROM range(3) t(i)",
    "SELECT 'u' || i, 'c', 'x', 7::DOUBLE, DATE '2026-01-03' FROM range(0) t(i)",
]
WEIGHED = [
    "SELECT i.campaign, COUNT(*) AS n FROM impressions i CROSS JOIN impressions j GROUP BY i.campaign",
    "SELECT c.id, COUNT(*) AS n FROM impressions i FULL JOIN customers c ON i.user_id = c.id GROUP BY c.id",
    "SELECT c.id, COUNT(i.zip) AS n FROM customers c LEFT JOIN impressions i ON i.user_id = c.id GROUP BY c.id",
    "SELECT COUNT(*) AS n FROM impressions HAVING TRUE OR COUNT(*) > 0",
    "SELECT COUNT(*) AS n FROM (SELECT campaign, COUNT(*) AS m FROM impressions GROUP BY campaign) r",
    "SELECT id FROM customers WHERE spend > (SELECT SUM(cost) FROM impressions)",
]


@pytest.mark.parametrize("sql", [*GROUPED, *WEIGHED])
def test_a_table_with_too_few_identities_has_no_influence_on_any_answer(sql: str) -> None:
    guarded = judge_and_write(direct(sql, (impressions(**threshold(minimumIdentityCount=3)), MINE)))
    answers = []
    for rows in FEW:
        with duckdb.connect() as connection:
            connection.execute(
                "CREATE TABLE impressions (user_id TEXT, campaign TEXT, zip TEXT, cost DOUBLE, day DATE)"
            )
            connection.execute(f"INSERT INTO impressions {rows}")
            connection.execute(
                "CREATE TABLE customers AS SELECT 'u' || i AS id, 'a' AS segment, 1.5 AS spend FROM range(9) t(i)"
            )
            for view, read in guarded.judged.views.items():
                connection.execute(f'CREATE VIEW "{view}" AS SELECT *, rowid AS "wr$row" FROM {read.name}')
            prepare(connection, guarded.sql)
            answers.append(connection.execute(guarded.sql).fetchall())
    assert answers[0] == answers[1] == answers[2]


ROWS = [
    ("SELECT campaign FROM impressions", "must aggregate"),
    ("SELECT DISTINCT upper('a') AS a FROM impressions", "must aggregate"),
    ("SELECT DISTINCT SUM(cost) OVER () AS s FROM impressions", "must aggregate"),
    ("SELECT campaign, COUNT(*) AS n FROM impressions GROUP BY campaign LIMIT 1 OFFSET 1", "takes no OFFSET"),
    ("SELECT n FROM (SELECT campaign, COUNT(*) AS n FROM impressions GROUP BY campaign) t OFFSET 1", "takes no OFFSET"),
    ("SELECT COUNT(*) AS n FROM impressions JOIN (SELECT id FROM customers LIMIT 9 OFFSET 1) t ON TRUE", "no OFFSET"),
    ("SELECT 1 AS x FROM impressions", "must aggregate"),
    ("SELECT n FROM (SELECT cost AS n FROM impressions)", "must aggregate"),
    ("WITH r AS (SELECT * FROM impressions) SELECT campaign, COUNT(*) AS n FROM r GROUP BY campaign", "must aggregate"),
    ("SELECT campaign FROM impressions UNION SELECT segment FROM customers", "must aggregate"),
    ("SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM impressions i WHERE i.campaign = 'a')", "must aggregate"),
    ("SELECT id FROM customers c WHERE c.id IN (SELECT user_id FROM impressions)", "must aggregate"),
    ("SELECT SUM(cost) OVER (PARTITION BY campaign) AS s FROM impressions", "must aggregate"),
    ("SELECT COUNT(*) AS n, SUM(COUNT(*)) OVER () AS s FROM impressions GROUP BY campaign", "put window functions"),
    ("SELECT campaign, COUNT(*) AS n FROM impressions GROUP BY ROLLUP (campaign)", "takes no GROUPING SETS"),
    ("SELECT campaign, COUNT(*) AS n FROM impressions GROUP BY campaign WITH CUBE", "takes no GROUPING SETS"),
    (
        "SELECT campaign, COUNT(*) AS n FROM impressions GROUP BY GROUPING SETS ((campaign), ())",
        "takes no GROUPING SETS",
    ),
    (
        (
            "SELECT i.campaign, SUM(c.spend) AS s FROM impressions i FULL JOIN customers c ON i.user_id = c.id"
            " GROUP BY i.campaign"
        ),
        "group and filter by columns of the other table",
    ),
    (
        "SELECT SUM(c.spend) AS s FROM customers c LEFT JOIN impressions i ON i.user_id = c.id WHERE i.zip IS NULL",
        "group and filter by columns of the other table",
    ),
    (
        (
            "SELECT COALESCE(i.zip, '10001') AS z, SUM(c.spend) AS s FROM impressions i RIGHT JOIN customers c"
            " ON i.user_id = c.id GROUP BY COALESCE(i.zip, '10001')"
        ),
        "group and filter by columns of the other table",
    ),
    (
        (
            "SELECT SUM(c.spend) AS s FROM customers c LEFT JOIN impressions i ON i.user_id = c.id"
            " JOIN customers d ON d.segment = COALESCE(i.zip, '10001')"
        ),
        "stands alone",
    ),
    ("SELECT COUNT(*) AS n FROM customers c LEFT SEMI JOIN impressions i ON i.user_id = c.id", "LEFT SEMI JOIN"),
    ("SELECT COUNT(*) AS n FROM customers c LEFT ANTI JOIN impressions i ON i.user_id = c.id", "LEFT ANTI JOIN"),
    ("SELECT SUM(cost) FILTER (WHERE zip = '1') AS s FROM impressions", "takes no FILTER"),
    ("SELECT SUM(cost * 2) AS s FROM impressions", "SUM has an expression"),
    ("SELECT SUM(CASE WHEN zip = '1' THEN cost END) AS s FROM impressions", "SUM has an expression"),
    ("SELECT COUNT(DISTINCT zip, campaign) AS s FROM impressions", "COUNT_DISTINCT has an expression"),
    ("SELECT MAX(cost) AS m FROM impressions", "MAX must stand beside"),
    ("SELECT median(cost) AS m FROM impressions", "MEDIAN must stand beside"),
    ("SELECT any_value(zip) AS m, COUNT(*) AS n FROM impressions", "ANY_VALUE is not allowed"),
    ("SELECT first(zip) AS m, COUNT(*) AS n FROM impressions", "FIRST is not allowed"),
    ("SELECT max_by(zip, cost) AS m, COUNT(*) AS n FROM impressions", "is not allowed"),
    ("SELECT every(cost > 5) AS m, COUNT(*) AS n FROM impressions", "is not allowed"),
    ("SELECT bit_xor(CAST(zip AS INT)) AS m, COUNT(*) AS n FROM impressions", "is not allowed"),
    ("SELECT SUM(cost) AS s FROM impressions WHERE user_id IN (SELECT id FROM customers)", "no sub-query"),
    ("SELECT SUM(cost), (SELECT MAX(id) FROM customers) AS m FROM impressions", "no sub-query"),
    (
        "SELECT c.id, (SELECT SUM(i.cost) FROM impressions i WHERE i.user_id = c.id) AS s FROM customers c",
        "may not refer to the query around it",
    ),
    ("SELECT COUNT(*) AS n FROM impressions WHERE user_id = 'u1'", "'user_id' to be compared with a literal"),
    ("SELECT COUNT(*) AS n FROM impressions WHERE upper(user_id) LIKE 'U%'", "'user_id' to be compared with a literal"),
    (
        "SELECT COUNT(*) AS n FROM impressions GROUP BY campaign HAVING MIN(user_id) = 'u1'",
        "to be compared with a literal",
    ),
    (
        "SELECT COUNT(*) AS n FROM impressions i JOIN (SELECT DISTINCT 'u1' AS u FROM customers) k ON i.user_id = k.u",
        "'user_id' to be compared with a literal",
    ),
]


@pytest.mark.parametrize(("sql", "words"), ROWS)
def test_under_a_threshold_rows_and_parts_of_groups_are_refused(sql: str, words: str) -> None:
    assert words in str(reason(sql, **threshold()))


AGGREGATES = [
    "count(e)",
    "count_if(e)",
    "sum(e)",
    "avg(e)",
    "mean(e)",
    "min(e)",
    "max(e)",
    "std(e)",
    "stddev(e)",
    "stddev_pop(e)",
    "stddev_samp(e)",
    "variance(e)",
    "var_samp(e)",
    "var_pop(e)",
    "median(e)",
    "approx_count_distinct(e)",
    "first(e)",
    "last(e)",
    "any_value(e)",
    "every(e)",
    "some(e)",
    "bool_and(e)",
    "bool_or(e)",
    "skewness(e)",
    "bit_and(e)",
    "bit_or(e)",
    "bit_xor(e)",
    "corr(e,e)",
    "covar_pop(e,e)",
    "covar_samp(e,e)",
    "max_by(e,e)",
    "min_by(e,e)",
    "percentile(e,0.5)",
    "approx_percentile(e,0.5)",
    "grouping(e)",
]


@pytest.mark.parametrize("call", AGGREGATES)
def test_no_aggregate_passes_as_a_function_of_something_else(call: str) -> None:
    """One that the guard took for a scalar function would carry rows out of a group."""
    name, _, arguments = call.partition("(")
    sql = f"SELECT {name}({arguments.replace('e', 'cost * 2')} AS x, COUNT(*) AS n FROM impressions GROUP BY campaign"
    assert "shows groups above a minimum only" in str(reason(sql, **threshold()))


@pytest.mark.parametrize(
    ("sql", "expressions"),
    [
        ("SELECT SUM(cost * 2) AS s FROM impressions", True),
        ("SELECT SUM(CASE WHEN zip = '1' THEN cost END) AS s FROM impressions", True),
        ("SELECT SUM(CASE WHEN user_id = 'u1' THEN cost END) AS s FROM impressions", False),
        ("SELECT SUM(cost) FILTER (WHERE zip = '1') AS s FROM impressions", False),
        ("SELECT SUM((SELECT MAX(spend) FROM customers)) AS s FROM impressions", False),
    ],
)
def test_an_owner_may_allow_expressions_in_aggregates(sql: str, *, expressions: bool) -> None:
    allowed = reason(sql, **threshold(allowedAggregateExpressionType="ANY_EXPRESSION"))
    assert (allowed is None) is expressions


OVERRIDES = {
    "outputColumnThresholds": [
        {"outputColumnName": "campaign", "minimumIdentityCount": 5},
        {"outputColumnName": "cost", "minimumIdentityCount": 2},
        {"outputColumnName": "day", "minimumIdentityCount": 0},
    ]
}


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY campaign", 5),
        ("SELECT SUM(cost) AS s FROM impressions", 2),
        ("SELECT SUM(cost) AS s FROM impressions GROUP BY campaign", 5),
        ("SELECT SUM(cost) AS s FROM impressions GROUP BY zip", 100),
        ("SELECT day, SUM(cost) AS s FROM impressions GROUP BY day", 2),
        ("SELECT campaign, COUNT(*) AS n FROM impressions GROUP BY campaign", 100),
        ("SELECT campaign, COUNT(DISTINCT user_id) AS n FROM impressions GROUP BY campaign", 100),
        ("SELECT campaign, zip FROM impressions GROUP BY campaign, zip", 100),
        ("SELECT DISTINCT campaign, zip FROM impressions", 100),
        ("SELECT DISTINCT day FROM impressions ORDER BY day", None),
        ("SELECT campaign || zip AS x FROM impressions GROUP BY campaign || zip", 100),
        ("SELECT day FROM impressions GROUP BY day", None),
        ("SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY ALL", 5),
    ],
)
def test_the_strictest_threshold_of_all_output_columns_holds(sql: str, count: int | None) -> None:
    text = judge_and_write(direct(sql, (impressions(**threshold(**OVERRIDES)), MINE))).sql
    assert (f'COUNT(DISTINCT "wr$s0"."user_id") >= {count}' in text) is (count is not None)
    assert text.count("user_id") == (count is not None) + ("user_id" in sql)


def test_a_table_that_is_joined_with_itself_has_its_threshold_on_each_side() -> None:
    sql = "SELECT SUM(i.cost) AS s FROM impressions i JOIN impressions j ON i.zip = j.zip"
    text = judge_and_write(direct(sql, (impressions(**threshold()), MINE))).sql
    assert 'COUNT(DISTINCT "wr$s0"."user_id") >= 100' in text
    assert 'COUNT(DISTINCT "wr$s1"."user_id") >= 100' in text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "SUM"}, "of type SUM"),
        ({"identityColumns": ["gone"]}, "'gone' for a threshold"),
        ({"allowedAggregateExpressionType": "A_TYPE_OF_THE_FUTURE"}, "SUM has an expression"),
    ],
)
def test_a_threshold_that_cannot_be_enforced_as_it_stands_is_read_strictly(fields: dict[str, Any], words: str) -> None:
    assert words in str(reason("SELECT SUM(cost + 1) AS s FROM impressions", **threshold(**fields)))
