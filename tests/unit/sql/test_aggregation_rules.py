"""AGGREGATION rules: a table of rules, queries and verdicts."""

from __future__ import annotations

from typing import Any

import pytest

from support.rules import ALGORITHM, CUSTOMERS, IMPRESSIONS, OWNER, QUERIER, THIRD, direct, table
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.engines.duckdb.writing import judge_and_write
from whiteroom.sql.refusals import Refused

RULE: dict[str, Any] = {
    "aggregateColumns": [
        {"columnNames": ["cost"], "function": "SUM"},
        {"columnNames": ["cost"], "function": "AVG"},
        {"columnNames": ["user_id"], "function": "COUNT_DISTINCT"},
    ],
    "joinColumns": ["user_id", "zip"],
    "allowedJoinOperators": ["AND"],
    "dimensionColumns": ["campaign", "day"],
    "scalarFunctions": ["UPPER", "ROUND", "EXTRACT"],
    "outputConstraints": [{"columnName": "user_id", "minimum": 3, "type": "COUNT_DISTINCT"}],
}
CUSTOMER_RULE: dict[str, Any] = {
    "aggregateColumns": [{"columnNames": ["spend"], "function": "SUM"}],
    "joinColumns": ["id"],
    "dimensionColumns": ["segment"],
    "scalarFunctions": ["UPPER"],
    "outputConstraints": [{"columnName": "id", "minimum": 5, "type": "COUNT_DISTINCT"}],
}


def impressions(**fields: Any) -> QueryTable:
    return table("impressions", IMPRESSIONS, "AGGREGATION", {**RULE, **fields})


MINE = table("customers", CUSTOMERS, "AGGREGATION", CUSTOMER_RULE, owner=QUERIER)
TABLES = (impressions(), MINE)
JOINED = "FROM impressions i JOIN customers c ON i.user_id = c.id"

ALLOWED = [
    "SELECT COUNT(DISTINCT user_id) AS n FROM impressions",
    "SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY campaign",
    "SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY 1 ORDER BY s DESC, campaign",
    "SELECT i.`CAMPAIGN` AS c, sum(I.Cost) AS s FROM IMPRESSIONS i GROUP BY i.campaign",
    "SELECT campaign, SUM(cost) / COUNT(DISTINCT user_id) + 1 AS s FROM impressions GROUP BY campaign",
    "SELECT UPPER(campaign) AS c, ROUND(AVG(cost), 2) AS a FROM impressions GROUP BY UPPER(campaign)",
    "SELECT SUM(cost) AS s FROM impressions WHERE campaign IN ('a', 'b') AND NOT day < DATE '2026-01-01'",
    "SELECT SUM(cost) AS s FROM impressions WHERE campaign LIKE 'a%' OR campaign IS NOT NULL",
    "SELECT extract(YEAR FROM day) AS y, SUM(cost) AS s FROM impressions GROUP BY extract(YEAR FROM day)",
    "SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY campaign HAVING SUM(cost) > 10 AND campaign <> 'x'",
    f"SELECT i.campaign, c.segment, SUM(c.spend) AS s {JOINED} GROUP BY i.campaign, c.segment",
    "SELECT SUM(i.cost) AS s FROM impressions i INNER JOIN customers c ON (c.id = i.user_id)",
    "SELECT SUM(i.cost) AS s FROM impressions i JOIN customers c ON i.user_id = c.id AND i.zip = c.id",
]


@pytest.mark.parametrize("sql", ALLOWED)
def test_statistics_along_dimensions_pass(sql: str) -> None:
    assert judge_and_write(direct(sql, TABLES))


