"""Differential privacy: what a query costs, and how much of a collaboration's privacy budget is left.

The unit of privacy is the user: all rows that carry one value of the identifier column, in all protected tables. The
unit of spending is the epsilon of one noisy release, 1/usersNoisePerQuery: "noise added per query is measured in terms
of the number of users whose contributions you want to obscure" (docs/sources.md, dp-settings), so the noise of a
release has the scale usersNoisePerQuery times what one user can change. AWS publishes no formula: decision 0018.

Every number that is shown of a budget (PreviewPrivacyImpact, maxCount, remainingCount, what a query is charged) comes
from `UNITS` and what must be learned before noise can be measured. Epsilons are fractions: sums of them are exact.

What a query may be: domain/privacy/user_level.py. What makes the noise: engines/duckdb/noise/mechanisms.py. Templates:
privacy_budgets.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any

from whiteroom.domain.privacy.privacy_budgets import BudgetType, PrivacyBudgetTemplate, period
from whiteroom.domain.verdicts import Denied

DIFFERENTIAL_PRIVACY = "DIFFERENTIAL_PRIVACY"
"""The PrivacyBudgetType that is kept here."""
EVERY_MONTH = "CALENDAR_MONTH"
"""PrivacyBudgetTemplateAutoRefresh: a new budget each calendar month, in UTC; AWS names no time zone."""


class Aggregation(StrEnum):
    """DifferentialPrivacyAggregationType, in the model's order."""

    AVG = "AVG"
    """A noised sum over a noised count."""
    COUNT = "COUNT"
    """Of rows, bounded for each user."""
    COUNT_DISTINCT = "COUNT_DISTINCT"
    """Of users, or of values, bounded for each user."""
    SUM = "SUM"
    """Of values within bounds, of so many rows of each user."""
    STDDEV = "STDDEV"
    """Of noised sums of values and of their squares."""


UNITS: Mapping[Aggregation, int] = {
    Aggregation.AVG: 2,
    Aggregation.COUNT: 1,
    Aggregation.COUNT_DISTINCT: 1,
    Aggregation.SUM: 1,
    Aggregation.STDDEV: 3,
}
"""Noisy releases that an aggregate is made of: an average is a sum over a count; a deviation has the sum of squares
too."""

CONTRIBUTION_LIMIT_UNITS = 1
"""To learn how many rows of a user are kept: once a query, where anything but its users is counted or grouped."""
BOUNDS_UNITS = 1
"""To learn to which size values are cut: once for each expression that is summed or averaged."""
GROUP_KEYS_UNITS = 1
"""To learn which groups may be shown: once a query with GROUP BY."""

DELTA_PER_QUERY = 1e-9
"""The chance, at most, that a query with GROUP BY shows a key that one user alone brought. A whole budget of the
largest size pays for 1,000 such queries: one in a million together."""


@dataclass(frozen=True, slots=True)
class Release:
    """One aggregate of a query's final SELECT."""

    aggregation: Aggregation
    of_users: bool
    """COUNT(DISTINCT ...) of the identifier itself: a user counts once, however many rows it has."""
    bounded: str | None = None
    """The expression that is summed or averaged; expressions that are the same are learned once."""


def needs_limit(releases: Iterable[Release], *, grouped: bool) -> bool:
    """Whether a user's share in the result depends on how many rows it has."""
    return grouped or any(not release.of_users for release in releases)


def units(releases: Sequence[Release], *, grouped: bool) -> int:
    """How many units a query costs: known from its text alone, before any row is read."""
    bounded = {release.bounded for release in releases if release.bounded is not None}
    return (
        sum(UNITS[release.aggregation] for release in releases)
        + CONTRIBUTION_LIMIT_UNITS * needs_limit(releases, grouped=grouped)
        + BOUNDS_UNITS * len(bounded)
        + GROUP_KEYS_UNITS * grouped
    )


_ALONE: Mapping[Aggregation, Release] = {
    aggregation: Release(
        aggregation,
        of_users=aggregation is Aggregation.COUNT_DISTINCT,
        bounded="x" if aggregation in {Aggregation.AVG, Aggregation.SUM, Aggregation.STDDEV} else None,
    )
    for aggregation in Aggregation
}
"""What counts of aggregations are about: one in a query of its own, without GROUP BY, and users counted once."""


def affordable(epsilon: Fraction, users_noise_per_query: int) -> dict[Aggregation, int]:
    """How many queries of each type one could run, were they the only ones."""
    return {
        aggregation: int(epsilon * users_noise_per_query / units([release], grouped=False))
        for aggregation, release in _ALONE.items()
    }


