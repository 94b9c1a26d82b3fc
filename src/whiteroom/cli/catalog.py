"""`whiteroom catalog`: which files of this machine each account's tables mean."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from whiteroom.app import open_catalog
from whiteroom.catalog.folder import CatalogEntry, CatalogError
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, made_folder, opened_store
from whiteroom.cli.identities import account_of, checked_account
from whiteroom.cli.output import note, say, say_json, say_table
from whiteroom.cli.problems import Problem
from whiteroom.cli.server_file import runs_in_development
from whiteroom.ports import TableNotFound
from whiteroom.settings import Settings

app = typer.Typer(rich_markup_mode="markdown")

Account = Annotated[str, typer.Option("--account", help="The account that owns the table.", show_default=False)]
Table = Annotated[str, typer.Argument(metavar="DATABASE.TABLE", help="The table's name.", show_default=False)]


@app.command()
def add(
    table: Table,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...", help="Files, folders or patterns of CSV, JSON lines or Parquet.", show_default=False
        ),
    ],
    account: Account,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Say which files are a table of an account; a table of that name is replaced.

    Every row is read once, so that a broken one is found now. The files stay where they are, and are looked up
    again by every query: a file that appears in a folder of the table belongs to it. An account that is not there is
    refused, but for a server in development mode, and as long as there are no accounts at all.

    Example: `whiteroom catalog add --account 111122223333 hospital.visits /srv/visits/*.parquet`
    """
    database, name = _parts(table)
    if not data.exists():
        checked_account(account)
    settings = made_folder(data)
    _require_account(settings, account)
    catalog = open_catalog(settings)
    try:
        added = catalog.add(account, database, name, paths)
    except CatalogError as error:
        raise Problem(str(error)) from None
    if as_json:
        say_json(_document(catalog.show(account, database, name)))
        return
    files = "1 file" if len(added.files) == 1 else f"{len(added.files)} files"
    columns = "1 column" if len(added.columns) == 1 else f"{len(added.columns)} columns"
    say(f"{table} of account {account}: {files}, {added.format.value}, {columns}.")


@app.command("list")
def list_(
    account: Annotated[str | None, typer.Option("--account", help="Of this account alone.", show_default=False)] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """List the tables of the catalog.

    Example: `whiteroom catalog list --account 111122223333`
    """
    entries = open_catalog(existing_folder(data)).list(account)
    if as_json:
        say_json([_document(entry) for entry in entries])
    elif not entries:
        note("There are no tables yet. `whiteroom catalog add` makes one.")
    else:
        say_table(
            ("ACCOUNT", "TABLE", "FORMAT", "COLUMNS", "FILES"),
            [
                (
                    entry.account_id,
                    f"{entry.database}.{entry.table}",
                    entry.format.value,
                    len(entry.columns),
                    ", ".join(entry.sources),
                )
                for entry in entries
            ],
        )


@app.command()
def show(table: Table, account: Account, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show a table's columns, as a configured table names them, and the files that it means now.

    Example: `whiteroom catalog show --account 111122223333 hospital.visits`
    """
    database, name = _parts(table)
    catalog = open_catalog(existing_folder(data))
    try:
        entry = catalog.show(account, database, name)
        files = catalog.resolve(account, database, name).files
    except TableNotFound as error:
        raise Problem(str(error)) from None
    if as_json:
        say_json({**_document(entry), "files": list(files)})
        return
    say_table(("COLUMN", "TYPE"), [(column.name, column.type) for column in entry.columns])
    say("")
    say_table((f"FILES ({entry.format.value})",), [(file,) for file in files])


@app.command()
def remove(table: Table, account: Account, data: Data = DEFAULT_DATA) -> None:
    """Take a table out of the catalog. Its files stay; queries that need it fail from now on.

    Example: `whiteroom catalog remove --account 111122223333 hospital.visits`
    """
    database, name = _parts(table)
    try:
        open_catalog(existing_folder(data)).remove(account, database, name)
    except TableNotFound as error:
        raise Problem(str(error)) from None
    say(f"{table} of account {account} is no longer in the catalog.")


def _require_account(settings: Settings, account: str) -> None:
    """Refuse an account that nobody signs for.

    Raises:
        Problem: there are accounts, this is none of them, and no development mode takes it by its number.
    """
    checked_account(account)
    if settings.dev or runs_in_development(settings.server_file):
        return
    with opened_store(settings) as store, store.reading() as tx:
        if tx.accounts.all():
            account_of(tx, account)
            return
    note(
        f"There are no accounts yet, so account {account} is taken as development mode takes it. "
        f"`whiteroom accounts add {account}` makes it."
    )


def _parts(table: str) -> tuple[str, str]:
    database, dot, name = table.partition(".")
    if not (database and dot and name):
        raise Problem(f"{table!r} does not name a table: write DATABASE.TABLE, such as hospital.visits.")
    return database, name


def _document(entry: CatalogEntry) -> dict[str, Any]:
    return {
        "accountId": entry.account_id,
        "database": entry.database,
        "table": entry.table,
        "format": entry.format.value,
        "sources": list(entry.sources),
        "columns": [{"name": column.name, "type": column.type} for column in entry.columns],
    }
