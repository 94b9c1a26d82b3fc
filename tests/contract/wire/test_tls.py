"""TLS by the server itself, as clients meet it: real sockets, boto3 that verifies, certificates of this minute."""

from __future__ import annotations

import os
import pty
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, HTTPClientError, SSLError

from support.certificates import Authority, Files, issue
from support.command import whiteroom
from support.live import once
from support.patience import stretch
from support.ports import free_port
from support.raw_clients import GONE, begun, connected, rest
from support.server import RunningServer, running_server

ALICE = "111111111111"
PATIENCE_SECONDS = 2
LIMIT = 40
CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(200)
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def files(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Files:
    return issue(authority, tmp_path_factory.mktemp("certificate"), "localhost", "127.0.0.1")


@pytest.fixture(scope="module")
def console_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(
    authority: Authority, files: Files, console_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("tls")
    environment = {"WHITEROOM_REQUEST_SECONDS": str(PATIENCE_SECONDS), "WHITEROOM_MAX_CONNECTIONS": str(LIMIT)}
    environment |= files.settings | {"WHITEROOM_CONSOLE_PORT": str(console_port)}
    with running_server(folder / "data", environment=environment, ca=authority.write(folder)) as server:
        yield server


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def serial(server: RunningServer) -> str:
    """That of the certificate which a new connection gets; it is closed again."""
    with ExitStack() as sockets:
        client = connected(server, sockets)
        assert isinstance(client, ssl.SSLSocket)
        found = client.getpeercert()
    assert found is not None
    return str(found["serialNumber"])


def test_the_server_says_https_and_boto3_that_verifies_is_answered(server: RunningServer) -> None:
    assert server.url.startswith("https://127.0.0.1:")
    assert server.client("cleanrooms", ALICE).list_collaborations()["collaborationList"] == []


def test_boto3_that_trusts_other_authorities_refuses_the_server(server: RunningServer, tmp_path: Path) -> None:
    stranger = boto3.client(
        "sts",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=ALICE,
        aws_secret_access_key="x",
        verify=str(Authority("Another").write(tmp_path)),
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(SSLError):
        stranger.get_caller_identity()
    stranger.close()


def test_plain_http_is_not_answered(server: RunningServer) -> None:
    plain = RunningServer(server.data, server.url.replace("https", "http"), server.process)
    client = plain.client("sts", ALICE)
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        client.get_caller_identity()
    client.close()


def test_nothing_older_than_tls_1_2_and_no_cipher_without_forward_secrecy_is_agreed_on(
    server: RunningServer, sockets: ExitStack
) -> None:
    def agreed(context: ssl.SSLContext) -> str:
        client = sockets.enter_context(context.wrap_socket(begun(server, sockets), server_hostname="localhost"))
        return str(client.version())

    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=server.ca)
        context.minimum_version = context.maximum_version = version
        assert agreed(context) == version.name.replace("_", ".")
    old = ssl.create_default_context(cafile=server.ca)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        agreed(old)
    static = ssl.create_default_context(cafile=server.ca)
    static.maximum_version = ssl.TLSVersion.TLSv1_2
    static.set_ciphers("AES128-SHA:AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA256")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        agreed(static)


def test_the_console_speaks_tls_on_its_own_port_too(
    server: RunningServer, console_port: int, sockets: ExitStack
) -> None:
    console = replace(server, url=f"https://127.0.0.1:{console_port}")
    client = connected(console, sockets, b"GET /console HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    said = rest(client)
    assert said.startswith(b"HTTP/1.1 401 ")
    assert b"<form" in said


def test_commands_beside_the_server_find_it(server: RunningServer) -> None:
    found = whiteroom("accounts", "add", "222222222222", "--data", str(server.data))
    assert f"endpoint_url = {server.url}\n" in found.out
    second = whiteroom("up", "--data", str(server.data))
    assert second.code != 0
    assert f"A server already runs on {server.data}, at {server.url}." in second.err


def test_handshakes_that_do_not_go_on_are_ended_in_time(server: RunningServer, sockets: ExitStack) -> None:
    silent, half = begun(server, sockets), begun(server, sockets)
    half.sendall(CLIENT_HELLO[:20])
    began = time.monotonic()
    assert (rest(silent), rest(half)) == (b"", b"")
    assert time.monotonic() - began < (PATIENCE_SECONDS + 3) * stretch()


def test_a_handshake_is_part_of_the_time_that_a_request_has(server: RunningServer, sockets: ExitStack) -> None:
    """Whoever is slow with the one has less for the other."""
    began = time.monotonic()
    client = begun(server, sockets)
    time.sleep(PATIENCE_SECONDS / 2)
    context = ssl.create_default_context(cafile=server.ca)
    talking = sockets.enter_context(context.wrap_socket(client, server_hostname="localhost"))
    assert b" 408 " in rest(talking)
    assert time.monotonic() - began < (PATIENCE_SECONDS + 2) * stretch()


def test_handshakes_that_are_held_open_keep_nobody_from_being_served(server: RunningServer, sockets: ExitStack) -> None:
    """They count from the moment they are accepted, and those that have been there longest make room."""
    held = [begun(server, sockets) for _ in range(5 * LIMIT)]
    for one in held[::2]:
        with suppress(*GONE):
            one.sendall(CLIENT_HELLO[:20])
    client = server.client("sts", ALICE)
    for _ in range(20):
        assert client.get_caller_identity()["Account"] == ALICE
    assert rest(held[0]) == b""
    assert len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())) < LIMIT + 100


def test_connections_that_are_closed_and_do_not_take_leave_keep_nobody_from_being_served(
    server: RunningServer, sockets: ExitStack
) -> None:
    """TLS waits for a client's own end; what is closing does not count against those who come."""
    for _ in range(5 * LIMIT):
        connected(server, sockets, b"x x\r\n\r\n")
    assert server.client("sts", ALICE).get_caller_identity()["Account"] == ALICE
    assert len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())) < LIMIT + 100


