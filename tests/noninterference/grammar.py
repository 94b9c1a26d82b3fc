"""Writes queries that the guard is likely to let through: every name is there, every type fits.

A construct that was let through less often is chosen more often (`Hunger`), so that all of them get their turn; with
the same seed and the same guard, the same queries.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from noninterference import vocabulary
from noninterference.nested import Templates

TYPES = "TIRMASB"
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


_SET_OPERATIONS = {
    "UNION ALL": "Union",
    "UNION": "Union.distinct",
    "INTERSECT": "Intersect",
    "EXCEPT": "Except",
    "MINUS": "Except",
}
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
_GROUPINGS = {
    "plain": "Group",
    "ALL": "Group.all",
    "ROLLUP": "Rollup",
    "WITH ROLLUP": "Group.rollup",
    "CUBE": "Cube",
    "SETS": "GroupingSets",
    "POSITION": "Group",
}


@dataclass(frozen=True, slots=True)
class Col:
    """A column as a query can name it."""

    name: str
    type: str
    """One of TYPES."""
    protected: bool = False
    """Whether the rule keeps it out of the output, or out of comparisons."""


@dataclass(frozen=True, slots=True)
class Source:
    """What stands in FROM under an alias."""

    alias: str
    columns: tuple[Col, ...]

    def names(self, wanted: Callable[[Col], bool]) -> list[str]:
        """Its columns, qualified."""
        return [f"{self.alias}.{column.name}" for column in self.columns if wanted(column)]


@dataclass(frozen=True, slots=True)
class Written:
    """A query and the columns that it gives."""

    sql: str
    columns: tuple[Col, ...]


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


@dataclass
class Grammar:
    """One rule's queries."""

    rng: random.Random
    hunger: Hunger
    tables: Mapping[str, tuple[Col, ...]]
    functions: Mapping[str, Templates] = field(default_factory=lambda: vocabulary.EXPRESSIONS)
    protected_chance: float = 0.04
    """How often a protected column stands in a predicate."""
    subqueries: bool = True
    generators: ClassVar[bool] = True
    """Whether the rule takes generators and LATERAL VIEW."""
    offsets: ClassVar[bool] = True
    """Whether the rule takes OFFSET."""
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

    # Expressions

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
        self._last = self.rng.choice(list(self.tables))
        return self._last

    def _bare(self, kind: str) -> str:
        return self.rng.choice(["1" if kind == "I" else "'a'", *_LEAVES[kind]])

    def subquery(self, kind: str) -> str:
        """A SELECT of one column in parentheses, to stand in a predicate."""
        name, alias = self._some_table(), self.name("s")
        inner = [Source(alias, self.tables[name])]
        shown = self.column(inner, kind) or self.leaf(kind, inner)
        where = f" WHERE {self.comparison(inner)}" if self.chance(0.6) else ""
        return f"(SELECT {shown} AS v FROM {name} {alias}{where})"

    # Queries

    def query(self, depth: int = 2) -> Written:
        """A whole query."""
        if self.chance(0.2):
            return self._with(depth)
        if self.chance(0.21):
            return self._set_operation(depth)
        return self.select(depth, final=True)

    def _with(self, depth: int) -> Written:
        outer = dict(self.tables)
        parts = []
        try:
            for _ in range(self.rng.choice((1, 1, 2))):
                name, listed = self.name("w"), ""
                inner = self.select(depth - 1)
                if self.chance(0.2):
                    inner = Written(inner.sql, tuple(Col(self.name("d"), column.type) for column in inner.columns))
                    listed = f" ({', '.join(column.name for column in inner.columns)})"
                parts.append(f"{name}{listed} AS ({inner.sql})")
                self.tables = {**self.tables, name: inner.columns}
            self.tables = {
                name: columns for name, columns in self.tables.items() if name not in outer or self.chance(0.3)
            }
            final = self.select(depth - 1, final=True)
        finally:
            self.tables = outer
        return Written(f"WITH {', '.join(parts)} {final.sql}", final.columns)

    def _set_operation(self, depth: int) -> Written:
        kinds = [self.rng.choice("TIRA") for _ in range(self.rng.choice((1, 2)))]
        names = [self.name("o") for _ in kinds]
        sides = []
        for _ in range(2):
            scope, text = self.sources(depth - 1)
            items = ", ".join(
                f"{self.expression(kind, scope, 1)} AS {name}" for kind, name in zip(kinds, names, strict=True)
            )
            where = f" WHERE {self.expression('B', scope, 1, predicate=True)}" if self.chance(0.5) else ""
            sides.append(f"SELECT {items} FROM {text}{where}")
        word = self.choose(_SET_OPERATIONS)
        tail = f" ORDER BY {names[0]}" if self.chance(0.75) else ""
        tail += f" LIMIT {self.rng.choice((2, 5))}" if self.chance(0.6) else ""
        tail += " OFFSET 1" if self.offsets and self.chance(0.75) else ""
        columns = tuple(Col(name, kind) for name, kind in zip(names, kinds, strict=True))
        head = ""
        if self.chance(0.6):
            name = self.name("w")
            head, sides[1] = f"WITH {name} AS ({sides[1]}) ", f"SELECT * FROM {name}"
        return Written(f"{head}{sides[0]} {word} {sides[1]}{tail}", columns)

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

    def _generating(self, scope: Sequence[Source], source: str, *, final: bool) -> Written:
        """A SELECT with a generator among its output columns."""
        kinds, template = self.rng.choice(vocabulary.GENERATORS)
        columns = [Col(self.name("c"), kind) for kind in kinds]
        names = ", ".join(column.name for column in columns)
        made = self.fill(template, scope, 1, predicate=True)
        shown = f"{made} AS {names}" if len(columns) == 1 else f"{made} AS ({names})"
        kind = self.rng.choice("TIRA")
        other = Col(self.name("c"), kind)
        items = [f"{self.expression(kind, scope, 1)} AS {other.name}", shown]
        tail = self.tail([column.name for column in (other, *columns)], final=final)
        return Written(f"SELECT {', '.join(items)} FROM {source}{tail}", (other, *columns))

    def select(self, depth: int, *, final: bool = False) -> Written:
        """One SELECT, of rows or of groups."""
        scope, text = self.sources(depth)
        if self.generators and self.chance(0.12):
            scope, more = self.lateral_views(scope)
            text += more
        where = (
            f" WHERE {self.expression('B', scope, self.rng.choice((1, 1, 2)), predicate=True)}"
            if self.chance(0.4)
            else ""
        )
        if self.chance(0.4):
            return self._grouped(scope, f"{text}{where}", final=final)
        if self.generators and self.chance(0.1):
            return self._generating(scope, f"{text}{where}", final=final)
        return self._rows(scope, f"{text}{where}", final=final)

    def _rows(self, scope: Sequence[Source], source: str, *, final: bool) -> Written:
        columns: list[Col] = []
        items: list[str] = []
        if len(scope) == 1 and not any(column.protected for column in scope[0].columns) and self.chance(0.3):
            items.append(self.pick(("*", f"{scope[0].alias}.*")))
            columns += scope[0].columns
        else:
            for _ in range(self.rng.choice((0, 1, 1, 2))):
                kind = self.rng.choice("TTIIRRMASB")
                windowed = self.chance(0.3)
                value = (
                    self.window(kind, scope) if windowed else self.expression(kind, scope, self.rng.choice((1, 1, 2)))
                )
                columns.append(Col(self.name("c"), kind))
                items.append(f"{value} AS {columns[-1].name}")
            for _ in range(self.rng.choice((1, 2, 2))):
                kind, value = self.hungriest(scope)
                columns.append(Col(self.name("c"), kind))
                items.append(f"{value} AS {columns[-1].name}")
        word = "SELECT DISTINCT" if self.chance(0.12) else "SELECT"
        hint = f" /*+ BROADCAST({scope[0].alias}) */" if self.chance(0.04) else ""
        keys = [column.name for column in columns]
        if word == "SELECT" and self.chance(0.4):
            keys = [self.leaf(self.rng.choice("TIRA"), scope, predicate=True)]
        return Written(f"{word}{hint} {', '.join(items)} FROM {source}{self.tail(keys, final=final)}", tuple(columns))

    def _grouped(self, scope: Sequence[Source], source: str, *, final: bool) -> Written:
        kinds = [self.rng.choice("TTIAB") for _ in range(self.rng.choices((0, 1, 2), (2, 6, 3))[0])]
        keys = list(dict.fromkeys(
            (self.leaf(kind, scope) if self.chance(0.6) else self.expression(kind, scope, 1)) for kind in kinds
        ))  # fmt: skip
        types = dict(zip(keys, kinds, strict=False))
        columns = [Col(self.name("k"), types[key]) for key in keys]
        items = [f"{key} AS {column.name}" for key, column in zip(keys, columns, strict=True)]
        for _ in range(self.rng.choice((1, 1, 2))):
            kind, value = self.aggregate(scope)
            columns.append(Col(self.name("g"), kind))
            items.append(f"{value} AS {columns[-1].name}")
        form = self.choose(_GROUPINGS) if keys else ""
        if form in {"ROLLUP", "CUBE", "SETS", "WITH ROLLUP"} and self.chance(0.6):
            columns.append(Col(self.name("g"), "I"))
            told = self.choose({f"grouping({keys[0]})": "Grouping", "grouping_id()": "GroupingId"})
            items.append(f"{told} AS {columns[-1].name}")
        sql = f"SELECT {', '.join(items)} FROM {source}{self._group_by(keys, form)}"
        if self.chance(0.25):
            sql += f" HAVING {self.aggregate(scope, 'I')[1]} > {self.rng.choice((0, 1))}"
        return Written(sql + self.tail([column.name for column in columns], final=final), tuple(columns))

    @staticmethod
    def _group_by(keys: Sequence[str], form: str) -> str:
        listed = ", ".join(keys)
        return {
            "": "",
            "plain": f" GROUP BY {listed}",
            "ALL": " GROUP BY ALL",
            "ROLLUP": f" GROUP BY ROLLUP ({listed})",
            "CUBE": f" GROUP BY CUBE ({listed})",
            "WITH ROLLUP": f" GROUP BY {listed} WITH ROLLUP",
            "SETS": f" GROUP BY GROUPING SETS (({listed}), ())",
            "POSITION": f" GROUP BY {', '.join(str(index + 1) for index in range(len(keys)))}",
        }[form]

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

    def tail(self, keys: Sequence[str], *, final: bool) -> str:
        """ORDER BY, LIMIT and OFFSET."""
        text = ""
        if keys and self.chance(0.4 if final else 0.1):
            order = self.pick(("", " DESC", " ASC NULLS LAST", " DESC NULLS FIRST"))
            text += f" ORDER BY {self.rng.choice(keys)}{order}"
        if self.chance(0.25):
            text += f" LIMIT {self.rng.choice((1, 3, 10))}"
            if self.offsets and self.chance(0.4):
                text += f" OFFSET {self.rng.choice((1, 2))}"
        elif self.offsets and self.chance(0.05):
            text += " OFFSET 1"
        return text
