"""Writes queries that the guard is likely to let through: every name is there, every type fits.

A construct that was let through less often is chosen more often (`hunger.py`), so that all of them get their turn; with
the same seed and the same guard, the same queries. A query is written by its parts: `expressions.py` writes values over
what is in scope, `relations.py` what stands in FROM, and here both become a SELECT, of rows or of groups, with its
clauses, and SELECTs become a whole query. What a column is, is in `columns.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from noninterference import vocabulary
from noninterference.columns import Col, Source, Written
from noninterference.relations import Relations

_SET_OPERATIONS = {
    "UNION ALL": "Union",
    "UNION": "Union.distinct",
    "INTERSECT": "Intersect",
    "EXCEPT": "Except",
    "MINUS": "Except",
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


class Grammar(Relations):
    """One rule's queries."""

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
