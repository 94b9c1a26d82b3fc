"""Writes expressions: a template of the vocabulary, its holes filled with others, down to a column or a literal."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from noninterference import vocabulary
from noninterference.columns import TYPES, Col, Source
from noninterference.hunger import Hunger
from noninterference.nested import Templates

_HOLE = re.compile(r"\{(\w+)\}")
_TEXTS = ("'a'", "'u1'", "'p07'", "'flu'", "'b-1'", "''", "'10038'")
_LEAVES = {
    "T": _TEXTS,
    "I": ("0", "1", "2", "7", "-3", "40"),
    "R": ("0.5D", "-1.25D", "100.0D"),
    "M": ("CAST(3 AS DECIMAL(10, 2))",),
    "A": ("DATE '2024-02-29'", "DATE '2023-12-31'"),
    "S": ("TIMESTAMP '2024-02-29 10:11:12'",),
    "B": ("true",),
}


@dataclass
class Expressions:
    """Expressions of a type over what is in scope, each construct as often as it is wanted."""

    rng: random.Random
    hunger: Hunger
    tables: Mapping[str, tuple[Col, ...]]
    functions: Mapping[str, Templates] = field(default_factory=lambda: vocabulary.EXPRESSIONS)
    protected_chance: float = 0.04
    """How often a protected column stands in a predicate."""
    subqueries: bool = True
    _names: int = 0

    def name(self, prefix: str) -> str:
        """A name that the query has not had."""
        self._names += 1
        return f"{prefix}{self._names}"

    def chance(self, odds: float) -> bool:
        """True so often."""
        return self.rng.random() < odds

    def pick(self, options: Sequence[str]) -> str:
        """One of some spellings."""
        return self.rng.choice(options)

    def choose(self, options: Mapping[str, str]) -> str:
        """One of some spellings, by which construct each of them is."""
        return self.rng.choices(list(options), [self.hunger.weight(construct) for construct in options.values()])[0]

    def expression(self, kind: str, scope: Sequence[Source], depth: int, *, predicate: bool = False) -> str:
        """An expression of a type over the columns in scope."""
        if depth <= 0 or self.chance(0.2):
            return self.leaf(kind, scope, predicate=predicate)
        found = self._templates(kind, self.functions)
        if not found:
            return self.leaf(kind, scope, predicate=predicate)
        _, template = self.rng.choices(found, [self.hunger.weight(name) for name, _ in found])[0]
        if not self.subqueries and "{Sub" in template:
            return self.leaf(kind, scope, predicate=predicate)
        return self.fill(template, scope, depth - 1, predicate=predicate)

    @staticmethod
    def _templates(kind: str, table: Mapping[str, Templates]) -> list[tuple[str, str]]:
        return [(name, text) for name, texts in table.items() for given, text in texts if given == kind]

    def fill(self, template: str, scope: Sequence[Source], depth: int, *, predicate: bool = False) -> str:
        """A template with its holes filled."""

        def hole(match: re.Match[str]) -> str:
            what = match.group(1)
            if what == "n":
                return str(self.rng.choice((1, 2, 3, 5)))
            if what == "t":
                return self.rng.choice(_TEXTS)
            if what == "C":
                return self.column(scope) or "'a'"
            if what == "SubPair":
                return f"(SELECT {self._bare('T')}, {self._bare('T')} FROM {self._some_table()})"
            if what.startswith("Sub"):
                return self.subquery(what[3:])
            kind = self.rng.choice("IRM") if what == "N" else what
            return self.expression(kind, scope, depth, predicate=predicate)

        return _HOLE.sub(hole, template)

    def leaf(self, kind: str, scope: Sequence[Source], *, predicate: bool = False) -> str:
        """A column or, where there is none of the type, a literal."""
        protected = predicate and self.chance(self.protected_chance)
        found = [
            name
            for source in scope
            for name in source.names(lambda column: column.type == kind and column.protected <= protected)
        ]
        if found and not self.chance(0.1):
            return self.rng.choice(found)
        if kind == "B":
            return self.comparison(scope)
        return self.rng.choice(_LEAVES[kind])

    def comparison(self, scope: Sequence[Source]) -> str:
        """A plain condition."""
        kind = self.rng.choice("TIRA")
        protected = self.chance(self.protected_chance)
        found = [
            name
            for source in scope
            for name in source.names(lambda column: column.type == kind and column.protected <= protected)
        ]
        left = self.rng.choice(found) if found else self.rng.choice(_LEAVES[kind])
        return f"{left} {self.pick(('=', '<>', '<', '<=', '>', '>='))} {self.rng.choice(_LEAVES[kind])}"

    def column(self, scope: Sequence[Source], kinds: str = TYPES, *, protected: bool = False) -> str | None:
        """Any column of these types."""
        found = [
            name
            for source in scope
            for name in source.names(lambda column: column.type in kinds and column.protected <= protected)
        ]
        return self.rng.choice(found) if found else None

    def _some_table(self) -> str:
        return self.rng.choice(list(self.tables))

    def _bare(self, kind: str) -> str:
        return self.rng.choice(["1" if kind == "I" else "'a'", *_LEAVES[kind]])

    def subquery(self, kind: str) -> str:
        """A SELECT of one column in parentheses, to stand in a predicate."""
        name, alias = self._some_table(), self.name("s")
        inner = [Source(alias, self.tables[name])]
        shown = self.column(inner, kind) or self.leaf(kind, inner)
        where = f" WHERE {self.comparison(inner)}" if self.chance(0.6) else ""
        return f"(SELECT {shown} AS v FROM {name} {alias}{where})"

    def aggregate(self, scope: Sequence[Source], kind: str | None = None) -> tuple[str, str]:
        """An aggregate, and its type."""
        found = [
            (name, given, text)
            for name, texts in vocabulary.AGGREGATES.items()
            for given, text in texts
            if kind is None or given == kind
        ]
        if kind is None and self.chance(0.5):
            found = [max(found, key=lambda each: (self.hunger.weight(each[0]), self.rng.random()))]
        _, given, text = self.rng.choices(found, [self.hunger.weight(name) for name, *_ in found])[0]
        return given, self.fill(text, scope, 1)

    def hungriest(self, scope: Sequence[Source]) -> tuple[str, str]:
        """An expression of the construct that was let through least, and its type."""
        tables = {**self.functions, **vocabulary.WINDOWS}
        name = min(tables, key=lambda each: (-self.hunger.weight(each), self.rng.random()))
        kind, text = self.rng.choice(tables[name])
        if "{Sub" in text and not self.subqueries:
            return "I", self.leaf("I", scope)
        if name in vocabulary.WINDOWS:
            return kind, f"{self.fill(text, scope, 1)} OVER ({self._over(name, scope)})"
        return kind, self.fill(text, scope, 1)

    def window(self, kind: str, scope: Sequence[Source]) -> str:
        """A window function, or an aggregate over a window."""
        table = {**vocabulary.WINDOWS, "Sum": vocabulary.AGGREGATES["Sum"], "Count": (("I", "count(*)"),)}
        found = self._templates(kind, {name: texts for name, texts in table.items() if "DISTINCT" not in str(texts[0])})
        found = [(name, text) for name, text in found if "DISTINCT" not in text]
        if not found:
            return self.expression(kind, scope, 1)
        name, template = self.rng.choices(found, [self.hunger.weight(name) for name, _ in found])[0]
        return f"{self.fill(template, scope, 1)} OVER ({self._over(name, scope)})"

    def _over(self, name: str, scope: Sequence[Source]) -> str:
        parts = []
        if self.chance(0.6):
            parts.append(f"PARTITION BY {self.leaf(self.rng.choice('TIB'), scope)}")
        if self.chance(0.6) or name in vocabulary.WINDOWS_WITH_ORDER:
            parts.append(f"ORDER BY {self.leaf(self.rng.choice('TIRA'), scope)}{self.pick(('', ' DESC'))}")
            if name in {"Sum", "Count", "FirstValue", "LastValue", "NthValue"} and self.chance(0.7):
                parts.append(self.pick((
                    "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW",
                    "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
                    "ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING",
                    "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
                )))  # fmt: skip
        return " ".join(parts)
