"""Webhooks, after the specification Standard Webhooks 1.0.0: a signed POST, and any 2xx says that it was taken.

The URL is the operator's word, so it may lead anywhere; what answers there is taken for hostile: no redirect is
followed, nothing but the status is read, and all of it is over within seconds.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final
from urllib.parse import SplitResult, urlsplit

from whiteroom.base.addresses import is_loopback
from whiteroom.domain.observability.notifications import Notice, NotificationAddress, Webhook
from whiteroom.ports.keys import KeyRefused
from whiteroom.ports.notifications import NotDelivered
from whiteroom.senders.deadlines import connected, ended_after

KEY_BYTES: Final = 32
LONGEST_URL: Final = 2_000
WAIT_SECONDS: Final = 10.0
"""For one step: to connect, and for each part of the answer."""
ALL_SECONDS: Final = 20.0
"""For the whole conversation once it is connected."""
_REDIRECTS: Final = range(300, 400)
_TAKEN: Final = range(200, 300)


def checked_url(url: str) -> str:
    """A URL that notices may be sent to.

    Raises:
        ValueError: it is none, with a sentence that says why.
    """
    if len(url) > LONGEST_URL or not (url.isascii() and url.isprintable()) or " " in url:
        raise ValueError(f"A webhook's URL has at most {LONGEST_URL:,} characters, all of ASCII and none a space.")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        raise ValueError(f"{url!r} is no URL.") from None
    if parts.scheme not in {"https", "http"} or not host or port == 0:
        raise ValueError(f"{url!r} is no URL of a webhook: write https://HOST/PATH.")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("http is for loopback alone: whoever is on the way would read along. Write https.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("A webhook's URL has no user, no password and no fragment: requests are signed instead.")
    return url


def shown_url(url: str) -> str:
    """What may be seen of a URL by whoever may not use it: where it leads, and none of its path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def secret_text(webhook: Webhook) -> str:
    """The key, as receivers' libraries take it."""
    return f"whsec_{b64encode(webhook.key).decode()}"


def body_of(notice: Notice) -> bytes:
    """What is sent: the same at every try."""
    moment = notice.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    document = {"type": notice.type, "timestamp": moment, "data": dict(notice.data)}
    return json.dumps(document, separators=(",", ":")).encode()


def signed_headers(webhook: Webhook, notice: Notice, body: bytes, now: datetime) -> Mapping[str, str]:
    """The headers by which a receiver knows who sent it, when, and whether it was there before."""
    moment = str(int(now.timestamp()))
    text = b".".join((notice.id.encode(), moment.encode(), body))
    signature = b64encode(hmac.digest(webhook.key, text, hashlib.sha256)).decode()
    return {"webhook-id": notice.id, "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"}


class WebhookSender:
    """ports.notifications.Sender for webhooks."""

    def __init__(
        self,
        find: Callable[[str], Webhook | None],
        wait_seconds: float = WAIT_SECONDS,
        all_seconds: float = ALL_SECONDS,
    ) -> None:
        """Send to the webhooks that `find` has by the ids of addresses."""
        self._find = find
        self._wait_seconds = wait_seconds
        self._all_seconds = all_seconds

    def send(self, address: NotificationAddress, notice: Notice, now: datetime) -> None:
        """See the port."""
        try:
            webhook = self._find(address.id)
        except KeyRefused as error:
            raise NotDelivered(str(error)) from None
        if webhook is None:
            raise NotDelivered("Its URL is gone: remove the address, and add it again.")
        body = body_of(notice)
        headers = {
            "content-type": "application/json",
            "user-agent": f"Whiteroom/{version('whiteroom')}",
            **signed_headers(webhook, notice, body, now),
        }
        try:
            status = self._status(webhook.url, body, headers)
        except TimeoutError:
            raise NotDelivered(f"It did not answer within {self._wait_seconds:.0f} seconds.") from None
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            # Without what was answered, if anything was: it is the receiver's to choose.
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            raise NotDelivered(f"It could not be asked, or gave no answer of HTTP: {reason}.") from None
        if status in _REDIRECTS:
            raise NotDelivered(f"It answered {status}, and redirects are not followed: give the URL that it leads to.")
        if status not in _TAKEN:
            raise NotDelivered(f"It answered {status}, and only 2xx says that it took the notice.")

    def _status(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = _Connection(parts, self._wait_seconds)
        try:
            with ended_after(self._all_seconds, lambda: connection.sock):
                connection.request("POST", target, body, headers)
                return connection.getresponse().status
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    """A connection to a URL's host, with TLS where it begins so. It asks no proxy."""

    def __init__(self, parts: SplitResult, seconds: float) -> None:
        self._is_tls = parts.scheme == "https"
        usual = http.client.HTTPS_PORT if self._is_tls else http.client.HTTP_PORT
        super().__init__(parts.hostname or "", parts.port or usual)
        self.default_port = usual  # which the header Host leaves out
        self._seconds = seconds

    def connect(self) -> None:
        self.sock = connected(self.host, self.port, self._seconds)
        if self._is_tls:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
