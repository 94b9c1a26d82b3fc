"""Functions that take a lambda: its names, their types, and what it is for DuckDB.

A lambda's variables get names of their own as soon as the query is read, that no member can write: what is judged and
what runs cannot take one for a column, nor a column for one. What a variable may reveal is what its function is given
(sql/lineage/origins.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark import arguments
from whiteroom.engines.duckdb.spark.building import call, cast, lambda_of
from whiteroom.engines.duckdb.spark.casts import shaped
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import types
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.lambdas import FUNCTIONS, Variable, said
from whiteroom.sql.spark.nested import known_array
from whiteroom.sql.spark.types import BOOLEAN, NULL, of


def _declare(node: exp.Expr) -> exp.Expr:
    body = node.this
    kind = of(body)
    if types.has_unknown(kind):
        raise Refused("It cannot be told of which type the value of a lambda is. Cast it.")
    return lambda_of([each.name for each in node.expressions], shaped(exp.paren(body), kind))


def _use(node: exp.Expr) -> exp.Expr:
    return exp.column(str(node.this), quoted=True)


def _names(function: exp.Expr) -> list[str]:
    return [each.name for each in function.expressions]


def _put(function: exp.Expr, name: str, make: Callable[[], exp.Expr]) -> None:
    """Another expression wherever a lambda's body names its variable."""
    for found in list(function.this.find_all(exp.Column)):
        if found.name == name and not found.table:
            found.replace(make())


def _placed(node: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    """An array and its lambda; DuckDB counts from 1 what Spark counts from 0."""
    value, function = node.expressions
    known_array(value, said(node))
    if len(function.expressions) > 1:
        place = _names(function)[1]
        number = exp.column(place, quoted=True)
        counted = cast(exp.paren(exp.Sub(this=number, expression=exp.Literal.number(1))), "INTEGER")
        _put(function, place, counted.copy)
    return value, function


def _condition(node: exp.Expr, function: exp.Expr) -> None:
    if of(function) not in (BOOLEAN, NULL):
        raise Refused(f"The lambda of {said(node)} is a condition in Spark. Compare the value.")


def _transform(node: exp.Expr) -> exp.Expr:
    return call("LIST_TRANSFORM", *_placed(node))


def _filter(node: exp.Expr) -> exp.Expr:
    _condition(node, node.expressions[1])
    return call("LIST_FILTER", *_placed(node))


def _tested(macro: str) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr:
        _condition(node, node.expressions[1])
        return call(macro, call("LIST_TRANSFORM", *_placed(node)))

    return rule


def _fold(node: exp.Expr) -> exp.Expr:
    value, start, merge, *finish = node.expressions
    known_array(value, said(node))
    kind = of(start)
    if of(merge) != kind:
        raise Refused(
            f"{said(node)} starts with {kind.sql('spark').lower()} and its lambda gives "
            f"{of(merge).sql('spark').lower()}: cast one of them, such as 0L or CAST(0 AS DOUBLE)."
        )
    made = call("LIST_REDUCE", value, merge, shaped(exp.paren(start), kind))
    if not finish:
        return made
    return call("LIST_EXTRACT", call("LIST_TRANSFORM", call("LIST_VALUE", made), finish[0]), 1)


def _of_rows(function: exp.Expr, change: Callable[[exp.Expr, exp.Expr], exp.Expr]) -> exp.Expr:
    """A lambda of rows in the place of one of two variables; `change` is given the row and the body."""
    first, second = _names(function)
    row = f"{first}r"

    def part(place: int) -> exp.Expr:
        return call("STRUCT_EXTRACT_AT", exp.column(row, quoted=True), place)

    _put(function, first, lambda: part(1))
    _put(function, second, lambda: part(2))
    return lambda_of([row], change(exp.column(row, quoted=True), function.this))


def _zip_with(node: exp.Expr) -> exp.Expr:
    first, second, function = node.expressions
    rows = call("spark_zip", first, second)
    return call("LIST_TRANSFORM", rows, _of_rows(function, lambda _row, body: body))


def _map_filter(node: exp.Expr) -> exp.Expr:
    value, function = node.expressions
    _condition(node, function)
    kept = call("LIST_FILTER", call("MAP_ENTRIES", value), _of_rows(function, lambda _row, body: body))
    return call("MAP_FROM_ENTRIES", kept)


def _changed(place: int) -> Rule:
    """A map with other keys (1) or other values (2)."""

    def rule(node: exp.Expr) -> exp.Expr:
        value, function = node.expressions

        def entry(row: exp.Expr, body: exp.Expr) -> exp.Expr:
            kept = call("STRUCT_EXTRACT_AT", row, 3 - place)
            return call("ROW", *((body, kept) if place == 1 else (kept, body)))

        return call("MAP_FROM_ENTRIES", call("LIST_TRANSFORM", call("MAP_ENTRIES", value), _of_rows(function, entry)))

    return rule


RULES: Mapping[type[exp.Expr], Rule] = {exp.Lambda: _declare, Variable: _use}
NAMED: Mapping[str, Rule] = arguments.rules(
    FUNCTIONS,
    {
        "TRANSFORM": _transform,
        "FILTER": _filter,
        "EXISTS": _tested("spark_any_of"),
        "FORALL": _tested("spark_all_of"),
        "AGGREGATE": _fold,
        "REDUCE": _fold,
        "ZIP_WITH": _zip_with,
        "MAP_FILTER": _map_filter,
        "TRANSFORM_VALUES": _changed(2),
        "TRANSFORM_KEYS": _changed(1),
    },
)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
