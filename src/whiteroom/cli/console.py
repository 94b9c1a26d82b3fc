"""`whiteroom console`: one-time links that take somebody in, and the sessions that go on."""

from __future__ import annotations

from typing import Annotated

import typer

from whiteroom.administration.console_sessions import end_session
from whiteroom.base.clock import utc_now
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, opened_store
from whiteroom.cli.identities import OnlyAccount, checked_account, listens_at, user_of
from whiteroom.cli.output import note, say, say_done, say_json, say_table
from whiteroom.cli.problems import Problem
from whiteroom.cli.server_file import runs_in_development, server_url
from whiteroom.domain.resources.accounts import FIRST_USER
from whiteroom.domain.resources.console_sessions import LINK_TIME, OPERATOR, new_link, new_secret
from whiteroom.settings import Settings
from whiteroom.store.transaction import StoreTransaction

app = typer.Typer(rich_markup_mode="markdown")

_MINUTES = LINK_TIME.seconds // 60


@app.command()
def link(
    account: OnlyAccount = None,
    user: Annotated[str, typer.Option(help="Whom it takes in: a user of the account.")] = FIRST_USER,
    operator: Annotated[
        bool, typer.Option("--operator", help="For the operator, who is no member, in the place of an account.")
    ] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Print a link that takes a user in to the console, once, within ten minutes.

    Whoever opens it first is that user for up to eight hours: hand it over as you would a password. The part behind
    the # is sent to no server before somebody has pressed the button.

    Examples: `whiteroom console link --account 111122223333 --user alice`, `whiteroom console link --operator`
    """
    settings = existing_folder(data)
    if operator == (account is not None):
        raise Problem("Say whom the link is for: --account ACCOUNT, with --user USER, or --operator.")
    if not settings.console:
        raise Problem("The server of this data folder has no console: the setting console is false.")
    secret = new_secret()
    with opened_store(settings) as store, store.transaction() as tx:
        owner = (OPERATOR, "") if account is None else (account, _user_id(tx, settings, account, user))
        found = new_link(*owner, secret, utc_now())
        tx.console_links.add(found)
    url = f"{console_url(settings, listens_at(settings))}/link#{secret}"
    if as_json:
        say_json({"url": url, "expires": found.expires_at.isoformat()})
        return
    note(f"It works once, until {found.expires_at:%H:%M:%S} UTC.")
    say(url)


@app.command()
def sessions(account: OnlyAccount = None, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List who has a session of the console that goes on.

    Example: `whiteroom console sessions --account 111122223333`
    """
    settings = existing_folder(data)
    now = utc_now()
    with opened_store(settings) as store, store.reading() as tx:
        wanted = {} if account is None else {"account_id": checked_account(account)}
        found = [one for one in tx.console_sessions.all(**wanted) if now < one.expires_at]
        names = {user.id: user.name for user in tx.users.all()}
    rows = [
        {
            "session": one.id[:12],
            "accountId": one.account_id,
            "user": names.get(one.user_id, one.user_id or None),
            "by": one.way.value,
            "accessKeyId": one.made_with or None,
            "createTime": one.created_at.isoformat(),
            "lastUsedTime": one.seen_at.isoformat(),
            "expirationTime": one.expires_at.isoformat(),
        }
        for one in found
    ]
    if as_json:
        say_json(rows)
    elif rows:
        shown = [(row["session"], row["accountId"], row["user"] or "-", row["by"], row["lastUsedTime"]) for row in rows]
        say_table(("SESSION", "ACCOUNT", "USER", "BY", "LAST USED (UTC)"), shown)
    else:
        say("Nobody is signed in.")


@app.command()
def end(
    session: Annotated[
        str | None, typer.Argument(help="The session, as `sessions` lists it.", show_default=False)
    ] = None,
    account: OnlyAccount = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """End one session, or all of an account: what its browsers ask for next is refused.

    Examples: `whiteroom console end 3f0c9a1b2c3d`, `whiteroom console end --account 111122223333`
    """
    settings = existing_folder(data)
    if (session is None) == (account is None):
        raise Problem("Say which to end: a session as `whiteroom console sessions` lists it, or --account ACCOUNT.")
    with opened_store(settings) as store, store.transaction() as tx:
        wanted = {} if account is None else {"account_id": account}
        found = [one for one in tx.console_sessions.all(**wanted) if session is None or one.id.startswith(session)]
        if session is not None and len(found) != 1:
            raise Problem(f"There is no session {session}. `whiteroom console sessions` lists them.")
        for one in found:
            end_session(tx, one, utc_now())
    text = f"Ended {len(found)} session{'' if len(found) == 1 else 's'}."
    say_done(text, {"sessions": [one.id[:12] for one in found], "ended": True}, as_json=as_json)


def console_url(settings: Settings, listens: str) -> str:
    """Where browsers reach the console of a server that listens at an address: as the settings say, or there."""
    if settings.console_url:
        return f"{settings.console_url}/console"
    if settings.console_port is not None:
        return f"{server_url(settings.host, settings.console_port, tls=bool(settings.tls_cert))}/console"
    return f"{settings.public_url or listens}/console"


def _user_id(tx: StoreTransaction, settings: Settings, account: str, user: str) -> str:
    """The user's unique id; none for the account itself, which development mode takes at its word.

    Raises:
        Problem: there is no such user.
    """
    is_development = settings.dev or runs_in_development(settings.server_file)
    if is_development and tx.accounts.get(checked_account(account)) is None:
        return ""
    return user_of(tx, account, user).id
