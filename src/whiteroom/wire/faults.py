"""Refusals as the service models word them: status, `x-amzn-ErrorType`, the shape's own members.

Clients of the JSON protocol look for the error's name in the body, as `__type`, and nowhere else.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping

import msgspec

from whiteroom.base.faults import Fault
from whiteroom.wire.models import Operation, Service, http_status, services
from whiteroom.wire.protocol import ProtocolError, ProtocolFault
from whiteroom.wire.responses import JSON, Response
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
"""The same, of services that once spoke the query protocol. The last is common to them all, and declared nowhere."""


def fault_response(fault: Fault, operation: Operation) -> Response:
    """The modelled error that says what `fault` says."""
    code = answered_code(fault.code, operation)
    shape = services()[operation.service].error_shapes.get(code)
    if shape is None:  # one that is common to services
        return _plain(operation.service, 400, code, fault.message)
    # The message stands there even where the model gives the error no members at all.
    members = {
        **_members_serialiser(operation.service, code)({**fault.members, "message": fault.message}),
        "message": fault.message,
    }
    return _error(operation.service, http_status(shape), code, members)


def answered_code(code: str, operation: Operation) -> str:
    """The error that stands for `code` among those that the operation declares."""
    if code in operation.errors:
        return code
    candidates = NEAREST.get(code, ("ValidationException",))
    for candidate in candidates:
        if candidate in operation.errors or candidate == code:
            return candidate
    if services()[operation.service].is_query_compatible:
        declared, common = QUERY_NEAREST
        return declared if declared in operation.errors else common
    logger.error("%s declares no error near to %s.", operation.name, code)
    return services()[operation.service].internal_error


def protocol_response(fault: ProtocolFault, service: str | None = None) -> Response:
    """An error of the protocol's own."""
    return _plain(service, fault.error.status, fault.error.code, fault.message)


def not_implemented_response(operation: Operation) -> Response:
    """The answer where nothing implements the operation."""
    error = ProtocolError.NOT_IMPLEMENTED
    message = f"Whiteroom does not implement {operation.service}:{operation.name}."
    return _plain(operation.service, error.status, error.code, message)


def internal_response(service: str | None, request_id: str) -> Response:
    """The answer to an unexpected failure. Its cause is in the log, under the request's id; nothing of it leaves."""
    known = services().get(service) if service is not None else None
    code = known.internal_error if known is not None else "InternalFailure"
    message = f"An internal error occurred. The server's log has it under request {request_id}."
    return _plain(service, 500, code, message)


def _plain(service: str | None, status: int, code: str, message: str) -> Response:
    return _error(service, status, code, {"message": message})


def _error(service: str | None, status: int, code: str, members: Mapping[str, object]) -> Response:
    known = services().get(service) if service is not None else None
    if known is None or known.target_prefix is None:
        return Response(status, msgspec.json.encode(members), error=code)
    body = msgspec.json.encode({"__type": code, **members})
    return Response(status, body, content_type(known), code, _query_error(known, code, status))


def content_type(service: Service) -> bytes:
    """What a service's answers are."""
    return JSON if service.target_prefix is None else f"application/x-amz-json-{service.json_version}".encode()


def _query_error(service: Service, code: str, status: int) -> str | None:
    """What clients that once spoke the query protocol look for: the error's name of then, and whose fault it is."""
    if not service.is_query_compatible:
        return None
    shape = service.error_shapes.get(code)
    name = code if shape is None else shape.metadata.get("error", {}).get("code", code)
    return f"{name};{'Receiver' if status >= 500 else 'Sender'}"


@functools.cache
def _members_serialiser(service: str, code: str) -> Serialiser:
    """Leaves out the members that the service does not model."""
    return serialiser(services()[service].error_shapes[code])
