"""What DuckDB's binder finds in a text: which columns reach its output, its conditions, its groups, its order.

DuckDB's binder resolves every name to a position, and `json_serialize_plan` gives the plan before anything is
optimised. It is walked from the tables upwards through those positions alone; no name is looked at but those of tables,
their columns, and functions. An operator, a kind of expression or a function that is not listed here is not
understood, and the text must not run. Nothing of the guard's, nor of sqlglot's, is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from whiteroom.domain.privacy.query_facts import Origin
from whiteroom.engines.duckdb.judge.plan_functions import FUNCTIONS, OURS

Node = dict[str, Any]
_NAN = re.compile(r'(?<!\\)":-?nan(?=[,}\]])', re.IGNORECASE)


class NotUnderstood(Exception):
    """The plan holds something that is not listed here. The message names it."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a value is made of."""

    columns: frozenset[Origin] = frozenset()
    plain: bool = False
    """Whether it is one of these columns as it stands, or NULL."""


_NOTHING = Made()
NO_COLUMN = "rowid"
"""What DuckDB makes of a table beside its columns; it is none that the guard could have found."""


@dataclass(slots=True)
class PlanFacts:
    """Of one text."""

    outputs: tuple[Made, ...] = ()
    conditions: set[Origin] = field(default_factory=set)
    """Columns that decide which rows there are: filters, joins, EXCEPT and INTERSECT, LIMIT."""
    groups: set[Origin] = field(default_factory=set)
    """GROUP BY, DISTINCT, PARTITION BY."""
    orders: set[Origin] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)
    """The tables that are read."""

    @property
    def shown(self) -> frozenset[Origin]:
        """Every column that reaches the output."""
        return _columns(self.outputs)


def read_plan(connection: duckdb.DuckDBPyConnection, sql: str, tables: Mapping[str, Mapping[str, Made]]) -> PlanFacts:
    """Walk the plan of a text.

    Args:
        connection: has the tables, with no row in them: over views of files no plan can be had.
        sql: one SELECT.
        tables: what each column of each table is made of; columns in lower case.

    Raises:
        NotUnderstood: it holds something that is not listed here.
        duckdb.Error: DuckDB cannot bind it.
    """
    query = (
        "SELECT json_serialize_plan(?, optimize := false, skip_null := true, skip_empty := true, skip_default := true)"
    )
    answer = connection.execute(query, [sql]).fetchone()
    # A NaN among its constants is no JSON.
    found: Node = json.loads(_NAN.sub('":null', answer[0])) if answer else {"error": True}
    if found["error"]:
        if found.get("error_type") in {"binder", "catalog", "parser"}:
            # It raises the error as its own.
            connection.execute(f"EXPLAIN {sql}")
        raise NotUnderstood(f"a plan that cannot be had ({found.get('error_type')})")
    if len(found["plans"]) != 1:
        raise NotUnderstood("more than one statement")
    walk = _Walk(tables)
    outputs = walk.outputs(found["plans"][0])
    walk.facts.outputs = tuple(outputs)
    return walk.facts


def _columns(values: Sequence[Made]) -> frozenset[Origin]:
    return frozenset[Origin]().union(*(value.columns for value in values))


def _together(values: Sequence[Made]) -> Made:
    """One of these values, as it stands: of rows of two queries, or COALESCE."""
    return Made(_columns(values), plain=bool(values) and all(value.plain for value in values))


