"""What PostgreSQL's errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable, TableMoved

_TOLD = 300
"""Characters of what libpq says of a connection. Of a statement nothing is told but its code: it may quote a row."""

_NOT_NOW = (
    # libpq's own words, which are English wherever it runs
    "connection refused",
    "connection reset",
    "connection timed out",
    "could not connect",
    "could not receive data",
    "could not send",
    "could not translate host name",
    "network is unreachable",
    "no route to host",
    "server closed the connection",
    "ssl syscall error",
    "timeout expired",
    # the server's
    "is shutting down",
    "is starting up",
    "not yet accepting connections",
    "not accepting connections",
    "remaining connection slots",
    "too many clients",
    "too many connections",
    "in recovery mode",
)
"""In a connection that failed, what may be another time. Whoever refused is not asked again: a password that is wrong
is wrong the next time too, and a database may lock whoever tries it often."""

_MOVED = frozenset({"42P01", "42703", "3F000"})
_NOT_ALLOWED = "42501"
_NO_MEMORY = "PQgetCopyData() failed: out of memory"
"""libpq's own words."""
_AGAIN = ("08", "40", "53", "55", "57", "58", "XX")
"""Classes: the connection, serialisation, resources, locks, the operator's doing, the system, an error of its own."""


@contextmanager
def of_connecting(driver: ModuleType, shown: str) -> Iterator[None]:
    """Say what an error of a connection means; `shown` names it."""
    try:
        yield
    except driver.Error as error:
        words = _first_line(str(error))
        if any(known in str(error).lower() for known in _NOT_NOW):
            raise DatabaseUnreachable(f"{shown} does not answer: {words}") from None
        raise DatabaseRefused(f"{shown} refused the server: {words}") from None


@contextmanager
def of_statement(driver: ModuleType, shown: str, table: str) -> Iterator[None]:
    """Say what an error of a statement means; `shown` names the connection."""
    try:
        yield
    except driver.Error as error:
        code = str(getattr(error, "sqlstate", None) or "")
        raise _meant(code, shown, table) from None


def is_out_of_memory(error: Exception) -> bool:
    """Whether rows could not be taken in by this process, and the database had nothing to do with it."""
    return isinstance(error, MemoryError) or _NO_MEMORY in str(error)


def _meant(code: str, shown: str, table: str) -> Exception:
    if code in _MOVED:
        return TableMoved(f"{table} of {shown} is gone, or has other columns by now.")
    if code == _NOT_ALLOWED:
        return DatabaseRefused(
            f"{shown} does not let its user read {table}: grant SELECT on it, and USAGE on its schema."
        )
    if not code or code.startswith(_AGAIN):
        return DatabaseUnreachable(f"{shown} broke off ({f'SQLSTATE {code}' if code else 'the connection ended'}).")
    return DatabaseRefused(f"{shown} failed over {table} (SQLSTATE {code}). Its own log says why.")


def _first_line(words: str) -> str:
    """What is told of libpq's words, without the driver's own before them."""
    line = words.removeprefix("IO: [libpq] Failed to connect: ").strip().split("\n")[0].strip()
    return "".join(letter if letter.isprintable() else " " for letter in line)[:_TOLD].rstrip(". ") + "."
