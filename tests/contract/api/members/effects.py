"""What a row says of one member of a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """A test that sees a difference when the member changes."""

    test: str
    through: str = ""
    """Where `test` begins with the record: the test that sees the member come from the request into it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing here would honour it, or not all of its values: a test sees it refused by its name."""

    test: str


@dataclass(frozen=True, slots=True)
class Echo:
    """It is kept and shown, and has no other effect, for this reason."""

    reason: str


Effect = Seen | Refused | Echo


@dataclass(frozen=True, slots=True)
class Row:
    """What one member does."""

    service: str
    path: str
    effect: Effect
    operations: tuple[str, ...] = ()
    """Whose member it is; empty: of every operation that has it."""


def rows(service: str, effect: Effect, *paths: str, of: tuple[str, ...] = ()) -> tuple[Row, ...]:
    """A row for each path of a service's requests, all with one effect; `of` names the operations."""
    return tuple(Row(service, path, effect, of) for path in paths)
