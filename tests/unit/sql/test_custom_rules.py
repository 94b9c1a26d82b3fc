"""CUSTOM rules: tables of rules, queries and verdicts."""

from __future__ import annotations

from typing import Any

import pytest

from support.rules import CUSTOM, CUSTOMERS, IMPRESSIONS, QUERIER, direct, table
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.engines.duckdb.writing import judge_and_write
from whiteroom.sql.refusals import Refused

MINE = table("customers", CUSTOMERS, "CUSTOM", CUSTOM, QUERIER)


def impressions(**fields: Any) -> QueryTable:
    return table("impressions", IMPRESSIONS, "CUSTOM", {**CUSTOM, **fields})


def reason(sql: str, **fields: Any) -> str | None:
    """Why the guard refuses; None where it does not."""
    try:
        judge_and_write(direct(sql, (impressions(**fields), MINE)))
    except Refused as refused:
        return str(refused)
    return None


HIDDEN = {"disallowedOutputColumns": ["user_id", "zip"]}

SHOWN = [
    # UG disallowed-columns: what is blocked
    "SELECT zip FROM impressions",
    "SELECT * FROM impressions",
    "SELECT COUNT(zip) AS n FROM impressions",
    "SELECT n FROM (SELECT COUNT(zip) AS n FROM impressions)",
    "SELECT CONCAT(zip, campaign) AS x FROM impressions",
    "WITH c AS (SELECT zip AS z FROM impressions) SELECT z FROM c",
    "SELECT SUM(cost) OVER (PARTITION BY zip) AS s FROM impressions",
    "SELECT row_number() OVER (ORDER BY zip) AS s FROM impressions",
    # and other ways
    "SELECT ZIP AS x FROM impressions",
    "SELECT `Zip` AS x FROM `Impressions` AS `I`",
    "SELECT zip AS a, a AS b FROM impressions",
    "SELECT CASE WHEN zip = '1' THEN 'yes' ELSE 'no' END AS x FROM impressions",
    "SELECT CASE WHEN campaign = 'a' THEN 'n' ELSE zip END AS x FROM impressions",
    "SELECT CASE zip WHEN '1' THEN 1 ELSE 0 END AS x FROM impressions",
    "SELECT IF(zip > '5', 1, 0) AS x FROM impressions",
    "SELECT zip = '1' AS x FROM impressions",
    "SELECT zip IS NULL AS x FROM impressions",
    "SELECT isnull(zip) AS x FROM impressions",
    "SELECT md5(zip) AS x FROM impressions",
    "SELECT coalesce(campaign, zip) AS x FROM impressions",
    "SELECT max_by(campaign, zip) AS x FROM impressions",
    "SELECT SUM(cost) FILTER (WHERE zip = '1') AS x FROM impressions",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY CAST(zip AS INT)) AS x FROM impressions",
    "SELECT campaign FROM impressions UNION ALL SELECT zip FROM impressions",
    "SELECT segment FROM customers UNION SELECT zip FROM impressions",
    "SELECT segment FROM customers INTERSECT SELECT zip FROM impressions",
    "SELECT segment FROM customers EXCEPT SELECT zip FROM impressions",
    "SELECT s FROM (SELECT segment AS s FROM customers UNION SELECT zip FROM impressions) u",
    "SELECT b FROM (SELECT a AS b FROM (SELECT zip AS a FROM impressions) x) y",
    "SELECT y.b FROM (SELECT zip FROM impressions) AS y(b)",
    "WITH c(z) AS (SELECT zip FROM impressions), d AS (SELECT z || 'x' AS w FROM c) SELECT w FROM d",
    "WITH c AS (SELECT zip FROM impressions) SELECT (SELECT max(zip) FROM c) AS m FROM customers",
    "SELECT (SELECT max(i.zip) FROM impressions i WHERE i.user_id = c.id) AS m FROM customers c",
    "SELECT EXISTS (SELECT 1 FROM impressions i WHERE i.zip = '1' AND c.id = i.campaign) AS x FROM customers c",
    "SELECT c.id IN (SELECT zip FROM impressions) AS x FROM customers c",
    "SELECT campaign = ANY (SELECT zip FROM impressions) AS x FROM impressions",
    (
        "SELECT x FROM (SELECT segment AS x, id FROM customers) c JOIN (SELECT zip AS y FROM impressions) i ON true"
        " UNION SELECT y FROM (SELECT zip AS y FROM impressions) j"
    ),
    "SELECT user_id FROM impressions i JOIN customers c ON i.user_id = c.id",
    "SELECT z AS campaign FROM (SELECT zip AS z, campaign FROM impressions)",
    "SELECT lag(zip) OVER (ORDER BY day) AS x FROM impressions",
    "WITH impressions AS (SELECT zip AS campaign FROM impressions) SELECT campaign FROM impressions",
    (
        "WITH a AS (SELECT campaign AS c FROM impressions)"
        " SELECT c FROM (WITH a AS (SELECT zip AS c FROM impressions) SELECT c FROM a) t"
    ),
    "WITH v AS (SELECT campaign AS zip FROM impressions) SELECT v.zip FROM impressions v",
    "SELECT y.campaign FROM (SELECT zip AS a, campaign AS b FROM impressions) AS y(campaign, zip)",
    "SELECT y.b FROM (SELECT campaign, zip FROM impressions UNION ALL SELECT id, segment FROM customers) AS y(a, b)",
    "((SELECT zip FROM impressions))",
]


