"""Opens the data folder for commands: it is made, opened, or refused."""

from __future__ import annotations

import os
import sqlite3
import typing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError

from whiteroom.base.locations import PLACE_FILE
from whiteroom.base.machine_errors import remedy_of
from whiteroom.cli.problems import Problem
from whiteroom.cli.server_file import running_url
from whiteroom.ports.keys import KeyRefused
from whiteroom.sealed_store import open_store
from whiteroom.settings import FILE_NAME, Folder, Settings
from whiteroom.settings_loading import load_settings
from whiteroom.store.migrations import NewerDatabase, is_behind
from whiteroom.store.sqlite import SqliteStore

Data = Annotated[
    Path, typer.Option("--data", metavar="DIR", envvar="WHITEROOM_DATA", help="The data folder of the server.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
DEFAULT_DATA = Path("whiteroom-data")

_OURS = frozenset({FILE_NAME, PLACE_FILE, "whiteroom.db", "server.json", *typing.get_args(Folder)})
"""By which a data folder is recognised."""
_OWNED: tuple[Folder, ...] = ("artefacts", "channels", "checkpoints", "logs", "results", "runs", "sealed")
"""What the server deletes that no record owns."""


def existing_folder(data: Path) -> Settings:
    """The settings of a data folder.

    Raises:
        Problem: there is none.
    """
    if not data.is_dir():
        raise Problem(
            f"There is no data folder {data}. `whiteroom up --data {data}` makes it; "
            "--data or WHITEROOM_DATA names another."
        )
    return load_settings(data, os.environ)


def made_folder(data: Path, **overrides: Any) -> Settings:
    """The settings of a data folder, which is made where it is missing, for its owner alone.

    Raises:
        Problem: it cannot be made, or something else is kept there.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {entry.name for entry in data.iterdir()}
    except OSError as error:
        raise Problem(f"{data} cannot be the data folder: {error.strerror}. Name another with --data.") from None
    if names and not names & _OURS:
        raise Problem(
            f"{data} has files in it, none of them Whiteroom's. Name an empty folder, or one that is not there yet."
        )
    if not names:
        # Made by somebody else, such as a package or a volume's mount; one in use is for `doctor` to speak of.
        with suppress(PermissionError):
            data.chmod(0o700)
    return load_settings(data, os.environ, **overrides)


def settings_of(data: Path) -> Settings:
    """The settings that a server on that folder would have, whether or not it is there yet."""
    return load_settings(data, os.environ)


@contextmanager
def opened_store(settings: Settings, *, look_only: bool = False) -> Iterator[SqliteStore]:
    """The store of a data folder, for the length of one command; a server may be running on it.

    With `look_only`, no key is made, and nothing is sealed that is not yet.
    """
    require_database(settings)
    with database_of(settings):
        _require_no_earlier_server(settings)
        store = open_store(settings, look_only=look_only)
        try:
            yield store
        finally:
            store.close()


def require_database(settings: Settings) -> None:
    """Refuse a folder that has been worked on, and whose database is gone: a new one would own nothing of all that.

    Raises:
        Problem: it is. Everything in the folder would be taken for left over, and be deleted.
    """
    if settings.database.exists() and settings.database.stat().st_size:
        return
    found = [path for path in (settings.noise_key, settings.data / PLACE_FILE) if path.exists()]
    found += [path for path in map(settings.folder, _OWNED) if path.is_dir() and any(path.iterdir())]
    if found:
        names = ", ".join(path.name for path in found)
        raise Problem(
            f"{settings.database} is gone or empty, and the folder still holds what belongs to it: {names}. "
            "Restore the database from a backup, or begin anew in another folder."
        )


def _require_no_earlier_server(settings: Settings) -> None:
    """Refuse to bring a database up to date under a server that does not know what it would be then."""
    if is_behind(settings.database) and running_url(settings.server_file) is not None:
        raise Problem(
            f"A server of an earlier release runs on {settings.data}, and its database would be brought up to date "
            "under it. Stop that server first, or use the commands of its own release."
        )


@contextmanager
def database_of(settings: Settings) -> Iterator[None]:
    """Turn what SQLite cannot do with the data folder's file into a sentence that names it."""
    try:
        yield
    except (NewerDatabase, KeyRefused) as error:
        raise Problem(str(error)) from None
    except (sqlite3.Error, SQLAlchemyError) as error:
        cause = getattr(error, "orig", None) or error  # SQLAlchemy's own words are many
        remedy = remedy_of(cause) or "`whiteroom doctor` looks at it"
        raise Problem(f"{settings.database} cannot be used: {cause}. {remedy}.") from None
