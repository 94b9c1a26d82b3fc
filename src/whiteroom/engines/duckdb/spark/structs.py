"""Structs: how they are made, and how a field is taken out of one.

A struct has no names in the engine's words: it is a tuple, and a field is its place. The names that Spark gives the
fields are in its Spark type alone, and come back in what the outermost SELECT shows (`name_fields`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark import arguments
from whiteroom.engines.duckdb.spark.building import call, cast
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.structs import FUNCTIONS, NAMED_STRUCT, fields_of, is_array, pairs, place_of, struct_under
from whiteroom.sql.spark.types import INT, holds_real, holds_struct, of


def _made(node: exp.Expr) -> exp.Expr:
    return call("ROW", *(value for _, value in pairs(node)))


def _field(node: exp.Expr) -> exp.Expr:
    fields = fields_of(struct_under(node))
    place = place_of(fields, node.expression.name) + 1
    if is_array(of(node.this)):
        return call("spark_fields", node.this, place)
    return call("STRUCT_EXTRACT_AT", node.this, place)


_ORDERS = (exp.Ordered, exp.Max, exp.Min, exp.Greatest, exp.Least, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between)


def refuse_orders(tree: exp.Expr) -> None:
    """Whether structs of an annotated tree are put in no order: NULL is the least of a field's values in Spark alone.

    Raises:
        Refused: some are.
    """
    for node in tree.find_all(*_ORDERS, exp.ArgMax, exp.ArgMin):
        parts = [node.expression] if isinstance(node, exp.ArgMax | exp.ArgMin) else list(node.iter_expressions())
        if any(holds_struct(of(part)) for part in parts):
            raise Refused(
                "Structs are compared by = and put in no order here. Sort, or take the least, by a field: s.a."
            )


def refuse_keys(tree: exp.Expr) -> None:
    """Whether rows of an annotated tree are put together by no struct of which equal values look different.

    Raises:
        Refused: a field of one is FLOAT or DOUBLE, whose zeros and NaNs Spark brings into one form.
    """
    keys = [key for group in tree.find_all(exp.Group) for key in group.find_all(exp.Expr)]
    for query in tree.find_all(exp.Select, exp.SetOperation):
        if query.args.get("distinct") or isinstance(query, exp.Intersect | exp.Except):
            keys += [output for branch in _branches(query) for output in branch.selects]
    if any(holds_struct(of(key)) and holds_real(of(key)) for key in keys):
        raise Refused("Rows are not put together by structs that hold FLOAT or DOUBLE. Name the fields in GROUP BY.")


def name_fields(tree: exp.Expr) -> exp.Expr:
    """Give the structs that a translated query shows the names of their fields, in place.

    Raises:
        Refused: the sides of a set operation have structs of different types.
    """
    branches = list(_branches(tree))
    for place, first in enumerate(branches[0].selects if branches else []):
        shown = [branch.selects[place] for branch in branches]
        if not any(holds_struct(of(each)) for each in shown):
            continue
        if any(of(each) != of(first) for each in shown):
            raise Refused("Both sides of a set operation must have structs of the same fields and types.")
        for each in shown:
            value = each.this if isinstance(each, exp.Alias) else each
            value.replace(cast(value.copy(), _in_duckdb(of(first))))
    return tree


def _branches(query: exp.Expr) -> Iterator[exp.Select]:
    if isinstance(query, exp.SetOperation):
        yield from _branches(query.left)
        yield from _branches(query.right)
    elif isinstance(query, exp.Select):
        yield query
    elif isinstance(query, exp.Subquery):
        yield from _branches(query.this)


def _in_duckdb(spark_type: exp.DataType) -> str:
    found = spark_type.copy()
    for part in found.find_all(exp.DataType):
        if part.this in {exp.DType.NULL, exp.DType.UNKNOWN}:
            # A file has no column without a type.
            part.set("this", INT.this)
    return str(found.sql("duckdb"))


RULES: Mapping[type[exp.Expr], Rule] = {exp.Dot: _field}
NAMED: Mapping[str, Rule] = arguments.rules(FUNCTIONS, {NAMED_STRUCT: _made})
RESULTS: Mapping[type[exp.Expr], Rule] = {}
