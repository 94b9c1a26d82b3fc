"""Temporary credentials (decision 0024): a token that says, to the server alone, whose they are.

Nothing of a session is kept. The token says whose it is, what it was made with and until when, under the server's
signature; the secret follows from the token and the server's own. What the token names is looked up at every request,
so a session ends with its user, its key or its role, and not only by its time.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from whiteroom.base.callers import Caller
from whiteroom.domain.resources.accounts import DEFAULT_SESSION_SECONDS, AssumableRole, new_temporary_key_id

USER_SESSION_SECONDS = 43_200
"""How long a session of a user's own lasts, where it says nothing (GetSessionToken)."""
ROOT_SESSION_SECONDS = 3600
"""The same, of an account's root; also the longest that it may be."""


@dataclass(frozen=True, slots=True)
class Session:
    """Whose temporary credentials are, and until when they sign."""

    access_key_id: str
    account_id: str
    user_id: str
    """The unique id of the user; empty for the account's root."""
    made_with: str
    """The user's own access key."""
    expires_at: int
    """Seconds since 1970 UTC."""
    role_id: str = ""
    """The unique id of the role that was assumed; empty where the user stays itself."""
    name: str = ""
    """RoleSessionName."""


def session_of_user(caller: Caller, now: datetime, seconds: int | None) -> Session:
    """A user's own session (GetSessionToken)."""
    if not caller.principal.unique_id:
        seconds = min(seconds or ROOT_SESSION_SECONDS, ROOT_SESSION_SECONDS)
    return _session(caller, now, seconds or USER_SESSION_SECONDS)


def session_of_role(caller: Caller, role: AssumableRole, name: str, now: datetime, seconds: int | None) -> Session:
    """A session in which the user has assumed a role (AssumeRole)."""
    return _session(caller, now, seconds or DEFAULT_SESSION_SECONDS, role.id, name)


def _session(caller: Caller, now: datetime, seconds: int, role_id: str = "", name: str = "") -> Session:
    return Session(
        access_key_id=new_temporary_key_id(),
        account_id=caller.account_id,
        user_id=caller.principal.unique_id,
        made_with=caller.access_key_id,
        expires_at=int((now + timedelta(seconds=seconds)).timestamp()),
        role_id=role_id,
        name=name,
    )


def token_of(session: Session, secret: bytes, at_least: int = 0) -> str:
    """The session's token, which the server alone can make; of `at_least` so many bytes."""
    token = _sealed(asdict(session), secret)
    missing = at_least - len(token)
    # Three bytes become four: as many more as are missing are enough.
    return token if missing <= 0 else _sealed({**asdict(session), "filling": "-" * missing}, secret)


def secret_of(token: str, secret: bytes) -> str:
    """The secret access key that goes with a token: forty characters, as all are."""
    return base64.b64encode(hmac.digest(secret, b"secret access key\n" + token.encode(), "sha256"))[:40].decode()


def session_in(token: str, secret: bytes) -> Session | None:
    """The session of a token; None where this server has not made it, or it was changed."""
    body, _, seal = token.partition(".")
    if not token.isascii() or not hmac.compare_digest(_seal(body, secret), seal):
        return None
    try:
        document: Mapping[str, Any] = json.loads(base64.urlsafe_b64decode(body))
    except (binascii.Error, ValueError):  # under our own seal; only another release writes other things
        return None
    known = {field.name for field in fields(Session)}
    return Session(**{name: value for name, value in document.items() if name in known})


def _sealed(document: Mapping[str, Any], secret: bytes) -> str:
    body = base64.urlsafe_b64encode(json.dumps(document, separators=(",", ":")).encode()).decode()
    return f"{body}.{_seal(body, secret)}"


def _seal(body: str, secret: bytes) -> str:
    return base64.urlsafe_b64encode(hmac.digest(secret, b"session token\n" + body.encode(), "sha256")).decode()
