"""What every dialect does: find the operation, read its parameters, write its answer or its refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from whiteroom.wire.faults import Refusal
from whiteroom.wire.models import Operation, Service
from whiteroom.wire.requests import Request
from whiteroom.wire.responses import Response

ReadParameters = Callable[[], dict[str, Any]]
"""Reads one request's parameters: by their names in the model, every constraint checked.

Raises `ProtocolFault` where the request cannot be read, `ValidationFault` where it breaks constraints of the model;
all of them are named.
"""


class Dialect(Protocol):
    """One of AWS's protocols."""

    def route(self, service: Service, request: Request) -> tuple[Operation, ReadParameters]:
        """The operation of `service` that the request asks for, and what reads its parameters.

        Raises:
            ProtocolFault: it asks for none, or for one that is not implemented here.
        """

    def answer(self, operation: Operation, output: Mapping[str, Any] | None, request_id: str) -> Response:
        """The answer of an operation that succeeded. Members that the model does not have, and None, are left out."""

    def refuse(self, refusal: Refusal, service: Service | None, request_id: str) -> Response:
        """A refusal by `service`; by none where it is not known which one is meant."""
