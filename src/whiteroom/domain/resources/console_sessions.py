"""The console's sessions: who has signed in with a browser, by which way, and until when (decision 0049).

What a browser holds is a secret of 32 bytes; kept is its digest alone. A session ends by its time, after a while in
which nobody asked for anything, when it is signed out, and with its user, its account and the key it was made with.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from whiteroom.base.arns import new_id
from whiteroom.base.callers import ROOT_USER
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict

SESSION_TIME = timedelta(hours=8)
"""How long a session lasts at most."""
IDLE_TIME = timedelta(minutes=30)
"""How long one lasts in which nothing is asked for."""
SEEN_STEP = timedelta(minutes=1)
"""How exactly it is kept when a session was last used: each request would be a write otherwise."""
LINK_TIME = timedelta(minutes=10)
"""How long a one-time link takes somebody in."""
MOST_SIGN_INS = 500
"""So many sign-ins and refusals of an account are kept; the oldest go first."""
MOST_OF_A_USER = 100
"""Of one user of it."""

OPERATOR = "operator"
"""Whose sessions the operator's are, in the place of an account."""


class Way(StrEnum):
    """How somebody signed in, or tried to; or who did something about it."""

    ACCESS_KEY = "access key"
    """With an access key of the user's, and its secret."""
    LINK = "one-time link"
    """With a link that the operator has handed over."""
    OPERATOR = "operator"
    """The operator did it."""


class Outcome(StrEnum):
    """What came of it."""

    SIGNED_IN = "signed in"
    """A session began."""
    SIGNED_OUT = "signed out"
    """The user ended its session."""
    REFUSED = "refused"
    """No session began."""
    ENDED = "session ended"
    """The operator ended a session."""
    DISABLED = "disabled"
    """The operator lets an account, or a user of it, do nothing more."""
    ENABLED = "enabled"
    """The operator took that back."""
    KEY_ENDED = "key ended"
    """The operator ended an access key."""
    WORK_STOPPED = "work stopped"
    """The operator lets no work be done in a collaboration."""
    WORK_RESUMED = "work resumed"
    """The operator took that back."""
    USE_ENDED = "use of tables ended"
    """The operator ended all use of an account's tables."""


@dataclass(frozen=True, slots=True)
class ConsoleLink:
    """A link that takes its user in, once. `id` is the digest of what is in it."""

    id: str
    account_id: str
    """Or OPERATOR."""
    user_id: str
    """The user's unique id; empty for the operator, and for an account of development mode."""
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """A browser that has signed in. `id` is the digest of what is in its cookie."""

    id: str
    account_id: str
    """Or OPERATOR."""
    user_id: str
    made_with: str
    """The access key that it was signed in with; empty where there was none."""
    way: Way
    seen_at: datetime
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody signed in or out, or was refused; or the operator did something about who may do what."""

    id: str
    account_id: str
    """Or OPERATOR."""
    user: str
    """The user's name."""
    way: Way
    outcome: Outcome
    reason: str
    created_at: datetime


def new_secret() -> str:
    """What a link or a cookie holds."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_link(account_id: str, user_id: str, secret: str, now: datetime) -> ConsoleLink:
    """A link that works from now on."""
    return ConsoleLink(digest(secret), account_id, user_id, now + LINK_TIME, now)


def new_session(account_id: str, user_id: str, made_with: str, way: Way, secret: str, now: datetime) -> ConsoleSession:
    """A session that begins now."""
    return ConsoleSession(digest(secret), account_id, user_id, made_with, way, now, now + SESSION_TIME, now)


def sign_in(account_id: str, user: str, way: Way, outcome: Outcome, now: datetime, reason: str = "") -> SignIn:
    """What is written down of it."""
    return SignIn(new_id(), account_id, user or ROOT_USER, way, outcome, reason, now)


def lasts(session: ConsoleSession, now: datetime) -> Verdict:
    """Whether a session goes on."""
    if now >= session.expires_at:
        return Denied(f"Sessions last {SESSION_TIME // timedelta(hours=1)} hours. Sign in again.")
    if now >= session.seen_at + IDLE_TIME:
        return Denied(
            f"Nothing was asked for in {IDLE_TIME // timedelta(minutes=1)} minutes, and so the session ended. "
            "Sign in again."
        )
    return ALLOWED
