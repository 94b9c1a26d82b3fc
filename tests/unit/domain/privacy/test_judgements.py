"""A query that ran is judged again, by the rules of now and without its text, as it would be judged if it ran now."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from support.rules import CUSTOM, CUSTOMERS, IMPRESSIONS, QUERIER, direct, table
from whiteroom.domain.privacy.differential_privacy import PrivacyPolicy
from whiteroom.domain.privacy.judgements import judge_again, judgement_in, kept, moved
from whiteroom.domain.privacy.query_facts import Judgement
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.verdicts import Denied, Verdict
from whiteroom.sql.judging import judge_query
from whiteroom.sql.refusals import Refused


def owned(name: str, columns: dict[str, str], rule: dict[str, Any], **changes: Any) -> QueryTable:
    return replace(table(name, columns, "CUSTOM", {**CUSTOM, **rule}), association_id=f"id of {name}", **changes)


def impressions(**rule: Any) -> QueryTable:
    return owned("impressions", IMPRESSIONS, rule)


CUSTOMERS_TABLE = owned("customers", CUSTOMERS, {})
THRESHOLD = {"type": "COUNT_DISTINCT", "identityColumns": ["user_id"], "minimumIdentityCount": 3}
SUMS = "SELECT campaign, SUM(cost) AS c FROM impressions GROUP BY campaign"
JOINED = "SELECT i.campaign, c.segment FROM impressions i JOIN customers c ON i.user_id = c.id WHERE i.zip = '10001'"


def judged(sql: str, *tables: QueryTable) -> Judgement:
    return judge_query(direct(sql, tables)).judgement


def again(judgement: Judgement, *tables: QueryTable, **changes: Any) -> Verdict:
    asked: dict[str, Any] = {
        "querier_account_id": QUERIER,
        "receiver_account_ids": (QUERIER,),
        "algorithm_association_arn": None,
        "template_arn": None,
    }
    return judge_again(judgement, {one.association_id: one for one in tables}, **{**asked, **changes})


CHANGES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a column is not shown": {"disallowedOutputColumns": ["campaign"]},
    "another column is not shown": {"disallowedOutputColumns": ["day"]},
    "a column meets no literal": {"comparisonControls": {"allowedColumnComparisonColumns": ["user_id"]}},
    "a column meets no column": {"comparisonControls": {"allowedLiteralComparisonColumns": ["zip"]}},
    "what is compared may be": {
        "comparisonControls": {
            "allowedLiteralComparisonColumns": ["zip"],
            "allowedColumnComparisonColumns": ["user_id", "zip", "campaign"],
        }
    },
    "a threshold": {"aggregationThresholds": [THRESHOLD]},
    "queries of nobody": {"allowedAnalyses": []},
    "queries of another": {"allowedAnalysisProviders": ["999999999999"]},
    "for algorithms alone": {"additionalAnalyses": "REQUIRED"},
}
"""What an owner may have changed in the rule of a table since a query over it began."""


@pytest.mark.parametrize("sql", [SUMS, JOINED])
@pytest.mark.parametrize("change", CHANGES)
def test_a_query_is_judged_again_as_it_would_be_if_it_were_asked_now(change: str, sql: str) -> None:
    tables = (impressions(), CUSTOMERS_TABLE)
    changed = (impressions(**CHANGES[change]), CUSTOMERS_TABLE)
    try:
        now = judge_query(direct(sql, changed)).judgement.minimums == ()
    except Refused:
        now = False
    # Under a new threshold the query would run, and drop groups that the finished one has not dropped.
    assert bool(again(judged(sql, *tables), *changed)) is now


@pytest.mark.parametrize(("before", "now", "allowed"), [(3, 3, True), (3, 2, True), (3, 4, False), (3, None, True)])
def test_a_minimum_that_was_raised_since_drops_the_result(before: int, now: int | None, allowed: bool) -> None:
    judgement = judged(SUMS, impressions(aggregationThresholds=[{**THRESHOLD, "minimumIdentityCount": before}]))
    rule = {} if now is None else {"aggregationThresholds": [{**THRESHOLD, "minimumIdentityCount": now}]}
    verdict = again(judgement, impressions(**rule))
    assert bool(verdict) is allowed
    assert verdict or "larger groups" in verdict.reason


def test_another_identity_than_was_counted_drops_the_result() -> None:
    judgement = judged(SUMS, impressions(aggregationThresholds=[THRESHOLD]))
    assert not again(judgement, impressions(aggregationThresholds=[{**THRESHOLD, "identityColumns": ["zip"]}]))


def private(identifier: str = "user_id", noise: int = 10) -> QueryTable:
    rule = {"differentialPrivacy": {"columns": [{"name": identifier}]}}
    return owned("impressions", IMPRESSIONS, rule, privacy=PrivacyPolicy("template", noise))


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        (private(), True),
        (private(noise=5), True),
        (impressions(), True),
        (private(noise=20), False),
        (private("zip"), False),
        (replace(private(), privacy=None), False),
    ],
)
def test_noise_that_was_measured_by_a_looser_policy_does_not_cover_a_stricter_one(
    now: QueryTable, allowed: bool
) -> None:
    spec = replace(direct("SELECT COUNT(DISTINCT user_id) AS n FROM impressions", (private(),)), epsilon_left="5")
    assert bool(again(judge_query(spec).judgement, now)) is allowed


def test_a_result_without_noise_is_dropped_where_its_table_has_been_protected_since() -> None:
    verdict = again(judged(SUMS, impressions()), private())
    assert isinstance(verdict, Denied)
    assert "no noise" in verdict.reason


@pytest.mark.parametrize("sql", [SUMS, JOINED, f"WITH t AS ({JOINED}) SELECT segment, COUNT(*) AS n FROM t GROUP BY 1"])
def test_a_judgement_is_the_same_after_it_was_kept(sql: str) -> None:
    judgement = judged(sql, impressions(aggregationThresholds=[]), CUSTOMERS_TABLE)
    assert judgement_in(json.loads(json.dumps(kept(judgement)))) == judgement


def test_the_tables_whose_rules_moved_are_known_and_the_same_rules_set_anew_have_not_moved() -> None:
    judgement = judged(JOINED, impressions(), CUSTOMERS_TABLE)
    now = {one.association_id: one for one in (impressions(disallowedOutputColumns=["day"]), CUSTOMERS_TABLE)}
    assert moved(judgement, now) == ("impressions",)
    assert moved(judgement, {one.association_id: one for one in (impressions(), CUSTOMERS_TABLE)}) == ()
    assert moved(judgement, {}) == ("customers", "impressions")


def test_a_rule_of_another_type_is_judged_as_that_type_is() -> None:
    listed = {"joinColumns": ["user_id"], "listColumns": ["campaign"], "additionalAnalyses": "ALLOWED"}
    judgement = judged(SUMS, impressions())
    assert not again(
        judgement, replace(table("impressions", IMPRESSIONS, "LIST", listed), association_id="id of impressions")
    )