@pytest.mark.parametrize("sql", SHOWN)
def test_a_column_that_must_not_be_shown_reaches_no_output(sql: str) -> None:
    found = reason(sql, **HIDDEN)
    assert found is not None
    assert "into the output" in found
    assert "(member 111111111111)" in found


NOT_SHOWN = [
    "SELECT i.campaign, c.id FROM impressions i JOIN customers c ON i.user_id = c.id",
    "SELECT campaign FROM impressions WHERE zip = '1' ORDER BY user_id",
    "WITH c AS (SELECT zip, campaign FROM impressions) SELECT campaign FROM (SELECT campaign, zip FROM c)",
    "SELECT COUNT(*) AS n FROM impressions",
    "SELECT campaign, COUNT(*) AS n FROM impressions GROUP BY campaign HAVING COUNT(DISTINCT user_id) > 5",
    "SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM impressions i WHERE i.user_id = c.id)",
    "SELECT zip FROM (SELECT campaign AS zip FROM impressions)",
    "WITH zip AS (SELECT campaign FROM impressions) SELECT zip.campaign FROM zip",
    "SELECT id AS user_id FROM customers",
    (
        "WITH a AS (SELECT zip AS c FROM impressions), b AS (WITH a AS (SELECT campaign AS c FROM impressions)"
        " SELECT c FROM a) SELECT c FROM b"
    ),
    "WITH v AS (SELECT zip AS campaign FROM impressions) SELECT v.campaign FROM impressions v",
    "SELECT y.zip FROM (SELECT zip AS a, campaign AS b FROM impressions) AS y(campaign, zip)",
    "SELECT y.a FROM (SELECT campaign, zip FROM impressions UNION ALL SELECT id, segment FROM customers) AS y(a, b)",
]


@pytest.mark.parametrize("sql", NOT_SHOWN)
def test_such_a_column_may_filter_join_and_sort(sql: str) -> None:
    assert reason(sql, **HIDDEN) is None


def test_the_same_name_in_another_table_is_another_column() -> None:
    assert reason("SELECT c.id FROM customers c", disallowedOutputColumns=["id"]) is None


LITERAL, COLUMN = "together with a literal", "together with a column"
CONTROLS = {
    "comparisonControls": {
        "allowedLiteralComparisonColumns": ["campaign", "day"],
        "allowedColumnComparisonColumns": ["user_id"],
    }
}

