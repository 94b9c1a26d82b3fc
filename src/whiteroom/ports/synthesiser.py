"""Makes synthetic rows from a query's rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from whiteroom.domain.execution.synthetic_data import SynthesisObservation, SynthesisSpec


class Synthesiser(Protocol):
    """Makes differentially private synthetic rows, one synthesis per id, in a limited process of its own.

    It erases the real rows (`SynthesisSpec.source`) as soon as it has ended, however it ended.
    """

    def start(self, spec: SynthesisSpec) -> None:
        """Start the synthesis unless it runs or has ended; a repeat is harmless."""

    def observe(self, synthesis_id: str) -> SynthesisObservation:
        """What the synthesis is doing now; a process that died without a word is `Phase.ABSENT`."""

    def stop(self, synthesis_id: str) -> None:
        """Kill the synthesis and erase the real rows. An absent one is a success."""

    def forget(self, synthesis_id: str) -> None:
        """Kill the synthesis and free what it holds; its folder of synthetic rows is the caller's and stays."""

    def syntheses(self) -> Iterable[str]:
        """Every synthesis that still holds something here."""
