"""Rules on real rows: what the guard lets through answers as the query alone would, and attacks on it fail."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import duckdb
import pytest

from contract.sql_engine.conftest import OWNER, QUERIER, EngineFolder
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.privacy.query_tables import QueryTable

IMPRESSIONS = {"user_id": "string", "campaign": "string", "zip": "string", "cost": "double"}
CUSTOMERS = {"id": "string", "segment": "string", "flag": "int"}

ROWS = [
    # campaign a: five users; b: two; c: one user with many rows
    *[(f"u{n}", "a", f"1000{n}", float(n)) for n in range(1, 6)],
    ("u1", "b", "10001", 10.0),
    ("u2", "b", "10002", 20.0),
    *[("u3", "c", "10003", 7.0)] * 50,
    (None, "c", "10009", 1.0),
]
MINE = [*[(f"u{n}", "all", 0) for n in range(1, 6)], ("u3", "target", 1), *[("x", "noise", 0)] * 20]

AGGREGATION: Mapping[str, Any] = {
    "aggregateColumns": [
        {"columnNames": ["cost"], "function": "SUM"},
        {"columnNames": ["user_id"], "function": "COUNT_DISTINCT"},
        {"columnNames": ["user_id"], "function": "COUNT"},
    ],
    "joinColumns": ["user_id", "zip"],
    "dimensionColumns": ["campaign"],
    "scalarFunctions": ["UPPER"],
    "outputConstraints": [{"columnName": "user_id", "minimum": 3, "type": "COUNT_DISTINCT"}],
}
MY_AGGREGATION: Mapping[str, Any] = {
    "aggregateColumns": [{"columnNames": ["flag"], "function": "SUM"}],
    "joinColumns": ["id"],
    "dimensionColumns": ["segment"],
    "scalarFunctions": ["UPPER"],
    "outputConstraints": [{"columnName": "id", "minimum": 2, "type": "COUNT_DISTINCT"}],
}
LISTED: Mapping[str, Any] = {"joinColumns": ["user_id"], "listColumns": ["campaign", "cost"]}
MY_LISTED: Mapping[str, Any] = {"joinColumns": ["id"], "listColumns": ["segment", "flag"]}
CUSTOM: Mapping[str, Any] = {"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [QUERIER]}
HIDDEN: Mapping[str, Any] = {**CUSTOM, "disallowedOutputColumns": ["user_id", "zip"]}
THRESHOLD: Mapping[str, Any] = {
    **CUSTOM,
    "aggregationThresholds": [
        {
            "identityColumns": ["user_id"],
            "minimumIdentityCount": 3,
            "type": "COUNT_DISTINCT",
            "allowedAggregateExpressionType": "COLUMNS_ONLY",
        }
    ],
}


def _csv(columns: Mapping[str, str], rows: list[Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def furnish(folder: EngineFolder, rule_type: str, rule: Mapping[str, Any], my_rule: Mapping[str, Any]) -> None:
    """Two tables, each under its owner's rule of that type; results may go to the querier."""
    shared = {"allowedResultReceivers": [QUERIER]}
    for name, columns, rows, policy, owner in (
        ("impressions", IMPRESSIONS, ROWS, rule, OWNER),
        ("customers", CUSTOMERS, MINE, my_rule, QUERIER),
    ):
        file = folder.write(f"{name}.csv", _csv(columns, rows))
        changes: dict[str, Any] = {"rule_type": rule_type, "rule": policy, "association_rule": shared}
        folder.add(name, [file], columns, owner_account_id=owner, **changes)


def answer(folder: EngineFolder, sql: str, **changes: Any) -> list[dict[str, str]]:
    """The rows that the querier gets."""
    text = folder.text(sql, algorithm_association_arn=None, receiver_account_ids=(QUERIER,), **changes)
    return list(csv.DictReader(io.StringIO(text)))


def refusal(folder: EngineFolder, sql: str, **changes: Any) -> str:
    seen, spec = folder.run(sql, algorithm_association_arn=None, receiver_account_ids=(QUERIER,), **changes)
    assert seen.failure is QueryFailure.REFUSED, seen
    assert not folder.rows(spec).exists()
    return seen.message