REFUSED = [
    # what is shown
    ("SELECT campaign FROM impressions", "at least one aggregate function"),
    ("SELECT user_id, SUM(cost) AS s FROM impressions GROUP BY user_id", "'user_id' in SELECT"),
    ("SELECT cost, SUM(cost) AS s FROM impressions GROUP BY cost", "'cost' in GROUP BY"),
    ("SELECT campaign || zip AS x, SUM(cost) AS s FROM impressions GROUP BY campaign || zip", "'zip' in SELECT"),
    ("SELECT SUM(cost) AS s FROM impressions GROUP BY zip", "'zip' in GROUP BY"),
    ("SELECT * FROM impressions", "'user_id' in SELECT"),
    ("SELECT DISTINCT SUM(cost) AS s FROM impressions", "takes no DISTINCT"),
    # aggregate functions
    ("SELECT MAX(cost) AS m FROM impressions", "does not allow MAX"),
    ("SELECT mean(zip) AS m FROM impressions", "does not allow AVG of its column 'zip'"),
    ("SELECT SUM(DISTINCT cost) AS s FROM impressions", "does not allow SUM_DISTINCT"),
    ("SELECT COUNT(user_id) AS n FROM impressions", "does not allow COUNT of its column 'user_id'"),
    ("SELECT COUNT(DISTINCT zip) AS n FROM impressions", "COUNT_DISTINCT of its column 'zip'"),
    ("SELECT COUNT(*) AS n FROM impressions", "COUNT is applied to a constant or every row"),
    ("SELECT COUNT(DISTINCT 1) AS n FROM impressions", "COUNT_DISTINCT is applied to a constant"),
    ("SELECT COUNT(DISTINCT 'x', 'y') AS n FROM impressions", "COUNT_DISTINCT is applied to a constant"),
    ("SELECT COUNT(DISTINCT user_id, zip) AS n FROM impressions", "COUNT_DISTINCT is applied to an expression"),
    ("SELECT SUM(cost * 2) AS s FROM impressions", "SUM is applied to an expression"),
    ("SELECT SUM(CASE WHEN zip = '1' THEN cost END) AS s FROM impressions", "SUM is applied to an expression"),
    ("SELECT SUM(IF(user_id = 'u1', cost, 0)) AS s FROM impressions", "SUM is applied to an expression"),
    ("SELECT SUM(cost) FILTER (WHERE campaign = 'a') AS s FROM impressions", "takes no FILTER"),
    ("SELECT count_if(campaign = 'a') AS s FROM impressions", "COUNT_IF is applied to an expression"),
    ("SELECT any_value(cost) AS s FROM impressions", "ANY_VALUE"),
    ("SELECT percentile(cost, 0.5) AS s FROM impressions", "PERCENTILE"),
    ("SELECT collect_list(cost) AS s FROM impressions", "does not allow COLLECT_LIST"),
    ("SELECT size(collect_set(cost)) AS s FROM impressions", "does not allow COLLECT_SET"),
    ("SELECT aggregate(array_agg(cost), 0, (a, x) -> a + x) AS s FROM impressions", "does not allow COLLECT_LIST"),
    ("SELECT SUM(cost) AS s FROM impressions WHERE exists(array(campaign), x -> x = 'a')", "the function"),
    ("SELECT SUM(cost) + MAX(zip) AS s FROM impressions", "does not allow MAX of its column 'zip'"),
    # conditions
    ("SELECT SUM(cost) AS s FROM impressions WHERE user_id = 'u1'", "'user_id' in WHERE"),
    ("SELECT SUM(cost) AS s FROM impressions WHERE cost > 5", "'cost' in WHERE"),
    ("SELECT SUM(cost) AS s FROM impressions HAVING MIN(zip) = '1'", "does not allow MIN of its column 'zip'"),
    ("SELECT SUM(cost) AS s FROM impressions ORDER BY MAX(user_id)", "does not allow MAX of its column 'user_id'"),
    ("SELECT SUM(cost) AS s FROM impressions WHERE campaign BETWEEN 'a' AND 'b'", "the function BETWEEN"),
    # functions
    ("SELECT LOWER(campaign) AS c, SUM(cost) AS s FROM impressions GROUP BY 1", "the function LOWER"),
    ("SELECT SUM(cost) AS s FROM impressions WHERE length(campaign) = 3", "the function LENGTH"),
    ("SELECT CAST(SUM(cost) AS INT) AS s FROM impressions", "the function CAST"),
    ("SELECT CASE WHEN campaign = 'a' THEN 1 END AS c, SUM(cost) AS s FROM impressions GROUP BY 1", "function CASE"),
    (
        f"SELECT ROUND(SUM(c.spend)) AS s {JOINED}",
        "'customers' (member 222222222222) does not allow the function ROUND",
    ),
    # more than one SELECT
    ("WITH x AS (SELECT * FROM impressions) SELECT SUM(cost) AS s FROM x", "takes no common table expression"),
    ("SELECT SUM(cost) AS s FROM impressions LATERAL VIEW explode(array(1, 2)) v AS x", "no generator such as explode"),
    ("SELECT SUM(cost) AS s, struct(campaign) AS x FROM impressions GROUP BY struct(campaign)", "NAMED_STRUCT"),
    ("SELECT SUM(cost) AS s FROM (SELECT * FROM impressions)", "takes no sub-query"),
    ("SELECT SUM(cost) AS s FROM impressions WHERE campaign = (SELECT max(segment) FROM customers)", "no sub-query"),
    (
        "SELECT SUM(cost) AS s FROM impressions WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = user_id)",
        "sub-query",
    ),
    ("SELECT SUM(cost) AS s FROM impressions UNION ALL SELECT SUM(cost) FROM impressions", "takes no UNION"),
    ("SELECT SUM(cost) AS s FROM impressions EXCEPT SELECT SUM(cost) FROM impressions", "takes no EXCEPT"),
    ("SELECT campaign, SUM(SUM(cost)) OVER () AS s FROM impressions GROUP BY campaign", "takes no window function"),
    ("SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY ROLLUP (campaign)", "takes no GROUPING SETS"),
    ("SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY CUBE (campaign)", "takes no GROUPING SETS"),
    ("SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY ALL", "takes no GROUP BY ALL"),
    ("SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY campaign LIMIT 1", "takes no LIMIT"),
    ("SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY campaign OFFSET 1", "takes no OFFSET"),
    # joins
    ("SELECT SUM(i.cost) AS s FROM impressions i LEFT JOIN customers c ON i.user_id = c.id", "not LEFT JOIN"),
    ("SELECT SUM(i.cost) AS s FROM impressions i FULL JOIN customers c ON i.user_id = c.id", "not FULL JOIN"),
    ("SELECT SUM(i.cost) AS s FROM impressions i CROSS JOIN customers c", "not CROSS JOIN"),
    ("SELECT SUM(i.cost) AS s FROM impressions i, customers c WHERE i.user_id = c.id", "not CROSS JOIN"),
    ("SELECT SUM(i.cost) AS s FROM impressions i LEFT SEMI JOIN customers c ON i.user_id = c.id", "not LEFT SEMI JOIN"),
    ("SELECT SUM(i.cost) AS s FROM impressions i LEFT ANTI JOIN customers c ON i.user_id = c.id", "not LEFT ANTI JOIN"),
    ("SELECT SUM(i.cost) AS s FROM impressions i JOIN customers c", "only be joined where columns are equal"),
    ("SELECT SUM(i.cost) AS s FROM impressions i JOIN customers c ON i.user_id <> c.id", "where columns are equal"),
    ("SELECT SUM(i.cost) AS s FROM impressions i JOIN customers c ON i.user_id = i.user_id", "where columns are equal"),
    ("SELECT SUM(i.cost) AS s FROM impressions i JOIN customers c ON i.user_id = 'u1'", "where columns are equal"),
    ("SELECT SUM(i.cost) AS s FROM impressions i JOIN customers c ON upper(i.user_id) = c.id", "columns are equal"),
    ("SELECT SUM(i.cost) AS s FROM impressions i JOIN customers c ON NOT i.user_id = c.id", "columns are equal"),
    ("SELECT SUM(i.cost) AS s FROM impressions i JOIN customers c ON i.user_id = c.id AND TRUE", "columns are equal"),
    ("SELECT SUM(i.cost) AS s FROM impressions i JOIN customers c ON i.campaign = c.id", "'campaign' in JOIN"),
    ("SELECT SUM(i.cost) AS s FROM impressions i JOIN customers c ON i.user_id = c.segment", "'segment' in JOIN"),
    ("SELECT SUM(i.cost) AS s FROM impressions i JOIN customers c ON i.user_id = c.id OR i.zip = c.id", "not allow OR"),
    (
        (
            "SELECT SUM(i.cost) AS s FROM impressions i JOIN (customers c JOIN impressions j ON c.id = j.user_id)"
            " ON i.user_id = c.id"
        ),
        "takes no join in parentheses",
    ),
]


