"""The console's ASGI application: its routes, and the order of every request's steps (`Console._answered`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Match, Route

from whiteroom.answering import Inside
from whiteroom.base.arns import new_id
from whiteroom.console import gate
from whiteroom.console.asked import Asked
from whiteroom.console.looking import Looks
from whiteroom.console.pages import ROUTES, Page, Routes
from whiteroom.console.pages.operator import OPERATOR_ROUTES
from whiteroom.console.rendering import PREFIX, asset_response, page, read_all
from whiteroom.console.signing_in import Refusals, SignInRefused, by_access_key, by_link, out
from whiteroom.console.streams import Streams
from whiteroom.console.visitors import NotSignedIn, Visitor, visitor_of
from whiteroom.domain.resources.console_sessions import SESSION_TIME
from whiteroom.wire.asgi import log_failure
from whiteroom.wire.inside import Refused

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SIGN_IN, SIGN_OUT, LINK = f"{PREFIX}/sign-in", f"{PREFIX}/sign-out", f"{PREFIX}/link"
ASSETS = f"{PREFIX}/assets/"


@dataclass(frozen=True, slots=True)
class Place:
    """What of the settings the console has to know."""

    region: str
    public_url: str
    dev: bool


def _routed(routes: Routes) -> list[tuple[Route, Page]]:
    return [(Route(PREFIX + path, endpoint=show, methods=list(methods)), show) for path, methods, show in routes]


def _not_that_way(allowed: set[str]) -> Response:
    return PlainTextResponse("This page is not asked for that way.\n", 405, {"allow": ", ".join(sorted(allowed))})


class Console:
    """Pages below `/console`. One for each server; on its event loop."""

    def __init__(
        self, inside: Callable[[], Inside], place: Place, looks: Looks, streams: Streams | None = None
    ) -> None:
        """Over a server, which is asked for once it serves."""
        read_all()
        self._looks = looks
        self._inside = inside
        self._place = place
        self._refusals = Refusals()
        self.streams = Streams() if streams is None else streams
        self._members, self._operators = _routed(ROUTES), _routed(OPERATOR_ROUTES)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request of HTTP."""
        request = Request(scope, receive)
        request_id = new_id()
        try:
            response = await self._guarded(request, request_id)
        except ClientDisconnect:
            return
        for name, value in {**gate.HEADERS, "cache-control": "no-store", "x-request-id": request_id}.items():
            response.headers.setdefault(name, value)
        await response(scope, receive, send)

    async def _guarded(self, request: Request, request_id: str) -> Response:
        try:
            return await self._answered(request)
        except NotSignedIn as left:
            response = self._sign_in_page(request, str(left), status=HTTPStatus.UNAUTHORIZED)
            response.headers["www-authenticate"] = 'Session realm="console"'
            return response
        except (gate.Unwelcome, SignInRefused) as refused:
            return page("problem.html", refused.status, visitor=None, title="Refused", message=str(refused))
        except Refused as refused:
            return page("problem.html", refused.status, visitor=None, title=refused.code, message=refused.message)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - the server goes on, whatever one request brought about
            log_failure(f"Request {request_id} failed: {request.method} {quote(request.scope['path'])}", error)
            message = f"The server met an error. Its log has it under request {request_id}: tell its operator."
            return page("problem.html", 500, visitor=None, title="Something went wrong", message=message)

    async def _answered(self, request: Request) -> Response:
        """Every step of a request, in order."""
        path = request.scope["path"]
        if path.startswith(ASSETS):
            digest, _, name = path.removeprefix(ASSETS).partition("/")
            return asset_response(digest, name) or PlainTextResponse("There is no such file.\n", 404)
        gate.require_private(request, self._place.public_url)
        if path in (SIGN_IN, LINK) and request.method not in ("GET", "HEAD", "POST"):
            return _not_that_way({"GET", "HEAD", "POST"})
        if path == SIGN_IN:
            return await self._sign_in(request)
        if path == LINK:
            return await self._link(request)
        visitor = await self._visitor(request)
        form = None
        if request.method not in ("GET", "HEAD"):
            form = await gate.read_form(request, self._place.public_url)
            gate.require_token(form, visitor.form_token)
        if path == SIGN_OUT and form is not None:
            await out(visitor)
            return self._without_cookie(request)
        return await self._page(request, visitor, form)

    async def _page(self, request: Request, visitor: Visitor, form: dict[str, str] | None) -> Response:
        allowed: set[str] = set()
        # To a member no page of the operator's is there, nor to the operator any of a member's.
        for route, show in self._operators if visitor.is_operator else self._members:
            match, child = route.matches(request.scope)
            if match is Match.FULL:
                asked = Asked(
                    visitor, child["path_params"], dict(request.query_params), self._looks, self.streams, form
                )
                return await self._shown(show, asked)
            if match is Match.PARTIAL:
                allowed |= route.methods or set()
        if allowed:
            return _not_that_way(allowed)
        return page(
            "problem.html", 404, visitor=visitor, title="There is no such page", message="Go back to what is there."
        )

    async def _shown(self, show: Page, asked: Asked) -> Response:
        try:
            return await show(asked)
        except Refused as refused:
            return page(
                "problem.html", refused.status, visitor=asked.visitor, title=refused.code, message=refused.message
            )

    # -- who is here --------------------------------------------------------------------

    async def _visitor(self, request: Request) -> Visitor:
        cookie = request.cookies.get(gate.cookie_name(request, self._place.public_url))
        # What a page asks by itself does not keep a session alive that nobody uses.
        by_itself = request.headers.get("accept") == "text/event-stream" or "x-by-itself" in request.headers
        return await visitor_of(self._inside(), cookie, self._place.region, dev=self._place.dev, is_used=not by_itself)

    async def _sign_in(self, request: Request) -> Response:
        if request.method != "POST":
            try:
                await self._visitor(request)
            except NotSignedIn:
                return self._sign_in_page(request)
            return RedirectResponse(PREFIX, HTTPStatus.SEE_OTHER)
        form = await gate.read_form(request, self._place.public_url)
        key_id, secret = form.get("access_key_id", "").strip(), form.get("secret_access_key", "").strip()
        try:
            cookie = await by_access_key(self._inside(), self._refusals, key_id, secret, dev=self._place.dev)
        except SignInRefused as refused:
            return self._sign_in_page(request, str(refused), key_id, status=refused.status)
        return self._with_cookie(request, cookie, form.get("next", ""))

    async def _link(self, request: Request) -> Response:
        """A link is used up by a form that its page sends, not by whoever looks at where it leads."""
        if request.method != "POST":
            return page("link.html", visitor=None)
        form = await gate.read_form(request, self._place.public_url)
        try:
            cookie = await by_link(self._inside(), form.get("secret", ""), dev=self._place.dev)
        except SignInRefused as refused:
            return self._sign_in_page(request, str(refused), status=refused.status)
        return self._with_cookie(request, cookie, "")

    def _sign_in_page(self, request: Request, message: str = "", key_id: str = "", status: int = 200) -> Response:
        wanted = request.scope["path"] if request.method == "GET" else ""
        return page(
            "sign_in.html",
            status,
            visitor=None,
            message=message,
            key_id=key_id,
            wanted=wanted if wanted not in (SIGN_IN, LINK) else "",
            dev=self._place.dev,
        )

    def _with_cookie(self, request: Request, cookie: str, wanted: str) -> Response:
        # Only to a page of the console's: `//elsewhere` is another site to a browser, and so may `/..//elsewhere` be.
        is_ours = wanted.startswith(f"{PREFIX}/") and not any(part in wanted for part in ("\\", "//", ".."))
        place = wanted if is_ours else PREFIX
        response = RedirectResponse(place, HTTPStatus.SEE_OTHER)
        self._set_cookie(request, response, cookie, int(SESSION_TIME.total_seconds()))
        return response

    def _without_cookie(self, request: Request) -> Response:
        response = RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
        self._set_cookie(request, response, "", 0)
        return response

    def _set_cookie(self, request: Request, response: Response, value: str, seconds: int) -> None:
        response.set_cookie(
            gate.cookie_name(request, self._place.public_url),
            value,
            max_age=seconds,
            path="/",
            secure=gate.is_secure(request, self._place.public_url),
            httponly=True,
            samesite="lax",
        )
