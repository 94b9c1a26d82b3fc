"""Signature Version 4: from a signed request to the account that signed it.

AWS's description: "Create a signed AWS API request" (IAM user guide). Where clients differ
from it, all that verify safely are accepted (each stands for the same request):

- The canonical path is the path encoded twice (AWS's rule for every service but S3) or once,
  from the path as sent or with each part encoded in full.
- `Host` and every other header is taken as it was received.
- `+` in the query was read as a space and is signed as `%20`.

The body's own hash is signed, whatever `x-amz-content-sha256` claims; a claim that differs is
refused. `UNSIGNED-PAYLOAD` leaves a body open to change on its way, so it is accepted for an
empty body alone. Signatures in the query string are those of presigned.py.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Protocol
from urllib.parse import quote, unquote

from whiteroom.base.callers import Caller, Credential
from whiteroom.base.clock import Clock
from whiteroom.wire.presigned import Presigned, is_presigned, read_presigned
from whiteroom.wire.protocol import ProtocolError, ProtocolFault
from whiteroom.wire.requests import Request


class Credentials(Protocol):
    """The deployment's credentials."""

    def key(self, access_key_id: str) -> Credential | None:
        """The credential of a user's own key; None for one that is unknown or no longer signs."""

    def session(self, token: str) -> Credential | None:
        """The credential of a session token, its time not looked at; None for one that is unknown or has ended."""


ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=5)
MAX_SIGNING_KEYS = 4096
MAX_TOKEN_BYTES = 8192
"""Of a session token: twice what any has."""

