"""Charges what a query costs to a privacy budget: once, and before anything of it is delivered or shown.

The engine gives the bill before the query reads a row; domain/resources/protected_queries.py has it paid before
anything else.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from whiteroom.controllers.loop import ACTOR
from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.steps import DONE, Outcome, refused
from whiteroom.domain.privacy.differential_privacy import Bill, charged, charged_what_is_left
from whiteroom.domain.resources.protected_queries import ProtectedQuery, ProtectedQueryStatus
from whiteroom.domain.verdicts import Denied
from whiteroom.ports.repositories import Stale
from whiteroom.ports.store import Store


def pay(store: Store, query: ProtectedQuery, bill: Bill | None, now: datetime) -> Outcome:
    """Charge the bill and note that it is paid, in one transaction: both are written, once, or neither.

    Raises:
        Stale: the query has changed, or another controller paid; nothing is written.
    """
    if bill is None:
        raise Stale(f"The bill of the protected query {query.id} is gone.")
    with store.transaction() as tx:
        template = tx.privacy_budget_templates.get(bill.template_id)
        # A query that is being cancelled gives nothing; what it may have read is charged as far as there is any.
        gives = query.status is ProtectedQueryStatus.STARTED
        changes = charged(template, bill, now) if gives else charged_what_is_left(template, bill, now)
        if isinstance(changes, Denied):
            return refused(StatusCode.PRIVACY_BUDGET_SPENT, changes.reason)
        if template is not None:
            tx.privacy_budget_templates.update(template, **changes)
        reason = f"Charged to the privacy budget {template.arn if template else bill.template_id}: {_price(bill)}."
        tx.protected_queries.note(query, actor=ACTOR, at=now, reason=reason, privacy_bill=asdict(bill))
    return DONE


def _price(bill: Bill) -> str:
    return f"{bill.units} units of 1/{bill.users_noise_per_query}"
