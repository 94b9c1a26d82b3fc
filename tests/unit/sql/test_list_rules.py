"""LIST rules: a table of rules, queries and verdicts."""

from __future__ import annotations

from typing import Any

import pytest

from support.rules import ALGORITHM, CUSTOMERS, IMPRESSIONS, QUERIER, THIRD, direct, table
from whiteroom.engines.duckdb.writing import judge_and_write
from whiteroom.sql.refusals import Refused

RULE: dict[str, Any] = {
    "joinColumns": ["user_id"],
    "listColumns": ["campaign", "cost", "day"],
    "additionalAnalyses": "ALLOWED",
}
MINE = table(
    "customers",
    CUSTOMERS,
    "LIST",
    {
        "joinColumns": ["id", "segment"],
        "listColumns": ["spend"],
        "allowedJoinOperators": ["AND", "OR"],
        "additionalAnalyses": "ALLOWED",
    },
    QUERIER,
)
SHOPS = table("shops", CUSTOMERS, "LIST", {"joinColumns": ["id", "segment"], "listColumns": ["spend"]}, THIRD)
TABLES = (table("impressions", IMPRESSIONS, "LIST", RULE), MINE, SHOPS)
JOINED = "FROM impressions i JOIN customers c ON i.user_id = c.id"

ALLOWED = [
    f"SELECT DISTINCT i.campaign, i.cost, c.spend {JOINED}",
    f"SELECT DISTINCT campaign AS `What It Was` {JOINED} WHERE cost > 5 AND (day IS NOT NULL OR campaign LIKE 'a%')",
    f"SELECT DISTINCT campaign {JOINED} WHERE cost + spend * 2 >= -1 AND campaign NOT IN ('x') LIMIT 10",
    f"SELECT DISTINCT campaign {JOINED} WHERE day >= DATE '2026-01-01'",
    "SELECT DISTINCT I.Campaign FROM IMPRESSIONS I INNER JOIN `customers` AS c ON c.id = I.USER_ID",
    "SELECT DISTINCT campaign FROM impressions i JOIN shops s ON user_id = s.id JOIN customers c ON s.segment = c.id",
]


@pytest.mark.parametrize("sql", ALLOWED)
def test_rows_of_the_overlap_pass(sql: str) -> None:
    assert judge_and_write(direct(sql, TABLES))


def test_the_query_of_awss_own_sample_passes() -> None:
    """aws-samples/sample-AWSCleanRoomsCustomMLModel: one account owns both tables and asks for a channel."""
    shown = {"campaign": "string", "clicks": "int"}
    rule = {
        "joinColumns": ["user_id"],
        "listColumns": list(shown),
        "allowedJoinOperators": ["OR"],
        "additionalAnalyses": "ALLOWED",
    }
    names = ("advertiser_association", "retailer_association")
    tables = [table(name, {"user_id": "string", **shown}, "LIST", rule, QUERIER) for name in names]
    sql = (
        "SELECT DISTINCT a.campaign, r.clicks FROM advertiser_association a "
        "INNER JOIN retailer_association r ON a.user_id = r.user_id"
    )
    assert judge_and_write(direct(sql, tables, algorithm_association_arn=ALGORITHM, receiver_account_ids=()))


