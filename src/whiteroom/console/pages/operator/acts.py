"""What the operator does, each asked first: an address that is looked at says what it will do, and its form does it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

from starlette.responses import RedirectResponse, Response

from whiteroom.administration.accounts import end_key, set_account, set_user
from whiteroom.administration.collaborations import resume_work, stop_work
from whiteroom.administration.console_sessions import end_sessions
from whiteroom.administration.owners import end_use, ruled_tables
from whiteroom.console.asked import Asked
from whiteroom.console.pages import DO, LOOK, Routes
from whiteroom.console.pages.operator.not_there import not_there
from whiteroom.console.rendering import PREFIX, page
from whiteroom.domain.resources.accounts import Standing
from whiteroom.ports.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Act:
    """Something that can be done to what an address names."""

    title: str
    does: str
    """What it ends or allows, in sentences."""
    button: str
    back: str
    """The page that shows what came of it."""
    do: Callable[[Transaction, datetime], object]
    """Safe to repeat."""
    command: str
    """That does the same."""
    hurries: bool = False
    """Whether work is to be looked at once it is done."""


Find: TypeAlias = Callable[[Transaction, Mapping[str, Any]], Act | None]


async def _act(find: Find, asked: Asked) -> Response:
    inside = asked.visitor.inside
    if asked.form is None:
        found = await inside.read(lambda tx: find(tx, asked.path))
        return (
            not_there(asked, "address")
            if found is None
            else page("operator/act.html", visitor=asked.visitor, act=found)
        )

    def do(tx: Transaction) -> Act | None:
        act = find(tx, asked.path)
        if act is not None:
            act.do(tx, inside.clock())
        return act

    done = await inside.write(do)
    if done is None:
        return not_there(asked, "address")
    if done.hurries:
        await asyncio.to_thread(inside.hurry)
    return RedirectResponse(PREFIX + done.back, 303)


def _account(standing: Standing, tx: Transaction, path: Mapping[str, Any]) -> Act | None:
    account = tx.accounts.get(path["account"])
    if account is None:
        return None
    back = f"/operator/accounts/{account.id}"
    if standing is Standing.ENABLED:
        title, button, verb = f"Enable account {account.id}", "Enable it", "enable"
        does = "Its keys sign again, and its users sign in again, but for those who are disabled themselves."
    else:
        title, button, verb = f"Disable account {account.id}", "Disable it", "disable"
        does = (
            "None of its keys signs any more, and its sessions end, at once. Nothing else changes: its tables stay in "
            "collaborations, and what runs goes on. Enabling it takes that back."
        )
    command = f"whiteroom accounts {verb} {account.id}"
    return Act(title, does, button, back, lambda tx, now: set_account(tx, account, standing, now), command)


def _user(standing: Standing, tx: Transaction, path: Mapping[str, Any]) -> Act | None:
    user = tx.users.get(path["user"])
    if user is None:
        return None
    of = f"user {user.name} of account {user.account_id}"
    if standing is Standing.ENABLED:
        title, button, verb = f"Enable {of}", "Enable it", "enable"
        does = "Its keys sign again, and it signs in again."
    else:
        title, button, verb = f"Disable {of}", "Disable it", "disable"
        does = "Its keys sign no more, and its sessions end, at once. Enabling it takes that back."
    back, command = f"/operator/accounts/{user.account_id}", f"whiteroom users {verb} --account {user.account_id}"
    do = partial(_set_user, user.id, standing)
    return Act(title, does, button, back, do, f"{command} {user.name}")


def _set_user(user_id: str, standing: Standing, tx: Transaction, now: datetime) -> None:
    user = tx.users.get(user_id)
    if user is not None:
        set_user(tx, user, standing, now)


def _key(tx: Transaction, path: Mapping[str, Any]) -> Act | None:
    key = tx.access_keys.get(path["key"])
    if key is None:
        return None
    does = (
        "It signs no more, and the sessions that were made with it end, at once. That cannot be taken back: "
        "whiteroom keys add gives its user another."
    )
    back, command = f"/operator/accounts/{key.account_id}", f"whiteroom keys remove {key.id}"
    return Act(f"End access key {key.id}", does, "End it", back, lambda tx, now: end_key(tx, key.id, now), command)


def _work(stops: bool, tx: Transaction, path: Mapping[str, Any]) -> Act | None:
    one = tx.collaborations.get(path["collaboration"])
    if one is None:
        return None
    back = f"/operator/collaborations/{one.id}"
    if stops:
        does = (
            "Every query, channel, training, inference job and export of every member that waits or runs there ends "
            "within seconds (StoppedByOperator) and delivers nothing; none can be started until work may go on. What "
            "members keep, their rules and what was made before stay as they are."
        )
        title, button, act, verb = f"Stop all work of {one.name}", "Stop all work", stop_work, "stop"
    else:
        does = "Members can start work there again. What was ended stays ended."
        title, button, act, verb = f"Let work of {one.name} go on", "Let it go on", resume_work, "resume"
    command = f"whiteroom collaborations {verb} {one.id}"
    return Act(title, does, button, back, lambda tx, now: act(tx, one, now), command, hurries=True)


def _tables(tx: Transaction, path: Mapping[str, Any]) -> Act | None:
    account_id = path["account"]
    if tx.accounts.get(account_id) is None and not tx.configured_tables.count(1, account_id=account_id):
        return None
    ruled = len(ruled_tables(tx, account_id))
    does = (
        f"The analysis rules of all its tables are deleted, in every collaboration: {ruled} have one now. Nothing new "
        "is made of the tables, nothing that was made of them leaves, and work on them ends within seconds. The rules "
        "are not shown here and not kept: the command prints them, so that the account can set them again."
    )
    return Act(
        f"End all use of the tables of account {account_id}",
        does,
        "End all use",
        f"/operator/accounts/{account_id}",
        lambda tx, now: end_use(tx, account_id, now),
        f"whiteroom owner stop --account {account_id} > rules.jsonl",
        hurries=True,
    )


def _sessions(tx: Transaction, path: Mapping[str, Any]) -> Act | None:
    account = tx.accounts.get(path["account"])
    if account is None:
        return None
    number = len(tx.console_sessions.all(account_id=account.id))
    return Act(
        f"End all console sessions of account {account.id}",
        f"What its browsers ask for next is refused: {number} {'has' if number == 1 else 'have'} signed in. Its users "
        "can sign in again.",
        "End all sessions",
        f"/operator/accounts/{account.id}",
        lambda tx, now: end_sessions(tx, account.id, now),
        f"whiteroom console end --account {account.id}",
    )


_FINDS: Mapping[str, Find] = {
    "/operator/accounts/{account}/disable": partial(_account, Standing.DISABLED),
    "/operator/accounts/{account}/enable": partial(_account, Standing.ENABLED),
    "/operator/accounts/{account}/end-use-of-tables": _tables,
    "/operator/accounts/{account}/end-sessions": _sessions,
    "/operator/users/{user}/disable": partial(_user, Standing.DISABLED),
    "/operator/users/{user}/enable": partial(_user, Standing.ENABLED),
    "/operator/keys/{key}/end": _key,
    "/operator/collaborations/{collaboration}/stop": partial(_work, True),
    "/operator/collaborations/{collaboration}/resume": partial(_work, False),
}

ROUTES: Routes = tuple((path, LOOK + DO, partial(_act, find)) for path, find in _FINDS.items())
"""Each is looked at, and done by a form."""