@dataclass(frozen=True, slots=True)
class PrivacyPolicy:
    """What a table's owner asks of queries: a template of its membership."""

    template_id: str
    users_noise_per_query: int


@dataclass(frozen=True, slots=True)
class Bill:
    """What a query costs. The engine says it before it reads a row; it is charged however the query ends."""

    template_id: str
    units: int
    users_noise_per_query: int

    @property
    def epsilon(self) -> Fraction:
        """What the budget is charged."""
        return Fraction(self.units, self.users_noise_per_query)


def bill_of(document: Mapping[str, Any] | None) -> Bill | None:
    """A bill from its record; None where a query has none."""
    return None if document is None else Bill(**document)


def policy_of(template: PrivacyBudgetTemplate) -> PrivacyPolicy:
    """What a query may know about a budget."""
    return PrivacyPolicy(template.id, template.users_noise_per_query)


def fresh_budget(now: datetime) -> dict[str, Any]:
    """The fields of a template of which nothing has been spent."""
    return {"period_started_at": period(BudgetType.CALENDAR_MONTH, now)[0], "epsilon_used": "0"}


def epsilon_left(template: PrivacyBudgetTemplate, now: datetime) -> Fraction:
    """What can still be spent; nothing where the owner lowered epsilon below what has been."""
    return max(Fraction(0), template.epsilon - _used(template, now)[1])


def aggregations(template: PrivacyBudgetTemplate, now: datetime) -> list[dict[str, Any]]:
    """DifferentialPrivacyPrivacyBudgetAggregation of a budget, of each type."""
    at_most = affordable(Fraction(template.epsilon), template.users_noise_per_query)
    left = affordable(epsilon_left(template, now), template.users_noise_per_query)
    return [{"type": kind.value, "maxCount": at_most[kind], "remainingCount": left[kind]} for kind in Aggregation]


def preview(epsilon: int, users_noise_per_query: int) -> list[dict[str, Any]]:
    """DifferentialPrivacyPreviewAggregation of parameters, of each type."""
    found = affordable(Fraction(epsilon), users_noise_per_query)
    return [{"type": kind.value, "maxCount": count} for kind, count in found.items()]


def enough(bill: Bill, left: Fraction) -> Denied | None:
    """Why a query cannot be paid for; None where it can."""
    if bill.epsilon <= left:
        return None
    counted = int(left * bill.users_noise_per_query)
    return Denied(
        f"The query takes {bill.units} units of the privacy budget (epsilon {_decimal(bill.epsilon)}, at "
        f"{bill.users_noise_per_query} users of noise a query), and {counted} are left (epsilon {_decimal(left)}). Ask "
        "for fewer aggregates, or wait until the budget is refreshed where it is; its owner decides how large it is "
        "(UpdatePrivacyBudgetTemplate)."
    )


def charged(template: PrivacyBudgetTemplate | None, bill: Bill, now: datetime) -> dict[str, Any] | Denied:
    """The changes of a template when a query is paid for, or why it cannot be."""
    if template is None:
        return Denied(
            "The privacy budget that the query was to be paid from was deleted while it ran. Its owner must create "
            "another (CreatePrivacyBudgetTemplate)."
        )
    denied = enough(bill, epsilon_left(template, now))
    return _spent(template, bill.epsilon, now) if denied is None else denied


def charged_what_is_left(template: PrivacyBudgetTemplate | None, bill: Bill, now: datetime) -> dict[str, Any]:
    """The changes of a template for a query that gives nothing any more, and may have read all the same."""
    if template is None:
        return {}
    return _spent(template, min(bill.epsilon, epsilon_left(template, now)), now)


def _spent(template: PrivacyBudgetTemplate, epsilon: Fraction, now: datetime) -> dict[str, Any]:
    started_at, used = _used(template, now)
    return {"period_started_at": started_at, "epsilon_used": str(used + epsilon)}


def _used(template: PrivacyBudgetTemplate, now: datetime) -> tuple[datetime, Fraction]:
    """The start of the period that counts now, and what was spent in it. A clock set back begins no period anew."""
    started_at = template.period_started_at
    if template.auto_refresh == EVERY_MONTH:
        started_at = max(started_at, period(BudgetType.CALENDAR_MONTH, now)[0])
    used = Fraction(template.epsilon_used) if started_at == template.period_started_at else Fraction(0)
    return started_at, used


def _decimal(epsilon: Fraction) -> str:
    return f"{float(epsilon):.4g}"
