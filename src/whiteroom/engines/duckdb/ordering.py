"""Makes the same query on the same data give the same rows in the same order.

DuckDB's scans, filters and projections keep the order of their input on any number of threads.
Its joins, aggregates and set operations do not, and neither does its own splitting of output by
size (all measured with DuckDB 2.0 on two threads: five runs of one join gave five orders). So:

- A query over one table, without subqueries, runs as it is.
- A join of plain tables is sorted by where its rows come from: file and row of each table, in the
  order in which the query names them. docs/decisions/0008 has what this costs, and what does not do instead.
- Everything else is sorted by its own ORDER BY and then by all of its output columns: rows that
  still tie are equal.
- Where a value itself depends on the order in which rows arrive (sums of DOUBLE, `first`,
  window functions, a LIMIT inside), the query runs on one thread.
- Where some groups are dropped besides, those that are left arrive in the order of their keys: out of
  a hash table they come in an order that the dropped ones have a part in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from whiteroom.engines.duckdb.spark.outputs import grouped_by
from whiteroom.sql import constructs
from whiteroom.sql.reserved import RESERVED, is_view_name

ROW_KEY = f"{RESERVED}row"
"""The column of every view that says where a row is: file and row, as one number."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to run a query so that its answer is always the same."""

    row_keys: bool
    """Whether the query reads `ROW_KEY` of its views."""
    single_thread: bool


def put_in_order(tree: exp.Query, *, some_dropped: bool = False) -> Plan:
    """Add to a qualified query, in place, the order that its rows need.

    Args:
        tree: the query.
        some_dropped: whether groups are dropped that nothing may be learned of.
    """
    single_thread = _depends_on_arrival(tree)
    if single_thread and some_dropped:
        for select in tree.find_all(exp.Select):
            if select is not tree:
                _put_groups_in_order(select)
    if isinstance(tree, exp.Select) and _keeps_rows(tree):
        tables = _row_sources(tree)
        if tables is not None:
            simple = len(tables) == 1 and not tree.args.get("joins") and not _has_subquery(tree)
            if simple and not tree.args.get("order"):
                return Plan(row_keys=False, single_thread=single_thread)
            _append(tree, [exp.column(ROW_KEY, table=alias, quoted=True) for alias in tables])
            return Plan(row_keys=True, single_thread=single_thread)
    _append(tree, [exp.Literal.number(position) for position in range(1, len(tree.named_selects) + 1)])
    return Plan(row_keys=False, single_thread=single_thread)


def _put_groups_in_order(select: exp.Select) -> None:
    group = select.args.get("group")
    if select.args.get("distinct"):
        _append(select, [exp.Literal.number(position) for position in range(1, len(select.selects) + 1)])
    elif group is not None:
        _append(select, [key.copy() for key in grouped_by(group)])


def _append(tree: exp.Query, keys: Sequence[exp.Expr]) -> None:
    order = tree.args.get("order")
    ordered = [exp.Ordered(this=key, desc=False, nulls_first=True) for key in keys]
    if order is None:
        tree.set("order", exp.Order(expressions=ordered))
    else:
        order.set("expressions", [*order.expressions, *ordered])


def _keeps_rows(select: exp.Select) -> bool:
    """Whether each output row stands for one row of each table, so that the tables' rows can order it."""
    if any(select.args.get(part) for part in ("distinct", "group", "having")):
        return False
    return not any(node.find_ancestor(exp.Query) is select for node in select.find_all(exp.AggFunc, exp.Window))


def _row_sources(select: exp.Select) -> list[str] | None:
    """Aliases of the plain tables that the query joins, in its order; None if it reads anything but plain tables."""
    source = select.args.get("from_")
    if source is None or not _is_view(source.this):
        return None
    aliases = [source.this.alias]
    for join in select.args.get("joins") or []:
        if not _is_view(join.this):
            return None
        if str(join.args.get("kind") or "").upper() not in {"SEMI", "ANTI"}:
            aliases.append(join.this.alias)
    return aliases


def _is_view(node: exp.Expr) -> bool:
    return isinstance(node, exp.Table) and is_view_name(node.name) and not node.args.get("joins")


def _has_subquery(select: exp.Select) -> bool:
    return any(node is not select for node in select.find_all(exp.Query))


def _depends_on_arrival(tree: exp.Query) -> bool:
    for node in tree.walk():
        if isinstance(node, exp.Window):
            return True
        if isinstance(node, exp.AggFunc) and not _is_order_free(node):
            return True
        if isinstance(node, exp.Limit | exp.Offset) and node.parent is not tree:
            return True
    return False


def _is_order_free(node: exp.AggFunc) -> bool:
    if isinstance(node, constructs.ORDER_FREE_AGGREGATES):
        return True
    return (
        isinstance(node, exp.Sum | exp.Avg) and bool(node.this.type) and node.this.type.this in constructs.EXACT_TYPES
    )
