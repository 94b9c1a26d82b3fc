"""What is looked at of every request before a page is: over which connection it came, and from which site."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from whiteroom.base.addresses import is_loopback

MAX_FORM_BYTES = 1024 * 1024
MAX_FIELDS = 200
COOKIE, SECURE_COOKIE = "whiteroom", "__Host-whiteroom"
FORM_TOKEN = "form_token"  # noqa: S105 - the name of a field

HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    # With `no-referrer` a browser would say `Origin: null` of a page's own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
"""On every answer of the console."""


class Unwelcome(Exception):
    """The request is refused before anybody asks who it is from. The message says what to do."""

    def __init__(self, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


def is_secure(request: Request, public_url: str) -> bool:
    """Whether what is between the browser and this server, or a proxy of its operator's, is encrypted.

    A request by another name than the proxy's has not come through it: its browser has found the server's own port.
    """
    proxy, host = urlsplit(public_url.lower()), request.headers.get("host", "").lower()
    is_by_proxy = proxy.scheme == "https" and host.removesuffix(":443") == proxy.netloc.removesuffix(":443")
    return request.url.scheme == "https" or is_by_proxy


def require_private(request: Request, public_url: str) -> None:
    """Take nobody in over a network that can be listened to.

    Raises:
        Unwelcome: the connection is neither encrypted nor within this machine.
    """
    if is_secure(request, public_url) or _is_local(request):
        return
    port = (request.scope.get("server") or ("", None))[1]
    here = "http://127.0.0.1" if port is None else f"http://127.0.0.1:{port}"
    will_do = f"On the server's own machine, {here}/console will do, where the server listens there."
    if is_loopback(request.url.hostname or ""):
        will_do = "A port that a container publishes, or that is forwarded here, is such a network, too."
    raise Unwelcome(
        "You are here by plain HTTP over a network, where others could read your key and your session. Reach the "
        "console by https: the operator gives the server a certificate, or sets public_url to the https address of "
        f"the proxy before it, and you open that address. {will_do}"
    )


def _is_local(request: Request) -> bool:
    peer = request.client.host if request.client else ""
    return is_loopback(request.url.hostname or "") and is_loopback(peer)


def cookie_name(request: Request, public_url: str) -> str:
    """What the session's cookie is called; one of an encrypted connection is bound to this host by its name."""
    return SECURE_COOKIE if is_secure(request, public_url) else COOKIE


async def read_form(request: Request, public_url: str) -> dict[str, str]:
    """What a form of this console's own has sent; of a field that is given twice, the last.

    Raises:
        Unwelcome: it comes from elsewhere, or is too large, or is none.
    """
    require_same_site(request, public_url)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Unwelcome("What was sent is no form of the console's.", 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise Unwelcome(f"The form is larger than {MAX_FORM_BYTES:,} bytes.", 413)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise Unwelcome("The form cannot be read.", 400) from None


def require_same_site(request: Request, public_url: str) -> None:
    """Refuse what another site's page has sent.

    Raises:
        Unwelcome: the browser says so, or does not say where it is from.
    """
    origins, fetched = request.headers.getlist("origin"), request.headers.getlist("sec-fetch-site")
    host = request.headers.get("host", "").lower()
    # What is within this machine may be reached through somebody's own proxy there, which speaks TLS.
    schemes = ("https",) if is_secure(request, public_url) else ("https", "http")
    is_own = bool(host) and [one.lower() for one in origins] in [[f"{scheme}://{host}"] for scheme in schemes]
    if not is_own or any(one != "same-origin" for one in fetched):
        raise Unwelcome("This was sent by another site's page, or by something that is no browser. Nothing was done.")


def require_token(form: Mapping[str, Any], expected: str) -> None:
    """Refuse a form that is not of one of this session's pages.

    Raises:
        Unwelcome: its token is another.
    """
    if not hmac.compare_digest(str(form.get(FORM_TOKEN, "")).encode(), expected.encode()):
        raise Unwelcome("The page that this was sent from is of an earlier session. Open it again, then repeat.")
