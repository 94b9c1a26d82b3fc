"""What is alike in reading any database by ADBC: cursors, and what a driver says of errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

from whiteroom.databases.refusals import DatabaseUnreachable, TableMoved

NOT_ALLOWED = "42501"
_AGAIN = ("08", "40", "53", "55", "57", "58", "XX")
"""Classes of SQLSTATE: the connection, serialisation, resources, locks, the operator's doing, the system, an error of
the database's own."""
_TOLD = 300
"""Characters of what is said of a connection. Of a statement nothing is told but its code: it may quote a row."""


@contextmanager
def cursor_of(handle: Any) -> Iterator[Any]:
    """A cursor of a connection, closed afterwards."""
    cursor = handle.cursor()
    try:
        yield cursor
    finally:
        with suppress(Exception):
            cursor.close()


@contextmanager
def meant_by(driver: ModuleType, means: Callable[[Exception], Exception]) -> Iterator[None]:
    """Raise what an error of the driver means, and nothing of the driver's own words beside it."""
    try:
        yield
    except driver.Error as error:
        raise means(error) from None


def sqlstate(error: Exception) -> str:
    """The code that SQL has for an error; empty where it has none."""
    return str(getattr(error, "sqlstate", None) or "")


def is_for_now(state: str) -> bool:
    """Whether what failed may succeed another time. What has no code is a connection that ended."""
    return not state or state.startswith(_AGAIN)


def broke_off(shown: str, state: str) -> DatabaseUnreachable:
    """What that means for whoever reads; `shown` names the connection."""
    return DatabaseUnreachable(f"{shown} broke off ({f'SQLSTATE {state}' if state else 'the connection ended'}).")


def moved(shown: str, table: str) -> TableMoved:
    """What it means that a table is not found, or a column of it."""
    return TableMoved(f"{table} of {shown} is gone, or has other columns by now.")


def first_line(words: str, *beginnings: str) -> str:
    """What is told of a driver's words about a connection, as a sentence, without these that it begins with."""
    for beginning in beginnings:
        words = words.removeprefix(beginning)
    line = words.strip().split("\n")[0].strip()
    return "".join(letter if letter.isprintable() else " " for letter in line)[:_TOLD].rstrip(". ") + "."
