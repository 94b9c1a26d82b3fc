"""The store on SQLite: write-ahead log, every commit durable, one writer at a time.

A thread has a connection of its own for reading and one for writing; other processes (the
command line, while a server runs) open the same file.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from whiteroom.ports.keys import KeyRing
from whiteroom.ports.repositories import Duplicate
from whiteroom.ports.store import Claim, Work
from whiteroom.store import secrets, work
from whiteroom.store.codec import from_micros, to_micros
from whiteroom.store.damage import Damage, check_quickly, check_thoroughly
from whiteroom.store.migrations import migrate
from whiteroom.store.sealed import DOCUMENTS, StoreKeys
from whiteroom.store.statements import Prepared
from whiteroom.store.transaction import StoreTransaction

BUSY_TIMEOUT_SECONDS = 20.0
"""How long a writer waits for another process's transaction."""


_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",  # what is overwritten or deleted is not to be read in the file
    "cache_size=-16384",
)


class LostTransaction(sqlite3.OperationalError):
    """SQLite has undone a whole transaction, as it does where the disk is full or fails in the middle of one."""

    sqlite_errorcode = sqlite3.SQLITE_FULL
    sqlite_errorname = "SQLITE_FULL"

    def __init__(self) -> None:
        super().__init__("the transaction was undone, since the disk was full or failed")


class SqliteSession:
    """One connection, with whatever transaction is open on it."""

    dialect: sa.engine.Dialect = sqlite.dialect(paramstyle="qmark")

    def __init__(
        self, connection: sqlite3.Connection, cache: dict[Any, Prepared], damage: Damage, keys: StoreKeys
    ) -> None:
        self.connection = connection
        self.cache = cache
        self.damage = damage
        self.keys = keys
        self.work_changed = False

    def require_transaction(self) -> None:
        """Make sure that what was done since BEGIN is still to be committed.

        Raises:
            LostTransaction: SQLite has undone it.
        """
        if not self.connection.in_transaction:
            raise LostTransaction

    def run(self, prepared: Prepared, values: Mapping[str, Any]) -> tuple[list[tuple[Any, ...]], int]:
        """Execute (session.Session)."""
        if prepared.writes is not None:
            self.damage.refuse(prepared.writes)
        try:
            cursor = self.connection.execute(prepared.sql, prepared.bind(values))
            return cursor.fetchall(), cursor.rowcount
        except sqlite3.IntegrityError as error:
            raise Duplicate(str(error)) from None


