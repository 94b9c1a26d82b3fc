"""The door: one ASGI application, and the order of every request's steps (`Application._answer`)."""

from __future__ import annotations

import ipaddress
import logging
import time
import uuid
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from whiteroom.base.callers import Caller
from whiteroom.base.clock import Clock
from whiteroom.base.faults import Fault
from whiteroom.base.troubles import trouble_of
from whiteroom.wire.auth import Authenticator, Credentials, read_scope
from whiteroom.wire.calls import Call, Dispatch, NotImplementedOperation
from whiteroom.wire.codec import Codec
from whiteroom.wire.faults import (
    content_type,
    fault_response,
    internal_response,
    not_implemented_response,
    protocol_response,
)
from whiteroom.wire.models import Operation, all_operations, services
from whiteroom.wire.parsers import Literals
from whiteroom.wire.protocol import ProtocolError, ProtocolFault
from whiteroom.wire.requests import ClientLeft, Receive, Request, check_media_type, read_request
from whiteroom.wire.responses import Response, Send, send_response
from whiteroom.wire.routing import Router, addressed, targeted
from whiteroom.wire.sts import SERVICE as STS
from whiteroom.wire.sts import answer_sts, sts_fault_response, sts_internal_response

logger = logging.getLogger(__name__)

HEALTH_PATH = "/health"
DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024

Observe = Callable[[str, str, int, float], None]
"""Hears of every answer: the service and the operation, empty where the request named none that is known; the HTTP
status; and the seconds since the request's last byte."""


def _nobody(_service: str, _operation: str, _status: int, _seconds: float) -> None:
    """Nobody wants to hear of it."""


@dataclass(slots=True)
class _Asked:
    """What a request has turned out to ask for."""

    service: str = ""
    operation: str = ""


class Application:
    """AWS's protocol in front of `dispatch`.

    Args:
        credentials: Looks an access key id up; called on the event loop for every request.
        dispatch: Does what a call asks.
        clock: The present, for the age of signatures.
        dev: Take a twelve-digit access key id for the account, its signature unchecked. For loopback alone.
        max_body_bytes: The largest body that is read.
        extra_values: By member name: strings accepted there although the model's constraint forbids them.
        observe: Hears of every answer, on the event loop.
    """

    def __init__(
        self,
        credentials: Credentials,
        dispatch: Dispatch,
        clock: Clock,
        *,
        dev: bool = False,
        max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
        extra_values: Literals | None = None,
        observe: Observe = _nobody,
    ) -> None:
        self._authenticator = Authenticator(credentials, clock, dev=dev)
        self._dev = dev
        self._dispatch = dispatch
        self._max_body_bytes = max_body_bytes
        self._observe = observe
        self._routers = {
            name: Router(service.operations.values())
            for name, service in services().items()
            if service.target_prefix is None
        }
        self._content_types = {name: content_type(service) for name, service in services().items()}
        self._codecs = {operation: Codec(operation, extra_values) for operation in all_operations()}

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI."""
        match scope["type"]:
            case "http":
                await self._serve(scope, receive, send)
            case "lifespan":
                await _live(receive, send)
            case "websocket":
                await send({"type": "websocket.close"})

    async def _serve(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        request_id = str(uuid.uuid4())
        if scope["path"] == HEALTH_PATH and scope["method"] in ("GET", "HEAD"):
            await send_response(send, Response(200, b'{"status":"ok"}'), request_id)
            return
        try:
            request = await read_request(scope, receive, self._max_body_bytes)
        except ProtocolFault as fault:
            response = protocol_response(fault)
        except ClientLeft:
            return
        else:
            began, asked = time.perf_counter(), _Asked()
            response = await self._answer(request, request_id, asked)
            self._observe(asked.service, asked.operation, response.status, time.perf_counter() - began)
        await send_response(send, response, request_id)

    async def _answer(self, request: Request, request_id: str, asked: _Asked) -> Response:
        """Every step of a request, in order; `_perform` has the second half."""
        service = None
        try:
            if self._dev:
                _check_host(request)
            signed = read_scope(request)
            service = signed.service
            caller = self._authenticator.caller(request, signed)
            if service == STS:
                asked.service, asked.operation = STS, "GetCallerIdentity"
                return answer_sts(request, caller, request_id)
            operation, labels = self._route(service, request)
            asked.service, asked.operation = operation.service, operation.name
            return await self._perform(operation, labels, request, caller, request_id)
        except ProtocolFault as fault:
            if service == STS:
                return sts_fault_response(fault, request_id)
            return protocol_response(fault, service or addressed(_target(request)))
        except Exception as error:  # noqa: BLE001 - the server goes on, whatever one request brought about
            _complain(f"Request {request_id} failed: {request.method} {request.path}", error)
            return sts_internal_response(request_id) if service == STS else internal_response(service, request_id)

    async def _perform(
        self, operation: Operation, labels: Mapping[str, str], request: Request, caller: Caller, request_id: str
    ) -> Response:
        codec = self._codecs[operation]
        try:
            if codec.takes_body:
                check_media_type(request)
            parameters = codec.parse(labels, request.query, request.body)
            output = await self._dispatch(Call(operation, caller, parameters, request_id))
            return Response(operation.success_status, codec.serialise(output), self._content_types[operation.service])
        except Fault as fault:
            return fault_response(fault, operation)
        except NotImplementedOperation:
            return not_implemented_response(operation)

    def _route(self, service: str, request: Request) -> tuple[Operation, Mapping[str, str]]:
        known = services().get(service)
        if known is None:
            names = "', '".join([*services(), STS])
            raise ProtocolFault(
                ProtocolError.INVALID_SIGNATURE,
                f"Credential should be scoped to one of the services '{names}', not '{service}'.",
            )
        asked = f"{request.method} {request.path[:256]}"
        if known.target_prefix is None:
            found = self._routers[service].route(request.method, request.path)
        else:
            target = _target(request)
            operation = targeted(known, request.method, request.path, target)
            asked += f" with X-Amz-Target {target[:256]!r} (of its protocols, Whiteroom speaks the JSON protocol)"
            found = None if operation is None else (operation, {})
        if found is None:
            raise ProtocolFault(ProtocolError.UNKNOWN_OPERATION, f"{service} has no operation {asked}.")
        return found


def _complain(what: str, error: Exception) -> None:
    trouble = trouble_of(error)
    if trouble:
        logger.error("%s: %s", what, trouble)
    else:
        logger.error("%s", what, exc_info=error)


def _target(request: Request) -> str:
    return request.headers.get(b"x-amz-target", b"").decode("latin-1")


def _check_host(request: Request) -> None:
    """Whether the client means this machine by a name of its own.

    Development mode takes anybody's word. Without this, a page of any site, its name pointed at 127.0.0.1
    (DNS rebinding), could give it from a browser on this machine.

    Raises:
        ProtocolFault: the Host header names something other than loopback.
    """
    if b"host" not in request.headers:
        return  # no browser leaves it out
    host = request.headers[b"host"].decode("latin-1").strip().lower()
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return
    try:
        if ipaddress.ip_address(name).is_loopback:
            return
    except ValueError:
        pass
    raise ProtocolFault(
        ProtocolError.INVALID_SIGNATURE,
        f"Development mode answers on loopback alone, and the Host header is '{host[:256]}'. "
        "Use http://127.0.0.1 or http://localhost, with the port, as the endpoint.",
    )


async def _live(receive: Receive, send: Send) -> None:
    """ASGI's lifespan: there is nothing to start or stop here."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
