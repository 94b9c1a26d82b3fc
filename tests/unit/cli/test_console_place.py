"""Where the operator is told that the console is, a browser is taken in."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request

from whiteroom.cli.console import console_place
from whiteroom.console.gate import Unwelcome, require_private
from whiteroom.settings import Settings

HERE, ELSEWHERE = "127.0.0.1", "198.51.100.7"
TLS: dict[str, Any] = {"tls_cert": "/c", "tls_key": "/k"}
EVERYWHERE = f"http://{socket.gethostname()}:8080"
PROXY = "https://room.example.org"


@pytest.mark.parametrize(
    ("settings", "listens", "url", "setting"),
    [
        ({}, "http://127.0.0.1:8080", "http://127.0.0.1:8080/console", ""),
        ({}, "http://[::1]:8080", "http://[::1]:8080/console", ""),
        ({}, EVERYWHERE, "http://localhost:8080/console", "public_url"),
        ({"public_url": "http://room.example.org:8080"}, EVERYWHERE, "http://localhost:8080/console", "public_url"),
        ({}, "http://192.0.2.1:8080", "", "public_url"),
        ({"public_url": PROXY}, "http://192.0.2.1:8080", f"{PROXY}/console", ""),
        ({"public_url": PROXY}, "http://127.0.0.1:8080", f"{PROXY}/console", ""),
        (TLS, "https://192.0.2.1:8443", "https://192.0.2.1:8443/console", ""),
        ({"console_port": 9090}, EVERYWHERE, "http://localhost:9090/console", "console_url"),
        ({"console_port": 9090}, "http://127.0.0.1:8080", "http://127.0.0.1:9090/console", ""),
        ({"console_port": 9090} | TLS, "https://192.0.2.1:8443", "https://192.0.2.1:9090/console", ""),
        ({"console_url": PROXY, "console_port": 9090}, EVERYWHERE, f"{PROXY}/console", ""),
    ],
)
def test_a_browser_is_taken_in_where_the_operator_is_told(
    tmp_path: Path, settings: dict[str, Any], listens: str, url: str, setting: str
) -> None:
    given = Settings(data=tmp_path, **settings)
    place = console_place(given, listens)
    assert place.url == url
    public = given.console_url or given.public_url
    if url:
        require_private(_asked(url, HERE), public)
    assert bool(setting) == bool(place.remedy)
    if setting:
        assert setting in place.remedy
        assert place.remedy in place.sentence
        with pytest.raises(Unwelcome):
            require_private(_asked(public or listens, ELSEWHERE), public)
    elif url.startswith("https:"):
        require_private(_asked(url, ELSEWHERE), public)


def test_who_is_refused_over_the_network_is_told_the_address_that_will_do_on_the_machine() -> None:
    with pytest.raises(Unwelcome, match=r"http://127\.0\.0\.1:8080/console will do"):
        require_private(_asked("http://room.example.org:80", ELSEWHERE), "")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_who_comes_by_a_port_that_a_container_publishes_is_not_sent_where_it_is(host: str) -> None:
    with pytest.raises(Unwelcome, match="container publishes") as refused:
        require_private(_asked(f"http://{host}:8080", ELSEWHERE), "")
    assert "will do" not in str(refused.value)


def _asked(url: str, peer: str) -> Request:
    at = urlsplit(url)
    return Request(
        {
            "type": "http",
            "scheme": at.scheme,
            "server": ("192.0.2.1", 8080),
            "client": (peer, 50_000),
            "path": "/console",
            "query_string": b"",
            "headers": [(b"host", at.netloc.encode())],
        }
    )
