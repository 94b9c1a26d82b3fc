"""What each rule protects, as twins that nobody may tell apart, and the queries that are held to it.

(a) A column that is not allowed has any other values: everything is equal.
(b) A column of `disallowedOutputColumns` has any other values: everything is equal for queries in which it stands in
    no predicate, no grouping and no order. A LIMIT or OFFSET is none of these.
(c) A column that may not be compared, nor shown, has any other values: everything is equal for queries that neither
    group nor order by it, whatever else they do with it; and where it has other values in the same order, equal where
    they were equal, for every query. A column that may be shown but not compared has any other values: the number and
    order of rows and every output column that is not made of it are equal, for queries that neither group nor order
    by it.
(d) Users whose groups stay below the minimum are others, with other values in other numbers: everything is equal for
    queries whose every SELECT over the table has a key that keeps those groups apart from the others.
(f) A column that stands in no list of an AGGREGATION or LIST rule has any other values: everything is equal.

Differential privacy is (e), in private.py. What is documented as not closed is counted and is no leak: under (b), (c)
and (d), that a query fails for a value (docs/privacy.md, "Whether a query fails").
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from noninterference.runner import Seen
from noninterference.twins import (
    KEPT_IN,
    NEVER,
    Twin,
    moved,
    one_other_value,
    other_values,
    rare_groups_otherwise,
)
from noninterference.uses import Uses


@dataclass(frozen=True, slots=True)
class Kind:
    """A twin, who is held to it, and what is compared."""

    letter: str
    name: str
    twin: Twin
    held: Callable[[Uses], bool]
    differs: Callable[[Seen, Seen, Uses], str]
    may_fail: bool = True
    """Whether failing for a value is documented."""


def everything(one: Seen, other: Seen, uses: Uses) -> str:
    """The first thing in which two runs differ; empty where there is none."""
    for name in ("failure", "message", "tables", "rows", "told"):
        if getattr(one, name) != getattr(other, name):
            return f"{name}: {getattr(one, name)!r} and {getattr(other, name)!r}"
    if [name for name, _ in one.files] != [name for name, _ in other.files]:
        return f"files: {[name for name, _ in one.files]} and {[name for name, _ in other.files]}"
    for (name, mine), (_, theirs) in zip(one.files, other.files, strict=True):
        if mine != theirs:
            return f"{name}: {mine[:300]!r} and {theirs[:300]!r}"
    return ""


def all_but(column: str) -> Callable[[Seen, Seen, Uses], str]:
    """The same without the output columns that are made of this one; files are then compared by their rows."""

    def differs(one: Seen, other: Seen, uses: Uses) -> str:
        kept = [index for index, made_of in enumerate(uses.outputs) if column not in made_of]
        if len(kept) == len(uses.outputs) or one.failure or other.failure:
            return everything(one, other, uses)
        mine, theirs = (_cells(seen, kept) for seen in (one, other))
        if mine is None or theirs is None:
            return ""
        return "" if mine == theirs else f"other columns: {mine[:20]} and {theirs[:20]}"

    return differs


def _cells(seen: Seen, kept: list[int]) -> list[list[str]] | None:
    rows: list[list[str]] = []
    for name, content in seen.files:
        if not name.endswith(".csv"):
            return None
        read = list(csv.reader(io.StringIO(content.decode("utf-8"))))
        # A line without anything is a row of one NULL.
        rows += [[(row or [""])[index] for index in kept] for row in read[1:]]
    return rows


def _outputs() -> list[Kind]:
    kinds = []
    for columns in (sorted(KEPT_IN), *([column] for column in sorted(KEPT_IN))):
        # What is not allowed changes with it: one run less.
        for how, change in (("all", other_values), ("one", one_other_value)):
            name, twin = f"{'+'.join(columns)} of {how}", change([*columns, *sorted(NEVER)])
            kinds.append(Kind("b", name, twin, _not_steering(columns), everything))
    return kinds


def _not_steering(columns: list[str]) -> Callable[[Uses], bool]:
    return lambda uses: not uses.steering & {*columns}


def _controls() -> list[Kind]:
    hidden = ["salary", "ssn"]
    unsorted = [
        Kind("c", f"{'+'.join(columns)} other", twin(columns), _neither_grouped_nor_ordered(columns), everything)
        for columns in (hidden, ["ssn"], ["salary"])
        for twin in (other_values, one_other_value)
    ]
    return [
        *unsorted,
        *(
            Kind("c", f"moved {how}", moved(hidden, text, first, step), _always, everything)
            for how, text, first, step in (
                ("apart", "m", -20, 7),
                ("together", "1003", -5, 1),
                ("far", "", 30, 10_007),
            )
        ),
        Kind("c", "zip shown", other_values(["zip"]), _neither_grouped_nor_ordered(["zip"]), all_but("zip")),
    ]


def _neither_grouped_nor_ordered(columns: list[str]) -> Callable[[Uses], bool]:
    return lambda uses: not (uses.grouped | uses.ordered) & {*columns}


def _always(uses: Uses) -> bool:
    return True


NOT_ALLOWED = Kind("a", "not allowed", other_values(sorted(NEVER)), _always, everything, may_fail=False)
_UNLISTED = Kind("f", "unlisted", other_values(sorted(KEPT_IN)), _always, everything, may_fail=False)
_SMALL = Kind("d", "rare", rare_groups_otherwise, lambda uses: uses.grouped_apart, everything)

KINDS: Mapping[str, tuple[Kind, ...]] = {
    "outputs": (NOT_ALLOWED, *_outputs()),
    "controls": (NOT_ALLOWED, *_controls()),
    "thresholds": (NOT_ALLOWED, _SMALL),
    "aggregation": (NOT_ALLOWED, _UNLISTED, _SMALL),
    "list": (NOT_ALLOWED, _UNLISTED),
}
"""By the rule."""
