"""Names of tables and columns, as SQL takes them."""

from __future__ import annotations


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever is in it: exactly, upper and lower case too.

    Raises:
        ValueError: it can be none.
    """
    if not name or "\0" in name:
        raise ValueError("A name has at least one character, and no NUL.")
    return '"' + name.replace('"', '""') + '"'
