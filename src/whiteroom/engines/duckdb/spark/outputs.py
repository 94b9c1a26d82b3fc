"""What a query shows: its output columns in one type over set operations, and its keys in one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from whiteroom.engines.duckdb.spark.building import call
from whiteroom.engines.duckdb.spark.casts import convert
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import types
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.coercion import refused
from whiteroom.sql.spark.types import UNKNOWN, of


def grouped_by(group: exp.Expr) -> list[exp.Expr]:
    """Every expression that a GROUP BY groups by, in the order in which they are first named."""
    several = (exp.GroupingSets, exp.Cube, exp.Rollup)
    found: list[exp.Expr] = [each for each in group.expressions if not isinstance(each, several)]
    for part in ("expressions", "grouping_sets", "cube", "rollup"):
        for sets in [each for each in group.args.get(part) or [] if isinstance(each, several)]:
            for each in sets.expressions:
                found += each.expressions if isinstance(each, exp.Tuple) else [each]
    return list(dict.fromkeys(found))


def column_types(query: exp.Expr) -> list[exp.DataType] | None:
    """Of a query's columns, of the first branch of a set operation; None of what is no query."""
    bare = query.unnest() if isinstance(query, exp.Subquery) else query
    if isinstance(bare, exp.SetOperation):
        return column_types(bare.left)
    return [of(each) for each in bare.selects] if isinstance(bare, exp.Select) else None


def convert_output(query: exp.Expr, position: int, to: exp.DataType) -> None:
    """Cast one output column of a query, of each branch of a set operation, in place."""
    bare = query.unnest() if isinstance(query, exp.Subquery) else query
    if isinstance(bare, exp.SetOperation):
        convert_output(bare.left, position, to)
        convert_output(bare.right, position, to)
    elif isinstance(bare, exp.Select):
        projections = list(bare.expressions)
        projection = projections[position]
        name = projection.alias_or_name
        made = convert(projection.unalias(), to)
        if made is not projection.unalias():
            aliased = exp.alias_(made, name, quoted=True) if name else made
            aliased.type = to
            projections[position] = aliased
            bare.set("expressions", projections)


def _set_operation(node: exp.Expr) -> None:
    """Both sides have the types that Spark gives the columns."""
    left, right = column_types(node.this), column_types(node.expression)
    if left is None or right is None or len(left) != len(right):
        return
    for position, pair in enumerate(zip(left, right, strict=True)):
        if UNKNOWN in pair or pair[0] == pair[1]:
            continue
        common = types.wider(*pair)
        if common is None:
            raise refused("put into one column", pair)
        convert_output(node, position, common)
    if node.args.get("distinct"):
        for position in range(len(left)):
            show_in_one_form(node, position)


def _select(node: exp.Expr) -> None:
    """What is grouped by, or shown once, is shown in one form: one zero, one NaN."""
    group = node.args.get("group")
    if group is not None:
        _refuse_maps(grouped_by(group))
        keys = [key.unnest() for key in grouped_by(group) if types.is_real(of(key))]
        for part in ("expressions", "group", "having", "order"):
            roots = node.args.get(part) or []
            for root in roots if isinstance(roots, list) else [roots]:
                _in_one_form(root, keys)
    if node.args.get("distinct"):
        _refuse_maps(node.expressions)
        for position in range(len(node.expressions)):
            show_in_one_form(node, position)


def _refuse_maps(keys: Sequence[exp.Expr]) -> None:
    if any(types.has_map(of(key)) for key in keys):
        raise Refused("Spark groups by no maps. Group by map_keys(...), or by the value of a key.")


def _in_one_form(root: exp.Expr, keys: Sequence[exp.Expr]) -> None:
    for node in list(root.find_all(*{type(key) for key in keys})) if keys else []:
        if node in keys and node.find_ancestor(exp.AggFunc, exp.Select) is node.find_ancestor(exp.Select):
            parent, arg_key, index = node.parent, node.arg_key, node.index
            made = call("spark_key", node)
            made.type = node.type
            if parent is not None and arg_key is not None:
                parent.set(arg_key, made, index)


def show_in_one_form(query: exp.Expr, position: int) -> None:
    """The same of an output column of a query, of each branch of a set operation."""
    bare = query.unnest() if isinstance(query, exp.Subquery) else query
    if isinstance(bare, exp.SetOperation):
        show_in_one_form(bare.this, position)
        show_in_one_form(bare.expression, position)
    elif isinstance(bare, exp.Select) and types.is_real(of(bare.selects[position])):
        projection = bare.selects[position]
        value = projection.unalias()
        if isinstance(value, exp.Anonymous) and value.name == "spark_key":
            return
        made: exp.Expr = call("spark_key", value)
        made.type = of(value)
        if projection.alias_or_name:
            made = exp.alias_(made, projection.alias_or_name, quoted=True)
            made.type = of(value)
        projections = list(bare.expressions)
        projections[position] = made
        bare.set("expressions", projections)


RULES: Mapping[type[exp.Expr], Rule] = {
    exp.Select: _select,
    exp.Union: _set_operation,
    exp.Intersect: _set_operation,
    exp.Except: _set_operation,
}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = {}
