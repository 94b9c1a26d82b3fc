"""Who looks at a page: a user of an account, or the operator, by the cookie of a session."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from whiteroom.answering import Inside
from whiteroom.base.callers import ROOT, Caller, Principal
from whiteroom.base.machine_errors import machine_error_of
from whiteroom.domain.resources.console_sessions import OPERATOR, SEEN_STEP, ConsoleSession, digest, lasts
from whiteroom.domain.resources.permissions import permitted
from whiteroom.domain.verdicts import Denied
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.users import enabled_user, user_of_key


class NotSignedIn(Exception):
    """Nobody is signed in by that cookie. The message says why, where there was somebody."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who has signed in."""

    session: ConsoleSession
    principal: Principal
    form_token: str
    """What each form of its pages holds, and no other site's can."""
    inside: Inside
    region: str

    @property
    def is_operator(self) -> bool:
        """Whether it is the operator, who is no member and asks no operation."""
        return self.session.account_id == OPERATOR

    @property
    def account_id(self) -> str:
        """The member's twelve digits."""
        return self.session.account_id

    @property
    def caller(self) -> Caller:
        """As whom operations are asked."""
        return Caller(self.session.account_id, self.region, self.principal, self.session.made_with, temporary=True)

    def may(self, service: str, name: str) -> bool:
        """Whether the user's role may ask an operation: what it may not is not offered."""
        return not self.is_operator and bool(permitted(self.caller, service, name))

    async def call(self, service: str, name: str, /, **parameters: Any) -> dict[str, Any]:
        """Ask an operation, as boto3 would with a key of the user's.

        Raises:
            Refused: it is refused.
        """
        return await self.inside.call(self.caller, service, name, **parameters)


def form_token(secret: str) -> str:
    """What forms of a session hold: it follows from the cookie, which pages cannot read."""
    return hmac.digest(secret.encode(), b"form", sha256).hex()


def session_of(tx: Transaction, secret: str, now: datetime, *, dev: bool) -> tuple[ConsoleSession, Principal]:
    """The session of a cookie, and who that is now.

    Raises:
        NotSignedIn: there is none, it is over, or something that it rests on is gone.
    """
    session = tx.console_sessions.get(digest(secret))
    if session is None:
        raise NotSignedIn("")
    verdict = lasts(session, now)
    if isinstance(verdict, Denied):
        raise NotSignedIn(verdict.reason)
    principal = _principal(tx, session, dev=dev)
    if principal is None:
        raise NotSignedIn("The account, its user or the access key that you signed in with may sign in no longer.")
    return session, principal


def _principal(tx: Transaction, session: ConsoleSession, *, dev: bool) -> Principal | None:
    if session.account_id == OPERATOR:
        return replace(ROOT, user=OPERATOR)
    if not session.user_id:
        return ROOT if dev else None
    if session.made_with:
        user = user_of_key(tx, session.account_id, session.made_with)
        return user.principal if user is not None and user.id == session.user_id else None
    user = enabled_user(tx, session.account_id, session.user_id)
    return None if user is None else user.principal


async def visitor_now(visitor: Visitor) -> Visitor:
    """Whoever it was, as that user is now; the session is not used by that.

    Raises:
        NotSignedIn: the session has ended, or something that it rests on is gone.
    """
    now = visitor.inside.clock()

    def again(tx: Transaction) -> tuple[ConsoleSession, Principal]:
        session = tx.console_sessions.get(visitor.session.id)
        if session is None or isinstance(lasts(session, now), Denied):
            raise NotSignedIn("")
        # A session of no user was let in by a server in development mode, which this one is.
        principal = _principal(tx, session, dev=True)
        if principal is None:
            raise NotSignedIn("")
        return session, principal

    session, principal = await visitor.inside.read(again)
    return replace(visitor, session=session, principal=principal)


async def visitor_of(inside: Inside, secret: str | None, region: str, *, dev: bool, is_used: bool = True) -> Visitor:
    """Who has sent this cookie; the session is used by that, unless it is said not to be.

    Raises:
        NotSignedIn: nobody has, or no longer.
    """
    if not secret:
        raise NotSignedIn("")
    now = inside.clock()
    session, principal = await inside.read(lambda tx: session_of(tx, secret, now, dev=dev))
    if is_used and now >= session.seen_at + SEEN_STEP:

        def seen(tx: Transaction) -> None:
            current = tx.console_sessions.get(session.id)
            if current is not None:
                tx.console_sessions.update(current, seen_at=now)

        try:
            await inside.write(seen)
        except Exception as error:
            # A full disk is no reason to show nothing: that the session is used is noted at a later page.
            if machine_error_of(error) is None:
                raise
    return Visitor(session, principal, form_token(secret), inside, region)
