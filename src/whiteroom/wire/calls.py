"""Calls: what the rest of the program sees of a request, and how it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from whiteroom.base.callers import Caller
from whiteroom.wire.models import Operation


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated, well-formed request for an operation."""

    operation: Operation
    caller: Caller
    parameters: Mapping[str, Any]
    """By their names in the model, every constraint checked. What the client left out is absent: no defaults."""
    request_id: str


Dispatch = Callable[[Call], Awaitable[Mapping[str, Any] | None]]
"""Does what a call asks and answers the output by the model's names; None where there is none.

Raises a `Fault` to refuse, `NotImplementedOperation` where nothing implements the operation.
Any other exception is answered as an internal error and logged under the request's id.
"""


class NotImplementedOperation(Exception):
    """Nothing in this deployment implements the operation. Answered as HTTP 501."""