class _Walk:
    """One plan."""

    def __init__(self, tables: Mapping[str, Mapping[str, Made]]) -> None:
        self.facts = PlanFacts()
        self._tables = tables
        self._expressions: dict[int, list[Made]] = {}
        """Outputs of common table expressions, by their number."""
        self._eliminated: list[list[Made]] = []
        """The columns of the queries around a correlated one."""

    def outputs(self, node: Node) -> list[Made]:
        """What each column of an operator's rows is made of."""
        kind = node.get("type")
        operator = _OPERATORS.get(str(kind))
        if operator is None:
            raise NotUnderstood(f"the operator {kind}")
        return operator(self, node)

    def _children(self, node: Node) -> list[list[Made]]:
        return [self.outputs(child) for child in node.get("children", ())]

    def _child(self, node: Node) -> list[Made]:
        children = self._children(node)
        if len(children) != 1:
            raise NotUnderstood(f"{node['type']} over {len(children)} operators")
        return children[0]

    # Operators

    def get(self, node: Node) -> list[Made]:
        """A table, and nothing else that can be read."""
        path = node.get("function_data", {}).get("qualified_name", {}).get("path", ())
        if _name(node) != "seq_scan" or node.get("children") or len(path) != 3 or path[:2] != ["temp", "main"]:
            raise NotUnderstood("something that is read and is no table of the query")
        table = self._tables.get(path[2])
        if table is None or node.get("table_filters", {}).get("filters"):
            raise NotUnderstood("a table that is not the query's")
        self.facts.tables.add(path[2])
        names = node["names"]
        found = []
        for column in node.get("column_indexes", ()):
            index = column.get("index", 0)
            if column.get("child_indexes"):
                raise NotUnderstood("a part of a column")
            # A table of which only the number of rows is wanted has a column for that, which nothing refers to.
            name = names[index].lower() if index < len(names) else NO_COLUMN
            found.append(table.get(name, Made(frozenset({Origin(path[2], name)}))))
        return _project(found, node.get("projection_ids"))

    def projection(self, node: Node) -> list[Made]:
        rows = self._child(node)
        return [self._made(expression, rows) for expression in node.get("expressions", ())]

    def filter(self, node: Node) -> list[Made]:
        rows = self._child(node)
        self._condition(node.get("expressions", ()), rows)
        return _project(rows, node.get("projection_map"))

    def aggregate(self, node: Node) -> list[Made]:
        rows = self._child(node)
        groups = [self._made(expression, rows) for expression in node.get("groups", ())]
        self.facts.groups |= _columns(groups)
        values = [self._made(expression, rows) for expression in node.get("expressions", ())]
        # GROUPING(a) says which groups a row belongs to, and no value of a.
        return [*groups, *values, *(_NOTHING for _ in node.get("grouping_functions", ()))]

    def window(self, node: Node) -> list[Made]:
        rows = self._child(node)
        for expression in node.get("expressions", ()):
            self.facts.groups |= _columns([self._made(part, rows) for part in expression.get("partitions", ())])
            self.facts.orders |= _columns(
                [self._made(part["expression"], rows) for part in expression.get("orders", ())]
            )
        return [*rows, *(self._made(expression, rows) for expression in node.get("expressions", ()))]

    def unnest(self, node: Node) -> list[Made]:
        """How many values there are decides how many rows there are."""
        rows = self._child(node)
        values = [self._made(expression, rows) for expression in node.get("expressions", ())]
        self.facts.conditions |= _columns(values)
        return [*rows, *values]

    def order(self, node: Node) -> list[Made]:
        rows = self._child(node)
        keys = [self._made(order["expression"], rows) for order in node.get("orders", ())]
        self.facts.orders |= _columns(keys)
        return _project(rows, node.get("projection_map") or node.get("projections"))

    def limit(self, node: Node) -> list[Made]:
        """Constants alone: a number that comes from rows would reveal them by how many rows there are."""
        for bound in ("limit_val", "offset_val"):
            if node.get(bound, {}).get("type", "UNSET") not in {"UNSET", "CONSTANT_VALUE"}:
                raise NotUnderstood("a LIMIT or OFFSET that is no constant")
        return self._child(node)

    def distinct(self, node: Node) -> list[Made]:
        rows = self._child(node)
        targets = [self._made(expression, rows) for expression in node.get("distinct_targets", ())]
        self.facts.groups |= _columns(targets)
        orders = [self._made(order["expression"], rows) for order in (node.get("order_by") or {}).get("orders", ())]
        self.facts.orders |= _columns(orders)
        return rows

    def union(self, node: Node) -> list[Made]:
        return [_together(column) for column in zip(*self._children(node), strict=True)]

    def difference(self, node: Node) -> list[Made]:
        """EXCEPT and INTERSECT: all columns of both sides decide which rows there are."""
        rows = self.union(node)
        self.facts.conditions |= _columns(rows)
        self.facts.groups |= _columns(rows)
        return rows

    def join(self, node: Node) -> list[Made]:
        left, right = self._children(node)
        return self._joined(node, left, right)

    def delim_join(self, node: Node) -> list[Made]:
        """A correlated sub-query: the columns that it takes from around it decide as well."""
        left_node, right_node = node["children"]
        flipped = node.get("delim_flipped", False)
        first = self.outputs(right_node if flipped else left_node)
        eliminated = [self._made(expression, first) for expression in node.get("duplicate_eliminated_columns", ())]
        self.facts.conditions |= _columns(eliminated)
        self._eliminated.append(eliminated)
        second = self.outputs(left_node if flipped else right_node)
        self._eliminated.pop()
        left, right = (second, first) if flipped else (first, second)
        return self._joined(node, left, right)

    def delim_get(self, node: Node) -> list[Made]:
        if not self._eliminated or len(node.get("chunk_types", ())) != len(self._eliminated[-1]):
            raise NotUnderstood("a correlated sub-query whose columns cannot be told")
        self.facts.conditions |= _columns(self._eliminated[-1])
        return self._eliminated[-1]

    def _joined(self, node: Node, left: list[Made], right: list[Made]) -> list[Made]:
        met, both = [], [*left, *right]
        for condition in node.get("conditions", ()):
            if "right" in condition:
                met += [self._made(condition["left"], left), self._made(condition["right"], right)]
            else:
                # One condition over the rows of both.
                met.append(self._made(condition["left"], both))
        met += [self._made(node[name], both) for name in ("condition", "predicate") if node.get(name)]
        self.facts.conditions |= _columns(met)
        kept_left = _project(left, node.get("left_projection_map"))
        kept_right = _project(right, node.get("right_projection_map"))
        match node.get("join_type"):
            case "INNER" | "LEFT" | "RIGHT" | "FULL" | "OUTER" | "SINGLE":
                return [*kept_left, *kept_right]
            case "SEMI" | "ANTI":
                return kept_left
            case "MARK":
                return [*kept_left, Made(_columns(met))]
        raise NotUnderstood(f"a join of the type {node.get('join_type')}")

    def cross(self, node: Node) -> list[Made]:
        return [column for child in self._children(node) for column in child]

    def values(self, node: Node) -> list[Made]:
        rows = self._child(node)
        table = [[self._made(value, rows) for value in row] for row in node.get("expressions", ())]
        return [Made(_columns(column)) for column in zip(*table, strict=True)]

    def one_row(self, node: Node) -> list[Made]:
        """DUMMY_SCAN gives one column of nothing, that nothing refers to."""
        return [_NOTHING] if not node.get("children") else self._child(node)

    def empty(self, node: Node) -> list[Made]:
        """No row: what COUNT in a correlated sub-query gives where there is nothing."""
        if node.get("children"):
            raise NotUnderstood("an empty result of something")
        return [_NOTHING for _ in node.get("return_types", ())]

    def with_(self, node: Node) -> list[Made]:
        definition, query = node["children"]
        self._expressions[node.get("table_index", 0)] = self.outputs(definition)
        return self.outputs(query)

    def reference(self, node: Node) -> list[Made]:
        rows = self._expressions.get(node.get("cte_index", 0))
        if rows is None or len(rows) != len(node.get("chunk_types", ())) or node.get("is_recurring"):
            raise NotUnderstood("a common table expression that cannot be told")
        return rows

    # Expressions

    def _condition(self, expressions: Sequence[Node], rows: Sequence[Made]) -> None:
        self.facts.conditions |= _columns([self._made(expression, rows) for expression in expressions])

    def _made(self, expression: Node, rows: Sequence[Made]) -> Made:
        """What the value of an expression over an operator's rows is made of: all that is anywhere in it."""
        kind = expression.get("expression_class")
        if kind == "BOUND_REF":
            index = expression.get("index", 0)
            if index >= len(rows):
                raise NotUnderstood("a column by a position that there is not")
            return rows[index]
        if kind not in _EXPRESSIONS:
            raise NotUnderstood(f"an expression of the class {kind} ({expression.get('type')})")
        if kind in _CALLS:
            _check_function(expression)
        if kind == "BOUND_LAMBDA":
            # The columns that it takes are among the arguments of its function; in it, positions mean something else.
            _check_inside(expression)
            return _NOTHING
        _check_inside(expression.get("function_data"))
        made = [self._made(part, rows) for part in _parts(expression)]
        if kind == "BOUND_OPERATOR" and expression.get("type") in {"OPERATOR_COALESCE", "OPERATOR_TRY"}:
            return _together(made)
        return Made(_columns(made))