COMPARED = [
    ("SELECT campaign FROM impressions WHERE campaign = 'a' AND day >= DATE '2026-01-01'", None),
    ("SELECT zip, cost FROM impressions", None),
    ("SELECT zip, cost FROM impressions ORDER BY zip", None),
    ("SELECT user_id, SUM(cost) AS s FROM impressions GROUP BY user_id HAVING COUNT(DISTINCT zip) > 10", None),
    ("SELECT i.zip FROM impressions i NATURAL JOIN (SELECT id AS user_id FROM customers) c", None),
    ("SELECT i.zip FROM impressions i JOIN customers c ON i.user_id = c.id", None),
    ("SELECT i.zip FROM impressions i WHERE i.user_id IN (SELECT id FROM customers)", None),
    ("SELECT CASE WHEN campaign = 'a' THEN cost ELSE 0 END AS x FROM impressions", None),
    ("SELECT percentile(cost, 0.5) AS x FROM impressions", None),
    ("SELECT c.id FROM customers c WHERE c.segment = 'a'", None),
    ("SELECT CAST(cost AS INT) AS x, round(cost, 1) AS y FROM impressions", None),
    # literals
    ("SELECT campaign FROM impressions WHERE zip = '1'", LITERAL),
    ("SELECT campaign FROM impressions WHERE NOT ('1' <> (zip))", LITERAL),
    ("SELECT campaign FROM impressions WHERE zip IN ('1', '2')", LITERAL),
    ("SELECT campaign FROM impressions WHERE zip LIKE '1%'", LITERAL),
    ("SELECT campaign FROM impressions WHERE zip RLIKE '^1'", LITERAL),
    ("SELECT campaign FROM impressions WHERE zip IS NULL", LITERAL),
    ("SELECT campaign FROM impressions WHERE isnotnull(zip)", LITERAL),
    ("SELECT campaign FROM impressions WHERE cost BETWEEN 1 AND 2", LITERAL),
    ("SELECT campaign FROM impressions WHERE zip <=> '1'", LITERAL),
    ("SELECT campaign FROM impressions WHERE upper(zip) = 'A'", LITERAL),
    ("SELECT campaign FROM impressions WHERE startswith(zip, '1')", LITERAL),
    ("SELECT campaign FROM impressions WHERE nullif(zip, '1') = zip", LITERAL),
    ("SELECT campaign FROM impressions WHERE CAST(zip AS BOOLEAN)", LITERAL),
    ("SELECT campaign FROM impressions WHERE campaign = 'a' OR CAST(zip AS BOOLEAN)", LITERAL),
    ("SELECT SUM(CASE WHEN zip = '00001' THEN cost ELSE 0 END) AS t FROM impressions", LITERAL),
    ("SELECT SUM(CASE zip WHEN '1' THEN cost END) AS t FROM impressions", LITERAL),
    ("SELECT SUM(1 - sign(abs(CAST(zip AS INT) - 10001))) AS t FROM impressions", LITERAL),
    ("SELECT SUM(IF(zip = '1', 1, 0)) AS t FROM impressions", LITERAL),
    ("SELECT count_if(zip = '1') AS t FROM impressions", LITERAL),
    ("SELECT SUM(cost) FILTER (WHERE zip = '1') AS t FROM impressions", LITERAL),
    ("SELECT greatest(zip, '1') AS t FROM impressions", LITERAL),
    ("SELECT campaign FROM impressions GROUP BY campaign HAVING max(zip) = '1'", LITERAL),
    ("SELECT campaign FROM (SELECT zip AS z, campaign FROM impressions) WHERE z = '1'", LITERAL),
    ("WITH k AS (SELECT '1' AS v FROM customers) SELECT i.campaign FROM impressions i JOIN k ON i.zip = k.v", LITERAL),
    ("SELECT campaign FROM impressions WHERE zip IN (SELECT '1' FROM customers)", LITERAL),
    ("SELECT campaign FROM impressions WHERE zip = (SELECT max('1') FROM customers)", LITERAL),
    ("SELECT campaign FROM impressions WHERE (zip, campaign) IN (('1', 'a'))", LITERAL),
    ("SELECT zip FROM impressions INTERSECT SELECT '1' FROM customers", LITERAL),
    (
        "SELECT zip, count(*) AS n FROM (SELECT zip FROM impressions UNION ALL SELECT '1' FROM customers) GROUP BY zip",
        LITERAL,
    ),
    ("SELECT campaign FROM impressions WHERE user_id = 'u1'", LITERAL),
    ("SELECT campaign FROM impressions JOIN (VALUES ('1')) v(z) ON zip = v.z", LITERAL),
    ("SELECT campaign FROM impressions JOIN VALUES ('1'), ('2'), ('3') AS v(z) ON zip = v.z", LITERAL),
    ("SELECT campaign FROM impressions NATURAL JOIN VALUES ('1'), ('2') AS v(zip)", LITERAL),
    # columns
    ("SELECT zip, SUM(cost) AS s FROM impressions GROUP BY zip ORDER BY zip", COLUMN),
    ("SELECT SUM(cost) AS s FROM impressions GROUP BY zip || 'x'", COLUMN),
    ("SELECT zip, SUM(cost) AS s FROM impressions GROUP BY ALL", COLUMN),
    ("SELECT zip, SUM(cost) AS s FROM impressions GROUP BY 1", COLUMN),
    ("SELECT SUM(cost) AS s FROM impressions GROUP BY ROLLUP (zip)", COLUMN),
    ("SELECT z, COUNT(*) AS n FROM (SELECT zip AS z FROM impressions) t GROUP BY z", COLUMN),
    ("SELECT DISTINCT zip FROM impressions", COLUMN),
    ("SELECT DISTINCT z FROM (SELECT zip AS z FROM impressions) t", COLUMN),
    ("SELECT SUM(cost) OVER (PARTITION BY zip) AS s FROM impressions", COLUMN),
    ("SELECT i.cost FROM impressions i NATURAL JOIN (SELECT segment AS zip FROM customers) c", COLUMN),
    ("SELECT i.campaign FROM impressions i JOIN customers c ON i.zip = c.segment", COLUMN),
    ("SELECT i.campaign FROM impressions i JOIN customers c ON i.campaign = c.segment", COLUMN),
    ("SELECT i.campaign FROM impressions i, customers c WHERE i.zip = c.segment", COLUMN),
    ("SELECT i.campaign FROM impressions i LEFT SEMI JOIN customers c ON i.zip = c.segment", COLUMN),
    ("SELECT campaign FROM impressions WHERE zip IN (SELECT segment FROM customers)", COLUMN),
    ("SELECT c.id FROM customers c WHERE c.segment IN (SELECT zip FROM impressions)", COLUMN),
    ("SELECT c.id FROM customers c WHERE EXISTS (SELECT 1 FROM impressions i WHERE i.zip = c.segment)", COLUMN),
    ("SELECT campaign FROM impressions WHERE zip = campaign", COLUMN),
    ("SELECT cost * CAST(zip AS INT) AS x FROM impressions", COLUMN),
    ("SELECT zip FROM impressions INTERSECT SELECT segment FROM customers", COLUMN),
    ("SELECT segment FROM customers EXCEPT SELECT zip FROM impressions", COLUMN),
    ("SELECT z FROM (SELECT zip AS z FROM impressions UNION ALL SELECT segment FROM customers) GROUP BY z", COLUMN),
    ("SELECT i.campaign FROM impressions i JOIN impressions j ON i.zip = j.zip", COLUMN),
    ("SELECT i.campaign FROM impressions i JOIN (customers c JOIN impressions j ON c.segment = j.zip) ON true", COLUMN),
]


@pytest.mark.parametrize(("sql", "words"), COMPARED)
def test_columns_meet_literals_and_columns_only_where_the_owner_lists_them(sql: str, words: str | None) -> None:
    found = reason(sql, **CONTROLS)
    assert (found is None) is (words is None), found
    assert words is None or words in str(found)


def test_empty_lists_block_every_comparison() -> None:
    empty: dict[str, list[str]] = {"allowedLiteralComparisonColumns": [], "allowedColumnComparisonColumns": []}
    assert LITERAL in str(reason("SELECT zip FROM impressions WHERE campaign = 'a'", comparisonControls=empty))
    assert reason("SELECT zip FROM impressions", comparisonControls=empty) is None