class SqliteStore:
    """ports.Store in one file."""

    def __init__(self, path: Path, ring: KeyRing | None = None) -> None:
        """Open the file, making it or bringing it up to date first.

        Args:
            path: the file.
            ring: wraps what columns are sealed by; without it nothing is sealed, and nothing sealed can be read.
        """
        self.path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._cache: dict[Any, Prepared] = {}
        self._listeners: list[Callable[[], None]] = []
        self._damage = Damage(path)
        self._keys = StoreKeys(ring, secrets.ServerSeal(path, ring))
        migrate(path)

    def on_work(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each commit of this process that made work for the controllers."""
        self._listeners.append(listener)

    def announce(self, session: SqliteSession) -> None:
        """Tell the listeners if the transaction that was just committed made work."""
        if session.work_changed:
            session.work_changed = False
            for listener in self._listeners:
                listener()

    def session(self) -> SqliteSession:
        """A new session on a connection of its own; for one thread."""
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        with self._lock:
            self._connections.append(connection)
        return SqliteSession(connection, self._cache, self._damage, self._keys)

    @contextmanager
    def transaction(self) -> Iterator[StoreTransaction]:
        """ports.Store.transaction. Not to be nested in one thread."""
        session = self._session("writing")
        session.connection.execute("BEGIN IMMEDIATE")
        try:
            yield StoreTransaction(session)
            session.require_transaction()
            session.connection.execute("COMMIT")
        except BaseException:
            # A full disk ends some transactions by itself, and leaves others open.
            if session.connection.in_transaction:
                session.connection.execute("ROLLBACK")
            session.work_changed = False
            raise
        self.announce(session)

    @contextmanager
    def reading(self) -> Iterator[StoreTransaction]:
        """ports.Store.reading."""
        session = self._session("reading")
        session.connection.execute("BEGIN")
        try:
            yield StoreTransaction(session)
        finally:
            if session.connection.in_transaction:
                session.connection.execute("COMMIT")

    def claim(self, owner: str, now: datetime, lease_seconds: float) -> Claim | None:
        """ports.Store.claim."""
        session = self._session("writing")
        moment = to_micros(now)
        values = {"now": moment, "owner": owner, "expires_at": to_micros(now + timedelta(seconds=lease_seconds))}
        if not work.run(session, "due", {"now": moment})[0]:
            return None
        rows, _ = work.run(session, "claim", values)
        if not rows:
            return None
        kind, record_id, due_at = rows[0]
        return Claim(Work(kind), record_id, owner, from_micros(due_at))

    def extend(self, claim: Claim, now: datetime, lease_seconds: float) -> bool:
        """ports.Store.extend."""
        session = self._session("writing")
        values = {
            "work_id": work.key(claim),
            "owner": claim.owner,
            "expires_at": to_micros(now + timedelta(seconds=lease_seconds)),
        }
        return work.run(session, "extend", values)[1] == 1 or not work.run(session, "there", values)[0]

    def release(self, claim: Claim, next_due_at: datetime | None) -> None:
        """ports.Store.release."""
        session = self._session("writing")
        values = {"work_id": work.key(claim), "owner": claim.owner, "claimed_due_at": to_micros(claim.due_at)}
        if next_due_at is None:
            work.run(session, "release", values)
        else:
            work.run(session, "release_until", {**values, "next_due_at": to_micros(next_due_at)})

    def release_all_leases(self) -> None:
        """ports.Store.release_all_leases."""
        session = self._session("writing")
        work.run(session, "free", {})

    def make_all_due(self, now: datetime) -> None:
        """ports.Store.make_all_due."""
        work.run(self._session("writing"), "look at all", {"now": to_micros(now)})

    def next_due_at(self) -> datetime | None:
        """ports.Store.next_due_at."""
        session = self._session("reading")
        rows, _ = work.run(session, "next_due", {})
        return from_micros(rows[0][0]) if rows and rows[0][0] is not None else None

    def snapshot(self, path: Path) -> None:
        """Write all that is committed now to a new database of its own, without what was deleted from this one.

        Others read and write meanwhile.
        """
        session = self.session()
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            session.connection.execute("VACUUM INTO ?", (str(path),))
        finally:
            with self._lock:
                self._connections.remove(session.connection)
            session.connection.close()

    def damage(self) -> str:
        """What of the file is damaged, by SQLite's quicker check; empty where nothing is. Reads all of it."""
        found = self._session("reading").connection.execute("PRAGMA quick_check(1)").fetchall()
        return "" if found == [("ok",)] else f"{self.path} is damaged: {' '.join(found[0][0].split())}"

    def look_for_damage(self) -> None:
        """Find damaged pages where that takes no time; nothing is written to their tables from then on."""
        self._damage.learn(check_quickly(self._session("reading").connection))

    def look_hard_for_damage(self, stopping: threading.Event) -> None:
        """The same in all of the file, however large. Takes a thread of its own, and may be stopped."""
        self._damage.learn(check_thoroughly(lambda: sqlite3.connect(self.path), stopping))

    @property
    def damaged_tables(self) -> frozenset[str]:
        """Those in which damage was found, and which are not written to."""
        return frozenset(self._damage.tables)

    def has_metrics(self) -> bool:
        """Whether a metric of any run was ever recorded."""
        found = self._session("reading").connection.execute("SELECT 1 FROM metric_series LIMIT 1")
        return bool(found.fetchall())

    def seal_secrets(self) -> None:
        """Have the server's key ready, and seal by it what secrets there are in plain text. Safe to repeat.

        Raises:
            KeyRefused: the ring gives no key.
        """
        server = self._keys.server
        server.prepare()
        if not server.seals:
            return
        if self._count_plain("access_keys", "secret_access_key"):
            with self.transaction() as tx:
                for key in tx.access_keys.all():
                    tx.access_keys.update(key, secret_access_key=key.secret_access_key)
            # What was overwritten is not to stay in the log.
            self._session("writing").connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def require_server_key(self) -> None:
        """Have the server's key opened, where there is one.

        Raises:
            KeyRefused: the ring does not open it.
        """
        self._keys.server.open()

    def has_secret(self, name: str) -> bool:
        """Whether there is a secret of the server's own of that name, whether or not it can be opened."""
        found = self._session("writing").connection.execute("SELECT 1 FROM secrets WHERE name = ?", (name,))
        return bool(found.fetchall())

    def secret(self, name: str) -> bytes | None:
        """One of the server's own secrets; None where there is none of that name."""
        return secrets.kept(self._session("writing").connection, self._keys.server, name)

    def keep_secret(self, name: str, secret: bytes) -> None:
        """Keep a secret under that name, durably; where there is one already, it stays."""
        secrets.keep(self._session("writing").connection, self._keys.server, name, secret)

    def put_secret(self, name: str, secret: bytes) -> None:
        """Keep a secret under that name, durably, in place of one that is there."""
        secrets.put(self._session("writing").connection, self._keys.server, name, secret)

    def drop_secret(self, name: str) -> bool:
        """Erase a secret; whether there was one."""
        return secrets.drop(self._session("writing").connection, name)

    def secret_names(self, beginning: str) -> list[str]:
        """The names of the server's own secrets that begin so, in order."""
        return secrets.names(self._session("writing").connection, beginning)

    def plain_documents(self) -> int:
        """How many records hold documents that are written in plain text."""
        return sum(self._count_plain(table, columns[0]) for table, columns in DOCUMENTS.items())

    def _count_plain(self, table: str, column: str) -> int:
        sql = f"SELECT count(*) FROM {table} WHERE {column} NOT LIKE 'sealed:%'"  # noqa: S608 - names of ours
        return int(self._session("reading").connection.execute(sql).fetchone()[0])

    def close(self) -> None:
        """Close every connection; the store is not to be used after it."""
        with self._lock:
            while self._connections:
                self._connections.pop().close()

    def _session(self, purpose: str) -> SqliteSession:
        session: SqliteSession | None = getattr(self._local, purpose, None)
        if session is None:
            session = self.session()
            setattr(self._local, purpose, session)
        return session
