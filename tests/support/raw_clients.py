"""Connections to a running server without a library, to hold as no library does."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack

from support.server import RunningServer

GONE = (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""What a client meets whose connection was ended."""


def begun(server: RunningServer, sockets: ExitStack, *, receive_bytes: int = 0) -> socket.socket:
    """A connection on which nothing was said yet."""
    host, port = server.url.partition("://")[2].split(":")
    client = sockets.enter_context(socket.socket())
    client.settimeout(20)
    if receive_bytes:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.connect((host, int(port)))
    return client


def connected(server: RunningServer, sockets: ExitStack, *sent: bytes, receive_bytes: int = 0) -> socket.socket:
    """A connection, with TLS where the server has it, on which that much was sent."""
    client = begun(server, sockets, receive_bytes=receive_bytes)
    if server.ca is not None:
        trusting = ssl.create_default_context(cafile=server.ca)
        client = sockets.enter_context(trusting.wrap_socket(client, server_hostname="localhost"))
    for part in sent:
        client.sendall(part)
    return client


def rest(client: socket.socket) -> bytes:
    """All that the server says until it closes."""
    said = b""
    try:
        while part := client.recv(65_536):
            said += part
    except GONE:
        pass
    return said
