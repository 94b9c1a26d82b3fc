"""Queries over tables with differential privacy: rows of users, and noisy aggregates over them."""

from __future__ import annotations

from typing import ClassVar

from noninterference.columns import Col, Source, Written
from noninterference.grammar import Grammar

_NOISY = {
    "I": ("count(*)", "count({T})", "count(DISTINCT {u}.pid)", "count(DISTINCT {C})", "sum({I})"),
    "R": ("avg({R})", "sum({R})", "stddev({R})", "stddev_pop({I})", "avg({I})", "sum({M})"),
}
_OF_A_USER = (
    ("I", "count(*)"), ("I", "count({T})"), ("R", "sum({R})"), ("R", "avg({R})"), ("R", "max({R})"), ("R", "min({R})"),
    ("T", "max({T})"), ("T", "any_value({T})"), ("R", "any_value({R})"), ("R", "first({R})"), ("R", "median({R})"),
    ("R", "stddev({R})"), ("I", "count_if({B})"), ("I", "max({I})"), ("A", "min({A})"), ("T", "last({T})"),
)  # fmt: skip
_ALIKE = (
    "CAST('-0.0' AS DOUBLE)",
    "CAST('0.0' AS DOUBLE)",
    "CAST('nan' AS DOUBLE)",
    "CAST('-nan' AS DOUBLE)",
    "-1 * {R}",
    "{R} * 0.0D",
    "abs({R})",
    "round({R}, 0)",
    "CAST({M} AS DOUBLE)",
    "CASE WHEN {B} THEN {R} ELSE 0.0D END",
)
"""Reals among which zeros and NaNs of both signs are."""


