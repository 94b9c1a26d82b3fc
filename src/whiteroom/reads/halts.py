"""Whether an owner or the operator has stopped some work, and why."""

from __future__ import annotations

from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.steps import Failure
from whiteroom.domain.resources.collaborations import may_work
from whiteroom.domain.verdicts import Denied, Verdict
from whiteroom.ports.transaction import Transaction


def halt(tx: Transaction, collaboration_id: str, verdict: Verdict) -> Failure | None:
    """The failure of work in a collaboration; None where it may go on.

    Args:
        tx: where the records are.
        collaboration_id: of the work.
        verdict: whether the owners of the rows that it rests on allow it now (reads/current_rules.py).
    """
    collaboration = tx.collaborations.get(collaboration_id)
    allowed = verdict if collaboration is None else may_work(collaboration)
    if collaboration is not None and isinstance(allowed, Denied):
        return Failure(StatusCode.STOPPED_BY_OPERATOR, allowed.reason)
    return Failure(StatusCode.REVOKED_BY_OWNER, verdict.reason) if isinstance(verdict, Denied) else None
