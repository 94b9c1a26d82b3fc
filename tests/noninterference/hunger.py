"""Which constructs are still wanted: what was let through less often is chosen more often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


class Hunger:
    """Which constructs have been let through how often."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()

    def fed(self, constructs: Iterable[str], *, passed: bool) -> None:
        """Count the constructs of one query, each once."""
        for construct in constructs:
            self.tried[construct] += 1
            self.passed[construct] += passed

    def weight(self, construct: str) -> float:
        """How much the construct is wanted; what is refused again and again is wanted less."""
        return 1.0 / (1 + self.passed[construct] + self.tried[construct] / 4) ** 2
