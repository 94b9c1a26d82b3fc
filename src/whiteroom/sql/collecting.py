"""The order of what collect_list and collect_set gather: that of the values.

Spark promises no order: it is the one in which rows happen to arrive. Here the gathered values alone decide it, so that
it reveals nothing about rows' places, threads or a plan, and it is written in the tree, where both judges see it. All
lists of one SELECT, or of one window, have one order, by all of their values: the first of one and the first of another
come from one row, as in Spark. A list over a window with ORDER BY is in that order first.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from sqlglot import exp

from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import structs, types
from whiteroom.sql.spark.aggregate_arguments import HOLDERS
from whiteroom.sql.spark.types import of

COLLECTED = (exp.ArrayAgg, exp.ArrayUniqueAgg)


def order_collected(tree: exp.Expr) -> None:
    """Write the order into an annotated tree, in place.

    Raises:
        Refused: what is gathered has no order.
    """
    for listed in list(tree.find_all(exp.ArrayAgg)):
        if isinstance(listed.this, exp.Distinct):
            unique = exp.ArrayUniqueAgg(this=_single(listed.this))
            unique.type = listed.type
            listed.replace(unique)
    for unique in list(tree.find_all(exp.ArrayUniqueAgg)):
        _check(unique)
        unique.set("this", _in_order(unique.this, [_ascending(key) for key in _keys(unique.this)]))
    groups: dict[Hashable, list[exp.Expr]] = {}
    for node in tree.find_all(exp.ArrayAgg):
        _check(node)
        node.set("nulls_excluded", None)
        groups.setdefault(_group(node), []).append(node)
    for nodes in groups.values():
        keys = list(dict.fromkeys(key for node in nodes for key in _keys(node.this)))
        first = list(_window_order(nodes[0]))
        for each in nodes:
            order = [*(key.copy() for key in first), *(_ascending(key) for key in keys)]
            each.set("this", _in_order(each.this, order))


def _single(distinct: exp.Distinct) -> exp.Expr:
    if len(distinct.expressions) != 1:
        raise Refused("collect_list takes one value.")
    found: exp.Expr = distinct.expressions[0]
    return found


def _check(node: exp.Expr) -> None:
    kind = of(node.this)
    if types.has_map(kind):
        raise Refused("Maps have no order, and are not collected. Collect their keys or their values.")
    if isinstance(node, exp.ArrayUniqueAgg) and types.is_nested(kind) and types.holds_real(kind):
        raise Refused("collect_set takes no arrays and no structs that hold FLOAT or DOUBLE. Use collect_list.")


def _keys(value: exp.Expr) -> Iterator[exp.Expr]:
    """What a value is sorted by: a struct by its fields."""
    if structs.is_named_struct(value):
        for part in structs.values(value):
            yield from _keys(part)
        return
    fields = structs.fields_of(of(value))
    if not fields:
        yield value
    for name, kind in fields:
        field = exp.Dot(this=value.copy(), expression=exp.to_identifier(name, quoted=True))
        field.type = kind
        yield from _keys(field)


def _in_order(value: exp.Expr, order: list[exp.Expr]) -> exp.Order:
    made = exp.Order(this=value, expressions=order)
    made.type = value.type
    return made


def _ascending(key: exp.Expr) -> exp.Expr:
    made = exp.Ordered(this=key.copy(), desc=False, nulls_first=True)
    made.type = key.type
    return made


def _window(node: exp.Expr) -> exp.Window | None:
    while isinstance(node.parent, HOLDERS) and node.parent.this is node:
        node = node.parent
        if isinstance(node, exp.Window):
            return node
    return None


def _window_order(node: exp.Expr) -> Iterator[exp.Expr]:
    window = _window(node)
    if window is not None and window.args.get("order") is not None:
        yield from window.args["order"].expressions


def _group(node: exp.Expr) -> Hashable:
    """What lists are in one order: those over the same rows."""
    window = _window(node)
    over: tuple[Hashable, ...] = ()
    if window is not None:
        over = (tuple(window.args.get("partition_by") or ()), window.args.get("order"), window.args.get("spec"))
    return id(node.find_ancestor(exp.Select)), over
