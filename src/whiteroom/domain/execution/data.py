"""Names of data, wherever its bytes are: rows of channels, results, artefacts, checkpoints.

Where they lie is the affair of an adapter (ports.Data); records and controllers name them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class DataKind(StrEnum):
    """What there is data of. Each is found under the id of what it belongs to."""

    CHANNEL = "channel"
    """The rows of an ML input channel: one file or several, in the order of their names."""
    LAYOUT = "layout"
    """The same rows in more files, by channel; the part is how many. They go with the channel."""
    ORIGINAL = "original"
    """The rows that synthetic ones are made of, by query."""
    RESULT = "result"
    """The rows of a member's query, until they are delivered."""
    BASE_MODEL = "base model"
    """The model that an incremental training goes on from, by the version that it trains."""
    CHECKPOINT = "checkpoint"
    """What a training keeps for its next attempt, by version; the part is the host."""
    ARTEFACT = "artefact"
    """What is kept of a training, by version; the part is the archive."""
    RUN_OUTPUT = "run output"
    """What a run in the sandbox has left."""
    CONTAINER_OUTPUT = "container output"
    """What a run in a container engine has left."""


@dataclass(frozen=True, slots=True)
class DataRef:
    """Names data for ever: all that there is under an id, or a part of it."""

    kind: DataKind
    id: str
    part: str = ""
    """A file or a folder of it, with slashes between names; empty for all of it."""

    def at(self, part: str) -> DataRef:
        """A part of this."""
        return replace(self, part=f"{self.part}/{part}" if self.part else part)
