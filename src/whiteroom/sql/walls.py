"""The two walls between what members write and what runs, each of which holds alone.

The server has both up. Tests take one down and try whether the other stands (`tests/attacks/`), or both, to see that
what they try would work.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Walls:
    """Which stand."""

    form: bool = True
    """The grammar's places (grammar.py), and the canonical form (canonical.py)."""
    plan: bool = True
    """What the engine reads in the text: its parser, and its binder (engines/duckdb/judge/)."""


BOTH = Walls()
