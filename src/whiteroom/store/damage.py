"""Finds damaged pages of the database, by table, before they spread.

A page that the disk has lost or changed is noticed when it is read, which may be never: until then a server goes on
writing around it. So all of it is read: at once when a server starts, where it is small, and in the background, then
and once a day. A table in which damage was found is not written to any more; what can be read of it is read.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

log = logging.getLogger(__name__)

QUICK_BYTES = 64 * 2**20
"""A database up to this size is read whole before the server serves: in a few tenths of a second."""
CHECK_EVERY_SECONDS = 24 * 3600.0


class DamagedTable(sqlite3.DatabaseError):
    """The table is damaged, and a write might make it worse. The operator reads this, and not the member."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    sqlite_errorname = "SQLITE_CORRUPT"

    def __init__(self, table: str) -> None:
        super().__init__(f"its table {table} is damaged, and nothing is written to it")


class Damage:
    """What is known to be damaged in one database. Safe from any thread."""

    def __init__(self, path: Path) -> None:
        """Nothing is known yet."""
        self._path = path
        self._tables: Mapping[str, str] = {}

    @property
    def tables(self) -> Mapping[str, str]:
        """What SQLite says of each damaged table."""
        return self._tables

    def refuse(self, table: str | None) -> None:
        """Let a write to a table pass.

        Raises:
            DamagedTable: it is damaged.
        """
        if table in self._tables:
            raise DamagedTable(str(table))

    def learn(self, found: Mapping[str, str]) -> None:
        """Remember what a check has found, and log for the operator what is new."""
        new = {table: words for table, words in found.items() if table not in self._tables}
        self._tables = {**self._tables, **new}
        if new:
            log.error(
                "The database %s is damaged in %s: %s. Nothing is written there; reading goes on as far as it can. "
                "Stop the server, and restore the folder from a backup (`whiteroom doctor` says whether it is whole).",
                self._path,
                ", ".join(sorted(new)),
                "; ".join(sorted(set(new.values()))),
            )


def check_quickly(connection: sqlite3.Connection) -> dict[str, str]:
    """What is damaged in a small database, at once; nothing of a larger one, which the background reads."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    if pages * size > QUICK_BYTES or _says(connection, "quick_check(1)") is None:
        return {}
    return _by_table(connection, "quick_check", tables_of(connection))


def check_thoroughly(connect: Callable[[], sqlite3.Connection], stopping: threading.Event) -> dict[str, str]:
    """What is damaged, each index held against its table. Reads everything, a table a transaction; may be stopped."""
    connection = connect()
    try:
        found: dict[str, str] = {}
        for table in tables_of(connection):
            if stopping.is_set():
                return found
            found |= _by_table(connection, "integrity_check", [table])
        return found
    finally:
        connection.close()


def tables_of(connection: sqlite3.Connection) -> list[str]:
    """Every table of the database."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return [name for (name,) in rows.fetchall()]


def _by_table(connection: sqlite3.Connection, check: str, tables: Iterable[str]) -> dict[str, str]:
    """What a check says of each table. Damage that is no table's own, such as of free pages, is everybody's."""
    tables = list(tables)
    said = {table: _says(connection, f"{check}('{table}')") for table in tables}
    found = {table: words for table, words in said.items() if words is not None}
    return found if found or check != "quick_check" else dict.fromkeys(tables, "its free pages")


def _says(connection: sqlite3.Connection, check: str) -> str | None:
    """The first thing that a check has to say; None where all is well."""
    try:
        rows = connection.execute(f"PRAGMA {check}").fetchall()
    except sqlite3.DatabaseError as error:
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) not in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise
        return str(error)
    return None if rows == [("ok",)] else " ".join(str(rows[0][0]).split())
