"""Where the values of a resolved query come from: columns of associated tables, through every name they pass under.

Two questions are answered of any part of the tree. `origins`: which columns are named in it at all,
down through common table expressions and derived tables. `value`: which columns its value may reveal,
where a count reveals rows and not the column that it counts; and whether it is a constant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from whiteroom.domain.privacy.query_facts import Origin
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.lambdas import Variable, binder, given, is_folded
from whiteroom.sql.spark.structs import is_named_struct, values

_COUNTS = (exp.Count, exp.CountIf, exp.ApproxDistinct)
_CONSTANTS = (exp.Literal, exp.Boolean, exp.Null)


@dataclass(frozen=True, slots=True)
class Value:
    """What a value may reveal."""

    columns: frozenset[Origin]
    constant: bool
    """Whether it is made of literals alone, wherever they were written."""


_NOTHING = Value(frozenset(), constant=False)
_CONSTANT = Value(frozenset(), constant=True)


class Origins:
    """Answers for one qualified tree, whose tables are the guard's views."""

    def __init__(self, tree: exp.Query, views: Mapping[str, QueryTable]) -> None:
        """Read the tree; it must not change while this is used."""
        self._views = views
        self._scopes = {id(scope.expression): scope for scope in traverse_scope(tree)}
        self._outputs: dict[tuple[int, str], frozenset[Origin]] = {}
        self._values: dict[int, Value] = {}
        self._bound: dict[int, Value] = {}

    def reads(self, select: exp.Select) -> dict[str, QueryTable]:
        """The associated tables in a SELECT's FROM, by the aliases they have there."""
        found = {}
        for alias in from_aliases(select):
            source = self._sources(select).get(alias)
            if isinstance(source, exp.Table):
                found[alias] = self._views[source.name]
        return found

    def owner(self, column: exp.Column) -> exp.Select | None:
        """The SELECT whose FROM the column is of; None for the name of an output column (ORDER BY)."""
        select = column.find_ancestor(exp.Select)
        while select is not None and column.table not in from_aliases(select):
            select = select.find_ancestor(exp.Select)
        if select is None and column.table:
            raise Refused(f"The query cannot be followed to where '{column.name[:128]}' comes from.")
        return select

    def base(self, column: exp.Column) -> Origin | None:
        """The table's column that a reference names itself; None where it goes through another SELECT."""
        source = self._source(column)
        if isinstance(source, exp.Table):
            return Origin(self._views[source.name].name, column.name)
        return None

    def origins(self, node: exp.Expr) -> frozenset[Origin]:
        """Every column of a table that is named in this part, sub-queries and all."""
        found: set[Origin] = set()
        for column in node.find_all(exp.Column):
            found |= self._column_origins(column)
        return frozenset(found)

    def value(self, node: exp.Expr) -> Value:
        """What the value of an expression, or of a scalar sub-query's output, may reveal."""
        known = self._values.get(id(node))
        if known is None:
            known = self._values[id(node)] = self._find_value(node)
        return known

    def behind(self, column: exp.Column) -> list[exp.Expr]:
        """The expressions that fill a column of another SELECT; none where it is a table's own."""
        return [] if self.base(column) is not None else self._named(self._behind(column), column.name)

    def outputs(self, query: exp.Expr) -> list[list[exp.Expr]]:
        """For each output column, the expressions that fill it: one for each branch of a set operation."""
        if isinstance(query, exp.SetOperation):
            left, right = self.outputs(query.left), self.outputs(query.right)
            if len(left) != len(right):
                raise Refused(f"The sides of {query.key.upper()} have {len(left)} and {len(right)} columns.")
            return [first + second for first, second in zip(left, right, strict=True)]
        if isinstance(query, exp.Select):
            return [[projection] for projection in query.selects]
        return self.outputs(query.this)

    def _source(self, column: exp.Column) -> exp.Expr | Scope | None:
        select = self.owner(column)
        return None if select is None else self._sources(select).get(column.table)

    def _sources(self, select: exp.Select) -> Mapping[str, exp.Expr | Scope]:
        scope = self._scopes.get(id(select))
        if scope is None:
            raise Refused("The query has a SELECT where it cannot be followed. Put it into FROM or WITH.")
        return scope.sources

    def _column_origins(self, column: exp.Column) -> frozenset[Origin]:
        base = self.base(column)
        if base is not None:
            return frozenset({base})
        query = self._behind(column)
        key = (id(query), column.name)
        if key not in self._outputs:
            found = [self.origins(expression) for expression in self._named(query, column.name)]
            self._outputs[key] = frozenset().union(*found)
        return self._outputs[key]

    def _behind(self, column: exp.Column) -> exp.Query:
        """The query whose output a column is."""
        source = self._source(column)
        if isinstance(source, Scope) and isinstance(source.expression, exp.Query):
            return source.expression
        query = column.find_ancestor(exp.Query)
        if column.table or query is None:
            raise Refused(f"The query cannot be followed to where '{column.name[:128]}' comes from.")
        return query

    def _named(self, query: exp.Query, name: str) -> list[exp.Expr]:
        for written, expressions in zip(query.named_selects, self.outputs(query), strict=True):
            if written == name:
                return expressions
        raise Refused(f"The query cannot be followed to where '{name[:128]}' comes from.")

    def _find_value(self, node: exp.Expr) -> Value:
        if isinstance(node, exp.Column):
            base = self.base(node)
            if base is not None:
                return Value(frozenset({base}), constant=False)
            return _together([self.value(each) for each in self._named(self._behind(node), node.name)])
        if isinstance(node, exp.Query):
            return _together([self.value(each) for column in self.outputs(node) for each in column])
        if isinstance(node, Variable):
            return self._variable(node)
        if isinstance(node, (*_COUNTS, *_CONSTANTS)):
            return _NOTHING if isinstance(node, _COUNTS) else _CONSTANT
        names = (exp.DataType, exp.Identifier, exp.Var)
        parts = values(node) if is_named_struct(node) else list(node.iter_expressions())
        return _together([self.value(part) for part in parts if not isinstance(part, names)])

    def _variable(self, variable: Variable) -> Value:
        """What its function is given; what is folded, what the lambdas put to it as well."""
        function = binder(variable)
        known = self._bound.get(id(function))
        if known is None:
            parts = given(variable)
            if is_folded(function):
                lambdas = [part for part in function.expressions if isinstance(part, exp.Lambda)]
                parts += [column for part in lambdas for column in part.find_all(exp.Column)]
                parts += _free(function, lambdas)
            known = self._bound[id(function)] = _together([self.value(part) for part in parts])
        return known


