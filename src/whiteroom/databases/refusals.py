"""What databases' refusals mean: whether the same may succeed later.

DatabaseRefused       the same is refused again, until somebody changes something
DatabaseUnreachable   nothing was decided: the network, a database that starts or is busy; the same is tried again
TableMoved            the table is not what it was when it was looked up: it is looked up again
"""

from __future__ import annotations


class DatabaseRefused(Exception):
    """A database refused, or has no such table. The message is for the table's owner and the operator."""


class DatabaseUnreachable(Exception):
    """No answer, or one that decides nothing. The message is for the operator, and the table's owner."""


class TableMoved(Exception):
    """A table has other columns by now. The message is for its owner."""
