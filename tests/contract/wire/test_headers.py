"""Headers as they come off a socket: each that may stand once does, and there are only so many, of such a size."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support.command import CommandLine
from support.server import RunningServer, running_server
from support.worlds.requests import ALICE
from whiteroom.wire.connections import MAX_HEAD_BYTES, MAX_HEADERS
from whiteroom.wire.requests import ONCE

BODY = b"{}"


@dataclass(frozen=True)
class Door:
    """A server that verifies signatures, and a key to it."""

    server: RunningServer
    key: Any

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.server.url.removeprefix("http://").split(":")
        return host, int(port)

    def signed(self, extra: Sequence[tuple[str, str]] = (), target: str = "/memberships") -> list[tuple[str, str]]:
        """The headers of a good request for ListMemberships, signed by botocore, the extra ones too."""
        request = AWSRequest("GET", f"{self.server.url}{target}")
        for name, value in extra:
            request.headers[name] = value
        credentials = Credentials(self.key["accessKeyId"], self.key["secretAccessKey"])
        SigV4Auth(credentials, "cleanrooms", "us-east-1").add_auth(request)
        return [("Host", "{}:{}".format(*self.address)), *request.headers.items()]

    def ask(self, headers: Sequence[tuple[str, str]], *after: bytes, target: str = "/memberships") -> tuple[int, bytes]:
        """The status of what is answered, and all of it; 0 where the connection is gone before it can be read."""
        sent = [*headers, ("Connection", "close")]
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent), "", ""]
        said = b""
        with socket.create_connection(self.address, timeout=120) as client, suppress(ConnectionError):
            for part in ("\r\n".join(lines).encode("latin-1"), *after):
                client.sendall(part)
            while part := client.recv(65_536):
                said += part
        return int(said.split()[1]) if said else 0, said


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    data = tmp_path_factory.mktemp("headers") / "data"
    key = CommandLine(data)("accounts", "add", ALICE, "--json").json
    with running_server(data, dev=False) as server:
        yield Door(server, key)


def test_the_request_is_good_as_long_as_nothing_is_done_to_it(door: Door) -> None:
    assert door.ask(door.signed())[0] == 200


GOOD = {
    "content-length": "0",
    "content-type": "application/json",
    "content-encoding": "identity",
    "x-amz-content-sha256": hashlib.sha256(b"").hexdigest(),
    "x-amz-target": "x",
    "smithy-protocol": "x",
    "x-amz-security-token": "x",
    "transfer-encoding": "identity",
    "expect": "100-continue",
}
"""A value of each header that the request itself has not."""


@pytest.mark.parametrize("other", [False, True], ids=["the same", "another"])
@pytest.mark.parametrize("first", [False, True], ids=["behind", "before"])
@pytest.mark.parametrize("name", sorted(name.decode() for name in ONCE))
def test_a_header_that_stands_once_is_refused_where_it_stands_twice(
    door: Door, name: str, first: bool, other: bool
) -> None:
    headers = door.signed()
    own = {key.lower(): value for key, value in headers}
    value = own.get(name, GOOD.get(name, ""))
    if name not in own:
        headers = [*headers, (name, value)]
    second = (name.title(), f"{value}1" if other else value)
    status, said = door.ask([second, *headers] if first else [*headers, second])
    assert 400 <= status < 500, said
    if name in ("authorization", "x-amz-date", "host"):
        assert b"more than once" in said


def test_two_authorizations_are_not_one_whatever_they_are_joined_to(door: Door) -> None:
    headers = door.signed()
    whole = dict(headers)["Authorization"]
    others = [pair for pair in headers if pair[0] != "Authorization"]
    for cut in (whole.index(", SignedHeaders"), whole.index(", Signature=")):
        halves = [("Authorization", whole[:cut]), ("Authorization", whole[cut + 2 :])]
        assert door.ask([*others, *halves])[0] == 403


def test_a_parameter_of_the_authorization_stands_once(door: Door) -> None:
    headers = door.signed()
    whole = dict(headers)["Authorization"]
    others = [pair for pair in headers if pair[0] != "Authorization"]
    for again in ("Credential=A/20260101/x/y/aws4_request", f"Signature={'0' * 64}", "SignedHeaders=host"):
        for value in (f"{whole}, {again}", whole.replace("Credential=", f"{again}, Credential=", 1)):
            status, said = door.ask([*others, ("Authorization", value)])
            assert (status, b"more than once" in said) == (403, True)


def test_headers_that_may_be_repeated_are_joined_as_they_are_signed(door: Door) -> None:
    headers = [pair for pair in door.signed([("x-note", "a,b")]) if pair[0].lower() != "x-note"]
    assert door.ask([*headers, ("X-Note", "a"), ("x-note", " b ")])[0] == 200


@pytest.mark.parametrize(("count", "status"), [(MAX_HEADERS, 200), (MAX_HEADERS + 1, 431), (5000, 431)])
def test_there_are_only_so_many_headers(door: Door, count: int, status: int) -> None:
    headers = door.signed()
    more = [(f"x-{number}", "") for number in range(count - len(headers) - 1)]  # and Connection
    said = door.ask([*headers, *more])
    assert said[0] == status
    if status == 431:
        assert b"RequestHeaderFieldsTooLarge" in said[1]
        assert b"at most 100 headers" in said[1]


def test_one_header_sent_again_and_again_counts_each_time(door: Door) -> None:
    assert door.ask([*door.signed(), *[("x-a", "b")] * MAX_HEADERS])[0] == 431


@pytest.mark.parametrize(("size", "status"), [(MAX_HEAD_BYTES // 2, 200), (MAX_HEAD_BYTES, 431), (8 << 20, 431)])
def test_headers_are_only_so_large(door: Door, size: int, status: int) -> None:
    # A connection that is closed with much unread is reset, and the answer may be lost with it.
    accepted = {status} if status == 200 else {status, 0}
    assert door.ask([*door.signed(), ("x-large", "b" * size)])[0] in accepted


@pytest.mark.parametrize(("size", "status"), [(MAX_HEAD_BYTES // 2, 200), (MAX_HEAD_BYTES, 431)])
def test_the_address_counts_with_the_headers(door: Door, size: int, status: int) -> None:
    target = f"/memberships?nothing={'b' * size}"
    assert door.ask(door.signed(target=target), target=target)[0] == status


def test_a_head_that_trickles_in_is_counted_whole(door: Door) -> None:
    """Each piece for itself is small."""
    with socket.create_connection(door.address, timeout=120) as client:
        client.sendall(b"GET /memberships HTTP/1.1\r\nx-large: ")

        def go_on() -> None:
            for _ in range(100_000):
                client.sendall(b"b" * 1000)

        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            go_on()
    assert door.ask(door.signed())[0] == 200


def test_nothing_of_a_refused_request_is_done_nor_what_comes_behind_it(door: Door) -> None:
    good = door.signed()
    lines = "\r\n".join(f"{name}: {value}" for name, value in good)
    behind = f"GET /memberships HTTP/1.1\r\n{lines}\r\n\r\n".encode()
    status, said = door.ask([*good, *[("x-a", "b")] * MAX_HEADERS], behind, behind)
    assert status in (431, 0)
    assert b"membershipSummaries" not in said


def test_trailers_are_no_headers(door: Door) -> None:
    """What comes after a body in pieces was signed by nobody, and names nobody."""
    headers = [pair for pair in door.signed() if pair[0] != "Authorization"]
    authorization = dict(door.signed())["Authorization"]
    head = "\r\n".join(f"{name}: {value}" for name, value in [*headers, ("Transfer-Encoding", "chunked")])
    with socket.create_connection(door.address, timeout=120) as client:
        client.sendall(
            f"GET /memberships HTTP/1.1\r\n{head}\r\n\r\n0\r\nAuthorization: {authorization}\r\n\r\n".encode()
        )
        said = client.recv(65_536)
    assert said.split()[1] == b"403"
    assert b"MissingAuthenticationToken" in said


def test_trailers_are_bounded_too(door: Door) -> None:
    head = "\r\n".join(f"{name}: {value}" for name, value in [*door.signed(), ("Transfer-Encoding", "chunked")])
    status = 0
    with socket.create_connection(door.address, timeout=120) as client:
        try:
            client.sendall(f"GET /memberships HTTP/1.1\r\n{head}\r\n\r\n0\r\n".encode())
            for number in range(200_000):
                client.sendall(f"x-{number}: {'b' * 1000}\r\n".encode())
            status = int(client.recv(65_536).split()[1])
        except (BrokenPipeError, ConnectionResetError):
            status = 431
    assert status == 431
