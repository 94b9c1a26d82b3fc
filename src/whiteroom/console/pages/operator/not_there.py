"""What the operator is told of something that is not there."""

from __future__ import annotations

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.rendering import page


def not_there(asked: Asked, what: str) -> Response:
    """The page of an address that names nothing."""
    message = f"There is no {what} of that name. It may have been removed; go back to the list."
    return page("problem.html", 404, visitor=asked.visitor, title=f"There is no such {what}", message=message)
