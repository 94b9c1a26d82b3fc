"""Queries under rules that show groups: thresholds, AGGREGATION, LIST."""

from __future__ import annotations

from noninterference.columns import Col, Source, Written
from noninterference.grammar import Grammar

_GROUP_FUNCTIONS = (
    "avg",
    "sum",
    "stddev",
    "stddev_pop",
    "variance",
    "var_pop",
    "skewness",
    "sum(DISTINCT",
    "min",
    "max",
    "median",
)


class Thresholds(Grammar):
    """A SELECT over the protected table has groups and plain aggregates; what is around it is free."""

    table = "visits"
    apart = 0.85
    """How often small groups are kept apart from others."""
    offsets = False

    def query(self, depth: int = 2) -> Written:
        """Groups, and any query over them."""
        groups = self.groups()
        if self.chance(0.4):
            return Written(
                groups.sql + self.tail([column.name for column in groups.columns], final=True), groups.columns
            )
        name = self.name("w")
        tables = self.tables
        try:
            self.tables = {name: groups.columns, "mine": tables["mine"]}
            around = super().query(depth) if self.chance(0.5) else self.select(depth - 1, final=True)
        finally:
            self.tables = tables
        if name not in around.sql:
            return Written(groups.sql, groups.columns)
        if around.sql.startswith("WITH ") or self.chance(0.5):
            return Written(around.sql.replace(f" {name} ", f" ({groups.sql}) "), around.columns)
        return Written(f"WITH {name} AS ({groups.sql}) {around.sql}", around.columns)

    def groups(self) -> Written:
        """Groups of the protected table's rows."""
        alias, own = self.name("v"), self.name("m")
        scope = [Source(alias, tuple(column for column in self.tables[self.table] if column.name != "pid"))]
        text = f"{self.table} {alias}"
        if self.chance(0.35):
            scope.append(Source(own, self.tables["mine"]))
            word = self.pick(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL OUTER JOIN"))
            text += f" {word} mine {own} ON {own}.k = {alias}.pid"
        where = f" WHERE {self.expression('B', scope, 2, predicate=True)}" if self.chance(0.5) else ""
        keys = [(f"{alias}.diag", "T")] if self.chance(self.apart) else []
        for _ in range(self.rng.choice((0, 0, 1, 1, 2))):
            kind = self.rng.choice("TIAB")
            key = self.leaf(kind, scope) if self.chance(0.5) else self.expression(kind, scope, 1)
            if all(key != other for other, _ in keys):
                keys.append((key, kind))
        columns = [Col(self.name("k"), kind) for _, kind in keys]
        items = [f"{key} AS {column.name}" for (key, _), column in zip(keys, columns, strict=True)]
        for _ in range(self.rng.choice((1, 2, 2))):
            kind, value = self._plain_aggregate(scope, alias)
            columns.append(Col(self.name("g"), kind))
            items.append(f"{value} AS {columns[-1].name}")
        columns.append(Col(self.name("g"), "I"))
        items.append(f"count(DISTINCT {alias}.pid) AS {columns[-1].name}")
        group = self._group_by([key for key, _ in keys], "plain" if keys else "")
        having = f" HAVING count(*) > {self.rng.choice((0, 1, 2))}" if self.chance(0.2) else ""
        return Written(f"SELECT {', '.join(items)} FROM {text}{where}{group}{having}", tuple(columns))

    def _plain_aggregate(self, scope: list[Source], alias: str) -> tuple[str, str]:
        if self.chance(0.3):
            return "I", self.pick(("count(*)", f"count({alias}.pid)", f"count(DISTINCT {alias}.pid)"))
        function = self.pick(_GROUP_FUNCTIONS)
        column = self.column(scope, "IR", protected=self.chance(0.2)) or f"{alias}.age"
        return "R", f"{function} {column})" if "(" in function else f"{function}({column})"

    @staticmethod
    def _group_by(keys: list[str], form: str) -> str:  # type: ignore[override]
        return Grammar._group_by(keys, form)


class Aggregation(Thresholds):
    """One SELECT with the rule's own columns and functions."""

    def query(self, depth: int = 2) -> Written:
        """A query under an AGGREGATION rule."""
        alias, own = self.name("v"), self.name("m")
        keys = [("T", f"{alias}.diag"), ("A", f"{alias}.born"), ("B", f"{alias}.flag"), ("I", f"{alias}.age")]
        text = f"visits {alias}"
        joined = self.chance(0.4)
        if joined:
            text += f" INNER JOIN mine {own} ON {alias}.pid = {own}.k"
            keys += [("T", f"{own}.kind"), ("A", f"{own}.day"), ("B", f"{own}.ok")]
        chosen = [keys[0]] if self.chance(self.apart) else []
        chosen += self.rng.sample(keys[1:], self.rng.choice((0, 1, 1, 2)))
        written = [self._scalar(kind, key) if key != f"{alias}.diag" else key for kind, key in chosen]
        columns = [Col(self.name("k"), kind) for kind, _ in chosen]
        items = [f"{key} AS {column.name}" for key, column in zip(written, columns, strict=True)]
        options = [
            f"SUM({alias}.amount)", f"SUM({alias}.price)", f"AVG({alias}.amount)", f"AVG({alias}.age)",
            f"COUNT({alias}.pid)", f"COUNT(DISTINCT {alias}.pid)",
        ]  # fmt: skip
        if joined:
            options += [f"SUM({own}.n)", f"SUM({own}.w)"]
        functions = self.rng.sample(options, self.rng.choice((1, 2, 2)))
        for function in functions:
            columns.append(Col(self.name("g"), "R"))
            items.append(f"{function} AS {columns[-1].name}")
        where = f" WHERE {self._condition(keys)}" if self.chance(0.5) else ""
        group = f" GROUP BY {', '.join(written)}" if written else ""
        having = (
            f" HAVING {functions[0]} {self.pick(('>', '<', '>='))} {self.rng.choice((0, 1, 5))}"
            if self.chance(0.25)
            else ""
        )
        order = f" ORDER BY {self.rng.choice(columns).name}{self.pick(('', ' DESC'))}" if self.chance(0.4) else ""
        return Written(f"SELECT {', '.join(items)} FROM {text}{where}{group}{having}{order}", tuple(columns))

    def _scalar(self, kind: str, value: str) -> str:
        options = {
            "T": (f"UPPER({value})", f"LOWER({value})", f"COALESCE({value}, 'none')", f"TRIM({value})"),
            "I": (f"ABS({value})", f"{value} + 1", f"COALESCE({value}, 0)", f"CAST({value} AS STRING)"),
            "A": (f"CAST({value} AS STRING)",),
            "B": (),
        }[kind]
        return self.pick((value, *options)) if self.chance(0.5) else value

    def _condition(self, keys: list[tuple[str, str]]) -> str:
        """Over what the rule lets stand in WHERE."""
        kind, value = self.rng.choice(keys)
        literal = {"T": "'flu'", "A": "DATE '2000-02-29'", "I": "33", "B": "true"}[kind]
        plain = {
            "T": (f"{value} LIKE 'f%'", f"{value} IN ('flu', 'cold', 'all')", f"UPPER({value}) <> 'A'"),
            "I": (f"{value} > 20", f"{value} IN (17, 25, 33)", f"ABS({value}) < 50"),
            "A": (f"{value} < DATE '2020-01-01'",),
            "B": (f"NOT {value}",),
        }[kind]
        first = self.pick((f"{value} = {literal}", f"{value} IS NOT NULL", f"{value} <> {literal}", *plain))
        if self.chance(0.35):
            return f"({first}) {self.pick(('AND', 'OR'))} ({self._condition(keys)})"
        return first


class Listed(Aggregation):
    """SELECT DISTINCT over a join with a table of the querier's own."""

    def query(self, depth: int = 2) -> Written:
        """A query under a LIST rule."""
        alias, own = self.name("v"), self.name("m")
        keys = [("T", f"{alias}.diag"), ("R", f"{alias}.amount"), ("I", f"{alias}.age"), ("A", f"{alias}.born"),
                ("B", f"{alias}.flag"), ("T", f"{own}.kind"), ("I", f"{own}.n"), ("R", f"{own}.w")]  # fmt: skip
        chosen = self.rng.sample(keys, self.rng.choice((1, 2, 3, 4)))
        columns = [Col(self.name("c"), kind) for kind, _ in chosen]
        items = [f"{key} AS {column.name}" for (_, key), column in zip(chosen, columns, strict=True)]
        where = f" WHERE {self._listed_condition(keys)}" if self.chance(0.6) else ""
        limit = f" LIMIT {self.rng.choice((1, 3, 10))}" if self.chance(0.3) else ""
        join = self.pick(("JOIN", "INNER JOIN"))
        return Written(
            f"SELECT DISTINCT {', '.join(items)} FROM visits {alias} {join} mine {own} "
            f"ON {alias}.pid = {own}.k{where}{limit}",
            tuple(columns),
        )

    def _listed_condition(self, keys: list[tuple[str, str]]) -> str:
        kind, value = self.rng.choice(keys)
        literal = {"T": "'flu'", "A": "DATE '2000-02-29'", "I": "33", "B": "true", "R": "0.5"}[kind]
        if kind == "B":
            return self.pick((f"{value} = true", f"{value} IS NOT NULL"))
        options = (f"{value} = {literal}", f"{value} <> {literal}", f"{value} IS NULL", f"{value} >= {literal}",
                   f"{value} IN ({literal}, {literal})")  # fmt: skip
        first = self.pick(options)
        if self.chance(0.3):
            return f"({first}) {self.pick(('AND', 'OR'))} ({self._listed_condition(keys)})"
        return first