def _parts(node: Any, left_out: str = "function_data") -> Iterator[Node]:
    """The expressions that stand directly in another, whatever their places are called.

    What a function has bound for itself is no argument of it: a lambda, once more.
    """
    pending = [value for key, value in node.items() if key != left_out] if isinstance(node, dict) else []
    while pending:
        part = pending.pop()
        if isinstance(part, list):
            pending.extend(part)
        elif isinstance(part, dict):
            if "expression_class" in part:
                yield part
            else:
                pending.extend(part.values())


def _check_inside(node: Any) -> None:
    """Whether everything in it is listed, where positions are not those of the rows."""
    for part in _parts(node, left_out=""):
        kind = part["expression_class"]
        if kind not in _EXPRESSIONS and kind != "BOUND_REF":
            raise NotUnderstood(f"an expression of the class {kind} ({part.get('type')})")
        if kind in _CALLS:
            _check_function(part)
        _check_inside(part)


def _check_function(expression: Node) -> None:
    name = _name(expression)
    if name and name not in FUNCTIONS and not name.startswith(OURS):
        raise NotUnderstood(f"the function {name}")


def _name(node: Node) -> str:
    path = (node.get("qname") or {}).get("path") or [""]
    return str(path[-1]).lower()


def _project(rows: list[Made], places: Sequence[int] | None) -> list[Made]:
    return rows if not places else [rows[place] for place in places]


