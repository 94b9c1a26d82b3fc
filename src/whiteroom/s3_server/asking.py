"""Requests to the S3 that comes along, on its socket, as the server: to see whether it answers, and to make buckets."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PATIENCE_SECONDS = 5.0


class Refused(Exception):
    """It answered something else than that it is done. The message has what it said."""


def ask(
    path: Path, key: tuple[str, str], method: str, target: str, body: bytes = b"", fine: Sequence[int] = (200,)
) -> bytes:
    """One request; what it answers.

    Args:
        path: of the socket.
        key: an access key id and its secret.
        method: of HTTP.
        target: `/BUCKET` or `/BUCKET/KEY`.
        body: what is sent along.
        fine: the statuses that are no refusal.

    Raises:
        Refused: it refuses.
        OSError: it does not answer.
    """
    request = AWSRequest(method, f"http://localhost{target}", data=body)
    S3SigV4Auth(Credentials(*key), "s3", "us-east-1").add_auth(request)
    connection = _OnSocket(path)
    try:
        connection.request(method, target, body, dict(request.headers))
        answer = connection.getresponse()
        said = answer.read()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
    if answer.status not in fine:
        raise Refused(f"{method} {target}: {answer.status} {said[:500].decode(errors='replace')}")
    return said


class _OnSocket(http.client.HTTPConnection):
    """HTTP over a socket in a folder."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_SECONDS)
        self._path = path

    def connect(self) -> None:
        """See http.client."""
        folder = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            # The path of a socket has 107 bytes at most, which that of a data folder may not.
            self.sock.connect(f"/proc/self/fd/{folder}/{self._path.name}")
        finally:
            os.close(folder)
