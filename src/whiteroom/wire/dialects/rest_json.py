"""REST-JSON: `cleanrooms-ml`, `cleanrooms` and `whiteroom`. The method and the path name the operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from whiteroom.wire.codec import Codec
from whiteroom.wire.dialects.dialect import ReadParameters
from whiteroom.wire.faults import Refusal
from whiteroom.wire.models import Operation, Service, services
from whiteroom.wire.parsers import Literals
from whiteroom.wire.requests import Request, check_media_type
from whiteroom.wire.responses import Response
from whiteroom.wire.routing import Router, unknown

PROTOCOL = "rest-json"
MEDIA_TYPES = (b"application/json", b"application/x-amz-json-1.0", b"application/x-amz-json-1.1")


class RestJson:
    """The dialect of services with a path for each operation."""

    def __init__(self, literals: Literals) -> None:
        known = {name: service for name, service in services().items() if PROTOCOL in service.protocols}
        self._routers = {name: Router(service.operations.values()) for name, service in known.items()}
        self._codecs = {
            operation: Codec(operation, literals)
            for service in known.values()
            for operation in service.operations.values()
        }

    def route(self, service: Service, request: Request) -> tuple[Operation, ReadParameters]:
        """By the method and the raw path."""
        found = self._routers[service.signing_name].route(request.method, request.path)
        if found is None:
            raise unknown(service, f"{request.method} {request.path[:256]}")
        operation, labels = found
        codec = self._codecs[operation]
        return operation, lambda: _read(codec, labels, request)

    def answer(self, operation: Operation, output: Mapping[str, Any] | None, request_id: str) -> Response:  # noqa: ARG002 - of the dialect
        """JSON. The request's id is in a header."""
        return Response(operation.success_status, self._codecs[operation].serialise(output))

    def refuse(self, refusal: Refusal, service: Service | None, request_id: str) -> Response:  # noqa: ARG002 - of the dialect
        """JSON, the error's name in a header alone."""
        return Response(refusal.status, msgspec.json.encode(refusal.members), error=refusal.code)


def _read(codec: Codec, labels: Mapping[str, str], request: Request) -> dict[str, Any]:
    """From the path, the query string, the headers and a body of JSON."""
    if codec.takes_body:
        check_media_type(request, MEDIA_TYPES)
    return codec.parse(labels, request.query, request.body, request.headers)
