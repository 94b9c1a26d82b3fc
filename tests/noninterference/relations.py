"""Writes what stands in FROM: tables and what can stand for one, their joins, and LATERAL VIEW."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from noninterference import vocabulary
from noninterference.columns import Col, Source, Written
from noninterference.expressions import Expressions

_JOINS = {
    "JOIN": "join  ",
    "INNER JOIN": "join  INNER",
    "LEFT JOIN": "join LEFT ",
    "RIGHT JOIN": "join RIGHT ",
    "FULL JOIN": "join FULL ",
    "FULL OUTER JOIN": "join FULL OUTER",
    "LEFT SEMI JOIN": "join LEFT SEMI",
    "LEFT ANTI JOIN": "join LEFT ANTI",
    "CROSS JOIN": "join  CROSS",
    "NATURAL JOIN": "Join.method",
}


class Relations(Expressions, ABC):
    """Relations over the tables that can be named, and over SELECTs of them."""

    generators: ClassVar[bool] = True
    """Whether the rule takes generators and LATERAL VIEW."""
    offsets: ClassVar[bool] = True
    """Whether the rule takes OFFSET."""

    @abstractmethod
    def select(self, depth: int, *, final: bool = False) -> Written:
        """One SELECT, to stand in parentheses."""

    def sources(self, depth: int) -> tuple[list[Source], str]:
        """FROM and its joins."""
        first, text = self._source(depth)
        scope, hidden = [first], False
        for _ in range(self.rng.choices((0, 1, 2), (6, 3, 0.5))[0]):
            source, more = self._source(depth)
            joined = self._join(scope, source)
            if joined is None:
                continue
            word, condition = joined
            text += f" {word} {more}{condition}"
            hidden = "SEMI" in word or "ANTI" in word
            if not hidden:
                scope.append(source)
        return scope, text

    def _source(self, depth: int) -> tuple[Source, str]:
        alias = self.name("t")
        if depth > 0 and self.chance(0.25):
            inner = self.select(depth - 1)
            if self.chance(0.2):
                order = f" ORDER BY {inner.columns[0].name}" if self.chance(0.7) else ""
                cut = f" LIMIT {self.rng.choice((2, 9))}" + (" OFFSET 1" if self.offsets and self.chance(0.5) else "")
                inner = Written(f"({inner.sql}){order}{cut}", inner.columns)
            return Source(alias, inner.columns), f"({inner.sql}) {self.pick(('AS ', ''))}{alias}"
        if self.generators and self.chance(0.06):
            name, held = self.rng.choice(list(self.tables)), self.name("s")
            table = Source(self.name("t"), self.tables[name])
            one, two = self.expression("T", [table], 1), self.expression("I", [table], 1)
            made = f"named_struct('a', {one}, 'n', named_struct('b', {two}))"
            text = f"(SELECT {made} AS {held} FROM {name} {table.alias}) {alias}"
            return Source(alias, (Col(f"{held}.a", "T"), Col(f"{held}.n.b", "I"))), text
        if self.chance(0.05):
            pair = (Col(self.name("v"), "T"), Col(self.name("v"), "I"))
            rows = f"('a', 1), ('p07', {self.rng.choice((2, 40))})"
            return Source(alias, pair), f"(VALUES {rows}) AS {alias} ({pair[0].name}, {pair[1].name})"
        if self.chance(0.05):
            name, other = self.rng.choice(list(self.tables)), self.rng.choice(list(self.tables))
            second = self.name("t")
            columns = self.tables[name]
            return Source(alias, columns), f"({name} AS {alias} CROSS JOIN {other} AS {second})"
        name = self.rng.choice(list(self.tables))
        return Source(alias, self.tables[name]), f"{name} {alias}"

    def _join(self, scope: Sequence[Source], source: Source) -> tuple[str, str] | None:
        word = self.choose(_JOINS)
        if word == "CROSS JOIN":
            return word, ""
        if word == "NATURAL JOIN":
            names = {column.name for each in scope for column in each.columns}
            alike = [column for column in source.columns if column.name in names]
            refused = not alike or any(column.protected for column in alike) or len(scope) > 1
            return None if refused else (word, "")
        common = [
            column.name
            for column in source.columns
            if column.type in "TI" and not column.protected
            and len(scope) == 1 and any(other.name == column.name for other in scope[0].columns)
        ]  # fmt: skip
        if common and "FULL" not in word and self.chance(0.3):
            return word, f" USING ({self.rng.choice(common)})"
        for kind in self.rng.sample("TTIA", 4):
            left, right = self.column(scope, kind), self.column([source], kind)
            if left and right:
                condition = f"{left} = {right}"
                if self.chance(0.3) and "FULL" not in word:
                    condition += f" AND {self.comparison([*scope, source])}"
                return word, f" ON {condition}"
        return None

    def lateral_views(self, scope: Sequence[Source]) -> tuple[list[Source], str]:
        """LATERAL VIEW, once or twice, over what stands before it."""
        found, text = list(scope), ""
        for _ in range(self.rng.choice((1, 1, 2))):
            kinds, template = self.rng.choice(vocabulary.GENERATORS)
            source = Source(self.name("l"), tuple(Col(self.name("e"), kind) for kind in kinds))
            outer = self.choose({"": "Lateral.view", "OUTER ": "Lateral.outer"})
            made = self.fill(template, found, 1, predicate=True)
            names = ", ".join(column.name for column in source.columns)
            text += f" LATERAL VIEW {outer}{made} {source.alias} AS {names}"
            found.append(source)
        return found, text
