"""A webhook as a real receiver sees it, and receivers that are slow, hostile or wrong."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.fakes import NOON
from support.receivers import certificate_for_loopback, http_receiver, rude_receiver
from whiteroom.domain.observability.notifications import Notice, NotificationAddress, Way, Webhook
from whiteroom.ports.keys import KeyRefused
from whiteroom.ports.notifications import NotDelivered
from whiteroom.senders.webhooks import WebhookSender, checked_url, secret_text, shown_url

ALICE = "111111111111"
KEY = bytes(range(32))
ADDRESS = NotificationAddress("a-1", ALICE, Way.WEBHOOK, "http://127.0.0.1", NOON, NOON)
NOTICE = Notice("msg_1", "a-1", "c-1", "trained_model.failed", {"name": "tr\u00e4es\n"}, NOON, NOON)
LATER = NOON + timedelta(seconds=90)


def send(url: str, **options: Any) -> None:
    WebhookSender(lambda _: Webhook(url, KEY), **options).send(ADDRESS, NOTICE, LATER)


def test_a_receiver_can_check_by_standard_webhooks_who_sent_what_and_when() -> None:
    with http_receiver() as receiver:
        send(receiver.url)
    (posted,) = receiver.posted
    assert posted.path == "/hook?team=a"
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["webhook-id"] == "msg_1"
    assert posted.headers["webhook-timestamp"] == str(int(LATER.timestamp()))
    text = f"msg_1.{int(LATER.timestamp())}.".encode() + posted.body
    assert posted.headers["webhook-signature"] == f"v1,{b64encode(hmac.digest(KEY, text, hashlib.sha256)).decode()}"
    told = {"type": "trained_model.failed", "timestamp": "2026-01-01T12:00:00Z", "data": {"name": "tr\u00e4es\n"}}
    assert json.loads(posted.body) == told


def test_the_secret_is_what_libraries_of_standard_webhooks_take() -> None:
    """The vector of the specification's own libraries: its secret, its message, its signature."""
    key = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert secret_text(Webhook("https://a.test/", key)) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    text = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    signature = b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    assert signature == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_https_is_spoken_to_a_certificate_that_is_trusted_and_to_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certificate_for_loopback(tmp_path)
    with http_receiver(certificate) as receiver:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        send(receiver.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
        with pytest.raises(NotDelivered, match="could not be asked"):
            send(receiver.url)
    assert len(receiver.posted) == 1


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_says_that_it_was_taken(status: int) -> None:
    with http_receiver() as receiver:
        receiver.answers = [status]
        send(receiver.url)


@pytest.mark.parametrize("status", [304, 400, 404, 410, 429, 500, 503])
def test_any_other_status_is_a_failure_that_names_it(status: int) -> None:
    with http_receiver() as receiver:
        receiver.answers = [status]
        with pytest.raises(NotDelivered, match=str(status)):
            send(receiver.url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with http_receiver() as elsewhere, http_receiver() as receiver:
        receiver.answers, receiver.location = [status], elsewhere.url
        with pytest.raises(NotDelivered, match="redirects are not followed"):
            send(receiver.url)
    assert (len(receiver.posted), elsewhere.posted) == (1, [])


def _silent(_: socket.socket) -> None:
    """Takes the connection, and says nothing."""


def _dripping(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)  # what it is about: a receiver that draws its answer out


def _continuing(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def _endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + b"x" * 60_000 + b"\r\n")


def _garbled(connection: socket.socket) -> None:
    connection.sendall(b"\x00\xff\xfe not HTTP\r\n\r\n")
    connection.close()


def _hanging_up(connection: socket.socket) -> None:
    connection.close()


@pytest.mark.parametrize("talk", [_silent, _dripping, _continuing, _endless, _garbled, _hanging_up])
def test_whatever_a_receiver_does_it_is_over_in_time_and_leaves_no_thread(
    talk: Callable[[socket.socket], None],
) -> None:
    before = set(threading.enumerate())
    with rude_receiver(talk) as port:
        begun = time.monotonic()
        with pytest.raises(NotDelivered):
            send(f"http://127.0.0.1:{port}/", wait_seconds=0.3, all_seconds=0.6)
        assert time.monotonic() - begun < 30  # without an end to it, for ever
    assert set(threading.enumerate()) == before


def test_an_answer_with_a_body_without_end_is_taken_by_its_status() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")

    with rude_receiver(talk) as port:
        send(f"http://127.0.0.1:{port}/")


def test_where_nobody_listens_the_operator_is_told_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NotDelivered, match="refused"):
        send(f"http://127.0.0.1:{port}/")


def test_a_webhook_that_is_gone_or_cannot_be_opened_is_told() -> None:
    def refused(_: str) -> Webhook | None:
        raise KeyRefused("The key is gone.")

    for find, told in ((lambda _: None, "its url is gone"), (refused, "the key is gone")):
        with pytest.raises(NotDelivered) as caught:
            WebhookSender(find).send(ADDRESS, NOTICE, LATER)
        assert told in str(caught.value).lower()


@pytest.mark.parametrize(
    "url",
    [
        *("", "hook", "ftp://a.test/", "file:///etc/passwd", "https:///path", "https://", "https://a.test:99999/"),
        *("http://a.test/", "http://10.0.0.1/", "https://user@a.test/", "https://u:p@a.test/", "https://a.test/#x"),
        *("https://a.test/ b", "https://a.test/\r\nX: y", "https://a.test/\u00e4", f"https://a.test/{'x' * 2000}"),
        "https://a.test:0/",
    ],
)
def test_what_is_no_url_of_a_webhook_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        checked_url(url)


@pytest.mark.parametrize(
    "url", ["https://a.test", "https://a.test:8443/x?y=z", "http://localhost:1/", "http://[::1]:1/"]
)
def test_a_url_of_a_webhook_is_taken_as_it_is(url: str) -> None:
    assert checked_url(url) == url


def test_of_a_url_only_where_it_leads_is_shown() -> None:
    assert shown_url("https://hooks.example.org/services/T0/B0/secret?x=y") == "https://hooks.example.org"
    assert shown_url("http://localhost:8080/secret") == "http://localhost:8080"
