"""Clients that hold connections and give nothing: bounded in time and number, and nobody else has to wait for them.

All of it holds with TLS too, before, during and after its handshake.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.certificates import Authority, issue
from support.patience import Patience, stretch
from support.raw_clients import GONE, connected, rest
from support.server import RunningServer, running_server
from support.worlds.delivered import Delivered
from support.worlds.requests import collaboration_request
from whiteroom.data.folder import FolderData
from whiteroom.store.sqlite import SqliteStore
from whiteroom.web.downloads import PER_ACCOUNT

ALICE = "111111111111"
PATIENCE_SECONDS = 2
"""The server's request_seconds here; whoever is overdue is found a second later."""
LIMIT = 40
LARGE_BYTES = 64 * 2**20
HEAD = b"POST /collaborations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"


@pytest.fixture(scope="module", params=["http", pytest.param("https", marks=pytest.mark.services)])
def server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("slow")
    authority = Authority()
    certificate = issue(authority, folder, "127.0.0.1", "localhost").settings if request.param == "https" else {}
    environment = {"WHITEROOM_REQUEST_SECONDS": str(PATIENCE_SECONDS), "WHITEROOM_MAX_CONNECTIONS": str(LIMIT)}
    environment |= {"WHITEROOM_QUOTA_COLLABORATIONS_PER_ACCOUNT": "100"}
    environment |= certificate
    ca = authority.write(folder) if certificate else None
    with running_server(folder / "data", environment=environment, ca=ca) as server:
        yield server


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def health(client: socket.socket) -> bool:
    """Read one answer of /health, whole."""
    said = b""
    while not said.endswith(b'{"status":"ok"}'):
        said += client.recv(65_536)
    return said.startswith(b"HTTP/1.1 200 ")


def drip(client: socket.socket, drop: bytes) -> bytes:
    """Send a drop now and then until the server has had enough; what it says."""
    client.settimeout(0.1)
    patience = Patience(10 * PATIENCE_SECONDS)
    while not patience.is_lost:
        try:
            client.sendall(drop)
            said = client.recv(65_536)
        except TimeoutError:
            continue
        except GONE:
            return b""
        return said
    raise AssertionError("The server is still waiting.")


@pytest.mark.parametrize(
    ("begun", "drop"),
    [
        (HEAD + b"\r\n", b"x"),
        (HEAD, b"X-A: b\r\n"),
        (HEAD.replace(b"Content-Length: 1000", b"Transfer-Encoding: chunked") + b"\r\n", b"1\r\nx\r\n"),
        (b"", b"G"),
    ],
    ids=["body", "headers", "chunks", "request line"],
)
def test_a_request_that_comes_drop_by_drop_is_ended_in_time_with_a_reason(
    server: RunningServer, sockets: ExitStack, begun: bytes, drop: bytes
) -> None:
    began = time.monotonic()
    said = drip(connected(server, sockets, begun), drop)
    assert time.monotonic() - began < (PATIENCE_SECONDS + 3) * stretch()
    head, _, body = said.partition(b"\r\n\r\n")
    if drop != b"G":  # "GGG..." is no method: it is refused as soon as it is one too many
        assert b" 408 " in head
        assert b"connection: close" in head.lower()
        assert "did not arrive within 2 seconds" in json.loads(body)["message"]


def test_a_connection_that_never_says_anything_is_ended(server: RunningServer, sockets: ExitStack) -> None:
    assert b" 408 " in rest(connected(server, sockets))


def test_empty_lines_between_requests_do_not_keep_a_connection(server: RunningServer, sockets: ExitStack) -> None:
    client = connected(server, sockets, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert health(client)
    assert b" 408 " in drip(client, b"\r\n")


def test_a_request_behind_another_one_is_held_to_its_time_as_well(server: RunningServer, sockets: ExitStack) -> None:
    client = connected(server, sockets, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + HEAD + b"\r\n")
    assert health(client)
    assert b" 408 " in drip(client, b"x")


def test_an_answer_that_nobody_reads_is_dropped(server: RunningServer, sockets: ExitStack) -> None:
    """More answers than both kernels hold for a client that asks and does not read."""
    rooms = server.client("cleanrooms", ALICE)
    for _ in range(100):
        rooms.create_collaboration(**collaboration_request(description="d" * 255))
    client = connected(server, sockets, receive_bytes=4096)
    asked = (
        b"GET /collaborations?maxResults=100 HTTP/1.1\r\nHost: localhost\r\n"
        b"Authorization: AWS4-HMAC-SHA256 Credential=111111111111/"
        + time.strftime("%Y%m%d", time.gmtime()).encode()
        + b"/us-east-1/cleanrooms/aws4_request, "
        b"SignedHeaders=host;x-amz-date, Signature=" + b"0" * 64 + b"\r\n"
        b"X-Amz-Date: " + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()).encode() + b"\r\n\r\n"
    )

    def ask_on() -> None:
        for _ in range(1000):
            client.sendall(asked)
            time.sleep(0.01)

    with pytest.raises(GONE):
        ask_on()


