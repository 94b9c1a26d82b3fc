"""What queries cost of a privacy budget, and what is left of it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from botocore.session import get_session

from whiteroom.domain.privacy.differential_privacy import (
    DIFFERENTIAL_PRIVACY,
    EVERY_MONTH,
    UNITS,
    Aggregation,
    Bill,
    Release,
    affordable,
    aggregations,
    charged,
    charged_what_is_left,
    epsilon_left,
    fresh_budget,
    preview,
    units,
)
from whiteroom.domain.privacy.privacy_budgets import PrivacyBudgetTemplate
from whiteroom.domain.verdicts import Denied

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


def a_budget(epsilon: int = 3, users: int = 30, now: datetime = NOON, **changes: Any) -> PrivacyBudgetTemplate:
    template = PrivacyBudgetTemplate(
        id="t",
        arn="arn:t",
        membership_id="m",
        membership_arn="arn:m",
        collaboration_id="c",
        account_id="222222222222",
        resource_id="c",
        resource_arn="arn:c",
        budget_parameters=(),
        period_used=0,
        lifetime_used=0,
        reset_at=now,
        created_at=now,
        updated_at=now,
        type=DIFFERENTIAL_PRIVACY,
        epsilon=epsilon,
        users_noise_per_query=users,
        **fresh_budget(now),
    )
    return dataclasses.replace(template, **changes)


def after(template: PrivacyBudgetTemplate, count: int, now: datetime = NOON, price: int = 1) -> PrivacyBudgetTemplate:
    """The budget when so many queries of that price were paid for."""
    for _ in range(count):
        changes = charged(template, Bill("t", price, template.users_noise_per_query), now)
        assert not isinstance(changes, Denied), changes.reason
        template = dataclasses.replace(template, **changes)
    return template


def test_the_aggregations_are_those_of_the_service_model_and_each_has_its_price() -> None:
    shape: Any = get_session().get_service_model("cleanrooms").shape_for("DifferentialPrivacyAggregationType")
    assert [item.value for item in Aggregation] == shape.enum
    assert UNITS.keys() == set(Aggregation)


@pytest.mark.parametrize(
    ("releases", "grouped", "price"),
    [
        # users, and nothing else: 1 release
        ([Release(Aggregation.COUNT_DISTINCT, of_users=True)], False, 1),
        # rows: the limit of rows per user, and the release
        ([Release(Aggregation.COUNT, of_users=False)], False, 2),
        ([Release(Aggregation.COUNT_DISTINCT, of_users=False)], False, 2),
        # a sum: the limit, the bound, and the release; an average has two, a deviation three
        ([Release(Aggregation.SUM, of_users=False, bounded="x")], False, 3),
        ([Release(Aggregation.AVG, of_users=False, bounded="x")], False, 4),
        ([Release(Aggregation.STDDEV, of_users=False, bounded="x")], False, 5),
        # the same expression is learned once, another one again
        ([Release(Aggregation.SUM, of_users=False, bounded=x) for x in "xx"], False, 4),
        ([Release(Aggregation.SUM, of_users=False, bounded=x) for x in "xy"], False, 5),
        # groups: the keys, and the limit also for users
        ([Release(Aggregation.COUNT_DISTINCT, of_users=True)], True, 3),
        ([], True, 2),
    ],
)
def test_a_query_costs_what_its_text_says(releases: list[Release], grouped: bool, price: int) -> None:
    assert units(releases, grouped=grouped) == price


def test_a_preview_counts_queries_of_one_aggregate() -> None:
    # epsilon 3 at 30 users a query: 90 units
    counts = {item["type"]: item["maxCount"] for item in preview(3, 30)}
    assert counts == {"AVG": 22, "COUNT": 45, "COUNT_DISTINCT": 90, "SUM": 30, "STDDEV": 18}


@pytest.mark.parametrize("epsilon", [1, 3, 20])
@pytest.mark.parametrize("users", [10, 30, 70, 97, 100])
def test_a_budget_pays_for_just_as_many_queries_as_it_says(epsilon: int, users: int) -> None:
    most = affordable(Fraction(epsilon), users)[Aggregation.COUNT_DISTINCT]
    assert most == epsilon * users
    spent = after(a_budget(epsilon, users), most)
    assert epsilon_left(spent, NOON) == 0
    assert isinstance(charged(spent, Bill("t", 1, users), NOON), Denied)


def test_what_remains_is_counted_for_every_type() -> None:
    found = {item["type"]: item for item in aggregations(after(a_budget(3, 30), 1, price=80), NOON)}
    assert found["COUNT"] == {"type": "COUNT", "maxCount": 45, "remainingCount": 5}
    assert found["STDDEV"] == {"type": "STDDEV", "maxCount": 18, "remainingCount": 2}


def test_a_refusal_says_what_was_asked_and_what_is_left() -> None:
    verdict = charged(after(a_budget(1, 10), 8), Bill("t", 3, 10), NOON)
    assert isinstance(verdict, Denied)
    assert "takes 3 units" in verdict.reason
    assert "2 are left" in verdict.reason
    assert "epsilon 0.3" in verdict.reason
    assert "UpdatePrivacyBudgetTemplate" in verdict.reason


def test_a_budget_that_is_refreshed_is_whole_again_with_the_month_of_utc() -> None:
    spent = after(a_budget(1, 10, auto_refresh=EVERY_MONTH), 10)
    assert epsilon_left(spent, NOON) == 0
    assert epsilon_left(spent, APRIL) == 1
    assert epsilon_left(after(spent, 4, APRIL), APRIL) == Fraction(6, 10)


def test_a_clock_that_is_set_back_gives_no_budget_again() -> None:
    spent = after(a_budget(1, 10, auto_refresh=EVERY_MONTH), 10, APRIL)
    assert epsilon_left(spent, NOON) == 0


def test_a_budget_that_is_not_refreshed_stays_spent() -> None:
    assert epsilon_left(after(a_budget(1, 10), 10), APRIL) == 0


def test_what_was_spent_stays_spent_when_the_owner_changes_the_budget() -> None:
    spent = after(a_budget(2, 10), 15)
    assert epsilon_left(dataclasses.replace(spent, epsilon=1), NOON) == 0
    assert epsilon_left(dataclasses.replace(spent, epsilon=3), NOON) == Fraction(3, 2)
    quieter = dataclasses.replace(spent, users_noise_per_query=100)
    assert epsilon_left(quieter, NOON) == Fraction(1, 2)


def test_a_query_that_gives_nothing_is_charged_as_far_as_there_is_any() -> None:
    spent = after(a_budget(1, 10), 9)
    changes = charged_what_is_left(spent, Bill("t", 5, 10), NOON)
    assert epsilon_left(dataclasses.replace(spent, **changes), NOON) == 0
    assert charged_what_is_left(None, Bill("t", 5, 10), NOON) == {}


def test_a_budget_that_was_deleted_pays_for_nothing() -> None:
    assert isinstance(charged(None, Bill("t", 1, 10), NOON), Denied)
