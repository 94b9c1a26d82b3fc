"""Signing in and out: the one way to a session, whichever way somebody comes."""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections import deque
from collections.abc import Callable

from whiteroom.administration.sign_ins import note_sign_in
from whiteroom.answering import Inside
from whiteroom.base.callers import ROOT_USER
from whiteroom.console.visitors import Visitor
from whiteroom.domain.resources.console_sessions import (
    OPERATOR,
    Outcome,
    Way,
    digest,
    new_secret,
    new_session,
    sign_in,
)
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.users import enabled_user, user_of_key

WRONG_KEY = "There is no such access key, or the secret is not its. Nobody is told which."
WRONG_LINK = (
    "The link was used already, is older than ten minutes, or is none of this server's. "
    "The operator makes another with `whiteroom console link`."
)
TRIES, TRIES_SECONDS = 10, 300.0
"""So many refusals in so many seconds: of one access key, and twenty times as many of all."""
MOST_WATCHED = 1_000

_ACCOUNT = re.compile(r"[0-9]{12}")


class SignInRefused(Exception):
    """Nobody is let in. The message says what to do."""

    def __init__(self, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.status = status


class Throttle:
    """Refusals of late, of each access key and of all together. In memory: a restart forgets them."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        """By a clock that runs while the machine does."""
        self._seconds = seconds
        self._of: dict[str, deque[float]] = {}
        self._all: deque[float] = deque()

    def check(self, name: str) -> None:
        """Refuse whoever was refused too often.

        Raises:
            SignInRefused: with the status 429.
        """
        self._forget()
        if len(self._of.get(name, ())) >= TRIES or len(self._all) >= 20 * TRIES:
            raise SignInRefused(
                f"There were too many refusals. Wait {TRIES_SECONDS / 60:.0f} minutes, then try again.", 429
            )

    def refused(self, name: str) -> None:
        """There was one more."""
        now = self._seconds()
        self._all.append(now)
        if name in self._of or len(self._of) < MOST_WATCHED:
            self._of.setdefault(name, deque(maxlen=TRIES)).append(now)

    def _forget(self) -> None:
        since = self._seconds() - TRIES_SECONDS
        while self._all and self._all[0] < since:
            self._all.popleft()
        for name in [name for name, times in self._of.items() if times[-1] < since]:
            del self._of[name]
        for times in self._of.values():
            while times and times[0] < since:
                times.popleft()


async def by_access_key(inside: Inside, throttle: Throttle, key_id: str, secret: str, *, dev: bool) -> str:
    """The cookie of a new session of the key's user.

    Raises:
        SignInRefused: the key is not good, or there were too many tries.
    """
    throttle.check(key_id)
    if dev and _ACCOUNT.fullmatch(key_id):
        return await inside.write(lambda tx: _begun(tx, inside, key_id, "", "", ROOT_USER, Way.ACCESS_KEY))

    def enter(tx: Transaction) -> str:
        key = tx.access_keys.get(key_id)
        known = key.secret_access_key if key is not None else secrets.token_urlsafe(30)
        is_right = hmac.compare_digest(known.encode(), secret.encode())
        user = None if key is None else user_of_key(tx, key.account_id, key.id)
        if key is None:
            return ""
        if user is None or not is_right:
            owner = tx.users.get(key.user_id)
            reason = "The secret was wrong." if user is not None else "The key, its user or its account is disabled."
            note_sign_in(tx, sign_in(key.account_id, owner.name if owner else "", Way.ACCESS_KEY, Outcome.REFUSED,
                              inside.clock(), reason))  # fmt: skip
            return ""
        return _begun(tx, inside, key.account_id, user.id, key.id, user.name, Way.ACCESS_KEY)

    cookie = await inside.write(enter)
    if not cookie:
        throttle.refused(key_id)
        raise SignInRefused(WRONG_KEY)
    return cookie


async def by_link(inside: Inside, throttle: Throttle, secret: str, *, dev: bool) -> str:
    """The cookie of a new session of the link's user. The link is used up.

    Raises:
        SignInRefused: the link is not good, or there were too many tries.
    """
    throttle.check("")

    def enter(tx: Transaction) -> str:
        link = tx.console_links.get(digest(secret))
        if link is None:
            return ""
        tx.console_links.remove(link)
        now = inside.clock()
        user = enabled_user(tx, link.account_id, link.user_id)
        name = user.name if user is not None else OPERATOR if link.account_id == OPERATOR else ROOT_USER
        is_known = user is not None or link.account_id == OPERATOR or (dev and not link.user_id)
        if now >= link.expires_at or not is_known:
            reason = "The link was too old." if is_known else "The user or its account is disabled."
            note_sign_in(tx, sign_in(link.account_id, name, Way.LINK, Outcome.REFUSED, now, reason))
            return ""
        return _begun(tx, inside, link.account_id, link.user_id, "", name, Way.LINK)

    cookie = await inside.write(enter)
    if not cookie:
        throttle.refused("")
        raise SignInRefused(WRONG_LINK)
    return cookie


async def out(visitor: Visitor) -> None:
    """End the session. To do it again changes nothing."""
    session = visitor.session

    def end(tx: Transaction) -> None:
        if tx.console_sessions.get(session.id) is not None:
            tx.console_sessions.remove(session)
            now = visitor.inside.clock()
            note_sign_in(tx, sign_in(session.account_id, visitor.principal.user, session.way, Outcome.SIGNED_OUT, now))

    await visitor.inside.write(end)


def _begun(tx: Transaction, inside: Inside, account_id: str, user_id: str, made_with: str, name: str, way: Way) -> str:
    """A new session, and its cookie. Sessions and links that are over go."""
    now, cookie = inside.clock(), new_secret()
    for session in tx.console_sessions.all(account_id=account_id):
        if now >= session.expires_at:
            tx.console_sessions.remove(session)
    for link in tx.console_links.all(account_id=account_id):
        if now >= link.expires_at:
            tx.console_links.remove(link)
    tx.console_sessions.add(new_session(account_id, user_id, made_with, way, cookie, now))
    note_sign_in(tx, sign_in(account_id, name, way, Outcome.SIGNED_IN, now))
    return cookie