def _free(function: exp.Expr, lambdas: Sequence[exp.Expr]) -> list[exp.Expr]:
    """Variables of lambdas around a function that are in its own."""
    used = [variable for part in lambdas for variable in part.find_all(Variable)]
    inside = {id(each) for each in function.walk()}
    return [variable for variable in used if id(binder(variable)) not in inside]


def _together(values: list[Value]) -> Value:
    columns: frozenset[Origin] = frozenset().union(*(value.columns for value in values))
    return Value(columns, constant=bool(values) and all(value.constant for value in values))


def from_aliases(select: exp.Select) -> Iterator[str]:
    """The names under which a SELECT reads its sources, those in parentheses too."""
    for node in _from_nodes(select):
        yield node.alias_or_name


def from_joins(select: exp.Select) -> Iterator[exp.Join]:
    """The joins of a SELECT, those in parentheses too."""
    yield from select.args.get("joins") or []
    for node in _from_nodes(select):
        yield from node.args.get("joins") or []


def _from_nodes(select: exp.Select) -> Iterator[exp.Expr]:
    source = select.args.get("from_")
    pending = [source.this] if source is not None else []
    pending += [join.this for join in select.args.get("joins") or []]
    while pending:
        node = pending.pop()
        yield node
        pending += [join.this for join in node.args.get("joins") or []]
        # (a JOIN b): a sub-query of tables instead of a SELECT.
        if isinstance(node, exp.Subquery) and not isinstance(node.this, exp.Select | exp.SetOperation):
            pending.append(node.this)
