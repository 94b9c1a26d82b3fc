"""Both rules of a table as one: its analysis rule, and the collaboration analysis rule of its association.

What is enforced (domain/privacy/analysis_rules.py) and what members are shown (ConsolidatedPolicy) is this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from whiteroom.domain.privacy.arn_patterns import common_patterns


def _common_accounts(some: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    others = frozenset(others)
    return tuple(dict.fromkeys(account for account in some if account in others))


_OF_BOTH: Mapping[str, Callable[[Iterable[str], Iterable[str]], tuple[str, ...]]] = {
    "allowedResultReceivers": _common_accounts,
    "allowedAdditionalAnalyses": common_patterns,
}
"""What CUSTOM rules may say as well, and how two lists become what both allow."""


def consolidated(rule: Mapping[str, Any], association_rule: Mapping[str, Any]) -> dict[str, Any]:
    """What either rule says; of who and what may receive, what both allow.

    A list that only the table's rule has allows nothing: the association's must say it too.
    """
    both = {**rule, **association_rule}
    for field, common in _OF_BOTH.items():
        if rule.get(field) is not None:
            both[field] = list(common(association_rule.get(field) or (), rule[field]))
    return both
