"""Refusals as the service models word them: the error, its status, its members. A dialect writes them down."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from whiteroom.base.faults import Fault, NotAuthorized
from whiteroom.wire.models import Operation, Service, http_status, services
from whiteroom.wire.protocol import ProtocolError, ProtocolFault
from whiteroom.wire.serialisers import Serialiser, serialiser

logger = logging.getLogger(__name__)

NEAREST = {
    # No such membership, where the operation cannot say so: the caller may not look there.
    "ResourceNotFoundException": ("AccessDeniedException", "ValidationException", "InvalidParameterException"),
    # What the caller may not see does not exist for them (the tags of `cleanrooms`).
    "AccessDeniedException": ("ResourceNotFoundException", "ValidationException", "InvalidParameterException"),
    "ConflictException": ("ValidationException", "InvalidParameterException"),
    "ServiceQuotaExceededException": ("ConflictException", "ValidationException", "InvalidParameterException"),
    "ValidationException": ("InvalidParameterException",),
    # Every client knows it, declared or not, and waits; any other error would say that waiting is of no use.
    "ThrottlingException": ("ThrottlingException",),
}
"""What to answer for a fault that the operation does not declare: the first of these that it does.
InvalidParameterException is what `logs` calls a ValidationException."""

QUERY_NEAREST = ("InvalidParameterValueException", "ValidationError")
"""The same, of services that once spoke the query protocol alone. The last is common to them all, and declared
nowhere."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The error that a refused request gets."""

    status: int
    code: str
    members: Mapping[str, object]
    """The error's own, by the model's names; `message` is always among them."""

    @property
    def kind(self) -> str:
        """Whose fault it is, in the query protocol's words."""
        return "Receiver" if self.status >= 500 else "Sender"


def fault_refusal(fault: Fault, operation: Operation) -> Refusal:
    """The modelled error that says what `fault` says."""
    if isinstance(fault, NotAuthorized):
        return _plain(403, fault.code, fault.message)
    code = answered_code(fault.code, operation)
    shape = services()[operation.service].error_shapes.get(code)
    if shape is None:  # one that is common to services
        return _plain(400, code, fault.message)
    # The message is there even where the model gives the error no members at all.
    members = {
        **_members_serialiser(operation.service, code)({**fault.members, "message": fault.message}),
        "message": fault.message,
    }
    return Refusal(http_status(shape), code, members)


def answered_code(code: str, operation: Operation) -> str:
    """The error that stands for `code` among those that the operation declares."""
    if code in operation.errors:
        return code
    candidates = NEAREST.get(code, ("ValidationException",))
    for candidate in candidates:
        if candidate in operation.errors or candidate == code:
            return candidate
    service = services()[operation.service]
    if "query" in service.protocols:
        declared, common = QUERY_NEAREST
        return declared if declared in operation.errors else common
    logger.error("%s declares no error near to %s.", operation.name, code)
    return service.internal_error


def protocol_refusal(fault: ProtocolFault) -> Refusal:
    """An error of the protocol's own."""
    return _plain(fault.error.status, fault.error.code, fault.message)


def not_implemented_refusal(operation: Operation) -> Refusal:
    """The answer where nothing implements the operation."""
    error = ProtocolError.NOT_IMPLEMENTED
    return _plain(error.status, error.code, f"Whiteroom does not implement {operation.service}:{operation.name}.")


def internal_refusal(service: Service | None, request_id: str) -> Refusal:
    """The answer to an unexpected failure. Its cause is in the log, under the request's id; nothing of it leaves."""
    code = service.internal_error if service is not None else "InternalFailure"
    message = f"An internal error occurred. The server's log has it under request {request_id}."
    return _plain(500, code, message)


def _plain(status: int, code: str, message: str) -> Refusal:
    return Refusal(status, code, {"message": message})


def older_name(service: Service, code: str) -> str:
    """What the query protocol calls an error of the service."""
    shape = service.error_shapes.get(code)
    return str(shape.metadata.get("error", {}).get("code", code)) if shape is not None else code


def query_error(service: Service, refusal: Refusal) -> str | None:
    """`x-amzn-query-error`, for clients that once spoke the query protocol; None where the service has no such."""
    return f"{older_name(service, refusal.code)};{refusal.kind}" if service.is_query_compatible else None


@functools.cache
def _members_serialiser(service: str, code: str) -> Serialiser:
    """Leaves out the members that the service does not model."""
    return serialiser(services()[service].error_shapes[code])