@pytest.mark.parametrize(("sql", "words"), REFUSED)
def test_what_the_rule_does_not_allow_is_refused_by_name(sql: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        judge_and_write(direct(sql, TABLES))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("operators", "condition", "passes"),
    [
        (None, "i.user_id = c.id AND i.zip = c.id", True),
        (None, "i.user_id = c.id OR i.zip = c.id", False),
        ([], "i.user_id = c.id", True),
        ([], "i.user_id = c.id AND i.zip = c.id", False),
        (["OR"], "i.user_id = c.id AND i.zip = c.id", False),
        (["OR"], "i.user_id = c.id OR i.zip = c.id", True),
    ],
)
def test_conditions_are_combined_by_the_operators_that_every_table_allows(
    operators: list[str] | None, condition: str, passes: bool
) -> None:
    mine = table(
        "customers", CUSTOMERS, "AGGREGATION", {**CUSTOMER_RULE, "allowedJoinOperators": ["AND", "OR"]}, QUERIER
    )
    rule = {key: value for key, value in RULE.items() if key != "allowedJoinOperators"}
    if operators is not None:
        rule["allowedJoinOperators"] = operators
    theirs = table("impressions", IMPRESSIONS, "AGGREGATION", rule)
    sql = f"SELECT SUM(i.cost) AS s FROM impressions i JOIN customers c ON {condition}"
    if passes:
        assert judge_and_write(direct(sql, (theirs, mine)))
    else:
        with pytest.raises(Refused, match="between join conditions"):
            judge_and_write(direct(sql, (theirs, mine)))


