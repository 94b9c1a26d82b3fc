"""How tables of Whiteroom's own catalog are called: as Glue has it, in lower case."""

from __future__ import annotations

import re

_ACCOUNT = re.compile(r"[0-9]{12}")
_NAME = re.compile(r"[a-z0-9_][a-z0-9_ -]{0,127}")

Name = tuple[str, str, str]
"""Of a table: its account, its database, and its own."""


def lower(name: Name) -> Name:
    """A name as it is kept."""
    account_id, database, table = name
    return account_id, database.lower(), table.lower()


def names_a_table(name: Name) -> bool:
    """Whether a table may be called so."""
    account_id, database, table = lower(name)
    well_formed = _ACCOUNT.fullmatch(account_id) and _NAME.fullmatch(database) and _NAME.fullmatch(table)
    return bool(well_formed) and " " not in database
