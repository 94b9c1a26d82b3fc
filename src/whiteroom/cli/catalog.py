"""`whiteroom catalog`: which files of this machine, or which objects of S3, each account's tables mean."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from whiteroom.catalog.checking import Checked
from whiteroom.catalog.checking import check as read_again
from whiteroom.catalog.entries import CatalogEntry
from whiteroom.catalog.folder import CatalogError, FolderCatalog, Looked
from whiteroom.catalog.stored.sources import is_stored
from whiteroom.cli.catalog_views import checked_document, counted, short, show_checked, show_seen
from whiteroom.cli.completion import account_ids
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, made_folder
from whiteroom.cli.identities import OnlyAccount, checked_account, require_account
from whiteroom.cli.output import note, say, say_done, say_json, say_table
from whiteroom.cli.problems import Problem
from whiteroom.cli.progress import Advance, progress
from whiteroom.cli.relations import AskedRelation, add_relation, relation_of, show_relation
from whiteroom.cli.s3_beside import catalog_of
from whiteroom.cli.wishes import (
    ConnectionName,
    DateFormat,
    Encoding,
    Escape,
    Null,
    Quote,
    Separator,
    SkipLines,
    SnapshotId,
    TableFormat,
    TimestampFormat,
    Types,
    chosen_encoding,
    chosen_format,
    chosen_separator,
    chosen_types,
)
from whiteroom.domain.privacy.query_tables import FileFormat, Reading
from whiteroom.domain.privacy.readings import Wishes
from whiteroom.ports.catalog import CatalogUnavailable, Reader, TableNotFound
from whiteroom.settings import Settings

app = typer.Typer(rich_markup_mode="markdown")

Account = Annotated[
    str,
    typer.Option("--account", help="The account that owns the table.", show_default=False, autocompletion=account_ids),
]
Table = Annotated[str, typer.Argument(metavar="DATABASE.TABLE", help="The table's name.", show_default=False)]


@app.command()
def add(
    table: Table,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Files, folders or patterns, s3://BUCKET/..., a folder of Iceberg or Delta, or SCHEMA.TABLE.",
            show_default=False,
        ),
    ],
    account: Account,
    separator: Separator = None,
    quote: Quote = None,
    escape: Escape = None,
    null: Null = None,
    skip_lines: SkipLines = None,
    date_format: DateFormat = "",
    timestamp_format: TimestampFormat = "",
    encoding: Encoding = "",
    types: Types = None,
    file_format: TableFormat = None,
    snapshot: SnapshotId = "",
    role: Annotated[
        str,
        typer.Option(
            help="The account's role that objects of S3 are read with now, where it has no profile.", show_default=False
        ),
    ] = "",
    connection: ConnectionName = "",
    preview: Annotated[bool, typer.Option("--preview", help="Show what would be added, and add nothing.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Say which files or objects of S3 are a table of an account; a table of that name is replaced.

    Every row is read once, so that a broken one is found now. The files stay where they are, and are looked up
    again by every query: a file that appears in a folder of the table belongs to it. How the text of a CSV is written
    and which types its columns have is found once, unless it is said here, and kept with the table; --preview shows
    it with the first rows. An account that is not there is refused, but for a server in development mode, and as long
    as there are no accounts at all.

    Examples: `whiteroom catalog add --account 111122223333 hospital.visits /srv/visits/*.parquet`,
    `whiteroom catalog add --account 111122223333 hospital.visits s3://hospital-a/visits/`
    """
    wishes = Wishes(
        delimiter=chosen_separator(separator),
        quote=quote,
        escape=escape,
        null_words=tuple(null or ()),
        skip_lines=skip_lines,
        date_format=date_format,
        timestamp_format=timestamp_format,
        types=chosen_types(types),
        encoding=chosen_encoding(encoding),
        format=chosen_format(file_format),
        snapshot=snapshot,
    )
    asked = _Asked(table, account, tuple(paths), wishes, role, connection)
    (_add_relation if connection else _add)(asked, data, preview=preview, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Asked:
    table: str
    account: str
    paths: tuple[str, ...]
    wishes: Wishes
    role: str
    connection: str


def _add_relation(asked: _Asked, data: Path, *, preview: bool, as_json: bool) -> None:
    database, name = _parts(asked.table)
    settings = existing_folder(data)
    require_account(settings, asked.account)
    _require_own(settings)
    if asked.role:
        raise Problem("A role is said of objects of S3: a table of a database is read by its connection.")
    relation = relation_of(asked.connection, asked.paths, asked.wishes)
    of_database = AskedRelation(asked.account, database, name, relation)
    with progress("Reading the table"):
        entry, found = add_relation(settings, of_database, keep=not preview)
    if as_json:
        say_json(_document(entry))
        return
    show_relation(of_database, found, added=not preview)


def _add(asked: _Asked, data: Path, *, preview: bool, as_json: bool) -> None:
    database, name = _parts(asked.table)
    if not data.exists():
        checked_account(asked.account)
    settings = made_folder(data)
    require_account(settings, asked.account)
    _require_own(settings)
    catalog = catalog_of(settings)
    try:
        asked_for = asked.account, database, name, asked.paths, asked.wishes
        with progress("Reading the table"):
            looked = catalog.look(*asked_for, role_arn=asked.role, keep=not preview)
    except CatalogError as error:
        if error.seen is not None:
            show_seen(str(error), error.seen, as_json=as_json)
        raise Problem(str(error)) from None
    if as_json:
        state = {"snapshot": looked.table.snapshot.id} if looked.table.snapshot else {}
        say_json({**_document(looked.entry), **state, "rows": looked.found.rows})
        return
    size = ", ".join(
        (
            counted(len(looked.table.held_in), "object" if looked.table.elsewhere else "file"),
            looked.entry.format.value,
            counted(len(looked.table.columns), "column"),
            counted(looked.found.rows, "row"),
        )
    )
    at = f", snapshot {looked.table.snapshot.id}" if looked.table.snapshot else ""
    say(f"{asked.table} of account {asked.account}: {size}{at}.")
    for line in (*looked.found.notes, *_followed(asked.paths, looked.entry.sources)):
        note(line)
    if preview:
        _show_preview(looked)


def _followed(named: Sequence[str], kept: Sequence[str]) -> list[str]:
    """What of a table's paths is elsewhere than it is called, since whoever may put a link there chooses that."""
    pairs = zip(named, kept, strict=True)
    return [
        f"{path} goes through a link: the table is of {real}."
        for path, real in pairs
        if not is_stored(path) and os.path.normpath(Path(path).expanduser().absolute()) != real
    ]


def _require_own(settings: Settings) -> None:
    """Whether tables are those of this catalog."""
    if settings.catalog == "glue":
        raise Problem(
            'The setting catalog = "glue" has tables looked up in AWS Glue: they are added there, and nothing is '
            "registered here. docs/tables.md has how they are read."
        )
    if settings.catalog == "iceberg":
        raise Problem(
            'The setting catalog = "iceberg" has tables looked up in REST catalogs of Iceberg: they are added there, '
            "and nothing is registered here. docs/tables.md has how they are read."
        )


def _show_preview(looked: Looked) -> None:
    """What would be kept, and a few rows: the owner of the files asks."""
    if looked.table.format is FileFormat.CSV:
        say(_reading_in_words(looked.entry.reading))
    if looked.entry.reading.partitions:
        say(f"Named by folders: {', '.join(looked.entry.reading.partitions)}.")
    say("")
    say_table(("COLUMN", "TYPE"), [(column.name, column.type) for column in looked.table.columns])
    say("")
    say_table(
        tuple(column.name for column in looked.table.columns),
        [tuple("NULL" if value is None else short(value) for value in row) for row in looked.found.first_rows],
    )
    note("Nothing was added: without --preview it is.")


def _reading_in_words(reading: Reading) -> str:
    said = [f"separator {reading.delimiter!r}", f"quote {reading.quote!r}" if reading.quote else "no quotes"]
    if reading.quote and reading.escape != reading.quote:
        said.append(f"escape {reading.escape!r}")
    if reading.null_words:
        said.append(f"NULL is {', '.join(map(repr, reading.null_words))} or nothing")
    if reading.skip_lines:
        said.append(f"the header is on line {reading.skip_lines + 1}")
    if reading.date_format:
        said.append(f"dates {reading.date_format}")
    if reading.timestamp_format:
        said.append(f"timestamps {reading.timestamp_format}")
    if reading.encoding:
        said.append(f"text in {reading.encoding}")
    return f"Read with {', '.join(said)}."


@app.command("list")
def list_(
    account: OnlyAccount = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """List the tables of the catalog.

    Example: `whiteroom catalog list --account 111122223333`
    """
    entries = catalog_of(existing_folder(data)).list(account)
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
    catalog = catalog_of(existing_folder(data))
    try:
        entry = catalog.show(account, database, name)
        reader = Reader(f"{database}.{name}", entry.role_arn)
        found = catalog.resolve(account, database, name, reader=reader)
    except (TableNotFound, CatalogUnavailable) as error:
        raise Problem(str(error)) from None
    if as_json:
        state = {"snapshot": found.snapshot.id} if found.snapshot else {}
        say_json({**_document(entry), **state, "files": list(found.held_in)})
        return
    say_table(("COLUMN", "TYPE"), [(column.name, column.type) for column in found.columns])
    say("")
    if entry.relation is not None:
        say(f"{entry.relation.shown} of the connection {entry.relation.connection} ({entry.format.value}).")
        return
    say_table((f"FILES ({entry.format.value})",), [(file,) for file in found.held_in])


@app.command()
def check(
    table: Annotated[str, typer.Argument(metavar="[DATABASE.TABLE]", help="One table; else all.")] = "",
    account: OnlyAccount = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Read tables again, to their ends, and say what has changed since they were added, and what is broken.

    Nothing is changed. The exit code is 1 where queries that read a table fail, or would.

    Example: `whiteroom catalog check hospital.visits --account 111122223333`
    """
    catalog = catalog_of(existing_folder(data))
    entries = catalog.list(account)
    if table:
        names = _parts(table.lower())
        entries = [entry for entry in entries if (entry.database, entry.table) == names]
        if not entries:
            raise Problem(f"There is no table {table} in the catalog. `whiteroom catalog list` names those that are.")
    with progress("Reading tables", len(entries)) as advance:
        checked = [_checked(catalog, entry, advance) for entry in entries]
    if as_json:
        say_json([checked_document(one) for one in checked])
    else:
        show_checked(checked)
    if any(one.broken for one in checked):
        raise typer.Exit(1)


def _checked(catalog: FolderCatalog, entry: CatalogEntry, advance: Advance) -> Checked:
    found = read_again(catalog, entry)
    advance(1)
    return found


@app.command()
def remove(table: Table, account: Account, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Take a table out of the catalog. Its files stay; queries that need it fail from now on.

    Example: `whiteroom catalog remove --account 111122223333 hospital.visits`
    """
    database, name = _parts(table)
    try:
        catalog_of(existing_folder(data)).remove(account, database, name)
    except TableNotFound as error:
        raise Problem(str(error)) from None
    text = f"{table} of account {account} is no longer in the catalog."
    document = {"accountId": account, "database": database, "table": name, "removed": True}
    say_done(text, document, as_json=as_json)


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
        "reading": asdict(entry.reading) if entry.format is FileFormat.CSV else None,
        "pinned": entry.snapshot or None,
        "sources": list(entry.sources),
        "role": entry.role_arn or None,
        "columns": [{"name": column.name, "type": column.type} for column in entry.columns],
    }
