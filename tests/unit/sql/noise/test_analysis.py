"""Which queries over protected tables may run, and which construct of the others is named."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from support.rules import CUSTOM, OWNER, QUERIER, THIRD, direct, table
from whiteroom.domain.privacy.differential_privacy import PrivacyPolicy
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.engines.duckdb.noise.texts import NoisyText
from whiteroom.engines.duckdb.writing import judge_and_write
from whiteroom.sql.refusals import Refused

PRIVATE = {**CUSTOM, "differentialPrivacy": {"columns": [{"name": "user_id"}]}}
POLICY = PrivacyPolicy("budget", 30)


def private(name: str, columns: dict[str, str], owner: str = OWNER, **changes: Any) -> QueryTable:
    made = table(name, columns, "CUSTOM", {**PRIVATE, **changes}, owner)
    return replace(made, privacy=POLICY)


VISITS = private("visits", {"user_id": "string", "shop": "string", "amount": "double", "day": "int", "when": "date"})
USERS = private("users", {"user_id": "string", "age": "int", "zip": "string"})
NUMBERED = private("numbered", {"user_id": "bigint", "x": "int"})
RIVALS = private("rivals", {"user_id": "string", "age": "int"}, THIRD)
MINE = table("mine", {"id": "string", "seg": "string", "n": "int"}, "CUSTOM", CUSTOM, QUERIER)
GUARDED = table(
    "guarded",
    {"id": "string", "seg": "string"},
    "CUSTOM",
    {
        **CUSTOM,
        "aggregationThresholds": [
            {
                "identityColumns": ["id"],
                "minimumIdentityCount": 3,
                "type": "COUNT_DISTINCT",
                "allowedAggregateExpressionType": "ANY_EXPRESSION",
            }
        ],
    },
    QUERIER,
)
TABLES = (VISITS, USERS, NUMBERED, RIVALS, MINE, GUARDED)


def apart(sql: str, **changes: Any) -> NoisyText:
    noisy = judge_and_write(direct(sql, TABLES, **{"epsilon_left": "20", **changes})).noisy
    assert noisy is not None
    return noisy


def refusal(sql: str, **changes: Any) -> str:
    with pytest.raises(Refused) as caught:
        apart(sql, **changes)
    return str(caught.value)


@pytest.mark.parametrize(
    ("sql", "units"),
    [
        ("SELECT COUNT(DISTINCT user_id) AS n FROM visits", 1),
        ("SELECT COUNT(*) AS n FROM visits", 2),
        ("SELECT COUNT(1) AS n FROM visits", 2),
        ("SELECT COUNT(shop) AS n FROM visits", 2),
        ("SELECT COUNT(DISTINCT shop) AS n FROM visits", 2),
        ("SELECT SUM(amount) AS s, AVG(amount) AS a FROM visits", 5),
        ("SELECT STDDEV(amount) AS s, STDDEV_POP(amount) AS p FROM visits", 8),
        ("SELECT shop, COUNT(*) AS n FROM visits GROUP BY shop", 3),
        (
            "SELECT UPPER(shop) AS s, COUNT(*) AS n FROM visits GROUP BY 1 HAVING COUNT(*) > 5 ORDER BY n LIMIT 3",
            3,
        ),
        ("SELECT SUM(amount) / COUNT(*) AS m FROM visits WHERE day > 3", 4),
        ("WITH t AS (SELECT user_id AS u, SUM(amount) AS s FROM visits GROUP BY user_id) SELECT AVG(s) AS a FROM t", 4),
        ("SELECT COUNT(DISTINCT v.user_id) AS n FROM visits v JOIN users u ON v.user_id = u.user_id", 1),
        ("SELECT COUNT(DISTINCT user_id) AS n FROM visits JOIN users USING (user_id)", 1),
        (
            "SELECT COUNT(DISTINCT u.user_id) n FROM visits v LEFT JOIN users u ON u.user_id = v.user_id AND day = 3",
            1,
        ),
        ("SELECT COUNT(DISTINCT v.user_id) AS n FROM visits v LEFT SEMI JOIN users u ON v.user_id = u.user_id", 1),
        ("SELECT seg, COUNT(*) AS n FROM visits v JOIN mine m ON m.id = v.shop GROUP BY seg", 3),
        ("SELECT COUNT(*) AS n FROM visits v CROSS JOIN mine m", 2),
        ("SELECT COUNT(*) AS n FROM visits WHERE shop IN (SELECT id FROM mine)", 2),
        ("SELECT COUNT(*) AS n FROM visits v JOIN (SELECT id FROM mine ORDER BY n LIMIT 2) m ON m.id = v.shop", 2),
        (
            (
                "WITH t AS (SELECT user_id, shop FROM visits UNION ALL SELECT user_id, zip FROM users) "
                "SELECT COUNT(DISTINCT user_id) AS n FROM t"
            ),
            1,
        ),
        (
            (
                "WITH t AS (SELECT user_id, amount, ROW_NUMBER() OVER (PARTITION BY day, user_id ORDER BY amount) AS r "
                "FROM visits) SELECT AVG(amount) AS a FROM t WHERE r = 1"
            ),
            4,
        ),
        (
            (
                "WITH t AS (SELECT v.user_id, MAX(amount) OVER (PARTITION BY v.user_id) AS s "
                "FROM visits v JOIN users u ON v.user_id = u.user_id) SELECT AVG(s) AS x FROM t"
            ),
            4,
        ),
        (
            (
                "WITH t AS (SELECT v.user_id a, u.user_id b, COUNT(*) OVER (PARTITION BY u.user_id, v.user_id) AS s "
                "FROM visits v FULL JOIN users u ON v.user_id = u.user_id) SELECT AVG(s) AS x FROM t"
            ),
            4,
        ),
        ("WITH t AS (SELECT DISTINCT user_id, shop FROM visits) SELECT shop, COUNT(*) AS n FROM t GROUP BY shop", 3),
        (
            "SELECT COUNT(*) AS n FROM (SELECT user_id, MAX(day) AS d FROM visits GROUP BY user_id HAVING d > 3) t",
            2,
        ),
    ],
)
def test_aggregates_over_rows_of_users_may_run_at_their_price(sql: str, units: int) -> None:
    assert apart(sql).plan.bill.units == units


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("SELECT user_id FROM visits", "must aggregate"),
        ("SELECT * FROM visits", "must aggregate"),
        ("SELECT shop, COUNT(*) AS n FROM visits GROUP BY day", "'shop'"),
        ("SELECT MAX(amount) AS m FROM visits", "takes no MAX"),
        ("SELECT MEDIAN(amount) AS m FROM visits", "takes no MEDIAN"),
        ("SELECT SUM(DISTINCT amount) AS m FROM visits", "takes no SUM_DISTINCT"),
        ("SELECT VARIANCE(amount) AS m FROM visits", "takes no VARIANCE"),
        ("SELECT COUNT(DISTINCT user_id, shop) AS m FROM visits", "one value"),
        ("SELECT COUNT(*) FILTER (WHERE day = 1) AS m FROM visits", "FILTER"),
        ("SELECT day, COUNT(*) AS n FROM visits GROUP BY ROLLUP (day)", "GROUPING SETS"),
        ("SELECT COUNT(*) OVER () AS n FROM visits", "window"),
        ("SELECT COUNT(*) AS n, (SELECT MAX(n) FROM mine) AS m FROM visits", "sub-queries"),
        ("SELECT COUNT(*) AS n FROM visits UNION ALL SELECT COUNT(*) FROM users", "the final SELECT aggregates"),
        # the identifier dropped, renamed to another column's place, or made up
        ("WITH t AS (SELECT shop FROM visits) SELECT COUNT(*) AS n FROM t", "'t' must have an identifier"),
        ("WITH t AS (SELECT shop AS user_id FROM visits) SELECT COUNT(*) AS n FROM t", "'t' must have an identifier"),
        ("WITH t AS (SELECT UPPER(user_id) AS user_id FROM visits) SELECT COUNT(*) AS n FROM t", "an identifier"),
        ("WITH t AS (SELECT 'x' AS user_id, amount FROM visits) SELECT COUNT(*) AS n FROM t", "an identifier"),
        (
            "WITH t AS (SELECT COALESCE(user_id, shop) AS user_id FROM visits) SELECT COUNT(*) AS n FROM t",
            "an identifier",
        ),
        ("WITH t AS (SELECT MAX(user_id) AS user_id FROM visits) SELECT COUNT(*) AS n FROM t", "an identifier"),
        ("WITH t AS (SELECT COUNT(*) AS c FROM visits) SELECT SUM(c) AS n FROM t", "an identifier"),
        ("WITH t AS (SELECT shop, COUNT(*) AS c FROM visits GROUP BY shop) SELECT SUM(c) AS n FROM t", "an identifier"),
        (
            (
                "WITH t AS (SELECT user_id, shop FROM visits UNION ALL SELECT shop, user_id FROM visits) "
                "SELECT COUNT(*) AS n FROM t"
            ),
            "both sides of UNION",
        ),
        (
            "WITH t AS (SELECT user_id FROM visits UNION ALL SELECT id FROM mine) SELECT COUNT(*) AS n FROM t",
            "both sides of UNION",
        ),
        (
            "WITH t AS (SELECT user_id FROM visits EXCEPT SELECT id FROM mine) SELECT COUNT(*) AS n FROM t",
            "both sides of EXCEPT",
        ),
        # rows of one user that depend on another's
        ("WITH t AS (SELECT user_id FROM visits LIMIT 5) SELECT COUNT(*) AS n FROM t", "LIMIT stands in the final"),
        (
            (
                "SELECT COUNT(*) AS n FROM (SELECT user_id FROM visits) t JOIN ((SELECT user_id FROM users) LIMIT 1) u "
                "ON t.user_id = u.user_id"
            ),
            "LIMIT",
        ),
        (
            "WITH t AS (SELECT user_id, RANK() OVER (ORDER BY amount) AS r FROM visits) SELECT COUNT(*) AS n FROM t",
            "PARTITION BY",
        ),
        (
            "WITH t AS (SELECT user_id, SUM(day) OVER (PARTITION BY shop) AS r FROM visits) SELECT AVG(r) AS a FROM t",
            "PARTITION BY",
        ),
        (
            (
                "WITH t AS (SELECT user_id, amount, ROW_NUMBER() OVER (ORDER BY amount) AS r FROM visits) "
                "SELECT COUNT(*) AS n FROM t"
            ),
            "PARTITION BY",
        ),
        ("SELECT COUNT(*) AS n FROM visits a JOIN visits b ON a.shop = b.shop", "'b' must be joined"),
        ("SELECT COUNT(*) AS n FROM visits a CROSS JOIN users b", "'b' must be joined"),
        ("SELECT COUNT(*) AS n FROM visits a, users b WHERE a.user_id = b.user_id", "'b' must be joined"),
        (
            "SELECT COUNT(*) AS n FROM visits a JOIN users b ON a.user_id = b.user_id OR a.day = b.age",
            "'b' must be joined",
        ),
        ("SELECT COUNT(*) AS n FROM visits a JOIN users b ON a.user_id = b.zip", "'b' must be joined"),
        # '01' and 1 would be one user
        ("SELECT COUNT(*) AS n FROM visits a JOIN numbered b ON a.user_id = b.user_id", "'b' must be joined"),
        (
            "WITH t AS (SELECT user_id FROM visits UNION ALL SELECT user_id FROM numbered) SELECT COUNT(*) AS n FROM t",
            "both sides of UNION",
        ),
        ("SELECT COUNT(*) AS n FROM visits a LEFT ANTI JOIN users b ON a.day = b.age", "'b' must be joined"),
        ("SELECT COUNT(*) AS n FROM mine m LEFT SEMI JOIN visits v ON v.shop = m.id", "must have rows of users"),
        ("SELECT COUNT(*) AS n FROM visits WHERE amount > (SELECT AVG(amount) FROM visits)", "in an expression"),
        ("SELECT COUNT(*) AS n FROM mine WHERE id IN (SELECT user_id FROM visits)", "in an expression"),
        ("SELECT COUNT(*) AS n FROM visits WHERE EXISTS (SELECT 1 FROM mine WHERE mine.id = visits.shop)", "refer"),
        # what could fail for one user alone
        ("WITH t AS (SELECT user_id, 1 / COUNT(*) AS c FROM visits GROUP BY user_id) SELECT AVG(c) AS a FROM t", "DIV"),
        (
            "WITH t AS (SELECT user_id, LN(SUM(amount)) AS c FROM visits GROUP BY user_id) SELECT AVG(c) AS a FROM t",
            "LN",
        ),
        ("SELECT COUNT(REPEAT(shop, 1000000)) AS n FROM visits", "REPEAT"),
        ("SELECT SUM(LENGTH(SPACE(day))) AS n FROM visits", "SPACE"),
        (
            (
                "WITH t AS (SELECT v.user_id AS a, u.user_id AS b, SUM(amount) OVER (PARTITION BY v.user_id) AS s "
                "FROM visits v FULL JOIN users u ON v.user_id = u.user_id) SELECT AVG(s) AS x FROM t"
            ),
            "PARTITION BY",
        ),
        (
            (
                "WITH t AS (SELECT v.user_id a, u.user_id b FROM visits v FULL JOIN users u ON u.user_id = v.user_id), "
                "w AS (SELECT a, b, COUNT(*) OVER (PARTITION BY a) AS c FROM t) SELECT AVG(c) AS x FROM w"
            ),
            "PARTITION BY",
        ),
        (
            (
                "WITH t AS (SELECT user_id, day FROM visits UNION ALL SELECT user_id, zip FROM users) "
                "SELECT COUNT(*) AS n FROM t"
            ),
            "the same types",
        ),
        # what says in which order others' rows came
        (
            (
                "WITH t AS (SELECT user_id, SUM(amount) OVER (PARTITION BY user_id) AS s FROM visits) "
                "SELECT AVG(s) AS a FROM t"
            ),
            "window function SUM",
        ),
        (
            (
                "WITH t AS (SELECT user_id, day, COUNT(*) AS c, RANK() OVER (PARTITION BY user_id ORDER BY day) AS r "
                "FROM visits GROUP BY user_id, day) SELECT AVG(c) AS a FROM t WHERE r = 1"
            ),
            "aggregates and window functions",
        ),
        # whose tables, and for whom
        ("SELECT COUNT(*) AS n FROM visits v JOIN rivals r ON v.user_id = r.user_id", "both protect tables"),
        ("SELECT COUNT(*) AS n FROM visits v JOIN guarded g ON g.id = v.user_id", "aggregationThresholds"),
    ],
)
def test_whatever_could_show_more_than_noise_covers_is_refused_by_name(sql: str, word: str) -> None:
    assert word in refusal(sql)


def test_who_protects_a_table_receives_nothing_of_it() -> None:
    own = replace(VISITS, association_rule={"allowedResultReceivers": [OWNER]})
    with pytest.raises(Refused, match="Name another receiver"):
        judge_and_write(
            direct("SELECT COUNT(*) AS n FROM visits", [own], epsilon_left="20", receiver_account_ids=(OWNER,))
        )


def test_no_channel_is_made_of_a_protected_table() -> None:
    said = refusal("SELECT COUNT(*) AS n FROM visits", algorithm_association_arn="arn:x", receiver_account_ids=())
    assert "ML input channel takes rows as they are" in said


def test_a_query_that_costs_more_than_is_left_is_refused_before_it_reads() -> None:
    said = refusal("SELECT AVG(amount) AS a FROM visits", epsilon_left="1/10")
    assert "takes 4 units" in said
    assert "3 are left" in said


def test_a_query_over_unprotected_tables_pays_nothing() -> None:
    assert judge_and_write(direct("SELECT seg FROM mine", TABLES)).noisy is None


def test_what_may_fail_on_a_value_fails_for_its_row_alone() -> None:
    rows = apart("SELECT SUM(CAST(shop AS INT) + day / (day - 3)) AS s FROM visits WHERE LN(day) > 0").rows
    assert "TRY(" in rows
    assert "TRY_CAST(" in rows
    assert " CAST(" not in rows


def test_equal_identifiers_stay_a_plain_join() -> None:
    rows = apart("SELECT COUNT(*) AS n FROM visits v JOIN users u ON v.user_id = u.user_id").rows
    assert 'ON "wr$s0"."user_id" = "wr$s1"."user_id"' in rows


def test_an_identifier_is_followed_through_new_names() -> None:
    sql = "WITH t (user_id, x) AS (SELECT shop, user_id FROM visits) SELECT COUNT(*) AS n FROM t AS s"
    rows = apart(sql).rows
    inner = re.search(r'"wr\$s0"\."user_id" AS ("[^"]+")', rows)
    assert inner is not None
    assert f'.{inner[1]} AS "wr$user"' in rows


def test_the_answer_reads_nothing_but_noisy_groups() -> None:
    answer = apart("SELECT shop, SUM(amount) / COUNT(*) AS m FROM visits GROUP BY shop HAVING COUNT(*) > 2").answer
    assert "amount" not in answer
    assert "wr$0" not in answer
    assert "wr$groups" in answer


def test_which_of_equal_rows_comes_first_is_said_by_all_that_they_hold() -> None:
    rows = apart(
        "WITH t AS (SELECT user_id, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY day) AS r FROM visits) "
        "SELECT COUNT(*) AS n FROM t WHERE r = 1"
    ).rows
    assert '"wr$s0"."amount" NULLS FIRST' in rows
    assert '"wr$s0"."when" NULLS FIRST' in rows


def test_sums_of_a_user_are_taken_in_the_order_of_their_values() -> None:
    sql = "WITH t AS (SELECT user_id, SUM(amount) AS s, ANY_VALUE(day) AS d FROM visits GROUP BY user_id) "
    rows = apart(sql + "SELECT AVG(s) AS a, SUM(d) AS d FROM t").rows
    assert 'SUM(("wr$s0"."amount") ORDER BY ("wr$s0"."amount"))' in rows
    assert 'MIN("wr$s0"."day")' in rows
