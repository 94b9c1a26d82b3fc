"""What errors of Snowflake and of its driver mean."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from types import ModuleType

from whiteroom.databases.drivers import NOT_ALLOWED, broke_off, is_for_now, meant_by, moved, sqlstate
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable

_HEARD = (
    "connection refused",
    "connection reset",
    "context deadline exceeded",
    "i/o timeout",
    "network is unreachable",
    "no route to host",
    "no such host",
    "server misbehaving",
    "tls handshake timeout",
    "failed to verify certificate",
    "proxyconnect",
    "eof",
    "http status: 4",
    "http status: 5",
)
"""What may be told of a connection that failed: Go's words, which are English everywhere. What else it says may be a
server's, and have the secret in it."""
_SERVICE_UNAVAILABLE = 260_007
_OF_THE_NETWORK = range(261_000, 262_000)
"""The driver's own numbers of requests that failed."""
_GONE = frozenset({2003, 2043})
"""An object does not exist, or the role may not see it: Snowflake does not say which."""
_NO_COLUMN = 904
_NO_WAREHOUSE = 606


def of_connecting(driver: ModuleType, shown: str) -> AbstractContextManager[None]:
    """Say what an error of a connection means; `shown` names it."""
    return meant_by(driver, partial(_of_connection, shown))


def of_statement(driver: ModuleType, shown: str, table: str) -> AbstractContextManager[None]:
    """Say what an error of a statement means; `shown` names the connection."""
    return meant_by(driver, partial(_of_statement, shown, table))


def _of_connection(shown: str, error: Exception) -> Exception:
    """Who is refused by a number is not asked again: an account may be locked. What has none is no answer at all."""
    code, words = _code(error), str(error).lower()
    if code and code != _SERVICE_UNAVAILABLE and code not in _OF_THE_NETWORK:
        return DatabaseRefused(f"{shown} refused the server (error {code:06}). Its login history says why.")
    heard = next((known for known in _HEARD if known in words), "what came is no answer of Snowflake's")
    return DatabaseUnreachable(f"{shown} does not answer: {heard}.")


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