def alone(folder: EngineFolder, sql: str) -> list[tuple[str, ...]]:
    """What DuckDB answers to the query as it was written, without any guard; rows in no order."""
    with duckdb.connect() as connection:
        for table in folder.tables:
            _load(connection, table)
        found = connection.execute(sql).fetchall()
    return sorted(tuple("" if value is None else str(value) for value in row) for row in found)


def _load(connection: duckdb.DuckDBPyConnection, table: QueryTable) -> None:
    types = {"string": "VARCHAR", "double": "DOUBLE", "int": "INTEGER"}
    columns = ", ".join(f"'{column.name}': '{types[column.type]}'" for column in table.source.columns)
    connection.execute(
        f"CREATE TABLE {table.name} AS FROM read_csv('{table.source.files[0]}', columns={{{columns}}}, header=true)"
    )


AGREEING = [
    (
        "AGGREGATION",
        AGGREGATION,
        MY_AGGREGATION,
        "SELECT campaign, SUM(cost) AS s FROM impressions WHERE campaign = 'a' GROUP BY campaign",
    ),
    (
        "AGGREGATION",
        AGGREGATION,
        MY_AGGREGATION,
        "SELECT COUNT(DISTINCT user_id) AS n, COUNT(user_id) AS m FROM impressions",
    ),
    (
        "AGGREGATION",
        AGGREGATION,
        MY_AGGREGATION,
        (
            "SELECT UPPER(c.segment) AS s, SUM(i.cost) AS t FROM impressions i JOIN customers c ON i.user_id = c.id"
            " WHERE c.segment = 'all' GROUP BY UPPER(c.segment) HAVING SUM(i.cost) > 1"
        ),
    ),
    (
        "LIST",
        LISTED,
        MY_LISTED,
        "SELECT DISTINCT campaign, cost, segment FROM impressions i JOIN customers c ON user_id = id WHERE cost < 5",
    ),
    (
        "CUSTOM",
        HIDDEN,
        CUSTOM,
        (
            "WITH x AS (SELECT * FROM impressions WHERE zip LIKE '1%') SELECT campaign, SUM(cost) AS s FROM x"
            " JOIN customers c ON c.id = x.user_id GROUP BY campaign"
        ),
    ),
    (
        "CUSTOM",
        THRESHOLD,
        CUSTOM,
        (
            "WITH r AS (SELECT campaign, COUNT(*) AS n FROM impressions WHERE campaign = 'a' GROUP BY campaign)"
            " SELECT r.n, c.id FROM r CROSS JOIN customers c WHERE c.flag = 1"
        ),
    ),
]


@pytest.mark.parametrize(("rule_type", "rule", "my_rule", "sql"), AGREEING)
def test_what_a_rule_allows_answers_as_the_query_alone(
    folder: EngineFolder, rule_type: str, rule: Mapping[str, Any], my_rule: Mapping[str, Any], sql: str
) -> None:
    furnish(folder, rule_type, rule, my_rule)
    found = sorted(tuple(row.values()) for row in answer(folder, sql))
    assert found
    assert found == alone(folder, sql)


SMALL = [
    "SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY campaign",
    "SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY campaign HAVING TRUE OR SUM(cost) > 0",
    (
        "SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY campaign HAVING COUNT(DISTINCT user_id) < 3"
        " OR COUNT(DISTINCT user_id) >= 3"
    ),
    "SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY campaign ORDER BY COUNT(DISTINCT user_id)",
    "SELECT UPPER(campaign) AS campaign, SUM(cost) AS s FROM impressions GROUP BY UPPER(campaign)",
]


