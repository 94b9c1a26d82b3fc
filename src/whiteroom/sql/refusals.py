"""The guard's no."""

from __future__ import annotations

from whiteroom.domain.execution.queries import QueryFailure


class Refused(Exception):
    """The query may not run. The message is the reason, safe for the querier, and says what to do."""

    def __init__(self, message: str, failure: QueryFailure = QueryFailure.REFUSED) -> None:
        """Say why, and of which kind of failure it is."""
        super().__init__(message)
        self.failure = failure
