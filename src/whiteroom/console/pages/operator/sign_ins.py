"""Who has signed in to the console, of every account, and who was refused; and ending sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from whiteroom.administration.console_sessions import end_session
from whiteroom.console.asked import Asked
from whiteroom.console.places import place_in, place_of
from whiteroom.console.rendering import PREFIX, page
from whiteroom.domain.resources.console_sessions import OPERATOR, ConsoleSession
from whiteroom.ports.transaction import Transaction

SHOWN = 100
"""Sessions, and entries, on a page: the newest."""


@dataclass(frozen=True, slots=True)
class _Session:
    """A session, and the name of whose it is."""

    record: ConsoleSession
    user: str


async def show(asked: Asked) -> Response:
    """Sessions that go on, and entries, from a place in their list on."""
    visitor = asked.visitor
    now, after = visitor.inside.clock(), place_in(asked.query.get("after", ""))
    sessions = await visitor.inside.read(lambda tx: _named(tx, tx.console_sessions.page(SHOWN, None).items))
    entries = await visitor.inside.read(lambda tx: tx.sign_ins.page(SHOWN, after))
    return page(
        "operator/sign_ins.html",
        visitor=visitor,
        sessions=[one for one in sessions if now < one.record.expires_at],
        is_cut=len(sessions) == SHOWN,
        entries=entries.items,
        older=place_of(entries.next),
    )


async def end(asked: Asked) -> Response:
    """End a session of anybody's. To repeat it is safe."""
    wanted, now = asked.sent.get("session", ""), asked.visitor.inside.clock()

    def remove(tx: Transaction) -> None:
        session = tx.console_sessions.get(wanted)
        if session is not None:
            end_session(tx, session, now)

    await asked.visitor.inside.write(remove)
    return RedirectResponse(f"{PREFIX}/sign-ins", 303)


def _named(tx: Transaction, sessions: Sequence[ConsoleSession]) -> list[_Session]:
    found = []
    for one in sessions:
        user = tx.users.get(one.user_id) if one.user_id else None
        found.append(_Session(one, user.name if user is not None else OPERATOR if one.account_id == OPERATOR else ""))
    return found
