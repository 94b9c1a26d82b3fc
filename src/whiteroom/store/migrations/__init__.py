"""Bringing a database to the present schema, by Alembic."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

HEAD = "0001"
"""The newest revision in versions/; a test holds it to them."""


def migrate(path: Path) -> None:
    """Make the database or bring it up to date; nothing happens where it is. Safe to run from two processes."""
    if _revision(path) == HEAD:
        return
    # Alembic takes a fifth of a second to import: only a new or an old database waits for it.
    from whiteroom.store.migrations.upgrade import upgrade  # noqa: PLC0415

    upgrade(path)


def _revision(path: Path) -> str | None:
    if not path.exists():
        return None
    with closing(sqlite3.connect(path)) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return None
    return None if row is None else str(row[0])
