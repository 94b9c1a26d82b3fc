"""Smithy's RPC v2 CBOR: one way to `monitoring`. The path names the operation.

Specification: "Smithy RPC v2 CBOR protocol" (smithy.io), and RFC 8949 for the values.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import cbor2
from botocore.model import Shape

from whiteroom.wire.dialects.dialect import ReadParameters
from whiteroom.wire.faults import Refusal, query_error
from whiteroom.wire.models import Operation, Service, services
from whiteroom.wire.parsers import Literals, StructureParser, structure_parser
from whiteroom.wire.protocol import ProtocolError, ProtocolFault, malformed
from whiteroom.wire.requests import Request, check_media_type
from whiteroom.wire.responses import Response
from whiteroom.wire.routing import named, unknown
from whiteroom.wire.serialisers import Serialiser, epoch_seconds, serialiser
from whiteroom.wire.violations import Violations

PROTOCOL = "smithy-rpc-v2-cbor"
MEDIA_TYPE = b"application/cbor"
MAX_BODY_BYTES = 1024 * 1024
"""A quarter of what JSON may have: a value takes one byte where JSON takes three, and as much memory once read."""
MAX_DEPTH = 64
"""Of containers in each other; the deepest request of these models has eight."""
EPOCH_TAG = 1

_HEADER, _VERSION = b"smithy-protocol", b"rpc-v2-cbor"
_PATH = re.compile(r"/service/(\w{1,128})/operation/(\w{1,128})", re.ASCII)


class Cbor:
    """The dialect that has bodies of CBOR."""

    def __init__(self, literals: Literals) -> None:
        known = [
            operation
            for service in services().values()
            if PROTOCOL in service.protocols
            for operation in service.operations.values()
        ]
        self._parsers = {operation: _parser(operation, literals) for operation in known}
        self._serialisers = {
            operation: serialiser(operation.output_shape, _leaf) for operation in known if operation.output_shape
        }

    def route(self, service: Service, request: Request) -> tuple[Operation, ReadParameters]:
        """By the path."""
        found = _PATH.fullmatch(request.path)
        version = request.headers.get(_HEADER, _VERSION)
        if request.method == "POST" and found is not None and version == _VERSION:
            target_prefix, name = found.groups()
            operation = named(service, name) if target_prefix == service.target_prefix else None
            if operation is not None:
                return operation, lambda: self._read(operation, request)
        spoken = version[:64].decode("latin-1")
        raise unknown(service, f"{request.method} {request.path[:256]} in the protocol {spoken!r}")

    def _read(self, operation: Operation, request: Request) -> dict[str, Any]:
        """From a body of CBOR; an empty one is an empty structure."""
        check_media_type(request, (MEDIA_TYPE,))
        document = decode_cbor(request.body) if request.body else {}
        with Violations() as violations:
            return self._parsers[operation](document, None, violations)

    def answer(self, operation: Operation, output: Mapping[str, Any] | None, request_id: str) -> Response:  # noqa: ARG002 - of the dialect
        """CBOR. The request's id is in a header."""
        serialise = self._serialisers.get(operation)
        body = cbor2.dumps(serialise(output or {})) if serialise is not None else b""
        return Response(operation.success_status, body, MEDIA_TYPE, headers=((_HEADER, _VERSION),))

    def refuse(self, refusal: Refusal, service: Service | None, request_id: str) -> Response:  # noqa: ARG002 - of the dialect
        """CBOR, the error's name in the body as `__type`, with its namespace."""
        name = refusal.code if service is None else f"{service.namespace}#{refusal.code}"
        body = cbor2.dumps({"__type": name, **refusal.members})
        older = None if service is None else query_error(service, refusal)
        return Response(refusal.status, body, MEDIA_TYPE, refusal.code, older, ((_HEADER, _VERSION),))


def speaks_cbor(request: Request) -> bool:
    """Whether the request is one of Smithy's RPC protocols."""
    return _HEADER in request.headers or request.path.startswith("/service/")


def addressed_by_path(request: Request) -> str | None:
    """The target prefix of the service that the path names."""
    found = _PATH.fullmatch(request.path)
    return found.group(1) if found is not None else None


def decode_cbor(body: bytes) -> Any:
    """One CBOR value, from anyone. Of the tags, times alone are read: they become datetimes.

    Raises:
        ProtocolFault: it is not one value of CBOR, is too large, nested too deeply, has a key twice, or another tag.
    """
    if len(body) > MAX_BODY_BYTES:
        raise ProtocolFault(ProtocolError.TOO_LARGE, f"The body is larger than {MAX_BODY_BYTES} bytes of CBOR.")
    stream = io.BytesIO(body)
    decoder = cbor2.CBORDecoder(
        stream,
        semantic_decoders=_OnlyTimes(),
        max_depth=MAX_DEPTH,
        allow_duplicate_keys=False,
        strict_hashable_types=True,
    )
    try:
        value = decoder.decode()
    except cbor2.CBORDecodeError as error:
        if isinstance(error.__cause__, ProtocolFault):
            raise error.__cause__ from None
        raise malformed(f"The body is not CBOR: {str(error)[:256]}.") from None
    if stream.tell() != len(body):
        raise malformed("The body has more than one value of CBOR.")
    return value


class _OnlyTimes(Mapping[int, Callable[[Any, bool], Any]]):
    """For every tag: how it is read. The library has a meaning of its own for many, and follows references by some."""

    def __getitem__(self, tag: int) -> Callable[[Any, bool], Any]:
        if tag == EPOCH_TAG:
            return _read_time

        def refuse(_value: Any, _immutable: bool) -> Any:
            raise malformed(f"The body has a value of CBOR tag {tag}; of the tags, this protocol has times (1) alone.")

        return refuse

    def __iter__(self) -> Iterator[int]:
        return iter((EPOCH_TAG,))

    def __len__(self) -> int:
        return 1


def _read_time(value: Any, _immutable: bool) -> datetime:
    if type(value) not in (int, float):
        raise malformed("A time (CBOR tag 1) must be a number of seconds.")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise malformed(f"The seconds {value} are not a time.") from None


def _write_time(moment: datetime) -> cbor2.CBORTag:
    return cbor2.CBORTag(EPOCH_TAG, epoch_seconds(moment))


def _leaf(shape: Shape) -> Serialiser | None:
    match shape.type_name:
        case "timestamp":
            return _write_time
        case "double" | "float":
            return float  # a whole number would go out as an integer
    return None


def _parser(operation: Operation, literals: Literals) -> StructureParser:
    shape = operation.input_shape
    if shape is None:
        raise TypeError(f"{operation.name} has no input shape: no operation of these models lacks one.")
    return structure_parser(shape, shape.members, literals)
