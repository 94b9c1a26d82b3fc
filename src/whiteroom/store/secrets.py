"""The server's own secrets, each kept in the database: sealed by the server's key, which the ring of keys seals.

The server's key is opened once, when it is first needed: what every request needs asks no ring.
"""

from __future__ import annotations

import secrets
import sqlite3
from base64 import b64decode, b64encode
from contextlib import closing
from pathlib import Path

from whiteroom.envelope.values import is_sealed, seal, unseal, unseal_by
from whiteroom.ports.keys import DATA_KEY_BYTES, DataKey, KeyRing

SERVER = "whiteroom:server"
"""The name of the key that seals the server's, and what it is sealed for."""
_ROW = "server key: "
"""Begins the name under which the server's key is kept, sealed by one ring, whose name follows."""
_BUSY_SECONDS = 20.0


class ServerSeal:
    """What the server's own secrets are sealed by, in one database. Safe from any thread."""

    def __init__(self, path: Path, ring: KeyRing | None) -> None:
        """Look for the key in the database when it is needed. Without a ring nothing is sealed, or opened."""
        self._path = path
        self._ring = ring
        self._key: bytes | None = None

    @property
    def seals(self) -> bool:
        """Whether what is kept from now on is sealed."""
        return self._ring is not None and self._ring.seals

    def prepare(self) -> None:
        """Have the key ready, sealed by the ring that is chosen. To be called with no transaction open.

        Raises:
            KeyRefused: the ring does not open it.
        """
        if self._ring is None or not self.seals:
            return
        found = self._kept()
        if self._ring.name not in found:
            made = self._opened(found) or secrets.token_bytes(DATA_KEY_BYTES)
            text = seal(made, self._ring.new(SERVER, SERVER), SERVER)
            with closing(self._connection()) as connection:
                # Of two processes at once the first one's key stays.
                connection.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", (_ROW + self._ring.name, text))
            found = self._kept()
        self._key = self._opened({self._ring.name: found[self._ring.name]})

    def open(self) -> None:
        """Open the key where there is one.

        Raises:
            KeyRefused: the ring does not open it.
        """
        self._key = self._key or self._opened(self._kept())

    def seal(self, plain: bytes, place: str) -> str:
        """Seal a secret for one place; as plain text where nothing is to be sealed."""
        return seal(plain, DataKey(self._at_hand(), b""), place) if self.seals else plain.decode()

    def unseal(self, text: str, place: str) -> bytes:
        """The secret that is there.

        Raises:
            KeyRefused: it cannot be opened.
        """
        return unseal_by(text, self._at_hand(), place) if is_sealed(text) else text.encode()

    def _at_hand(self) -> bytes:
        if self._key is None:
            self._key = self._opened(self._kept())
        if self._key is None:
            raise RuntimeError("The store was opened without the ring that its secrets are sealed by.")
        return self._key

    def _opened(self, found: dict[str, str]) -> bytes | None:
        if self._ring is None or not found:
            return None
        text = found.get(self._ring.name) or next(iter(found.values()))
        ring = self._ring
        return unseal(text, lambda wrapped: ring.open(wrapped, SERVER), SERVER)

    def _kept(self) -> dict[str, str]:
        return _server_keys(self._path)

    def _connection(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        return connection


def is_sealed_by(path: Path, ring: str) -> bool:
    """Whether a database may hold what a ring has sealed."""
    return ring in _server_keys(path)


def kept(connection: sqlite3.Connection, by: ServerSeal, name: str) -> bytes | None:
    """One of the server's own secrets; None where there is none of that name.

    Raises:
        KeyRefused: it cannot be opened.
    """
    row = connection.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
    return None if row is None else b64decode(by.unseal(row[0], _place(name)))


def keep(connection: sqlite3.Connection, by: ServerSeal, name: str, secret: bytes) -> None:
    """Keep a secret under a name, durably; where there is one already, it stays."""
    sealed = by.seal(b64encode(secret), _place(name))
    connection.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", (name, sealed))


def put(connection: sqlite3.Connection, by: ServerSeal, name: str, secret: bytes) -> None:
    """Keep a secret under a name, durably, in place of one that is there."""
    connection.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?)", (name, by.seal(b64encode(secret), _place(name))))


def drop(connection: sqlite3.Connection, name: str) -> bool:
    """Erase a secret; whether there was one."""
    return bool(connection.execute("DELETE FROM secrets WHERE name = ?", (name,)).rowcount)


def names(connection: sqlite3.Connection, beginning: str) -> list[str]:
    """The names of all secrets that begin so, in order."""
    text = "SELECT name FROM secrets WHERE substr(name, 1, ?) = ? ORDER BY name"
    rows = connection.execute(text, (len(beginning), beginning))
    return [name for (name,) in rows.fetchall()]


def _place(name: str) -> str:
    return f"{SERVER}\n{name}"


def _server_keys(path: Path) -> dict[str, str]:
    """By ring, the server's key as that has sealed it; of a database that an earlier release wrote, none."""
    if not path.exists():
        return {}
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'secrets'").fetchall():
            return {}
        rows = connection.execute("SELECT name, value FROM secrets WHERE name LIKE ?", (f"{_ROW}%",)).fetchall()
    return {name.removeprefix(_ROW): value for name, value in rows}
