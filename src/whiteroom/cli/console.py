"""`whiteroom console`: one-time links that take somebody in, and the sessions that go on."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

import typer

from whiteroom.administration.console_sessions import end_session
from whiteroom.base.addresses import is_loopback
from whiteroom.base.clock import utc_now
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, opened_store
from whiteroom.cli.identities import OnlyAccount, checked_account, listens_at, user_of
from whiteroom.cli.output import note, say, say_done, say_json, say_table
from whiteroom.cli.problems import Problem
from whiteroom.cli.server_file import runs_in_development, server_url
from whiteroom.domain.resources.accounts import FIRST_USER
from whiteroom.domain.resources.console_sessions import LINK_TIME, OPERATOR, new_link, new_secret
from whiteroom.settings import DEFAULT_PORT, Settings
from whiteroom.store.transaction import StoreTransaction

app = typer.Typer(rich_markup_mode="markdown")

_CLOSED = "takes nobody in by plain HTTP over a network."
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
    the # is in no address that a server sees: the page that is opened sends it as a form.

    Examples: `whiteroom console link --account 111122223333 --user alice`, `whiteroom console link --operator`
    """
    settings = existing_folder(data)
    if operator == (account is not None):
        raise Problem("Say whom the link is for: --account ACCOUNT, with --user USER, or --operator.")
    if not settings.console:
        raise Problem("The server of this data folder has no console: the setting console is false.")
    place = console_place(settings, listens_at(settings))
    if not place.url:
        raise Problem(f"The console {_CLOSED} {place.remedy}")
    secret = new_secret()
    with opened_store(settings) as store, store.transaction() as tx:
        owner = (OPERATOR, "") if account is None else (account, _user_id(tx, settings, account, user))
        found = new_link(*owner, secret, utc_now())
        tx.console_links.add(found)
    url = f"{place.url}/link#{secret}"
    if as_json:
        say_json({"url": url, "expires": found.expires_at.isoformat()})
        return
    note(f"It works once, until {found.expires_at:%H:%M:%S} UTC.")
    if place.remedy:
        note(f"It works on this machine alone, or through an SSH tunnel to it. {place.remedy}")
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


@dataclass(frozen=True, slots=True)
class ConsolePlace:
    """Where browsers are taken in to the console."""

    url: str
    """Empty where nobody is."""
    remedy: str = ""
    """What the operator does so that browsers of other machines are, where they are not."""

    @property
    def sentence(self) -> str:
        """For the operator who has started the server."""
        if not self.url:
            return f"The console for browsers {_CLOSED} {self.remedy}"
        return f"The console for browsers is at {self.url}" + (
            f", on this machine alone. {self.remedy}" if self.remedy else ""
        )


def console_place(settings: Settings, listens: str) -> ConsolePlace:
    """Where that is for a server that listens at an address: as the settings say, or there.

    By plain HTTP the console answers within the machine alone (`console/gate.py`), whatever the settings call it.
    """
    at = urlsplit(listens)
    host, port = at.hostname or "", settings.console_port or at.port or DEFAULT_PORT
    own = settings.console_port is not None
    public = settings.console_url or ("" if own else settings.public_url)
    url = public or server_url(host, port, tls=at.scheme == "https")
    if url.startswith("https://") or is_loopback(urlsplit(url).hostname or ""):
        return ConsolePlace(f"{url}/console")
    named = "console_url" if own or settings.console_url else "public_url"
    remedy = (
        f"For browsers of other machines set tls_cert and tls_key, or name a proxy with TLS in {named} (docs/tls.md)."
    )
    if host == socket.gethostname():  # It listens everywhere (`server_url`).
        host = "localhost"
    return ConsolePlace(f"{server_url(host, port)}/console" if is_loopback(host) else "", remedy)


def _user_id(tx: StoreTransaction, settings: Settings, account: str, user: str) -> str:
    """The user's unique id; none for the account itself, which development mode takes at its word.

    Raises:
        Problem: there is no such user.
    """
    is_development = settings.dev or runs_in_development(settings.server_file)
    if is_development and tx.accounts.get(checked_account(account)) is None:
        return ""
    return user_of(tx, account, user).id