@pytest.mark.parametrize("sql", SMALL)
@pytest.mark.parametrize(
    ("rule_type", "rule", "my_rule"), [("AGGREGATION", AGGREGATION, MY_AGGREGATION), ("CUSTOM", THRESHOLD, CUSTOM)]
)
def test_groups_below_the_minimum_are_dropped_whatever_having_the_member_writes(
    folder: EngineFolder, rule_type: str, rule: Mapping[str, Any], my_rule: Mapping[str, Any], sql: str
) -> None:
    furnish(folder, rule_type, rule, my_rule)
    rows = answer(folder, sql)
    assert {row["campaign"].lower() for row in rows} == {"a"}
    assert [float(row["s"]) for row in rows] == [15.0]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT SUM(cost) AS s FROM impressions WHERE campaign = 'b'",
        "SELECT COUNT(DISTINCT user_id) AS n FROM impressions WHERE campaign = 'c'",
        "SELECT SUM(cost) AS s FROM impressions WHERE campaign = 'no such'",
        "SELECT campaign, SUM(cost) / COUNT(user_id) AS s FROM impressions WHERE campaign <> 'a' GROUP BY campaign",
    ],
)
@pytest.mark.parametrize(
    ("rule_type", "rule", "my_rule"), [("AGGREGATION", AGGREGATION, MY_AGGREGATION), ("CUSTOM", THRESHOLD, CUSTOM)]
)
def test_a_total_over_too_few_is_no_row_and_arithmetic_on_it_is_none_either(
    folder: EngineFolder, rule_type: str, rule: Mapping[str, Any], my_rule: Mapping[str, Any], sql: str
) -> None:
    furnish(folder, rule_type, rule, my_rule)
    assert answer(folder, sql) == []


WIDENING = [
    # the querier's own rows, many to one
    (
        "SELECT c.segment, SUM(i.cost) AS s FROM impressions i JOIN customers c ON i.user_id = c.id"
        " WHERE c.segment = 'target' GROUP BY c.segment"
    ),
    # the table itself: one row of `i` beside all users that share a zip with another
    (
        "SELECT i.campaign, SUM(j.cost) AS s FROM impressions i JOIN impressions j ON i.user_id = j.user_id"
        " WHERE j.campaign = 'c' GROUP BY i.campaign"
    ),
]


@pytest.mark.parametrize("sql", WIDENING)
@pytest.mark.parametrize(
    ("rule_type", "rule", "my_rule"), [("AGGREGATION", AGGREGATION, MY_AGGREGATION), ("CUSTOM", THRESHOLD, CUSTOM)]
)
def test_a_join_that_repeats_rows_does_not_make_a_group_larger(
    folder: EngineFolder, rule_type: str, rule: Mapping[str, Any], my_rule: Mapping[str, Any], sql: str
) -> None:
    furnish(folder, rule_type, rule, my_rule)
    assert answer(folder, sql) == []


def test_a_row_lends_no_group_the_users_of_the_table_that_it_is_joined_with(folder: EngineFolder) -> None:
    furnish(folder, "CUSTOM", THRESHOLD, CUSTOM)
    sql = (
        "SELECT i.campaign, SUM(i.cost) AS s, COUNT(DISTINCT j.user_id) AS n FROM impressions i"
        " CROSS JOIN impressions j GROUP BY i.campaign"
    )
    assert [row["campaign"] for row in answer(folder, sql)] == ["a"]
    assert {row[0] for row in alone(folder, sql)} == {"a", "b", "c"}


