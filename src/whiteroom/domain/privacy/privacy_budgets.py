"""Privacy budget templates, and access budgets: how often a table may be used, in a period, over its lifetime, or both.

"Each time a table is queried or a job is run using a ML input channel derived from a table, the budget for that
table is reduced by one. When the budget reaches zero, the table can't be queried and ML jobs can't be run"
(docs/sources.md, configure-data-access-budget). "When you edit a data access budget, it resets the current budget
balance" (edit-access-budget). Periods are those of the calendar in UTC, weeks begin on Monday; AWS says neither.

Budgets of the other type, DIFFERENTIAL_PRIVACY, are counted in domain/privacy/differential_privacy.py. Operations:
operations/cleanrooms/privacy_budget_templates.py, operations/cleanrooms/privacy_budgets.py. Who counts:
operations/access_budgets.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict

ACCESS_BUDGET = "ACCESS_BUDGET"
"""The PrivacyBudgetType that is counted here."""
NO_REFRESH = "NONE"
"""PrivacyBudgetTemplateAutoRefresh of an access budget: its parameters say for themselves whether they refresh."""


class BudgetType(StrEnum):
    """AccessBudgetType."""

    CALENDAR_DAY = "CALENDAR_DAY"
    """From midnight to midnight, UTC."""
    CALENDAR_MONTH = "CALENDAR_MONTH"
    """From the first of a month to the next, UTC."""
    CALENDAR_WEEK = "CALENDAR_WEEK"
    """From Monday to Monday, UTC."""
    LIFETIME = "LIFETIME"
    """Never refreshed."""


@dataclass(frozen=True, slots=True)
class PrivacyBudgetTemplate:
    """One table's access budget, or a collaboration's budget of differential privacy, and what has been used of it."""

    id: str
    arn: str
    membership_id: str
    membership_arn: str
    collaboration_id: str
    account_id: str
    resource_id: str
    """Of the configured table association; of a budget of differential privacy, of the collaboration, which has one."""
    resource_arn: str
    budget_parameters: tuple[Mapping[str, Any], ...]
    """BudgetParameters of an access budget: at most one of a calendar period, and one of the lifetime."""
    period_started_at: datetime
    """Of the calendar period that `period_used` or `epsilon_used` counts; where there is none, the last reset."""
    period_used: int
    lifetime_used: int
    reset_at: datetime
    """When the lifetime's count began: at the creation, or the last update."""
    created_at: datetime
    updated_at: datetime
    type: str = ACCESS_BUDGET
    """PrivacyBudgetType."""
    auto_refresh: str = NO_REFRESH
    """PrivacyBudgetTemplateAutoRefresh."""
    epsilon: int = 0
    """Of a budget of differential privacy: what it grants (a period)."""
    users_noise_per_query: int = 0
    """How many users one unit of noise hides; 0 for an access budget."""
    epsilon_used: str = "0"
    """What has been spent of it, as a fraction: sums of 1/usersNoisePerQuery are exact."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left under one budget parameter (AccessBudgetDetails)."""

    type: BudgetType
    started_at: datetime
    ends_at: datetime | None
    """The first moment that is no longer in it; None for the lifetime."""
    budget: int
    remaining: int
    auto_refresh: bool | None
    """None for the lifetime."""


