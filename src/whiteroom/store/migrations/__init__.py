"""Bringing a database to the present schema, by Alembic."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

HEAD = "0024"
"""The newest revision in versions/; a test holds it to them."""


class NewerDatabase(Exception):
    """The database was written by a later release. The message is a sentence for the operator."""


def migrate(path: Path) -> None:
    """Make the database or bring it up to date; nothing happens where it is. Safe to run from two processes.

    Raises:
        NewerDatabase: it is ahead of this release.
    """
    revision = _revision(path)
    if revision == HEAD:
        return
    if revision is not None and revision > HEAD:
        raise NewerDatabase(
            f"{path} was written by a later release of Whiteroom: its schema is {revision}, and this release knows "
            f"{HEAD}. Install that release, or name another folder with --data."
        )
    # It holds the secrets of access keys. SQLite gives the files beside it the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    # Alembic takes a fifth of a second to import: only a new or an old database waits for it.
    from whiteroom.store.migrations.upgrade import upgrade  # noqa: PLC0415

    upgrade(path)


def is_behind(path: Path) -> bool:
    """Whether there is a database of an earlier release, which `migrate` would change."""
    revision = _revision(path)
    return revision is not None and revision < HEAD


def _revision(path: Path) -> str | None:
    if not path.exists():
        return None
    with closing(sqlite3.connect(path)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return None
    return None if row is None else str(row[0])
