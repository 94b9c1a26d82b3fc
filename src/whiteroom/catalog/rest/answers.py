"""What is said between the server and the process that asks a REST catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from whiteroom.domain.privacy.query_tables import Column

TABLE: Final = "table"
REFUSED: Final = "refused"
"""Why there is none."""
AGAIN: Final = "again"
"""Why that is not known now."""
ANSWER_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class RestTable:
    """What a catalog says of a table."""

    location: str
    """Its folder."""
    state: str
    """The file of metadata that is its state."""
    snapshot: str
    """Which state its owner means; empty for the latest."""
    columns: tuple[Column, ...]
