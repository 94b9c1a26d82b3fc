"""What came of a campaign, rule by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from noninterference.hunger import Hunger

LEAST = 20
"""How often each listed construct is tried."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A difference that a rule promises not to be."""

    rule: str
    kind: str
    sql: str
    difference: str

    def __str__(self) -> str:
        return f"[{self.rule}, {self.kind}] {self.difference}\n    {self.sql}"


@dataclass
class Tally:
    """What came of one rule's queries."""

    tried: int = 0
    passed: int = 0
    ran: int = 0
    held: Counter[str] = field(default_factory=Counter)
    """Twins compared, by kind."""
    failing: Counter[str] = field(default_factory=Counter)
    """Twins of which one query failed and the other did not, where that is documented."""
    refusals: Counter[str] = field(default_factory=Counter)


@dataclass
class Report:
    """Of a whole campaign."""

    seed: int
    tallies: dict[str, Tally] = field(default_factory=dict)
    hunger: Hunger = field(default_factory=Hunger)
    leaks: list[Leak] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    """Queries on which the guard or the worker raised what they should not, by the exception."""
    disagreements: list[tuple[str, str, str]] = field(default_factory=list)
    """Ruled, query and what was found, where the second judge alone refused."""
    slow: list[tuple[str, str]] = field(default_factory=list)
    """Ruled and query, of those that took too long."""
    seconds: float = 0.0

    @property
    def queries(self) -> int:
        """How many were tried."""
        return sum(tally.tried for tally in self.tallies.values())

    @property
    def passed(self) -> int:
        """How many the guard let through."""
        return sum(tally.passed for tally in self.tallies.values())

    def scarce(self, names: Iterable[str]) -> dict[str, int]:
        """Those of the listed constructs that were tried too seldom, with how often."""
        return {name: self.hunger.tried[name] for name in names if self.hunger.tried[name] < LEAST}

    def tally(self, rule: str) -> Tally:
        """Of one rule."""
        return self.tallies.setdefault(rule, Tally())