ATTACKS = [
    ("AGGREGATION", "SELECT COUNT(DISTINCT 1) AS n FROM impressions WHERE campaign = 'c'", "COUNT_DISTINCT is applied"),
    ("AGGREGATION", "SELECT SUM(cost) FILTER (WHERE campaign = 'c') AS s FROM impressions", "takes no FILTER"),
    ("AGGREGATION", "SELECT SUM(CASE WHEN campaign = 'c' THEN cost END) AS s FROM impressions", "SUM is applied"),
    ("AGGREGATION", "SELECT SUM(cost * CAST(campaign = 'c' AS INT)) AS s FROM impressions", "SUM is applied"),
    ("AGGREGATION", "SELECT campaign, SUM(cost) AS s FROM impressions GROUP BY ROLLUP (campaign)", "GROUPING SETS"),
    (
        "AGGREGATION",
        (
            "SELECT a.s - b.s AS d FROM (SELECT SUM(cost) AS s FROM impressions) a"
            " CROSS JOIN (SELECT SUM(cost) AS s FROM impressions WHERE campaign <> 'c') b"
        ),
        "takes no sub-query",
    ),
    ("LIST", "SELECT DISTINCT campaign, cost FROM impressions", "only where it overlaps"),
    ("HIDDEN", "WITH x AS (SELECT zip AS renamed FROM impressions) SELECT renamed FROM x", "into the output"),
    ("HIDDEN", "SELECT CASE WHEN zip = '10003' THEN 1 ELSE 0 END AS x FROM impressions", "into the output"),
    ("HIDDEN", "SELECT y.c FROM (SELECT COUNT(zip) AS c FROM impressions) y", "into the output"),
    ("HIDDEN", "SELECT `A`.`ZIP` AS campaign FROM `IMPRESSIONS` `A`", "into the output"),
    ("HIDDEN", "SELECT segment FROM customers UNION ALL SELECT zip FROM impressions", "into the output"),
    ("THRESHOLD", "SELECT SUM(cost) OVER (PARTITION BY user_id) AS s FROM impressions", "must aggregate"),
    ("THRESHOLD", "SELECT MAX(cost) AS m FROM impressions", "must stand beside"),
    ("THRESHOLD", "SELECT SUM(IF(campaign = 'c', cost, 0)) AS s FROM impressions", "SUM has an expression"),
    ("THRESHOLD", "SELECT id FROM customers WHERE id IN (SELECT user_id FROM impressions)", "must aggregate"),
    ("THRESHOLD", "SELECT COUNT(*) AS n FROM impressions WHERE user_id = 'u3'", "compared with a literal"),
]

POLICIES: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, Any]]] = {
    "AGGREGATION": ("AGGREGATION", AGGREGATION, MY_AGGREGATION),
    "LIST": ("LIST", LISTED, MY_LISTED),
    "HIDDEN": ("CUSTOM", HIDDEN, CUSTOM),
    "THRESHOLD": ("CUSTOM", THRESHOLD, CUSTOM),
}


@pytest.mark.parametrize(("policy", "sql", "words"), ATTACKS)
def test_an_attack_is_refused_and_leaves_no_result(folder: EngineFolder, policy: str, sql: str, words: str) -> None:
    furnish(folder, *POLICIES[policy])
    assert words in refusal(folder, sql)


def test_two_totals_whose_difference_is_one_person_are_both_answered(folder: EngineFolder) -> None:
    """What no rule on one query closes (docs/privacy.md): it takes a budget or differential privacy."""
    furnish(folder, "AGGREGATION", AGGREGATION, MY_AGGREGATION)
    [everyone] = answer(folder, "SELECT SUM(cost) AS s FROM impressions")
    [others] = answer(folder, "SELECT SUM(cost) AS s FROM impressions WHERE campaign <> 'c'")
    assert float(everyone["s"]) - float(others["s"]) == 50 * 7.0 + 1.0


INJECTED = [
    "a' OR '1'='1",
    "a'; DROP TABLE impressions; --",
    "a' UNION SELECT user_id FROM impressions --",
    "a\\' OR 1=1 --",
    '" OR 1=1 --',
    ":campaign",
    "$1 {} %s ${x}",
]


@pytest.mark.parametrize("text", INJECTED)
def test_sql_in_a_parameter_is_a_text_that_no_row_has(folder: EngineFolder, text: str) -> None:
    furnish(folder, "CUSTOM", CUSTOM, CUSTOM)
    template = {
        "template_arn": f"arn:aws:cleanrooms:us-east-1:{QUERIER}:membership/m/analysistemplate/t",
        "parameters": {"campaign": text},
        "parameter_types": {"campaign": "VARCHAR"},
    }
    assert answer(folder, "SELECT user_id FROM impressions WHERE campaign = :campaign", **template) == []
    shown = answer(folder, "SELECT :campaign AS c FROM impressions WHERE campaign = 'b' AND user_id = 'u1'", **template)
    assert [row["c"] for row in shown] == [text]
