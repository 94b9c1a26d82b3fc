"""Which dialect a request speaks: what its service does, and of several the one that the request has the form of."""

from __future__ import annotations

from collections.abc import Mapping

from whiteroom.wire.dialects import aws_json, cbor, query, rest_json
from whiteroom.wire.dialects.aws_json import AwsJson, target
from whiteroom.wire.dialects.cbor import Cbor, addressed_by_path, speaks_cbor
from whiteroom.wire.dialects.dialect import Dialect
from whiteroom.wire.dialects.query import MEDIA_TYPE, Query
from whiteroom.wire.dialects.rest_json import RestJson
from whiteroom.wire.models import Service, services
from whiteroom.wire.parsers import Literals
from whiteroom.wire.requests import Request


class Dialects:
    """Every dialect, made once.

    Args:
        literals: By member name: strings accepted there although the model's constraint forbids them.
    """

    def __init__(self, literals: Literals) -> None:
        self._by_protocol: Mapping[str, Dialect] = {
            rest_json.PROTOCOL: RestJson(literals),
            aws_json.PROTOCOL: AwsJson(literals),
            query.PROTOCOL: Query(literals),
            cbor.PROTOCOL: Cbor(literals),
        }

    def of(self, request: Request, service: Service | None) -> Dialect:
        """The one to answer in. `service` is the one that the request is signed for, where that can be read."""
        if service is not None and len(service.protocols) == 1:
            return self._by_protocol[service.protocols[0]]
        protocol = _form(request)
        if service is not None and protocol not in service.protocols:
            # Only `monitoring` has several, and none of them has paths of its own.
            protocol = query.PROTOCOL
        return self._by_protocol[protocol]


def addressed(request: Request) -> Service | None:
    """The service that the request names, where its signature does not say which one is meant."""
    prefix = target(request).rpartition(".")[0] or addressed_by_path(request)
    return next((service for service in services().values() if prefix and service.target_prefix == prefix), None)


def _form(request: Request) -> str:
    """The protocol that the request has the form of. REST-JSON has any path but those that others have."""
    if speaks_cbor(request):
        return cbor.PROTOCOL
    if b"x-amz-target" in request.headers:
        return aws_json.PROTOCOL
    media_type = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if request.path == "/" and (media_type == MEDIA_TYPE or any(key == b"Action" for key, _ in request.query)):
        return query.PROTOCOL
    return rest_json.PROTOCOL
