"""`whiteroom connections`: how the databases are reached that hold accounts' tables."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, made_folder, opened_store
from whiteroom.cli.identities import OfAccount, OnlyAccount, checked_account, require_account
from whiteroom.cli.output import note, say_done, say_json, say_table
from whiteroom.cli.problems import Problem
from whiteroom.databases.asking import SNOWFLAKE_IS_OFF, Databases
from whiteroom.databases.finding import secret_names
from whiteroom.databases.kinds import AnyConnection, parse_any
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable
from whiteroom.databases.snowflake.connections import KEY_BEGINS, SnowflakeConnection
from whiteroom.domain.privacy.relations import Relation
from whiteroom.domain.resources.configured_tables import ConfiguredTable
from whiteroom.domain.resources.snowflake_references import snowflake_relation
from whiteroom.opening import open_catalog
from whiteroom.store.connections import StoreConnections

app = typer.Typer(rich_markup_mode="markdown")

ConnectionName = Annotated[
    str, typer.Argument(metavar="NAME", help="What the connection is called.", show_default=False)
]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_+=.@-]{0,127}")
"""As names of secrets in Secrets Manager."""
_LONGEST_SECRET = 10_000


@app.command()
def add(
    name: ConnectionName,
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="postgresql://USER@HOST/DATABASE, or snowflake://USER@ACCOUNT; without a password.",
            show_default=False,
        ),
    ],
    account: OfAccount,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make a connection to a database that holds tables of an account, or replace one of that name.

    The password is asked for, or is the first line of the standard input; it is sealed in the store, and never shown.
    The connection is tried first, and a database that does not let it in is refused. TLS with a certificate of the
    host's name is required, but on loopback: of PostgreSQL, `?sslmode=` says otherwise, and `&sslrootcert=FILE` names
    authorities. Snowflake takes a password, or on the standard input a private key in PEM; `?warehouse=` and `&role=`
    say with what it reads. Reading it is unproven, and takes the setting `snowflake = true`.

    Example: `whiteroom connections add --account 111122223333 clinic postgresql://reader@db.example.org/clinic`
    """
    checked_account(account)
    if not _NAME.fullmatch(name):
        raise Problem(
            f"{name!r} is no name of a connection: it has up to 128 letters, digits and characters of /_+=.@-."
        )
    settings = made_folder(data)
    require_account(settings, account)
    try:
        if isinstance(parse_any(url, ""), SnowflakeConnection) and not settings.snowflake:
            raise Problem(SNOWFLAKE_IS_OFF)
        connection = parse_any(url, _secret())
    except ValueError as error:
        raise Problem(str(error)) from None
    try:
        Databases(lambda *_: connection).look_over(connection, None)
    except (DatabaseRefused, DatabaseUnreachable) as error:
        raise Problem(f"Nothing was kept: {error}") from None
    with opened_store(settings) as store:
        StoreConnections(store).put(account, name, connection)
    row = _row(account, name, connection)
    say_done(f"Connection {name} of account {account}: {connection.shown}.", row, as_json=as_json)
    if connection.is_exposed:
        note(f"Under sslmode {connection.tls}, whoever is on the way can take the place of the database.")


def _secret() -> str:
    """A password, or all lines of a private key."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, default="", show_default=False))
    first = sys.stdin.readline(_LONGEST_SECRET)
    if first.startswith(KEY_BEGINS):
        return first + sys.stdin.read(_LONGEST_SECRET)
    return first.rstrip("\r\n")


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


def _row(account_id: str, name: str, connection: AnyConnection) -> dict[str, str]:
    return {"accountId": account_id, "name": name, "database": connection.shown, "sslmode": connection.tls}


@app.command()
def remove(name: ConnectionName, account: OfAccount, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Forget a connection, with its secret. Refused as long as a table needs it, of the catalog or in Snowflake.

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
        with store.reading() as tx:
            configured = [table.name for table in tx.configured_tables.all(account_id=account) if _needs(table, name)]
        if configured:
            raise Problem(f"The configured tables {', '.join(configured)} need it: their owner deletes them first.")
        if not StoreConnections(store).remove(account, name):
            raise Problem(f"Account {account} has no connection {name!r}. `whiteroom connections list` lists them.")
    document = {"accountId": account, "name": name, "removed": True}
    say_done(f"Connection {name} of account {account} is forgotten.", document, as_json=as_json)


def _needs(table: ConfiguredTable, name: str) -> bool:
    """Whether a configured table is read in Snowflake by the connection of that name."""
    relation = snowflake_relation(table.table_reference, table.account_id)
    return isinstance(relation, Relation) and name in secret_names(relation.connection)