def period(kind: BudgetType, moment: datetime) -> tuple[datetime, datetime]:
    """The calendar period that a moment is in, in UTC: its start, and the start of the next one."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match kind:
        case BudgetType.CALENDAR_DAY:
            return day, day + timedelta(days=1)
        case BudgetType.CALENDAR_WEEK:
            monday = day - timedelta(days=day.weekday())
            return monday, monday + timedelta(days=7)
        case BudgetType.CALENDAR_MONTH:
            first = day.replace(day=1)
            return first, (first + timedelta(days=31)).replace(day=1)
        case BudgetType.LIFETIME:
            raise ValueError("a lifetime is no calendar period")


def parameters_are_sound(parameters: Sequence[Mapping[str, Any]]) -> Verdict:
    """Whether budget parameters go together: "up to two budget configurations (period-based and lifetime)"."""
    calendar = [p["type"] for p in parameters if p["type"] != BudgetType.LIFETIME]
    if len(calendar) > 1:
        return Denied(
            f"budgetParameters has the calendar periods {' and '.join(calendar)}. A table has one of them at most, and "
            "a LIFETIME beside it."
        )
    if len(parameters) - len(calendar) > 1:
        return Denied("budgetParameters has LIFETIME twice. Keep one of them.")
    if any(p["type"] == BudgetType.LIFETIME and "autoRefresh" in p for p in parameters):
        return Denied("A LIFETIME budget does not refresh. Leave autoRefresh out of it.")
    return ALLOWED


def fresh_counts(parameters: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """The fields of a template of which nothing has been used: as it is created, and after each update."""
    kind = _calendar(parameters)
    started_at = now if kind is None else period(BudgetType(kind["type"]), now)[0]
    return {"period_started_at": started_at, "period_used": 0, "lifetime_used": 0, "reset_at": now}


def balances(template: PrivacyBudgetTemplate, now: datetime) -> tuple[Balance, ...]:
    """What is left, in the order of the parameters.

    A period that has ended and is not to refresh leaves nothing: the allocation was for that period. Its owner
    refreshes it by UpdatePrivacyBudgetTemplate.
    """
    return tuple(
        _lifetime(template, parameter)
        if parameter["type"] == BudgetType.LIFETIME
        else _period_balance(template, parameter, now)
        for parameter in template.budget_parameters
    )


def remaining(template: PrivacyBudgetTemplate, now: datetime) -> int:
    """How often the table can be used: the lowest of its balances (AccessBudget.aggregateRemainingBudget)."""
    return min(balance.remaining for balance in balances(template, now))


def used_once_more(template: PrivacyBudgetTemplate, table_name: str, now: datetime) -> Mapping[str, Any] | Denied:
    """The changes of a template when its table is used, or why it cannot be."""
    for balance in balances(template, now):
        if not balance.remaining:
            return _spent(template, table_name, balance, now)
    calendar = _calendar(template.budget_parameters)
    changes: dict[str, Any] = {"lifetime_used": template.lifetime_used + 1}
    if calendar is not None:
        started_at = _current_start(template, calendar, now)
        used = template.period_used if started_at == template.period_started_at else 0
        changes |= {"period_started_at": started_at, "period_used": used + 1}
    return changes


def given_back(template: PrivacyBudgetTemplate, used_at: datetime) -> Mapping[str, Any]:
    """The changes of a template when a use of `used_at` turns out to be none.

    What was reset, or began anew, since then has forgotten that use already.
    """
    changes: dict[str, Any] = {}
    if used_at >= template.reset_at and template.lifetime_used:
        changes["lifetime_used"] = template.lifetime_used - 1
        if used_at >= template.period_started_at and template.period_used:
            changes["period_used"] = template.period_used - 1
    return changes


def _calendar(parameters: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((p for p in parameters if p["type"] != BudgetType.LIFETIME), None)


def _refreshes(parameter: Mapping[str, Any]) -> bool:
    # Where it is left out AWS says nothing; the stricter of the readings.
    return bool(parameter.get("autoRefresh") == "ENABLED")


def _current_start(template: PrivacyBudgetTemplate, parameter: Mapping[str, Any], now: datetime) -> datetime:
    """The start of the period that counts now. A clock that was set back begins no period anew."""
    if not _refreshes(parameter):
        return template.period_started_at
    return max(template.period_started_at, period(BudgetType(parameter["type"]), now)[0])


def _lifetime(template: PrivacyBudgetTemplate, parameter: Mapping[str, Any]) -> Balance:
    budget = int(parameter["budget"])
    left = max(0, budget - template.lifetime_used)
    return Balance(BudgetType.LIFETIME, template.reset_at, None, budget, left, None)


def _period_balance(template: PrivacyBudgetTemplate, parameter: Mapping[str, Any], now: datetime) -> Balance:
    kind, budget = BudgetType(parameter["type"]), int(parameter["budget"])
    started_at = _current_start(template, parameter, now)
    ends_at = period(kind, started_at)[1]
    used = template.period_used if started_at == template.period_started_at else 0
    left = 0 if now >= ends_at else max(0, budget - used)
    return Balance(kind, started_at, ends_at, budget, left, _refreshes(parameter))


def _spent(template: PrivacyBudgetTemplate, table_name: str, balance: Balance, now: datetime) -> Denied:
    whose = "is its owner's decision (UpdatePrivacyBudgetTemplate)"
    owner = f"Whether there is another {whose}: account {template.account_id}."
    what = f"The access budget of the table '{table_name}' ({balance.type.value}, {balance.budget:,} uses)"
    if balance.ends_at is None:
        return Denied(f"{what} is spent. {owner}")
    until = f"{balance.ends_at:%Y-%m-%d %H:%M} UTC"
    if now >= balance.ends_at:
        return Denied(f"{what} ended at {until}, and is not refreshed by itself. {owner}")
    if balance.auto_refresh:
        return Denied(f"{what} is spent until {until}, when it is refreshed. Try again then. {owner}")
    return Denied(f"{what} is spent. {owner}")
