"""The error with which the guard refuses a query."""

from __future__ import annotations

from collections.abc import Mapping

from whiteroom.domain.execution.queries import QueryFailure


class Refused(Exception):
    """The query may not run. The message is the reason, safe for the querier, and says what to do."""

    def __init__(
        self,
        message: str,
        failure: QueryFailure = QueryFailure.REFUSED,
        for_owners: Mapping[str, str] | None = None,
    ) -> None:
        """Say why, what kind of failure it is, and what each owner of a table reads about it, by association."""
        super().__init__(message)
        self.failure = failure
        self.for_owners = for_owners or {}
