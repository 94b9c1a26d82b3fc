"""Accounts, their users and keys; no secret is read."""

from __future__ import annotations

import re

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.pages.operator.not_there import not_there
from whiteroom.console.places import place_in, place_of
from whiteroom.console.rendering import page
from whiteroom.domain.resources.accounts import Account
from whiteroom.ports.repositories import Page
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.accounts import UserSummary, users

SHOWN = 100
_ACCOUNT = re.compile(r"[0-9]{12}")


async def show_all(asked: Asked) -> Response:
    """All of them, the newest first."""
    after = place_in(asked.query.get("after", ""))
    found = await asked.visitor.inside.read(lambda tx: tx.accounts.page(SHOWN, after))
    return page(
        "operator/accounts.html",
        visitor=asked.visitor,
        found=found.items,
        older=place_of(found.next),
        is_continued=after is not None,
    )


async def show(asked: Asked) -> Response:
    """One, with its users and their keys; or a number that has none, of development mode or of earlier."""
    after = place_in(asked.query.get("after", ""))

    def read(tx: Transaction) -> tuple[Account | None, Page[UserSummary]]:
        account = tx.accounts.get(asked.path["account"])
        return account, Page((), None) if account is None else users(tx, account, SHOWN, after)

    account, found = await asked.visitor.inside.read(read)
    if account is None and _ACCOUNT.fullmatch(asked.path["account"]) is None:
        return not_there(asked, "account")
    return page(
        "operator/account.html",
        visitor=asked.visitor,
        id=asked.path["account"],
        account=account,
        users=found.items,
        older=place_of(found.next),
    )
