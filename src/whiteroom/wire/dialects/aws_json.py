"""AWS JSON 1.0 and 1.1: `logs`, and one way to `monitoring`. X-Amz-Target names the operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from whiteroom.wire.codec import Codec
from whiteroom.wire.dialects.dialect import ReadParameters
from whiteroom.wire.faults import Refusal, query_error
from whiteroom.wire.models import Operation, Service, services
from whiteroom.wire.parsers import Literals
from whiteroom.wire.requests import Request, check_media_type
from whiteroom.wire.responses import JSON, Response
from whiteroom.wire.routing import named, unknown

PROTOCOL = "json"
MEDIA_TYPES = (b"application/x-amz-json-1.1", b"application/x-amz-json-1.0", b"application/json")


class AwsJson:
    """The dialect that posts every operation to `/`."""

    def __init__(self, literals: Literals) -> None:
        self._codecs = {
            operation: Codec(operation, literals)
            for service in services().values()
            if PROTOCOL in service.protocols
            for operation in service.operations.values()
        }

    def route(self, service: Service, request: Request) -> tuple[Operation, ReadParameters]:
        """By X-Amz-Target."""
        asked = target(request)
        prefix, _, name = asked.rpartition(".")
        if (request.method, request.path, prefix) == ("POST", "/", service.target_prefix):
            operation = named(service, name)
            if operation is not None:
                return operation, lambda: self._read(operation, request)
        raise unknown(service, f"{request.method} {request.path[:256]} with X-Amz-Target {asked[:256]!r}")

    def _read(self, operation: Operation, request: Request) -> dict[str, Any]:
        check_media_type(request, MEDIA_TYPES)
        return self._codecs[operation].parse({}, request.query, request.body)

    def answer(self, operation: Operation, output: Mapping[str, Any] | None, request_id: str) -> Response:  # noqa: ARG002 - of the dialect
        """JSON. The request's id is in a header."""
        body = self._codecs[operation].serialise(output)
        return Response(operation.success_status, body, _content_type(services()[operation.service]))

    def refuse(self, refusal: Refusal, service: Service | None, request_id: str) -> Response:  # noqa: ARG002 - of the dialect
        """JSON. Clients look for the error's name in the body, as `__type`, and nowhere else."""
        body = msgspec.json.encode({"__type": refusal.code, **refusal.members})
        if service is None:
            return Response(refusal.status, body, JSON, refusal.code)
        return Response(refusal.status, body, _content_type(service), refusal.code, query_error(service, refusal))


def target(request: Request) -> str:
    """X-Amz-Target; empty where there is none."""
    return request.headers.get(b"x-amz-target", b"").decode("latin-1")


def _content_type(service: Service) -> bytes:
    return f"application/x-amz-json-{service.json_version}".encode()
