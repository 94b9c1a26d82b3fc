"""Signing in and out: the one way to a session, whichever way somebody comes."""

from __future__ import annotations

import hmac
import re
import secrets
from collections import deque
from datetime import datetime, timedelta

from whiteroom.administration.sign_ins import note_sign_in
from whiteroom.answering import Inside
from whiteroom.base.callers import ROOT_USER
from whiteroom.console.visitors import Visitor
from whiteroom.domain.resources.console_sessions import (
    OPERATOR,
    Outcome,
    Way,
    digest,
    lasts,
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
NOTED, NOTED_TIME = 10, timedelta(minutes=5)
"""So many refusals of one access key are written down in so long."""
MOST_SESSIONS = 20
"""Of one user: with one more, that ends which was used the longest ago."""

_ACCOUNT = re.compile(r"[0-9]{12}")


class SignInRefused(Exception):
    """Nobody is let in. The message says what to do."""

    status = 403


class Refusals:
    """Refusals of late, of each access key that there is: how many of them are written down has a bound.

    Nobody waits for them: secrets are the server's own, of 240 bits and more, so that guessing is hopeless, and whoever
    was made to wait by the guesses of others would be who has the right one. In memory: a restart forgets them.
    """

    def __init__(self) -> None:
        self._of: dict[str, deque[datetime]] = {}

    def one_more(self, key_id: str, now: datetime) -> bool:
        """Whether one more of a key's is to be written down."""
        times = self._of.setdefault(key_id, deque(maxlen=NOTED))
        if len(times) == NOTED and now < times[0] + NOTED_TIME:
            return False
        times.append(now)
        return True


async def by_access_key(inside: Inside, refusals: Refusals, key_id: str, secret: str, *, dev: bool) -> str:
    """The cookie of a new session of the key's user.

    Raises:
        SignInRefused: the key is not good.
    """
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
            now = inside.clock()
            if not refusals.one_more(key.id, now):
                return ""
            owner = tx.users.get(key.user_id)
            reason = "The secret was wrong." if user is not None else "The key, its user or its account is disabled."
            note_sign_in(tx, sign_in(key.account_id, owner.name if owner else "", Way.ACCESS_KEY, Outcome.REFUSED,
                              now, reason))  # fmt: skip
            return ""
        return _begun(tx, inside, key.account_id, user.id, key.id, user.name, Way.ACCESS_KEY)

    # Whoever guesses takes no turn of those who write.
    is_known = await inside.read(lambda tx: tx.access_keys.get(key_id) is not None)
    cookie = await inside.write(enter) if is_known else ""
    if not cookie:
        raise SignInRefused(WRONG_KEY)
    return cookie


async def by_link(inside: Inside, secret: str, *, dev: bool) -> str:
    """The cookie of a new session of the link's user. The link is used up.

    Raises:
        SignInRefused: the link is not good.
    """

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

    is_known = await inside.read(lambda tx: tx.console_links.get(digest(secret)) is not None)
    cookie = await inside.write(enter) if is_known else ""
    if not cookie:
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
    """A new session, and its cookie. The user's sessions, and the account's links, that are over go."""
    now, cookie = inside.clock(), new_secret()
    own = [one for one in tx.console_sessions.all(account_id=account_id) if one.user_id == user_id]
    held = sorted(own, key=lambda one: one.seen_at)
    over, going_on = [one for one in held if not lasts(one, now)], [one for one in held if lasts(one, now)]
    for session in over + going_on[: -(MOST_SESSIONS - 1)]:
        tx.console_sessions.remove(session)
    for link in tx.console_links.all(account_id=account_id):
        if now >= link.expires_at:
            tx.console_links.remove(link)
    tx.console_sessions.add(new_session(account_id, user_id, made_with, way, cookie, now))
    note_sign_in(tx, sign_in(account_id, name, way, Outcome.SIGNED_IN, now))
    return cookie
