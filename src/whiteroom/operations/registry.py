"""The ledger of operations: which function answers which operation of which service.

An operation is found by its own name: CancelTrainedModel is `cancel_trained_model`, and
registration refuses any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore import xform_name

from whiteroom.base.callers import Caller
from whiteroom.domain.instance_types import Shape
from whiteroom.domain.quotas import Quotas
from whiteroom.ports import Catalog, Transaction

Request = Mapping[str, Any]
"""The operation's input in AWS's own names, validated against the service model; absent members are absent."""
Response = Mapping[str, Any] | None
"""The output in AWS's own names; members that are None are left out, times are aware datetimes."""


@dataclass(frozen=True, slots=True)
class Context:
    """What an operation may use: who asks, the store at this moment, the time, and the deployment's limits."""

    caller: Caller
    tx: Transaction
    now: datetime
    quotas: Quotas
    catalog: Catalog
    new_id: Callable[[], str]
    """A fresh UUID."""
    noise_secret: bytes = b""
    """What the noise of metrics is drawn from; never told."""
    strict_machine: Shape | None = None
    """What all instances of a run together must fit into; None where a larger instance type is given less."""


Handler = Callable[[Request, Context], Response]

CLEANROOMS = "cleanrooms"
CLEANROOMS_ML = "cleanrooms-ml"
MONITORING = "monitoring"

_HANDLERS: dict[tuple[str, str], Handler] = {}


def operation(service: str, name: str) -> Callable[[Handler], Handler]:
    """Register a function as the answer to an operation of a service (by its signing name).

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
        return handler

    return register


def handlers() -> Mapping[tuple[str, str], Handler]:
    """Every registered handler, by (service, operation)."""
    return dict(_HANDLERS)
