"""Deliveries that a receiver's own location refused, and what only that receiver reads about them."""

from __future__ import annotations

from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.resources.results import Result, ResultStatus
from whiteroom.ports.transaction import Transaction


def refused_to(tx: Transaction, job_id: str, account_id: str) -> Result | None:
    """The delivery of a job to an account, where its location took nothing."""
    results = tx.results.all(job_id=job_id)
    return next((one for one in results if one.account_id == account_id and one.status is ResultStatus.REFUSED), None)


def failure_message_for(
    tx: Transaction, job_id: str, account_id: str, code: str | None, message: str | None
) -> str | None:
    """A failed job's message, as an account reads it: with why its own location took nothing, where that is why."""
    refused = refused_to(tx, job_id, account_id) if code == StatusCode.DELIVERY_FAILED else None
    return message if refused is None else refused.reason