@pytest.fixture(scope="module")
def large(server: RunningServer) -> bytes:
    """A request for a file that no kernel holds for a client that does not read."""
    store = SqliteStore(server.data / "whiteroom.db")
    result = Delivered(store, FolderData(server.data)).to(ALICE, {"large": bytes(LARGE_BYTES)})
    store.close()
    date = time.strftime("%Y%m%d", time.gmtime())
    return (
        f"GET /whiteroom/v1/results/{result.id}/large HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: AWS4-HMAC-SHA256 Credential={ALICE}/{date}/us-east-1/whiteroom/aws4_request, "
        f"SignedHeaders=host, Signature={'0' * 64}\r\n\r\n"
    ).encode()


def test_a_download_goes_on_for_as_long_as_its_client_takes_some_of_it(
    server: RunningServer, sockets: ExitStack, large: bytes
) -> None:
    client = connected(server, sockets, large)
    got = 0
    until = time.monotonic() + 2 * PATIENCE_SECONDS + 2
    while time.monotonic() < until:
        got += len(client.recv(65_536))
        time.sleep(0.02)
    assert got < LARGE_BYTES
    while more := len(client.recv(1 << 20)):
        got += more
        if got > LARGE_BYTES:  # and its headers
            return
    assert got > LARGE_BYTES


def test_a_download_goes_on_for_a_client_that_takes_less_than_a_kernel_tells_of(
    server: RunningServer, sockets: ExitStack, large: bytes
) -> None:
    """So slow that between two moments at which the kernel takes more of the server more than its patience passes."""
    client = connected(server, sockets, large)
    until = time.monotonic() + 6 * PATIENCE_SECONDS
    while time.monotonic() < until:
        assert client.recv(10_240)
        time.sleep(0.1)
    got = 0
    while more := len(client.recv(1 << 20)):
        got += more
        if got > LARGE_BYTES // 2:
            return
    assert got > LARGE_BYTES // 2


def test_downloads_that_nobody_reads_end_and_keep_nobody_else_waiting(
    server: RunningServer, sockets: ExitStack, large: bytes
) -> None:
    stuck = [connected(server, sockets, large, receive_bytes=4096) for _ in range(PER_ACCOUNT)]
    for client in stuck:
        assert client.recv(12) == b"HTTP/1.1 200"
    one_more = connected(server, sockets, large)
    assert one_more.recv(12) == b"HTTP/1.1 429"
    for _ in range(20):
        assert server.client_of("sts", ALICE).get_caller_identity()["Account"] == ALICE
    patience = Patience(PATIENCE_SECONDS + 3)
    while connected(server, sockets, large).recv(12) != b"HTTP/1.1 200":
        assert not patience.is_lost
        time.sleep(0.2)


def test_requests_by_the_thousand_on_one_connection_are_not_kept(server: RunningServer, sockets: ExitStack) -> None:
    client = connected(server, sockets)

    def ask_on() -> None:
        for _ in range(100):
            client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)

    with pytest.raises(GONE):
        ask_on()
    assert server.client("sts", ALICE).get_caller_identity()["Account"] == ALICE


def test_more_connections_than_allowed_keep_nobody_from_being_served(server: RunningServer, sockets: ExitStack) -> None:
    """Those that have waited longest make room, and are told why."""
    idle = [connected(server, sockets) for _ in range(5 * LIMIT)]
    client = server.client("sts", ALICE)
    for _ in range(20):
        assert client.get_caller_identity()["Account"] == ALICE
    assert b" 503 " in rest(idle[0])
    assert len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())) < LIMIT + 100


def test_headers_without_an_end_are_refused_before_they_fill_the_memory(
    server: RunningServer, sockets: ExitStack
) -> None:
    client = connected(server, sockets, HEAD)

    def go_on() -> None:
        patience = Patience(PATIENCE_SECONDS + 3)
        while not patience.is_lost:
            client.sendall(b"X-A: " + b"b" * 8192 + b"\r\n")

    with pytest.raises(GONE):
        go_on()


def test_a_client_that_keeps_its_connection_is_served_on_it_for_longer_than_a_request_may_take(
    server: RunningServer,
) -> None:
    client = server.client("sts", ALICE)
    until = time.monotonic() + PATIENCE_SECONDS + 2
    while time.monotonic() < until:
        assert client.get_caller_identity()["Account"] == ALICE
        time.sleep(0.3)
    pools = client._endpoint.http_session._manager.pools
    assert [pools[key].num_connections for key in pools.keys()]  # noqa: SIM118 - no mapping == [1]