class Personal(Grammar):
    """User-level relations down to a final SELECT with noise."""

    table = "pd"
    generators = False
    owning: ClassVar[float] = 0.2
    """How often users are joined to the attacker's own table."""

    def query(self, depth: int = 2) -> Written:
        """A whole query."""
        parts: list[str] = []
        source = Source(self.table, self.tables[self.table])
        for _ in range(self.rng.choice((0, 0, 1, 1, 2))):
            name = self.name("w")
            inner = self.relation(source)
            parts.append(f"{name} AS ({inner.sql})")
            source = Source(name, inner.columns)
        final = self.final(source)
        return Written(f"WITH {', '.join(parts)} {final.sql}" if parts else final.sql, final.columns)

    def relation(self, source: Source) -> Written:
        """Rows of users: each output has the identifier."""
        form = self.pick(("rows", "groups", "windows", "union", "nested"))
        return {
            "rows": self._rows_of_users,
            "groups": self._grouped_by_user,
            "windows": self._windows_by_user,
            "union": self._union_of_users,
            "nested": self._nested_rows,
        }[form](source)

    def _scope(self, source: Source) -> tuple[str, list[Source], str]:
        alias = self.name("p")
        scope = [Source(alias, source.columns)]
        text = f"{source.alias} {alias}"
        if self.chance(0.15) and any(column.name == "pid" for column in source.columns):
            other = self.name("p")
            text += f" {self.pick(('JOIN', 'LEFT JOIN'))} {self.table} {other} ON {alias}.pid = {other}.pid"
            scope.append(Source(other, self.tables[self.table]))
        elif self.chance(self.owning):
            own, made = self._own() if self.chance(0.5) else (Source(self.name("m"), self.tables["mine"]), "mine")
            text += f" {self.pick(('JOIN', 'LEFT JOIN'))} {made} {own.alias} ON {own.alias}.k = {alias}.pid"
            scope.append(own)
        return alias, scope, text

    def _own(self) -> tuple[Source, str]:
        """What is worked out of the attacker's own rows, to be joined: an aggregate, a window, or a sub-query."""
        row = Source(self.name("o"), self.tables["mine"])
        column, group = Col(self.name("c"), self.rng.choice("TIR")), ""
        form = self.pick(("aggregate", "window", "sub-query"))
        if form == "aggregate":
            kind, value = self.aggregate([row])
            column, group = Col(column.name, kind), f" GROUP BY {row.alias}.k"
        elif form == "window":
            value = self.window(column.type, [row])
        else:
            other = Source(self.name("o"), self.tables["mine"])
            bare = self.leaf(column.type, [other])
            shown, tail = self.rng.choice(((bare, ""), (f"max({bare})", ""), (bare, " ORDER BY 1 LIMIT 1")))
            value = f"(SELECT {shown} FROM mine {other.alias} WHERE {other.alias}.k = {row.alias}.k{tail})"
        made = f"(SELECT {row.alias}.k AS k, {value} AS {column.name} FROM mine {row.alias}{group})"
        return Source(self.name("m"), (Col("k", "T"), column)), made

    def _where(self, scope: list[Source], alias: str, odds: float = 0.45) -> str:
        if not self.chance(odds):
            return ""
        if self.chance(0.3):
            return f" WHERE {alias}.pid {self.pick(('=', '<>'))} 'p03'"
        return f" WHERE {self.expression('B', scope, 2, predicate=True)}"

    def _values(self, scope: list[Source]) -> tuple[list[Col], list[str]]:
        columns, items = [], []
        for _ in range(self.rng.choice((1, 2))):
            kind = self.rng.choice("TIRRRMA")
            columns.append(Col(self.name("c"), kind))
            value = (
                self.fill(self.rng.choice(_ALIKE), scope, 1)
                if kind == "R" and self.chance(0.6)
                else self.expression(kind, scope, 2)
            )
            items.append(f"{value} AS {columns[-1].name}")
        return columns, items

    def _rows_of_users(self, source: Source) -> Written:
        alias, scope, text = self._scope(source)
        columns, items = self._values(scope)
        word = "SELECT DISTINCT" if self.chance(0.1) else "SELECT"
        sql = f"{word} {alias}.pid, {', '.join(items)} FROM {text}{self._where(scope, alias)}"
        return Written(sql, (Col("pid", "T"), *columns))

    def _nested_rows(self, source: Source) -> Written:
        inner = self._rows_of_users(source)
        return Written(f"SELECT * FROM ({inner.sql}) {self.name('n')}", inner.columns)

    def _grouped_by_user(self, source: Source) -> Written:
        alias, scope, text = self._scope(source)
        columns, items = [], []
        for _ in range(self.rng.choice((1, 2))):
            kind, template = self.rng.choice(_OF_A_USER)
            columns.append(Col(self.name("c"), kind))
            items.append(f"{self.fill(template, scope, 1)} AS {columns[-1].name}")
        keys = [f"{alias}.pid"]
        if self.chance(0.3) and (key := self.column(scope, "TRA")) is not None and key not in keys:
            keys.append(key)
        having = " HAVING count(*) > 1" if self.chance(0.2) else ""
        sql = f"SELECT {alias}.pid, {', '.join(items)} FROM {text}{self._where(scope, alias)}"
        sql += f" GROUP BY {', '.join(keys)}{having}"
        return Written(sql, (Col("pid", "T"), *columns))

    def _windows_by_user(self, source: Source) -> Written:
        alias, scope, text = self._scope(source)
        kind, function = self.rng.choice((
            ("I", "row_number()"), ("I", "rank()"), ("R", "first_value({R})"), ("R", "last_value({R})"),
            ("R", "lag({R})"), ("R", "max({R})"), ("I", "count(*)"), ("T", "lead({T})"), ("I", "dense_rank()"),
        ))  # fmt: skip
        column = Col(self.name("c"), kind)
        order = f" ORDER BY {self.leaf(self.rng.choice('TIRA'), scope)}"
        value = f"{self.fill(function, scope, 1)} OVER (PARTITION BY {alias}.pid{order})"
        columns, items = self._values(scope)
        items.append(f"{value} AS {column.name}")
        sql = f"SELECT {alias}.pid, {', '.join(items)} FROM {text}{self._where(scope, alias)}"
        return Written(sql, (Col("pid", "T"), *columns, column))

    def _union_of_users(self, source: Source) -> Written:
        kinds = [self.rng.choice("RRTIA") for _ in range(self.rng.choice((1, 1, 2)))]
        columns = [Col(self.name("c"), kind) for kind in kinds]
        sides = []
        for sign in ("=", "<>"):
            alias = self.name("p")
            scope = [Source(alias, source.columns)]
            items = []
            for column in columns:
                alike = column.type == "R" and self.chance(0.8)
                value = self.fill(self.rng.choice(_ALIKE), scope, 1) if alike else self.leaf(column.type, scope)
                items.append(f"{value} AS {column.name}")
            where = f" WHERE {alias}.pid {sign} 'p03'" if self.chance(0.7) else self._where(scope, alias)
            if self.chance(0.5) and "WHERE" in where:
                where += f" AND {self.comparison(scope)}"
            sides.append(f"SELECT {alias}.pid AS pid, {', '.join(items)} FROM {source.alias} {alias}{where}")
        word = self.pick(("UNION ALL", "UNION ALL", "UNION", "EXCEPT", "INTERSECT"))
        return Written(f"{sides[0]} {word} {sides[1]}", (Col("pid", "T"), *columns))

    def final(self, source: Source) -> Written:
        """The SELECT that gets noise."""
        alias, scope, text = self._scope(source)
        keys: list[tuple[str, str]] = []
        for _ in range(self.rng.choice((0, 1, 1, 1, 2))):
            kind = self.rng.choice("TRRRMAI")
            if kind == "R" and self.chance(0.35):
                key = self.fill(self.rng.choice(_ALIKE), scope, 1)
            else:
                key = self.leaf(kind, scope) if self.chance(0.7) else self.expression(kind, scope, 1)
            if all(key != other for other, _ in keys) and any(f"{each.alias}." in key for each in scope):
                keys.append((key, kind))
        columns = [Col(self.name("k"), kind) for _, kind in keys]
        items = [f"{key} AS {column.name}" for (key, _), column in zip(keys, columns, strict=True)]
        values = []
        for _ in range(self.rng.choice((1, 1, 2))):
            kind = self.rng.choice("IIR")
            template = self.pick(_NOISY[kind]).replace("{u}", alias)
            values.append(self.fill(template, scope, 1))
            columns.append(Col(self.name("g"), kind))
            items.append(f"{values[-1]} AS {columns[-1].name}")
        self.rng.shuffle(items)
        sql = f"SELECT {', '.join(items)} FROM {text}{self._where(scope, alias)}"
        if keys:
            sql += f" GROUP BY {', '.join(key for key, _ in keys)}"
        if self.chance(0.2):
            sql += f" HAVING {values[0]} > {self.rng.choice((0, 3))}"
        if keys and self.chance(0.3):
            sql += f" ORDER BY {columns[0].name}{self.pick(('', ' DESC'))}"
            sql += f" LIMIT {self.rng.choice((2, 5))}" if self.chance(0.4) else ""
        return Written(sql, tuple(columns))
