"""What happens to a query that has given no rows: a channel's, or a member's own."""

from __future__ import annotations

from whiteroom.domain.execution.failures import MEANING, OF_QUERY_FAILURE, StatusCode
from whiteroom.domain.execution.queries import QueryFailure, QueryObservation
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.execution.steps import WAIT, Effect, Step, failed

RESTARTS_ALLOWED = 2
"""A machine that goes down takes its queries with it; one that dies more often than that is at fault itself."""

PAYER_GONE = "The member that pays for the query left the collaboration. Ask again with another payer."


def follow_query(seen: QueryObservation, restarts: int) -> Step:
    """The next step for a query without a result: wait, fail with how it ended, or start it again.

    Args:
        seen: what the engine says of it.
        restarts: how often it was started again, as its record counts it.
    """
    if seen.phase is Phase.RUNNING:
        return WAIT
    if seen.failure is QueryFailure.AGAIN and restarts < RESTARTS_ALLOWED:
        return Step(
            Effect.START,
            changes={"restarts": restarts + 1},
            reason="A table changed while it was brought, or could not be reached; the query was started again.",
        )
    if seen.failure is not None:
        code = OF_QUERY_FAILURE[seen.failure]
        return failed(code, seen.message or MEANING[code])
    if restarts < RESTARTS_ALLOWED:
        return Step(
            Effect.START,
            changes={"restarts": restarts + 1},
            reason="The query's process was gone; the query was started again.",
        )
    return failed(
        StatusCode.PLATFORM_ERROR,
        f"The query's process died {restarts + 1} times without a word; the operator's log has the rest.",
    )