REFUSED = [
    (f"SELECT i.campaign {JOINED}", "SELECT DISTINCT"),
    (f"SELECT DISTINCT x {JOINED} LATERAL VIEW explode(array(campaign)) v AS x", "no generator such as explode"),
    (f"SELECT DISTINCT explode(array(campaign)) AS x {JOINED}", "no generator such as explode"),
    (f"SELECT DISTINCT struct(campaign) AS x {JOINED}", "NAMED_STRUCT"),
    ("SELECT DISTINCT campaign FROM impressions", "only where it overlaps"),
    ("SELECT DISTINCT spend FROM customers", "only where it overlaps"),
    ("SELECT DISTINCT i.campaign FROM impressions i JOIN shops s ON i.user_id = s.id", "only where it overlaps"),
    (
        "SELECT DISTINCT i.campaign FROM impressions i JOIN impressions j ON i.user_id = j.user_id",
        "only where it overlaps",
    ),
    (f"SELECT DISTINCT user_id {JOINED}", "'user_id' in SELECT"),
    (f"SELECT DISTINCT * {JOINED}", "'user_id' in SELECT"),
    (f"SELECT DISTINCT zip {JOINED}", "'zip' in SELECT"),
    (f"SELECT DISTINCT c.* {JOINED}", "'id' in SELECT"),
    (f"SELECT DISTINCT campaign {JOINED} WHERE user_id = 'u1'", "'user_id' in WHERE"),
    (f"SELECT DISTINCT campaign {JOINED} WHERE zip = '1'", "'zip' in WHERE"),
    (f"SELECT DISTINCT cost * 2 AS x {JOINED}", "its output is columns as they stand"),
    (f"SELECT DISTINCT 1 AS x {JOINED}", "its output is columns as they stand"),
    (f"SELECT DISTINCT COUNT(*) AS n {JOINED}", "takes no functions: leave out COUNT"),
    (f"SELECT DISTINCT SUM(cost) AS n {JOINED}", "takes no functions: leave out SUM"),
    (f"SELECT DISTINCT UPPER(campaign) AS n {JOINED}", "leave out UPPER"),
    (f"SELECT DISTINCT CASE WHEN zip = '1' THEN campaign END AS n {JOINED}", "'zip' in SELECT"),
    (f"SELECT DISTINCT campaign {JOINED} WHERE UPPER(campaign) = 'A'", "leave out UPPER"),
    (f"SELECT DISTINCT campaign {JOINED} WHERE cost BETWEEN 1 AND 2", "leave out BETWEEN"),
    (f"SELECT DISTINCT campaign, MAX(cost) OVER () AS m {JOINED}", "takes no window function"),
    (f"SELECT DISTINCT campaign {JOINED} GROUP BY campaign", "takes no GROUP BY"),
    (f"SELECT DISTINCT campaign {JOINED} HAVING TRUE", "takes no HAVING"),
    (f"SELECT DISTINCT campaign {JOINED} ORDER BY campaign", "takes no ORDER BY"),
    (f"SELECT DISTINCT campaign {JOINED} LIMIT 5 OFFSET 5", "takes no OFFSET"),
    (f"SELECT DISTINCT campaign {JOINED} QUALIFY row_number() OVER (ORDER BY cost) = 1", "QUALIFY is not allowed"),
    (f"WITH x AS (SELECT DISTINCT campaign {JOINED}) SELECT DISTINCT campaign FROM x", "common table expression"),
    (f"SELECT DISTINCT campaign FROM (SELECT DISTINCT campaign {JOINED})", "takes no sub-query"),
    (f"SELECT DISTINCT campaign {JOINED} WHERE campaign IN (SELECT campaign FROM impressions)", "takes no sub-query"),
    (f"SELECT DISTINCT campaign {JOINED} UNION SELECT DISTINCT campaign {JOINED}", "takes no UNION"),
    (f"SELECT DISTINCT campaign {JOINED} INTERSECT SELECT DISTINCT campaign {JOINED}", "takes no INTERSECT"),
    ("SELECT DISTINCT i.campaign FROM impressions i LEFT JOIN customers c ON i.user_id = c.id", "not LEFT JOIN"),
    ("SELECT DISTINCT i.campaign FROM impressions i CROSS JOIN customers c", "not CROSS JOIN"),
    ("SELECT DISTINCT i.campaign FROM impressions i JOIN customers c ON i.campaign = c.id", "'campaign' in JOIN"),
    (
        "SELECT DISTINCT i.campaign FROM impressions i JOIN customers c ON i.user_id = c.id OR i.user_id = c.segment",
        "does not allow OR",
    ),
    ("SELECT DISTINCT i.campaign FROM impressions i JOIN customers c ON i.user_id = c.id OR TRUE", "columns are equal"),
    ("SELECT DISTINCT i.campaign FROM impressions i JOIN customers c ON i.user_id >= c.id", "columns are equal"),
]


@pytest.mark.parametrize(("sql", "words"), REFUSED)
def test_what_the_rule_does_not_allow_is_refused_by_name(sql: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        judge_and_write(direct(sql, TABLES))
    assert words in str(refused.value)


def test_a_channel_is_made_where_additional_analyses_are_allowed() -> None:
    assert judge_and_write(direct(ALLOWED[0], TABLES, algorithm_association_arn=ALGORITHM, receiver_account_ids=()))
    closed = table("impressions", IMPRESSIONS, "LIST", {**RULE, "additionalAnalyses": "NOT_ALLOWED"})
    with pytest.raises(Refused, match="does not allow additional analyses"):
        judge_and_write(
            direct(ALLOWED[0], (closed, MINE), algorithm_association_arn=ALGORITHM, receiver_account_ids=())
        )


def test_rows_that_are_for_algorithms_alone_go_to_no_member() -> None:
    required = table("impressions", IMPRESSIONS, "LIST", {**RULE, "additionalAnalyses": "REQUIRED"})
    assert judge_and_write(
        direct(ALLOWED[0], (required, MINE), algorithm_association_arn=ALGORITHM, receiver_account_ids=())
    )
    with pytest.raises(Refused, match="may only be read for an additional analysis"):
        judge_and_write(direct(ALLOWED[0], (required, MINE)))