_ENCODED = re.compile(r"[A-Za-z0-9%._~/-]*")
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_SCOPE = re.compile(r"([^/]{1,128})/([0-9]{8})/([a-z0-9-]{1,64})/([a-z0-9-]{1,64})/aws4_request")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_USUAL = re.compile(
    rf"{ALGORITHM} Credential=([^/,= ]{{1,128}})/([0-9]{{8}})/([a-z0-9-]{{1,64}})/([a-z0-9-]{{1,64}})/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)
"""The header as nearly every client writes it, read in one step; any other is taken apart."""
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_TIMESTAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_TIMESTAMP_FORMAT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature says of itself: whose, for when, where and which service."""

    access_key_id: str
    date: str
    region: str
    service: str
    """The service's signing name; any, until it is checked."""
    signed_headers: tuple[str, ...]
    signature: str
    presigned: Presigned | None = None
    """What a presigned URL says besides; None where the Authorization header is signed."""


def read_scope(request: Request) -> Scope:
    """Take the Authorization header apart. Nothing of it is to be trusted before `Authenticator.caller`.

    Raises:
        ProtocolFault: there is none, or it is not one of Signature Version 4.
    """
    header = request.headers.get(b"authorization", b"").decode("latin-1").strip()
    usual = _USUAL.fullmatch(header)
    if usual is not None:
        access_key_id, date, region, service, signed_headers, signature = usual.groups()
        return Scope(access_key_id, date, region, service, tuple(signed_headers.split(";")), signature)
    if not header:
        if is_presigned(request):
            return _presigned_scope(request)
        raise ProtocolFault(ProtocolError.MISSING_AUTHENTICATION_TOKEN, "Missing Authentication Token")
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        raise _incomplete(f"The Authorization header must use {ALGORITHM}.")
    pairs = [part.strip().partition("=")[::2] for part in rest.split(",")]
    parts = dict(pairs)
    if len(parts) != len(pairs):
        raise _incomplete("The Authorization header has a parameter more than once. Send it once.")
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not parts.get(name):
            raise _incomplete(f"Authorization header requires '{name}' parameter.")
    return _scope(parts["Credential"], parts["SignedHeaders"], parts["Signature"])


def _scope(credential: str, signed_headers: str, signature: str, presigned: Presigned | None = None) -> Scope:
    found = _SCOPE.fullmatch(credential)
    if found is None:
        raise _incomplete("Credential must have the form ACCESS_KEY_ID/YYYYMMDD/REGION/SERVICE/aws4_request.")
    if _SIGNATURE.fullmatch(signature) is None:
        raise _incomplete("Signature must be 64 lower-case hexadecimal digits.")
    access_key_id, date, region, service = found.groups()
    return Scope(access_key_id, date, region, service, tuple(signed_headers.split(";")), signature, presigned)


def _presigned_scope(request: Request) -> Scope:
    presigned = read_presigned(request)
    return _scope(presigned.credential, presigned.signed_headers, presigned.signature, presigned)


class Authenticator:
    """Verifies signatures against the deployment's credentials.

    Args:
        credentials: Looks keys and tokens up.
        clock: The present, for the five minutes that a signature lives.
        dev: Take a twelve-digit access key id for the account itself and leave its signature unchecked,
            as local AWS emulators do. Every other key is verified all the same.
    """

    def __init__(self, credentials: Credentials, clock: Clock, *, dev: bool) -> None:
        self._credentials = credentials
        self._clock = clock
        self._dev = dev
        self._signing_keys: dict[tuple[str, str, str, str], bytes] = {}

    def caller(self, request: Request, scope: Scope) -> Caller:
        """The account that signed `request`.

        Raises:
            ProtocolFault: unknown key, signature too old, too new, or not of this request.
        """
        if self._dev and _ACCOUNT_ID.fullmatch(scope.access_key_id):
            return Caller(scope.access_key_id, scope.region, access_key_id=scope.access_key_id)
        credential = self._credential(request, scope)
        timestamp = self._timestamp(request, scope)
        self._verify(request, scope, timestamp, self._signing_key(credential.secret_access_key, scope))
        if credential.expires_at is not None and credential.expires_at <= self._clock():
            raise ProtocolFault(ProtocolError.EXPIRED_TOKEN, "The security token included in the request is expired.")
        return credential.caller(scope.region)

    def _credential(self, request: Request, scope: Scope) -> Credential:
        """What the request claims to be signed with: a key, or temporary credentials where it carries their token."""
        token = request.headers.get(b"x-amz-security-token") if scope.presigned is None else scope.presigned.token
        if token is None:
            found = self._credentials.key(scope.access_key_id)
        elif len(token) <= MAX_TOKEN_BYTES:
            found = self._credentials.session(token.decode("latin-1").strip())
        else:
            found = None
        if found is None or found.access_key_id != scope.access_key_id:
            raise ProtocolFault(
                ProtocolError.UNRECOGNIZED_CLIENT, "The security token included in the request is invalid."
            )
        return found

    def _timestamp(self, request: Request, scope: Scope) -> str:
        if scope.presigned is None:
            timestamp = request.headers.get(b"x-amz-date", b"").decode("latin-1").strip()
        else:
            timestamp = scope.presigned.timestamp
        if not timestamp:
            raise _incomplete("Authorization header requires existence of an 'X-Amz-Date' header.")
        moment = _parse_timestamp(timestamp)
        if moment is None:
            raise _incomplete(f"Date must be in ISO-8601 'basic format'. Got '{timestamp[:64]}'.")
        if timestamp[:8] != scope.date:
            raise _invalid(
                f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: {scope.date}"
            )
        now = self._clock()
        if scope.presigned is not None and moment + scope.presigned.lifetime <= now:
            raise _invalid(
                f"The presigned URL has expired at {_text(moment + scope.presigned.lifetime)}. Make another."
            )
        if scope.presigned is None and moment < now - MAX_SKEW:
            raise _invalid(
                f"Signature expired: {timestamp} is now earlier than {_text(now - MAX_SKEW)} ({_text(now)} - 5 min.)"
            )
        if moment > now + MAX_SKEW:
            latest = _text(now + MAX_SKEW)
            raise _invalid(
                f"Signature not yet current: {timestamp} is still later than {latest} ({_text(now)} + 5 min.)"
            )
        return timestamp

    def _signing_key(self, secret: str, scope: Scope) -> bytes:
        """Four HMACs that stay the same for a day; kept by the secret, so that a new secret makes a new key."""
        name = (secret, scope.date, scope.region, scope.service)
        key = self._signing_keys.get(name)
        if key is None:
            key = f"AWS4{secret}".encode()
            for part in (scope.date, scope.region, scope.service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            if len(self._signing_keys) >= MAX_SIGNING_KEYS:
                self._signing_keys.clear()
            self._signing_keys[name] = key
        return key

    @staticmethod
    def _verify(request: Request, scope: Scope, timestamp: str, key: bytes) -> None:
        headers = _canonical_headers(request, scope)
        query = _canonical_query(request, scope)
        to_sign = f"{ALGORITHM}\n{timestamp}\n{scope.date}/{scope.region}/{scope.service}/aws4_request\n"
        middle = f"\n{query}\n{headers}\n{';'.join(scope.signed_headers)}\n"
        for path, payload_hash in product(_canonical_paths(request.path), _payload_hashes(request, scope)):
            canonical = f"{request.method}\n{path}{middle}{payload_hash}".encode("latin-1")
            expected = hmac.digest(key, (to_sign + hashlib.sha256(canonical).hexdigest()).encode(), "sha256").hex()
            if hmac.compare_digest(expected, scope.signature):
                return
        raise _invalid(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret"
            " Access Key and signing method. Consult the service documentation for details."
        )


def _canonical_paths(path: str) -> Iterator[str]:
    """Each way in which a client may have written the path that it signed, the usual ones first."""
    # Most paths are encoded already: encoding them once more touches nothing but the percent signs.
    yield path.replace("%", "%25") if _ENCODED.fullmatch(path) else quote(path, safe="/~", encoding="latin-1")
    yield path
    in_full = "/".join(quote(unquote(part, "latin-1"), safe="~", encoding="latin-1") for part in path.split("/"))
    if in_full != path:
        yield quote(in_full, safe="/~")
        yield in_full


def _canonical_query(request: Request, scope: Scope) -> str:
    if not request.query:
        return ""
    signed = request.query if scope.presigned is None else scope.presigned.signed_query
    pairs = sorted((quote(key, safe="~"), quote(value, safe="~")) for key, value in signed)
    return "&".join(f"{key}={value}" for key, value in pairs)


def _canonical_headers(request: Request, scope: Scope) -> str:
    if "host" not in scope.signed_headers:
        raise _invalid("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    lines = []
    for name in scope.signed_headers:
        value = request.headers.get(name.encode("latin-1"))
        if value is None:
            raise _invalid(f"SignedHeaders names '{name[:64]}', which the request does not carry.")
        lines.append(f"{name}:{' '.join(value.decode('latin-1').split())}\n")
    return "".join(lines)


def _payload_hashes(request: Request, scope: Scope) -> tuple[str, ...]:
    """Each that may have been signed: of a presigned URL, which has no body, that of nothing, or S3's word for any."""
    if scope.presigned is not None:
        return (_EMPTY_SHA256, _UNSIGNED_PAYLOAD)
    return (_payload_hash(request),)


def _payload_hash(request: Request) -> str:
    actual = hashlib.sha256(request.body).hexdigest() if request.body else _EMPTY_SHA256
    claimed = request.headers.get(b"x-amz-content-sha256", b"").decode("latin-1").strip()
    if not claimed or claimed == actual:
        return actual
    if claimed == _UNSIGNED_PAYLOAD and not request.body:
        return claimed
    raise _invalid("The value of x-amz-content-sha256 is not the SHA-256 of the body that came with it.")


def _parse_timestamp(text: str) -> datetime | None:
    if _TIMESTAMP.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _text(moment: datetime) -> str:
    return moment.strftime(_TIMESTAMP_FORMAT)


def _incomplete(message: str) -> ProtocolFault:
    return ProtocolFault(ProtocolError.INCOMPLETE_SIGNATURE, message)


def _invalid(message: str) -> ProtocolFault:
    return ProtocolFault(ProtocolError.INVALID_SIGNATURE, message)
