"""What errors of Snowflake and of its driver mean."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from types import ModuleType

from whiteroom.databases.drivers import NOT_ALLOWED, broke_off, first_line, is_for_now, meant_by, moved, sqlstate
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable

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
_BEGIN = ("IO: ", "[Snowflake] ")
"""The driver's own words, before the library's."""


def of_connecting(driver: ModuleType, shown: str) -> AbstractContextManager[None]:
    """Say what an error of a connection means; `shown` names it."""
    return meant_by(driver, partial(_of_connection, shown))


def of_statement(driver: ModuleType, shown: str, table: str) -> AbstractContextManager[None]:
    """Say what an error of a statement means; `shown` names the connection."""
    return meant_by(driver, partial(_of_statement, shown, table))


def _of_connection(shown: str, error: Exception) -> Exception:
    words, code = first_line(str(error), *_BEGIN), _code(error)
    if code == _SERVICE_UNAVAILABLE or (not code and any(known in words.lower() for known in _NOT_NOW)):
        return DatabaseUnreachable(f"{shown} does not answer: {words}")
    return DatabaseRefused(f"{shown} refused the server: {words}")


def _of_statement(shown: str, table: str, error: Exception) -> Exception:
    """Classes of SQLSTATE are read as PostgreSQL has them: Snowflake documents none."""
    code, state = _code(error), sqlstate(error)
    if code in _GONE or code == _NO_COLUMN:
        return moved(shown, table)
    if code == _NO_WAREHOUSE:
        return DatabaseRefused(f"{shown} has no warehouse to read {table} with: the operator says `?warehouse=`.")
    if state == NOT_ALLOWED:
        return DatabaseRefused(f"{shown} does not let its role read {table}: grant SELECT on it.")
    if not code or (state and is_for_now(state)):
        return broke_off(shown, state)
    return DatabaseRefused(f"{shown} failed over {table} (error {code:06}). Its query history says why.")


def _code(error: Exception) -> int:
    """Snowflake's number of an error, or its driver's; 0 of what has none."""
    return int(getattr(error, "vendor_code", None) or 0)
