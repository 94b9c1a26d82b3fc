"""Comparisons and conditions: =, <, BETWEEN, IN, IS NULL, AND, OR, and what types they compare in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from whiteroom.engines.duckdb.spark import nested
from whiteroom.engines.duckdb.spark.building import call
from whiteroom.engines.duckdb.spark.casts import convert
from whiteroom.engines.duckdb.spark.coercion import common_type
from whiteroom.engines.duckdb.spark.outputs import column_types, convert_output
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import types
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.coercion import refused
from whiteroom.sql.spark.comparisons import COMPARISONS
from whiteroom.sql.spark.types import BOOLEAN, DOUBLE, NULL, STRING, UNKNOWN, compared, is_number, of


def comparable(node: exp.Expr, left: exp.Expr, right: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    """Both sides in the type in which Spark compares them."""
    first, second = of(left), of(right)
    if types.has_map(first) or types.has_map(second):
        raise Refused("Spark does not compare maps. Compare map_keys(...), or the value of a key.")
    if first == second or UNKNOWN in (first, second):
        return left, right
    equality = isinstance(node, exp.EQ | exp.NEQ | exp.NullSafeEQ | exp.NullSafeNEQ | exp.EqualNull | exp.Case)
    common: exp.DataType | None
    if equality and BOOLEAN in (first, second) and (is_number(first) or is_number(second)):
        # Beside a literal 1 or 0 the other side would be that; the answer is the same.
        common = second if first == BOOLEAN else first
    elif types.is_decimal(first) or types.is_decimal(second):
        common = _with_literals(left, right)
    else:
        common = compared(first, second)
    if common is None:
        raise refused("compare", (first, second))
    return convert(left, common), convert(right, common)


def _with_literals(left: exp.Expr, right: exp.Expr) -> exp.DataType | None:
    if types.is_integer(of(left)) or types.is_integer(of(right)):
        return types.wider_decimal(types.literal_digits(left), types.literal_digits(right))
    return compared(of(left), of(right))


def _comparison(node: exp.Expr) -> None:
    if isinstance(node.this, exp.Tuple) or isinstance(node.expression, exp.Tuple | exp.Any | exp.All):
        _tuples(node)
        return
    left, right = comparable(node, node.this, node.expression)
    if isinstance(node, exp.LT | exp.LTE | exp.GT | exp.GTE):
        left, right = nested.order_key(left, of(left)), nested.order_key(right, of(right))
    node.set("this", left)
    node.set("expression", right)


def _tuples(node: exp.Expr) -> None:
    left, right = node.this, node.expression
    if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
        if len(left.expressions) != len(right.expressions):
            raise Refused("The tuples that are compared have different numbers of values.")
        pairs = [comparable(node, *pair) for pair in zip(left.expressions, right.expressions, strict=True)]
        left.set("expressions", [pair[0] for pair in pairs])
        right.set("expressions", [pair[1] for pair in pairs])


def _between(node: exp.Expr) -> exp.Expr | None:
    value, low, high = node.this, node.args["low"], node.args["high"]
    kinds = {of(value), of(low), of(high)}
    if any(map(types.is_nested, kinds)):
        raise Refused("BETWEEN takes no arrays and no maps here. Write a >= b AND a <= c.")
    if len(kinds) == 1 or UNKNOWN in kinds:
        return None
    first = comparable(node, value.copy(), low)
    second = comparable(node, value, high)
    both = exp.And(
        this=exp.GTE(this=exp.paren(first[0]), expression=exp.paren(first[1])),
        expression=exp.LTE(this=exp.paren(second[0]), expression=exp.paren(second[1])),
    )
    return exp.paren(both)


def _in(node: exp.Expr) -> None:
    value, query = node.this, node.args.get("query")
    if query is not None:
        _in_query(node, value, query)
        return
    items: list[exp.Expr] = node.expressions
    if isinstance(value, exp.Tuple):
        _in_tuples(value, items)
        return
    common = common_type("compare", [value, *items])
    if common is not None:
        node.set("this", convert(value, common))
        node.set("expressions", [convert(item, common) for item in items])


def _in_tuples(value: exp.Tuple, items: Sequence[exp.Expr]) -> None:
    width = len(value.expressions)
    if not all(isinstance(item, exp.Tuple) and len(item.expressions) == width for item in items):
        raise Refused(f"IN compares a tuple of {width} values; each of its list must have as many.")
    for position in range(width):
        column = [value.expressions[position], *(item.expressions[position] for item in items)]
        common = common_type("compare", column, text=False)
        if common is not None:
            for holder in (value, *items):
                parts = list(holder.expressions)
                parts[position] = convert(parts[position], common)
                holder.set("expressions", parts)


def _in_query(node: exp.Expr, value: exp.Expr, query: exp.Expr) -> None:
    """Spark casts both sides; a sub-query of another type is made one where its output stands."""
    select = query.unnest()
    values = list(value.expressions) if isinstance(value, exp.Tuple) else [value]
    outputs = column_types(select)
    if outputs is None or len(outputs) != len(values):
        return
    for position, (each, output) in enumerate(zip(values, outputs, strict=True)):
        first, second = of(each), output
        if first == second or UNKNOWN in (first, second):
            continue
        common = types.wider(first, second)
        if common is None:
            raise refused("compare", (first, second))
        convert_output(select, position, common)
        values[position] = convert(each, common)
    if isinstance(value, exp.Tuple):
        value.set("expressions", values)
    else:
        node.set("this", values[0])


def _isnan(node: exp.Expr) -> exp.Expr:
    """Of NULL it is false."""
    value = node.this
    if not types.is_real(of(value)) and of(value) != UNKNOWN:
        value = convert(value, DOUBLE)
    return call("COALESCE", call("isnan", value), exp.Boolean(this=False))


def _refuse_value(node: exp.Expr, part: exp.Expr) -> None:
    found = of(part).sql("spark").lower()
    raise Refused(f"{node.key.upper()} takes a condition in Spark, not {found}. Compare the value.")


def _truth(node: exp.Expr) -> None:
    """AND, OR and NOT take booleans, in Spark as well."""
    for name in ("this", "expression"):
        part = node.args.get(name)
        if part is not None and of(part) not in (BOOLEAN, NULL, UNKNOWN):
            _refuse_value(node, part)


def _ordered(node: exp.Expr) -> None:
    """Rows are sorted by arrays as Spark compares them."""
    kind = of(node.this)
    if types.has_map(kind):
        raise Refused("Spark does not sort by maps. Sort by map_keys(...), or by the value of a key.")
    node.set("this", nested.order_key(node.this, kind))


def _condition(node: exp.Expr) -> None:
    part = node.this
    if part is not None and of(part) not in (BOOLEAN, NULL, UNKNOWN):
        _refuse_value(node, part)


def _joined(node: exp.Expr) -> None:
    part = node.args.get("on")
    if part is not None and of(part) not in (BOOLEAN, NULL, UNKNOWN):
        _refuse_value(node, part)


def _is_null(node: exp.Expr) -> exp.Expr:
    return exp.paren(exp.Is(this=exp.paren(node.expressions[0]), expression=exp.Null()))


def _is_not_null(node: exp.Expr) -> exp.Expr:
    return exp.paren(exp.Not(this=_is_null(node)))


def _equal_null(node: exp.Expr) -> exp.Expr:
    left, right = comparable(node, node.this, node.expression)
    return exp.paren(exp.NullSafeEQ(this=exp.paren(left), expression=exp.paren(right)))


def _is(node: exp.Expr) -> None:
    """IS TRUE and IS FALSE are comparisons with a condition, or with text that says one."""
    given = of(node.this)
    if not isinstance(node.expression, exp.Boolean) or given in (BOOLEAN, NULL, UNKNOWN):
        return
    if given != STRING:
        raise refused("compare", (given, BOOLEAN))
    node.set("this", convert(node.this, BOOLEAN))


RULES: Mapping[type[exp.Expr], Rule] = {
    exp.Is: _is,
    **dict.fromkeys(COMPARISONS, _comparison),
    exp.Between: _between,
    exp.Ordered: _ordered,
    exp.In: _in,
    exp.IsNan: _isnan,
    exp.EqualNull: _equal_null,
    exp.And: _truth,
    exp.Or: _truth,
    exp.Not: _condition,
    exp.Where: _condition,
    exp.Having: _condition,
    exp.Join: _joined,
}
NAMED: Mapping[str, Rule] = {"ISNULL": _is_null, "ISNOTNULL": _is_not_null}
RESULTS: Mapping[type[exp.Expr], Rule] = {}
