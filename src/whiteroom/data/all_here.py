"""Data of which all is on this machine: there is nothing to lend."""

from __future__ import annotations

from collections.abc import Sequence

from whiteroom.domain.execution.data import DataRef
from whiteroom.ports.data import Lent


class AllHere:
    """The part of `ports.LocalData` that is for what is elsewhere."""

    def elsewhere(self, ref: DataRef) -> Sequence[str]:
        """See `ports.LocalData.elsewhere`."""
        del ref
        return ()

    def lend(self, lent: Sequence[Lent], listener: int, log: int) -> None:
        """See `ports.LocalData.lend`."""
        del listener, log
        raise ValueError(f"all of it is here: {lent}")
