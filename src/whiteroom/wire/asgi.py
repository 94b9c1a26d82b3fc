"""The ASGI application, and the order of every request's steps (`Application._answer`)."""

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
from whiteroom.base.machine_errors import machine_error_of
from whiteroom.wire.auth import Authenticator, Credentials, read_scope
from whiteroom.wire.calls import Call, Dispatch, NotImplementedOperation
from whiteroom.wire.dialects.choice import Dialects, addressed
from whiteroom.wire.downloads import Download, Downloads, Fetch, send_download
from whiteroom.wire.faults import (
    Refusal,
    fault_refusal,
    internal_refusal,
    not_implemented_refusal,
    protocol_refusal,
)
from whiteroom.wire.models import Service, services
from whiteroom.wire.parsers import Literals
from whiteroom.wire.presigned import presigned_for_downloads_alone
from whiteroom.wire.protocol import ProtocolError, ProtocolFault
from whiteroom.wire.requests import ClientLeft, Receive, Request, read_request, unread_request
from whiteroom.wire.responses import Response, Send, send_response

logger = logging.getLogger(__name__)

HEALTH_PATH = "/health"
DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024

Observe = Callable[[str, str, int, float], None]
"""Hears of every answer: the service and the operation, empty where the request named none that is known; the HTTP
status; and the seconds since the request's last byte."""


def _ignore(_service: str, _operation: str, _status: int, _seconds: float) -> None:
    """Nobody wants to hear of it."""


@dataclass(slots=True)
class _Target:
    """What a request has turned out to ask for."""

    service: str = ""
    operation: str = ""
    presigned: bool = False
    """Whether its signature is in its URL."""


class Application:
    """AWS's protocol in front of `dispatch`.

    Args:
        credentials: Looks keys and session tokens up; called on the event loop for every request.
        dispatch: Does what a call asks.
        clock: The present, for the age of signatures.
        dev: Take a twelve-digit access key id for the account, its signature unchecked. For loopback alone.
        max_body_bytes: The largest body that is read.
        extra_values: By member name: strings accepted there although the model's constraint forbids them.
        observe: Hears of every answer, on the event loop.
        fetch: Opens files for those operations that answer with one.
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
        observe: Observe = _ignore,
        fetch: Fetch | None = None,
    ) -> None:
        self._authenticator = Authenticator(credentials, clock, dev=dev)
        self._dev = dev
        self._dispatch = dispatch
        self._downloads = Downloads(dispatch, fetch)
        self._max_body_bytes = max_body_bytes
        self._observe = observe
        self._dialects = Dialects(extra_values or {})

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
        response: Response | Download
        try:
            request = await read_request(scope, receive, self._max_body_bytes)
        except ProtocolFault as fault:
            response = self._refuse(protocol_refusal(fault), unread_request(scope), None, request_id)
        except ClientLeft:
            return
        else:
            began, asked = time.perf_counter(), _Target()
            response = await self._answer(request, request_id, asked)
            self._observe(asked.service, asked.operation, response.status, time.perf_counter() - began)
        if isinstance(response, Download):
            await send_download(send, receive, response, request_id)
        else:
            await send_response(send, response, request_id)

    async def _answer(self, request: Request, request_id: str, asked: _Target) -> Response | Download:
        """Every step of a request, in order; `_perform` has the second half."""
        service = None
        try:
            if self._dev:
                _check_host(request)
            signed = read_scope(request)
            service = services().get(signed.service)
            caller = self._authenticator.caller(request, signed)
            asked.presigned = signed.presigned is not None
            return await self._perform(_served(service, signed.service), request, caller, request_id, asked)
        except ProtocolFault as fault:
            return self._refuse(protocol_refusal(fault), request, service, request_id)
        except Exception as error:  # noqa: BLE001 - the server goes on, whatever one request brought about
            log_failure(f"Request {request_id} failed: {request.method} {request.path}", error)
            return self._refuse(internal_refusal(service, request_id), request, service, request_id)

    async def _perform(
        self, service: Service, request: Request, caller: Caller, request_id: str, asked: _Target
    ) -> Response | Download:
        dialect = self._dialects.of(request, service)
        operation, read_parameters = dialect.route(service, request)
        asked.service, asked.operation = operation.service, operation.name
        if asked.presigned and not operation.is_download:
            raise presigned_for_downloads_alone()
        try:
            call = Call(operation, caller, read_parameters(), request_id)
            if operation.is_download:
                return await self._downloads.answer(call)
            return dialect.answer(operation, await self._dispatch(call), request_id)
        except Fault as fault:
            return dialect.refuse(fault_refusal(fault, operation), service, request_id)
        except NotImplementedOperation:
            return dialect.refuse(not_implemented_refusal(operation), service, request_id)

    def _refuse(self, refusal: Refusal, request: Request, service: Service | None, request_id: str) -> Response:
        """In the dialect that the request seems to speak, whatever is wrong with it."""
        meant = service or addressed(request)
        return self._dialects.of(request, meant).refuse(refusal, meant, request_id)


def _served(service: Service | None, name: str) -> Service:
    if service is not None:
        return service
    names = "', '".join(services())
    raise ProtocolFault(
        ProtocolError.INVALID_SIGNATURE,
        f"Credential should be scoped to one of the services '{names}', not '{name}'.",
    )


def log_failure(what: str, error: Exception) -> None:
    """Write down that the server has failed: the machine's refusal in a sentence, anything else with its trace."""
    trouble = machine_error_of(error)
    if trouble:
        logger.error("%s: %s", what, trouble)
    else:
        logger.error("%s", what, exc_info=error)


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
        "Use 127.0.0.1 or localhost, with the port, as the host of the endpoint.",
    )


async def _live(receive: Receive, send: Send) -> None:
    """ASGI's lifespan: there is nothing to start or stop here."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
