"""What errors of Snowflake and of its driver mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable, TableMoved

_TOLD = 300
"""Characters of what is said of a connection. Of a statement nothing is told but its code: it may quote a row."""

_NOT_NOW = (
    "connection refused",
    "connection reset",
    "context deadline exceeded",
    "i/o timeout",
    "network is unreachable",
    "no route to host",
    "no such host",
    "server misbehaving",
    "tls handshake timeout",
    ": eof",
    "unexpected eof",
    "http status: 5",
)
"""In a connection that failed without a code, what may be another time: Go's words, which are English everywhere. Who
refused is not asked again, as with PostgreSQL."""
_SERVICE_UNAVAILABLE = 260_007
_GONE = frozenset({2003, 2043})
"""An object does not exist, or the role may not see it: Snowflake does not say which."""
_NO_COLUMN = 904
_NO_WAREHOUSE = 606
_NOT_ALLOWED = "42501"
_AGAIN = ("08", "40", "53", "55", "57", "58", "XX")
"""Classes of SQLSTATE, as PostgreSQL has them."""


@contextmanager
def of_connecting(driver: ModuleType, shown: str) -> Iterator[None]:
    """Say what an error of a connection means; `shown` names it."""
    try:
        yield
    except driver.Error as error:
        words = _first_line(str(error))
        code = _code(error)
        if code == _SERVICE_UNAVAILABLE or (not code and any(known in words.lower() for known in _NOT_NOW)):
            raise DatabaseUnreachable(f"{shown} does not answer: {words}") from None
        raise DatabaseRefused(f"{shown} refused the server: {words}") from None


@contextmanager
def of_statement(driver: ModuleType, shown: str, table: str) -> Iterator[None]:
    """Say what an error of a statement means; `shown` names the connection."""
    try:
        yield
    except driver.Error as error:
        state = str(getattr(error, "sqlstate", None) or "")
        raise _meant(_code(error), state, shown, table) from None


def _meant(code: int, state: str, shown: str, table: str) -> Exception:
    if code in _GONE or code == _NO_COLUMN:
        return TableMoved(f"{table} of {shown} is gone, or has other columns by now.")
    if code == _NO_WAREHOUSE:
        return DatabaseRefused(f"{shown} has no warehouse to read {table} with: the operator says `?warehouse=`.")
    if state == _NOT_ALLOWED:
        return DatabaseRefused(f"{shown} does not let its role read {table}: grant SELECT on it.")
    if not code or state.startswith(_AGAIN):
        return DatabaseUnreachable(f"{shown} broke off ({f'SQLSTATE {state}' if state else 'the connection ended'}).")
    return DatabaseRefused(f"{shown} failed over {table} (error {code:06}). Its query history says why.")


def _code(error: Exception) -> int:
    """Snowflake's number of an error, or its driver's; 0 of what has none."""
    return int(getattr(error, "vendor_code", None) or 0)


def _first_line(words: str) -> str:
    line = words.removeprefix("IO: ").removeprefix("[Snowflake] ").strip().split("\n")[0].strip()
    return "".join(letter if letter.isprintable() else " " for letter in line)[:_TOLD].rstrip(". ") + "."