_OPERATORS = {
    "LOGICAL_GET": _Walk.get,
    "LOGICAL_PROJECTION": _Walk.projection,
    "LOGICAL_FILTER": _Walk.filter,
    "LOGICAL_AGGREGATE_AND_GROUP_BY": _Walk.aggregate,
    "LOGICAL_WINDOW": _Walk.window,
    "LOGICAL_UNNEST": _Walk.unnest,
    "LOGICAL_ORDER_BY": _Walk.order,
    "LOGICAL_LIMIT": _Walk.limit,
    "LOGICAL_DISTINCT": _Walk.distinct,
    "LOGICAL_UNION": _Walk.union,
    "LOGICAL_EXCEPT": _Walk.difference,
    "LOGICAL_INTERSECT": _Walk.difference,
    "LOGICAL_COMPARISON_JOIN": _Walk.join,
    "LOGICAL_ANY_JOIN": _Walk.join,
    "LOGICAL_DELIM_JOIN": _Walk.delim_join,
    "LOGICAL_DELIM_GET": _Walk.delim_get,
    "LOGICAL_CROSS_PRODUCT": _Walk.cross,
    "LOGICAL_EXPRESSION_GET": _Walk.values,
    "LOGICAL_DUMMY_SCAN": _Walk.one_row,
    "LOGICAL_EMPTY_RESULT": _Walk.empty,
    "LOGICAL_MATERIALIZED_CTE": _Walk.with_,
    "LOGICAL_CTE_REF": _Walk.reference,
}
"""Every operator that a text may have."""

_CALLS = frozenset(["BOUND_FUNCTION", "BOUND_AGGREGATE", "BOUND_WINDOW"])
_EXPRESSIONS = _CALLS | {
    "BOUND_CONSTANT",
    "BOUND_OPERATOR",
    "BOUND_CONJUNCTION",
    "BOUND_COMPARISON",
    "BOUND_BETWEEN",
    "BOUND_CASE",
    "BOUND_CAST",
    "BOUND_UNNEST",
    "BOUND_LAMBDA",
}
"""Every class of expression that a text may have, beside a reference to a position."""
