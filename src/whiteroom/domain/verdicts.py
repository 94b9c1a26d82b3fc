"""Verdicts: `Allowed`, or `Denied` with a reason."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Allowed:
    """Nothing speaks against it."""

    def __bool__(self) -> Literal[True]:
        return True


@dataclass(frozen=True, slots=True)
class Denied:
    """It may not be. The reason reaches the member: a sentence that says what to do."""

    reason: str

    def __bool__(self) -> Literal[False]:
        return False


Verdict = Allowed | Denied
ALLOWED = Allowed()
