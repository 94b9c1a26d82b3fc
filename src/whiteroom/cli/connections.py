"""`whiteroom connections`: how the databases are reached that hold accounts' tables."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from whiteroom.base.addresses import is_loopback
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, made_folder, opened_store
from whiteroom.cli.identities import OfAccount, OnlyAccount, checked_account, require_account
from whiteroom.cli.output import note, say, say_json, say_table
from whiteroom.cli.problems import Problem
from whiteroom.databases.asking import Databases
from whiteroom.databases.connections import Connection, parse_connection
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable
from whiteroom.opening import open_catalog
from whiteroom.store.connections import StoreConnections

app = typer.Typer(rich_markup_mode="markdown")

ConnectionName = Annotated[
    str, typer.Argument(metavar="NAME", help="What the connection is called.", show_default=False)
]
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LONGEST_PASSWORD = 10_000


@app.command()
def add(
    name: ConnectionName,
    url: Annotated[
        str,
        typer.Argument(metavar="URL", help="postgresql://USER@HOST/DATABASE, without a password.", show_default=False),
    ],
    account: OfAccount,
    data: Data = DEFAULT_DATA,
) -> None:
    """Make a connection to a database that holds tables of an account, or replace one of that name.

    The password is asked for, or is the first line of the standard input; it is sealed in the store, and never shown.
    The connection is tried first, and a database that does not let it in is refused. TLS with a certificate of the
    host's name is required, but on loopback: `?sslmode=` says otherwise, and `&sslrootcert=FILE` names authorities.

    Example: `whiteroom connections add --account 111122223333 clinic postgresql://reader@db.example.org/clinic`
    """
    checked_account(account)
    if not _NAME.fullmatch(name):
        raise Problem(f"{name!r} is no name of a connection: it has up to 63 lower-case letters, digits, _ and -.")
    settings = made_folder(data)
    require_account(settings, account)
    try:
        parse_connection(url, "")
        connection = parse_connection(url, _password())
    except ValueError as error:
        raise Problem(str(error)) from None
    try:
        Databases(lambda *_: connection).look_over(connection, None)
    except (DatabaseRefused, DatabaseUnreachable) as error:
        raise Problem(f"Nothing was kept: {error}") from None
    with opened_store(settings) as store:
        StoreConnections(store).put(account, name, connection)
    say(f"Connection {name} of account {account}: {connection.shown}.")
    if connection.sslmode in {"require", "disable"} and not is_loopback(connection.host):
        note(f"Under sslmode {connection.sslmode}, whoever is on the way can take the place of the database.")


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, default="", show_default=False))
    return sys.stdin.readline(_LONGEST_PASSWORD).rstrip("\r\n")


@app.command("list")
def list_(account: OnlyAccount = None, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List the connections of an account, or of all, without their passwords.

    Example: `whiteroom connections list --account 111122223333`
    """
    with opened_store(existing_folder(data), look_only=True) as store:
        kept = StoreConnections(store)
        found = [(*place, kept.find(*place)) for place in kept.names(account)]
    rows = [_row(account_id, name, connection) for account_id, name, connection in found if connection is not None]
    if as_json:
        say_json(rows)
    elif not rows:
        note("There are no connections. `whiteroom connections add` makes one.")
    else:
        say_table(("ACCOUNT", "NAME", "DATABASE", "TLS"), [tuple(row.values()) for row in rows])


def _row(account_id: str, name: str, connection: Connection) -> dict[str, str]:
    return {"accountId": account_id, "name": name, "database": connection.shown, "sslmode": connection.sslmode}


@app.command()
def remove(name: ConnectionName, account: OfAccount, data: Data = DEFAULT_DATA) -> None:
    """Forget a connection, with its password. Refused as long as a table of the catalog needs it.

    Example: `whiteroom connections remove --account 111122223333 clinic`
    """
    settings = existing_folder(data)
    needing = [
        f"{entry.database}.{entry.table}"
        for entry in open_catalog(settings).list(account)
        if entry.relation is not None and entry.relation.connection == name
    ]
    if needing:
        raise Problem(f"{', '.join(needing)} needs it. `whiteroom catalog remove` takes a table out of the catalog.")
    with opened_store(settings) as store:
        if not StoreConnections(store).remove(account, name):
            raise Problem(f"Account {account} has no connection {name!r}. `whiteroom connections list` lists them.")
    say(f"Connection {name} of account {account} is forgotten.")
