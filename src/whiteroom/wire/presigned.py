"""Presigned URLs: a signature in the query string, for a browser or whoever holds no key, and for downloads alone.

AWS's description: "Authenticating Requests: Using Query Parameters" (S3 API reference). A URL may live 15 minutes at
most, where S3's may live a week: whoever has it has the file, and it ends up in histories and logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from whiteroom.wire.protocol import ProtocolError, ProtocolFault
from whiteroom.wire.requests import Request

MAX_SECONDS = 15 * 60
SERVICE = "whiteroom"
"""The signing name of the service that has downloads."""

_SIGNATURE = b"X-Amz-Signature"
_ALGORITHM = "AWS4-HMAC-SHA256"
_NEEDED = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders")


@dataclass(frozen=True, slots=True)
class Presigned:
    """What the query string of a presigned URL says. Nothing of it is to be trusted before it is verified."""

    credential: str
    timestamp: str
    lifetime: timedelta
    signed_headers: str
    signature: str
    token: bytes | None
    """Of temporary credentials."""
    signed_query: Sequence[tuple[bytes, bytes]]
    """All of the query but the signature."""


def is_presigned(request: Request) -> bool:
    """Whether the request is signed in its query string."""
    return any(key == _SIGNATURE for key, _ in request.query)


def read_presigned(request: Request) -> Presigned:
    """Take the query string apart.

    Raises:
        ProtocolFault: it is another service's, a part is missing or stands twice, the URL is meant to live too long, or
            there is a body.
    """
    found: dict[str, str] = {}
    for key, value in request.query:
        name = key.decode("latin-1")
        if name.startswith("X-Amz-"):
            if name in found:
                raise _incomplete(f"The query string has '{name[:64]}' more than once. Send it once.")
            found[name] = value.decode("latin-1")
    if found.get("X-Amz-Credential", "").split("/")[-2:-1] != [SERVICE]:
        raise presigned_for_downloads_alone()
    for name in _NEEDED:
        if not found.get(name):
            raise _incomplete(f"A presigned URL requires the query parameter '{name}'.")
    if found["X-Amz-Algorithm"] != _ALGORITHM:
        raise _incomplete(f"X-Amz-Algorithm must be {_ALGORITHM}.")
    expires = found["X-Amz-Expires"]
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 6 and 1 <= int(expires) <= MAX_SECONDS):
        raise _incomplete(f"X-Amz-Expires must be a number of seconds from 1 to {MAX_SECONDS} (15 minutes).")
    if request.body:
        raise _incomplete("A presigned URL is asked for without a body.")
    token = found.get("X-Amz-Security-Token")
    return Presigned(
        credential=found["X-Amz-Credential"],
        timestamp=found["X-Amz-Date"],
        lifetime=timedelta(seconds=int(expires)),
        signed_headers=found["X-Amz-SignedHeaders"],
        signature=found["X-Amz-Signature"],
        token=None if token is None else token.encode("latin-1"),
        signed_query=[pair for pair in request.query if pair[0] != _SIGNATURE],
    )


def presigned_for_downloads_alone() -> ProtocolFault:
    """A URL was presigned for anything else."""
    return _incomplete(
        "Sign with the Authorization header: signatures in the query string are accepted for downloads of results "
        "alone (GetResult and HeadResult of the service 'whiteroom')."
    )


def _incomplete(message: str) -> ProtocolFault:
    return ProtocolFault(ProtocolError.INCOMPLETE_SIGNATURE, message)
