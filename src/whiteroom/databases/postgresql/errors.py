"""What PostgreSQL's errors mean."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from types import ModuleType

from whiteroom.databases.drivers import NOT_ALLOWED, broke_off, first_line, is_for_now, meant_by, moved, sqlstate
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable

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
_NO_MEMORY = "PQgetCopyData() failed: out of memory"
"""libpq's own words."""
_BEGINS = "IO: [libpq] Failed to connect: "
"""The driver's own words, before libpq's."""


def of_connecting(driver: ModuleType, shown: str) -> AbstractContextManager[None]:
    """Say what an error of a connection means; `shown` names it."""
    return meant_by(driver, partial(_of_connection, shown))


def of_statement(driver: ModuleType, shown: str, table: str) -> AbstractContextManager[None]:
    """Say what an error of a statement means; `shown` names the connection."""
    return meant_by(driver, partial(_of_statement, shown, table))


def is_out_of_memory(error: Exception) -> bool:
    """Whether rows could not be taken in by this process, and the database had nothing to do with it."""
    return isinstance(error, MemoryError) or _NO_MEMORY in str(error)


def _of_connection(shown: str, error: Exception) -> Exception:
    words = first_line(str(error), _BEGINS)
    if any(known in str(error).lower() for known in _NOT_NOW):
        return DatabaseUnreachable(f"{shown} does not answer: {words}")
    return DatabaseRefused(f"{shown} refused the server: {words}")


def _of_statement(shown: str, table: str, error: Exception) -> Exception:
    state = sqlstate(error)
    if state in _MOVED:
        return moved(shown, table)
    if state == NOT_ALLOWED:
        return DatabaseRefused(
            f"{shown} does not let its user read {table}: grant SELECT on it, and USAGE on its schema."
        )
    if is_for_now(state):
        return broke_off(shown, state)
    return DatabaseRefused(f"{shown} failed over {table} (SQLSTATE {state}). Its own log says why.")
