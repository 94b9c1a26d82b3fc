"""The options of `catalog add` that say how the text of a table's files is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from whiteroom.cli.problems import Problem
from whiteroom.domain.privacy.query_tables import SNAPSHOTS, Column, FileFormat
from whiteroom.domain.privacy.readings import encoding_of

Separator = Annotated[
    str | None, typer.Option(help="What stands between a CSV's fields; TAB is a tab.", show_default=False)
]
Quote = Annotated[str | None, typer.Option(help="What a CSV's fields stand in; empty for nothing.", show_default=False)]
Escape = Annotated[str | None, typer.Option(help="What stands before a quote inside of quotes.", show_default=False)]
Null = Annotated[
    list[str] | None, typer.Option(help="A word that means NULL beside the empty field.", show_default=False)
]
SkipLines = Annotated[int | None, typer.Option(help="How many lines stand before the header.", show_default=False)]
DateFormat = Annotated[
    str, typer.Option(help="How dates are written, such as dd/MM/yyyy; else yyyy-MM-dd.", show_default=False)
]
TimestampFormat = Annotated[
    str, typer.Option(help="Likewise of timestamps, such as dd/MM/yyyy HH:mm:ss.", show_default=False)
]
Encoding = Annotated[
    str, typer.Option(help="What the text is encoded in, such as windows-1252; else UTF-8.", show_default=False)
]
Types = Annotated[
    list[str] | None,
    typer.Option("--type", metavar="COLUMN=TYPE", help="A column's type, chosen, not found.", show_default=False),
]

TableFormat = Annotated[
    str | None,
    typer.Option("--format", metavar="iceberg|delta", help="What a folder is; else it is found.", show_default=False),
]
SnapshotId = Annotated[
    str,
    typer.Option(
        "--snapshot", help="The snapshot of Iceberg, or version of Delta, that is meant for good.", show_default=False
    ),
]

ConnectionName = Annotated[
    str,
    typer.Option(
        "--connection", metavar="NAME", help="The connection to the database that has the table.", show_default=False
    ),
]


def chosen_separator(written: str | None) -> str | None:
    """The separator itself."""
    return "\t" if written is not None and written.upper() == "TAB" else written


def chosen_encoding(written: str) -> str:
    """An encoding's name.

    Raises:
        Problem: it is none that is known.
    """
    try:
        return encoding_of(written)
    except ValueError as error:
        raise Problem(str(error)) from None


def chosen_format(written: str | None) -> FileFormat | None:
    """Iceberg or Delta.

    Raises:
        Problem: it is neither.
    """
    if written is None:
        return None
    known = {file_format.value: file_format for file_format in SNAPSHOTS}
    if written.lower() not in known:
        raise Problem(
            f"{written!r} is not said of a table: --format is iceberg or delta; other files tell what they are."
        )
    return known[written.lower()]


def chosen_types(written: Sequence[str] | None) -> tuple[Column, ...]:
    """Columns with their types.

    Raises:
        Problem: one is not written as COLUMN=TYPE.
    """
    return tuple(map(_chosen_type, written or ()))


def _chosen_type(written: str) -> Column:
    name, equals, kind = written.rpartition("=")
    if not (name and equals and kind):
        raise Problem(f"{written!r} chooses no type: write COLUMN=TYPE, such as id=string.")
    return Column(name, kind.strip().lower())
