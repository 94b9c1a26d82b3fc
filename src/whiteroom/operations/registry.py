"""The registry of operations: which function answers which operation of which service.

An operation is found by its own name: CancelTrainedModel is `cancel_trained_model`, and
registration refuses any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore import xform_name

from whiteroom.base.faults import Fault, NotAuthorized
from whiteroom.domain.resources.permissions import permitted
from whiteroom.operations.context import Context

Request = Mapping[str, Any]
"""The operation's input in AWS's own names, validated against the service model; absent members are absent."""
Response = Mapping[str, Any] | None
"""The output in AWS's own names; members that are None are left out, times are aware datetimes."""

Handler = Callable[[Request, Context], Response]
OnRefusal = Callable[[Request, Context, Fault], None]
"""Writes down that a request was refused: after what it did is undone, in the same transaction."""

CLEANROOMS = "cleanrooms"
CLEANROOMS_ML = "cleanrooms-ml"
LOGS = "logs"
MONITORING = "monitoring"
STS = "sts"
WHITEROOM = "whiteroom"

_HANDLERS: dict[tuple[str, str], Handler] = {}
_READING_FILES: set[tuple[str, str]] = set()
_ON_REFUSAL: dict[tuple[str, str], OnRefusal] = {}


def operation(
    service: str, name: str, *, reads_files: bool = False, on_refusal: OnRefusal | None = None
) -> Callable[[Handler], Handler]:
    """Register a function as the answer to an operation of a service (by its signing name).

    Args:
        service: its signing name.
        name: the operation's.
        reads_files: it writes nothing, and takes longer than an event loop can wait, as files do: it is given a thread.
        on_refusal: what is written down where it answers with a fault, of which nothing else stays.

    Raises:
        ValueError: the function is not named as botocore's xform_name spells the operation,
            or the operation has an answer already.
    """

    def register(handler: Handler) -> Handler:
        expected = xform_name(name)
        if handler.__name__ != expected:
            raise ValueError(
                f"{service} {name} must be answered by a function named {expected}, not {handler.__name__}."
            )
        if (service, name) in _HANDLERS:
            raise ValueError(f"{service} {name} is answered twice.")
        _HANDLERS[service, name] = handler
        if reads_files:
            _READING_FILES.add((service, name))
        if on_refusal is not None:
            _ON_REFUSAL[service, name] = on_refusal
        return handler

    return register


def answer(handler: Handler, name: tuple[str, str], request: Request, context: Context) -> Response:
    """What an operation's handler answers. The one way to it: who may not ask does not come to it.

    Raises:
        NotAuthorized: the caller's role does not allow the operation.
        Fault: the operation's own refusal.
    """
    verdict = permitted(context.caller, *name)
    if not verdict:
        raise NotAuthorized(verdict.reason)
    return handler(request, context)


def reading_files() -> frozenset[tuple[str, str]]:
    """The operations that must not be answered on the event loop's thread, by (service, operation)."""
    return frozenset(_READING_FILES)


def refusals() -> Mapping[tuple[str, str], OnRefusal]:
    """What is written down where an operation is refused, by (service, operation)."""
    return dict(_ON_REFUSAL)


def handlers() -> Mapping[tuple[str, str], Handler]:
    """Every registered handler, by (service, operation)."""
    return dict(_HANDLERS)
