"""Suggestions for an unknown name: what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def meant(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'port'?`, to put behind a sentence; empty where no known name is close, however it is written."""
    by_folded = {_folded(one): one for one in known}
    close = get_close_matches(_folded(name), by_folded, n=1)
    return f" Did you mean '{by_folded[close[0]]}'?" if close else ""


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")