def test_what_is_sent_with_the_last_of_the_handshake_is_answered(server: RunningServer, sockets: ExitStack) -> None:
    client = begun(server, sockets)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=server.ca)
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            client.sendall(outgoing.read())
            incoming.write(client.recv(65_536))
        else:
            break
    tls.write(HEALTH * 3)
    client.sendall(outgoing.read())
    said = b""
    while said.count(b'{"status":"ok"}') < 3:
        incoming.write(client.recv(65_536))
        with suppress(ssl.SSLWantReadError):
            while True:
                said += tls.read(65_536)


def test_a_renewed_certificate_is_there_for_new_connections_and_ends_none_of_the_old(
    authority: Authority, files: Files, server: RunningServer, sockets: ExitStack
) -> None:
    old = connected(server, sockets)
    first = serial(server)
    issue(authority, files.cert.parent, "localhost", "127.0.0.1")
    server.process.send_signal(signal.SIGHUP)
    once(lambda found: found != first, lambda: serial(server))
    old.sendall(HEALTH)
    assert old.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_files_that_are_no_pair_leave_the_certificate_in_use(
    authority: Authority, files: Files, server: RunningServer, sockets: ExitStack
) -> None:
    """As an ACME client has them between the two that it writes."""
    first = serial(server)
    key = files.key.read_bytes()
    issue(authority, files.cert.parent, "localhost", "127.0.0.1")
    new_key = files.key.read_bytes()
    files.key.write_bytes(key)
    log = server.data.with_name(f"{server.data.name}.log")
    server.process.send_signal(signal.SIGHUP)
    once(lambda text: "is not the key of the first certificate" in text, log.read_text)
    assert serial(server) == first
    files.key.write_bytes(new_key)
    server.process.send_signal(signal.SIGHUP)
    once(lambda found: found != first, lambda: serial(server))


def test_a_server_with_idle_and_half_open_connections_stops_in_time(
    authority: Authority, files: Files, tmp_path: Path, sockets: ExitStack
) -> None:
    environment, ca = files.settings, authority.write(tmp_path)
    with running_server(tmp_path / "data", environment=environment, ca=ca) as server:
        idle, half = connected(server, sockets, HEALTH), begun(server, sockets)
        assert idle.recv(65_536).startswith(b"HTTP/1.1 200 ")
        half.sendall(CLIENT_HELLO[:20])
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 8 * stretch()


def test_a_server_without_a_certificate_goes_on_at_a_hangup_that_is_not_its_terminals(tmp_path: Path) -> None:
    """What reloads services sends it to each; another test has the terminal's."""
    with running_server(tmp_path / "data") as server:
        server.process.send_signal(signal.SIGHUP)
        assert server.client("sts", ALICE).get_caller_identity()["Account"] == ALICE
        assert server.stop() == 0


def test_a_server_ends_with_its_terminal(tmp_path: Path) -> None:
    data = tmp_path / "data"
    main, terminal = pty.openpty()
    program = (
        "import fcntl, os, sys, termios\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'whiteroom', 'up', '--dev', '--port', '0', *sys.argv[1:]])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, "--data", str(data)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    try:
        said = b""
        while b"is ready at http://" not in said:
            said += os.read(main, 65_536)
        process.send_signal(signal.SIGHUP)  # somebody's, and the terminal is there
        address = said.partition(b"http://")[2].split(b",")[0].decode().split(":")
        with socket.create_connection((address[0], int(address[1])), 20) as client:
            client.sendall(HEALTH)
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert process.poll() is None
        os.close(main)
        assert process.wait(30 * stretch()) is not None
    finally:
        with suppress(OSError):
            os.close(main)
        process.kill()
        process.wait()
