"""The one operation of `sts` that every AWS script calls: GetCallerIdentity. Query protocol, XML answers."""

from __future__ import annotations

from xml.sax.saxutils import escape

from whiteroom.base.callers import Caller
from whiteroom.wire.protocol import ProtocolError, ProtocolFault
from whiteroom.wire.requests import Request, parse_query
from whiteroom.wire.responses import XML, Response

SERVICE = "sts"

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_QUERY_CODES = {
    ProtocolError.MISSING_AUTHENTICATION_TOKEN: "MissingAuthenticationToken",
    ProtocolError.INCOMPLETE_SIGNATURE: "IncompleteSignature",
    ProtocolError.INVALID_SIGNATURE: "SignatureDoesNotMatch",
    ProtocolError.UNRECOGNIZED_CLIENT: "InvalidClientTokenId",
    ProtocolError.UNKNOWN_OPERATION: "InvalidAction",
}
"""The query protocol has older names for the same errors."""


def answer_sts(request: Request, caller: Caller, request_id: str) -> Response:
    """Answer one request to `sts`.

    Raises:
        ProtocolFault: it asks for another action.
    """
    parameters = dict([*request.query, *parse_query(request.body)])
    action = parameters.get(b"Action", b"").decode(errors="replace")
    if action != "GetCallerIdentity":
        raise ProtocolFault(
            ProtocolError.UNKNOWN_OPERATION, f"Whiteroom answers sts:GetCallerIdentity alone, not '{action[:64]}'."
        )
    account = caller.account_id
    body = (
        f'<GetCallerIdentityResponse xmlns="{_NAMESPACE}"><GetCallerIdentityResult>'
        f"<Arn>arn:aws:iam::{account}:root</Arn><UserId>{account}</UserId><Account>{account}</Account>"
        f"</GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        "</GetCallerIdentityResponse>"
    )
    return Response(200, body.encode(), XML)


def sts_fault_response(fault: ProtocolFault, request_id: str) -> Response:
    """A refusal, in XML."""
    code = _QUERY_CODES.get(fault.error, fault.error.code)
    return _error(fault.error.status, "Sender", code, fault.message, request_id)


def sts_internal_response(request_id: str) -> Response:
    """An unexpected failure, in XML."""
    message = f"An internal error occurred. The server's log has it under request {request_id}."
    return _error(500, "Receiver", "InternalFailure", message, request_id)


def _error(status: int, kind: str, code: str, message: str, request_id: str) -> Response:
    printable = "".join(letter if letter.isprintable() else "?" for letter in message)
    body = (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>{kind}</Type><Code>{code}</Code>'
        f"<Message>{escape(printable)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Response(status, body.encode(), XML)
