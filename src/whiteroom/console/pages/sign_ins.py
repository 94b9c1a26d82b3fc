"""Who has signed in to an account's pages, and who was refused; and ending sessions."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from whiteroom.base.callers import ROOT_USER, Role
from whiteroom.console.asked import Asked
from whiteroom.console.rendering import PREFIX, page
from whiteroom.domain.resources.console_sessions import ConsoleSession, SignIn, lasts
from whiteroom.ports.transaction import Transaction

SHOWN = 100
"""The newest."""


async def show(asked: Asked) -> Response:
    """Sessions that go on, and the newest entries: the administrator sees all of the account's, others their own."""
    visitor = asked.visitor
    now = visitor.inside.clock()

    def found(tx: Transaction) -> tuple[list[ConsoleSession], list[SignIn]]:
        held = tx.console_sessions.all(account_id=visitor.account_id)
        entries = tx.sign_ins.all(account_id=visitor.account_id)
        own = visitor.principal.user
        seen = [entry for entry in reversed(entries) if _sees_all(asked) or entry.user == own]
        return [one for one in held if _may_see(asked, one) and lasts(one, now)], seen[:SHOWN]

    sessions, entries = await visitor.inside.read(found)
    users = await visitor.inside.read(lambda tx: tx.users.all(account_id=visitor.account_id))
    return page(
        "sign_ins.html",
        visitor=visitor,
        sessions=sessions,
        entries=entries,
        names={"": ROOT_USER, **{user.id: user.name for user in users}},
    )


async def end(asked: Asked) -> Response:
    """End a session of the visitor's own, or for an administrator one of the account's. To repeat it is safe."""
    wanted = asked.sent.get("session", "")

    def remove(tx: Transaction) -> None:
        session = tx.console_sessions.get(wanted)
        if session is not None and session.account_id == asked.visitor.account_id and _may_see(asked, session):
            tx.console_sessions.remove(session)

    await asked.visitor.inside.write(remove)
    return RedirectResponse(f"{PREFIX}/sign-ins", 303)


def _sees_all(asked: Asked) -> bool:
    return asked.visitor.principal.role is Role.ADMINISTRATOR


def _may_see(asked: Asked, session: ConsoleSession) -> bool:
    return _sees_all(asked) or session.user_id == asked.visitor.session.user_id
