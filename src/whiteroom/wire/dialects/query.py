"""The query protocol: `sts`, and one way to `monitoring`. A form names the operation; the answer is XML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.wire.dialects.dialect import ReadParameters
from whiteroom.wire.dialects.query_form import Fields, form_reader, only, read_fields
from whiteroom.wire.dialects.query_xml import Writer, xml_text, xml_writer
from whiteroom.wire.faults import Refusal, older_name
from whiteroom.wire.models import Operation, Service, services
from whiteroom.wire.parsers import Literals, structure_parser
from whiteroom.wire.protocol import ProtocolError
from whiteroom.wire.requests import Request, check_media_type
from whiteroom.wire.responses import Response
from whiteroom.wire.routing import named, unknown
from whiteroom.wire.violations import Violations

PROTOCOL = "query"
MEDIA_TYPE = b"application/x-www-form-urlencoded"
XML = b"text/xml"

OLDER_CODES = {
    ProtocolError.MISSING_AUTHENTICATION_TOKEN.code: "MissingAuthenticationToken",
    ProtocolError.INCOMPLETE_SIGNATURE.code: "IncompleteSignature",
    ProtocolError.INVALID_SIGNATURE.code: "SignatureDoesNotMatch",
    ProtocolError.UNRECOGNIZED_CLIENT.code: "InvalidClientTokenId",
    ProtocolError.EXPIRED_TOKEN.code: "ExpiredToken",
    ProtocolError.UNKNOWN_OPERATION.code: "InvalidAction",
    ProtocolError.SERIALIZATION.code: "MalformedInput",
    "ThrottlingException": "Throttling",
    "AccessDeniedException": "AccessDenied",
}
"""The query protocol has names of its own for errors that no model declares."""


class Query:
    """The dialect of forms and XML."""

    def __init__(self, literals: Literals) -> None:
        known = [
            operation
            for service in services().values()
            if PROTOCOL in service.protocols
            for operation in service.operations.values()
        ]
        self._readers = {operation: _Reader(operation, literals) for operation in known}
        self._writers: Mapping[Operation, Writer] = {
            operation: xml_writer(operation.output_shape) for operation in known if operation.output_shape
        }

    def route(self, service: Service, request: Request) -> tuple[Operation, ReadParameters]:
        """By `Action`, in a form that is posted or in the query string. What is not posted has no body."""
        if request.method not in ("GET", "POST") or request.path != "/":
            raise unknown(service, f"{request.method} {request.path[:256]}")
        body = request.body if request.method == "POST" else b""
        if body:
            check_media_type(request, (MEDIA_TYPE,))
        fields = read_fields(request.query, body)
        action = only(fields, "Action") or ""
        version = only(fields, "Version")
        operation = named(service, action)
        if operation is None or version not in (None, service.api_version):
            of_version = "" if version is None else f" in version {version[:64]!r}"
            raise unknown(service, f"of Action {action[:256]!r}{of_version}")
        reader = self._readers[operation]
        return operation, lambda: reader.read(fields)

    def answer(self, operation: Operation, output: Mapping[str, Any] | None, request_id: str) -> Response:
        """XML, with the request's id."""
        inside = ""
        if operation.output_shape is not None:
            inside = self._writers[operation](output or {})
            wrapper = operation.output_shape.serialization.get("resultWrapper")
            inside = f"<{wrapper}>{inside}</{wrapper}>" if wrapper else inside
        body = (
            f'<{operation.name}Response xmlns="{services()[operation.service].xml_namespace}">{inside}'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation.name}Response>"
        )
        return Response(operation.success_status, body.encode(), XML)

    def refuse(self, refusal: Refusal, service: Service | None, request_id: str) -> Response:
        """XML, under the error's older name. Of its members the protocol has the message alone."""
        code = refusal.code if service is None else older_name(service, refusal.code)
        namespace = "" if service is None else f' xmlns="{service.xml_namespace}"'
        body = (
            f"<ErrorResponse{namespace}><Error><Type>{refusal.kind}</Type><Code>{OLDER_CODES.get(code, code)}</Code>"
            f"<Message>{xml_text(str(refusal.members['message']))}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return Response(refusal.status, body.encode(), XML)


class _Reader:
    """One operation's parameters, from a form."""

    def __init__(self, operation: Operation, literals: Literals) -> None:
        shape = operation.input_shape
        if shape is None:
            raise TypeError(f"{operation.name} has no input shape: no operation of these models lacks one.")
        self._read_form = form_reader(shape)
        self._parse = structure_parser(shape, shape.members, literals)

    def read(self, fields: Fields) -> dict[str, Any]:
        """Every constraint checked; Raises as `Dialect.route`'s reader does."""
        document = self._read_form(fields)
        with Violations() as violations:
            return self._parse(document, None, violations)
