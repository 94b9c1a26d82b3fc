"""Access budgets: the calendar, the counting, and what is refused."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from whiteroom.domain.privacy.privacy_budgets import (
    BudgetType,
    PrivacyBudgetTemplate,
    balances,
    fresh_counts,
    given_back,
    parameters_are_sound,
    period,
    remaining,
    used_once_more,
)
from whiteroom.domain.verdicts import Denied

DAY, WEEK, MONTH, LIFETIME = (
    BudgetType.CALENDAR_DAY,
    BudgetType.CALENDAR_WEEK,
    BudgetType.CALENDAR_MONTH,
    BudgetType.LIFETIME,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def parameter(kind: BudgetType, budget: int, refresh: str | None = None) -> dict[str, Any]:
    return {"type": kind.value, "budget": budget, **({"autoRefresh": refresh} if refresh else {})}


def a_template(now: datetime, *parameters: dict[str, Any]) -> PrivacyBudgetTemplate:
    return PrivacyBudgetTemplate(
        id="t",
        arn="arn:t",
        membership_id="m",
        membership_arn="arn:m",
        collaboration_id="c",
        account_id="222222222222",
        resource_id="a",
        resource_arn="arn:a",
        budget_parameters=parameters,
        **fresh_counts(parameters, now),
        created_at=now,
        updated_at=now,
    )


def used(template: PrivacyBudgetTemplate, *moments: datetime) -> PrivacyBudgetTemplate:
    """The template after its table was used at these moments."""
    for moment in moments:
        changes = used_once_more(template, "patients", moment)
        assert not isinstance(changes, Denied), changes
        template = dataclasses.replace(template, **changes)
    return template


def refusal(template: PrivacyBudgetTemplate, now: datetime) -> str:
    verdict = used_once_more(template, "patients", now)
    assert isinstance(verdict, Denied)
    return verdict.reason


@pytest.mark.parametrize(
    ("kind", "moment", "start", "end"),
    [
        (DAY, "2026-03-01T00:00:00", "2026-03-01", "2026-03-02"),
        (DAY, "2026-02-28T23:59:59.999999", "2026-02-28", "2026-03-01"),
        (DAY, "2028-02-29T12:00:00", "2028-02-29", "2028-03-01"),
        (WEEK, "2026-03-02T00:00:00", "2026-03-02", "2026-03-09"),  # a Monday
        (WEEK, "2026-03-01T23:59:59.999999", "2026-02-23", "2026-03-02"),  # the Sunday before it
        (WEEK, "2026-01-01T05:00:00", "2025-12-29", "2026-01-05"),  # over a new year
        (MONTH, "2026-01-31T23:59:59", "2026-01-01", "2026-02-01"),
        (MONTH, "2026-02-28T23:59:59", "2026-02-01", "2026-03-01"),
        (MONTH, "2028-02-29T00:00:00", "2028-02-01", "2028-03-01"),
        (MONTH, "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
    ],
)
def test_periods_are_the_calendars_in_utc(kind: BudgetType, moment: str, start: str, end: str) -> None:
    assert period(kind, at(moment)) == (at(start), at(end))


@pytest.mark.parametrize("kind", [DAY, WEEK, MONTH])
def test_every_moment_of_three_years_lies_in_one_period_and_the_next_begins_where_it_ends(kind: BudgetType) -> None:
    moment, last = at("2026-01-01"), at("2029-01-01")
    start, end = period(kind, moment)
    while moment < last:
        moment += timedelta(hours=7)
        if moment >= end:
            previous = end
            start, end = period(kind, moment)
            assert start == previous
        assert period(kind, moment) == (start, end)
        assert start <= moment < end


def test_a_lifetime_is_no_period() -> None:
    with pytest.raises(ValueError, match="no calendar period"):
        period(LIFETIME, at("2026-01-01"))


def test_a_budget_is_spent_use_by_use_and_then_refused_with_whom_to_ask() -> None:
    template = a_template(at("2026-03-01"), parameter(LIFETIME, 2))
    template = used(template, at("2026-03-01"), at("2027-03-01"))
    assert remaining(template, at("2027-03-01")) == 0
    message = refusal(template, at("2040-01-01"))
    assert "'patients' (LIFETIME, 2 uses) is spent" in message
    assert "222222222222" in message
    assert "UpdatePrivacyBudgetTemplate" in message


def test_a_budget_of_nothing_allows_nothing() -> None:
    assert "0 uses" in refusal(a_template(at("2026-03-01"), parameter(LIFETIME, 0)), at("2026-03-01"))


def test_a_period_that_refreshes_begins_anew_at_its_first_moment() -> None:
    template = a_template(at("2026-01-31T10:00:00"), parameter(MONTH, 1, "ENABLED"))
    template = used(template, at("2026-01-31T10:00:01"))
    last_moment, first_moment = at("2026-01-31T23:59:59.999999"), at("2026-02-01")
    assert "is spent until 2026-02-01 00:00 UTC" in refusal(template, last_moment)
    assert remaining(template, first_moment) == 1
    template = used(template, first_moment)
    (balance,) = balances(template, first_moment)
    assert (balance.started_at, balance.ends_at, balance.remaining) == (first_moment, at("2026-03-01"), 0)


def test_a_period_that_does_not_refresh_is_over_when_it_ends() -> None:
    template = a_template(at("2026-03-01T10:00:00"), parameter(DAY, 5, "DISABLED"))
    template = used(template, at("2026-03-01T11:00:00"))
    (balance,) = balances(template, at("2026-03-01T23:59:59"))
    assert (balance.remaining, balance.auto_refresh) == (4, False)
    (balance,) = balances(template, at("2026-03-02"))
    assert (balance.started_at, balance.ends_at, balance.remaining) == (at("2026-03-01"), at("2026-03-02"), 0)
    assert "ended at 2026-03-02 00:00 UTC, and is not refreshed by itself" in refusal(template, at("2026-03-02"))


def test_what_says_nothing_of_a_refresh_has_none() -> None:
    template = a_template(at("2026-03-01"), parameter(DAY, 5))
    assert balances(template, at("2026-03-01"))[0].auto_refresh is False
    assert remaining(template, at("2026-03-02")) == 0


def test_of_two_budgets_the_lower_one_holds_and_both_count() -> None:
    template = a_template(at("2026-03-01"), parameter(DAY, 2, "ENABLED"), parameter(LIFETIME, 3))
    first, second = at("2026-03-01T10:00:00"), at("2026-03-02T10:00:00")
    template = used(template, first, first)
    assert [balance.remaining for balance in balances(template, first)] == [0, 1]
    assert remaining(template, second) == 1
    template = used(template, second)
    assert [balance.remaining for balance in balances(template, second)] == [1, 0]
    assert "LIFETIME" in refusal(template, second)


def test_a_lifetime_has_no_end_and_no_refresh() -> None:
    (balance,) = balances(a_template(at("2026-03-01T08:00:00"), parameter(LIFETIME, 3)), at("2026-03-05"))
    assert (balance.started_at, balance.ends_at, balance.auto_refresh) == (at("2026-03-01T08:00:00"), None, None)


def test_a_clock_that_is_set_back_gives_no_use_again() -> None:
    template = a_template(at("2026-03-02"), parameter(DAY, 1, "ENABLED"))
    template = used(template, at("2026-03-02T10:00:00"))
    assert remaining(template, at("2026-03-01T10:00:00")) == 0
    assert remaining(template, at("2026-03-02T11:00:00")) == 0


def test_what_was_not_used_after_all_is_given_back_once() -> None:
    template = a_template(at("2026-03-01"), parameter(DAY, 2, "ENABLED"), parameter(LIFETIME, 3))
    moment = at("2026-03-01T10:00:00")
    template = used(template, moment)
    template = dataclasses.replace(template, **given_back(template, moment))
    assert (template.period_used, template.lifetime_used) == (0, 0)
    assert given_back(template, moment) == {}


def test_a_use_of_a_period_that_has_gone_is_given_back_to_the_lifetime_alone() -> None:
    template = a_template(at("2026-03-01"), parameter(DAY, 2, "ENABLED"), parameter(LIFETIME, 9))
    before, after = at("2026-03-01T23:00:00"), at("2026-03-02T01:00:00")
    template = used(template, before, after)
    assert given_back(template, before) == {"lifetime_used": 1}


def test_a_use_from_before_an_update_is_not_given_back() -> None:
    template = used(a_template(at("2026-03-02"), parameter(LIFETIME, 9)), at("2026-03-02"))
    assert given_back(template, at("2026-03-01")) == {}


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ([parameter(DAY, 1), parameter(WEEK, 1)], "CALENDAR_DAY and CALENDAR_WEEK"),
        ([parameter(DAY, 1), parameter(DAY, 1)], "calendar periods"),
        ([parameter(LIFETIME, 1), parameter(LIFETIME, 2)], "LIFETIME twice"),
        ([parameter(LIFETIME, 1, "ENABLED")], "does not refresh"),
        ([parameter(DAY, 1), parameter(LIFETIME, 1, "DISABLED")], "does not refresh"),
    ],
)
def test_budget_parameters_that_do_not_go_together_are_refused(parameters: list[dict[str, Any]], word: str) -> None:
    verdict = parameters_are_sound(parameters)
    assert isinstance(verdict, Denied)
    assert word in verdict.reason


@pytest.mark.parametrize("kind", [DAY, WEEK, MONTH])
def test_a_period_and_a_lifetime_go_together(kind: BudgetType) -> None:
    assert parameters_are_sound([parameter(kind, 1, "ENABLED"), parameter(LIFETIME, 1)])


def test_a_moment_is_taken_in_utc_whatever_zone_it_is_told_in() -> None:
    samoa = datetime(2026, 3, 1, 23, 0, tzinfo=timezone(timedelta(hours=-11)))
    assert period(DAY, samoa) == (at("2026-03-02"), at("2026-03-03"))
