"""Names that no member can write: what is generated cannot be meant by anything else in the query."""

from __future__ import annotations

import re

RESERVED = "wr$"
"""Begins the names of the views and of the column that orders rows; no name in a member's SQL may."""

_VIEW = re.compile(re.escape(RESERVED) + "[0-9]+")


def is_view_name(name: str) -> bool:
    """Whether a name is that of a view: RESERVED and its number."""
    return _VIEW.fullmatch(name) is not None