THIRD_TABLE = table("shops", CUSTOMERS, "AGGREGATION", {**CUSTOMER_RULE, "joinColumns": ["id", "segment"]}, THIRD)


@pytest.mark.parametrize(
    ("sql", "passes"),
    [
        ("SELECT SUM(cost) AS s FROM impressions", False),
        (f"SELECT SUM(i.cost) AS s {JOINED}", True),
        ("SELECT SUM(i.cost) AS s FROM impressions i JOIN impressions j ON i.user_id = j.user_id", False),
        ("SELECT SUM(i.cost) AS s FROM impressions i JOIN shops s ON i.user_id = s.id", False),
        (
            (
                "SELECT SUM(i.cost) AS s FROM impressions i JOIN shops s ON i.user_id = s.id"
                " JOIN customers c ON s.segment = c.id"
            ),
            True,
        ),
    ],
)
def test_a_required_join_is_one_with_the_queriers_table_directly_or_through_others(sql: str, passes: bool) -> None:
    tables = (impressions(joinRequired="QUERY_RUNNER"), MINE, THIRD_TABLE)
    if passes:
        assert judge_and_write(direct(sql, tables))
    else:
        with pytest.raises(Refused, match="overlaps with a table of the member who queries"):
            judge_and_write(direct(sql, tables))


def test_a_required_join_lets_its_owner_query_it_alone() -> None:
    own = table("impressions", IMPRESSIONS, "AGGREGATION", {**RULE, "joinRequired": "QUERY_RUNNER"}, QUERIER)
    assert judge_and_write(direct("SELECT SUM(cost) AS s FROM impressions", (own,)))


def test_the_minimum_of_every_table_stands_beside_the_members_own_having() -> None:
    sql = f"SELECT i.campaign, SUM(i.cost) AS s {JOINED} GROUP BY i.campaign HAVING SUM(i.cost) > 1 OR TRUE"
    having = judge_and_write(direct(sql, TABLES)).sql.partition("HAVING")[2]
    own, _, minimums = having.partition(") AND ")
    assert own.strip(" (") == 'SUM("wr$s0"."cost") > CAST(1 AS DOUBLE) OR TRUE'
    assert 'COUNT(DISTINCT "wr$s0"."user_id") >= 3' in minimums
    assert 'COUNT(DISTINCT "wr$s1"."id") >= 5' in minimums


def test_a_table_that_is_joined_with_itself_has_its_minimum_on_each_side() -> None:
    sql = "SELECT SUM(i.cost) AS s FROM impressions i JOIN impressions j ON i.zip = j.zip"
    text = judge_and_write(direct(sql, TABLES)).sql
    assert 'COUNT(DISTINCT "wr$s0"."user_id") >= 3' in text
    assert 'COUNT(DISTINCT "wr$s1"."user_id") >= 3' in text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"outputConstraints": []}, "has no outputConstraints"),
        ({"outputConstraints": [{"columnName": "gone", "minimum": 2, "type": "COUNT_DISTINCT"}]}, "on 'gone'"),
        ({"outputConstraints": [{"columnName": "user_id", "minimum": 2, "type": "SUM"}]}, "of type SUM"),
        ({"aFieldOfTheFuture": True}, "aFieldOfTheFuture"),
    ],
)
def test_a_rule_that_cannot_be_enforced_allows_nothing(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        judge_and_write(direct("SELECT SUM(cost) AS s FROM impressions", (impressions(**fields),)))


def test_no_channel_is_made_of_such_a_table() -> None:
    with pytest.raises(Refused, match="supported for LIST and CUSTOM rules"):
        judge_and_write(direct(ALLOWED[0], TABLES, algorithm_association_arn=ALGORITHM, receiver_account_ids=()))


def test_such_a_table_takes_no_templates() -> None:
    template = f"arn:aws:cleanrooms:us-east-1:{OWNER}:membership/m/analysistemplate/t"
    with pytest.raises(Refused, match="takes no analysis templates"):
        judge_and_write(direct(ALLOWED[0], TABLES, template_arn=template))
