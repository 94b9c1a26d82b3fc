"""The grammar of allowed queries, as a table: a node's class, its argument, and the classes that may be there.

A class, an argument or a child that is not listed is refused with its name. A function of constructs.SCALARS needs no
row of its own: its arguments take expressions. What a class means is not asked here, nor what columns there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from whiteroom.sql import constructs
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.generators import Generator
from whiteroom.sql.spark.lambdas import Variable

Kinds = frozenset[type]
Row = Mapping[str, Kinds]


class StarOf(exp.Star):
    """`t.*`, which sqlglot has as a column named by a star."""


def _kinds(*kinds: type) -> Kinds:
    return frozenset(kinds)


VALUE: Kinds = frozenset()
"""Words, numbers and flags that are no nodes; those may be in every argument that is listed."""
_ELSEWHERE = _kinds(exp.Alias, exp.Var, exp.DataTypeParam, exp.Tuple)
"""Of the listed classes, those that are no expressions by themselves."""
EXPRESSION: Kinds = (constructs.SCALARS - _ELSEWHERE) | {
    exp.Anonymous,
    exp.Between,
    exp.Cast,
    exp.Column,
    exp.Dot,
    exp.Filter,
    exp.In,
    exp.Interval,
    exp.Placeholder,
    exp.RegexpReplace,
    exp.Subquery,
    exp.TryCast,
    exp.Window,
    exp.WithinGroup,
    Variable,
}
QUERY = _kinds(exp.Select, exp.Union, exp.Intersect, exp.Except, exp.Subquery)
SOURCE = _kinds(exp.Table, exp.Subquery, exp.Values)
AGGREGATE: Kinds = frozenset(kind for kind in constructs.SCALARS if issubclass(kind, exp.AggFunc))
NUMBER = _kinds(exp.Literal, exp.Placeholder)
STAR = _kinds(exp.Star, StarOf)
NAME = _kinds(exp.Identifier)
_KEY = EXPRESSION | {exp.Tuple}
_ENDS: Row = {"order": _kinds(exp.Order), "limit": _kinds(exp.Limit), "offset": _kinds(exp.Offset)}
_SETS: Row = {
    "with_": _kinds(exp.With),
    "this": QUERY,
    "expression": QUERY,
    "distinct": VALUE,
    **_ENDS,
}

TABLE: Mapping[type, Row] = {
    # queries
    exp.Select: {
        "with_": _kinds(exp.With),
        "expressions": EXPRESSION | STAR | {exp.Alias, exp.Aliases, Generator},
        "distinct": _kinds(exp.Distinct),
        "from_": _kinds(exp.From),
        "joins": _kinds(exp.Join),
        "laterals": _kinds(exp.Lateral),
        "where": _kinds(exp.Where),
        "group": _kinds(exp.Group),
        "having": _kinds(exp.Having),
        **_ENDS,
    },
    exp.Union: _SETS,
    exp.Intersect: _SETS,
    exp.Except: _SETS,
    exp.Subquery: {"with_": _kinds(exp.With), "this": QUERY | {exp.Table}, "alias": _kinds(exp.TableAlias), **_ENDS},
    exp.With: {"expressions": _kinds(exp.CTE)},
    exp.CTE: {"this": QUERY, "alias": _kinds(exp.TableAlias)},
    exp.Alias: {"this": EXPRESSION | {Generator}, "alias": NAME},
    exp.Aliases: {"this": _kinds(Generator), "expressions": NAME},
    # sources
    exp.From: {"this": SOURCE},
    exp.Table: {"this": NAME, "alias": _kinds(exp.TableAlias), "joins": _kinds(exp.Join)},
    exp.TableAlias: {"this": NAME, "columns": NAME},
    exp.Join: {"this": SOURCE, "on": EXPRESSION, "using": NAME, "side": VALUE, "kind": VALUE, "method": VALUE},
    exp.Lateral: {"this": _kinds(Generator), "view": VALUE, "outer": VALUE, "alias": _kinds(exp.TableAlias)},
    Generator: {"this": EXPRESSION, "kind": VALUE, "outer": VALUE},
    exp.Values: {"expressions": _kinds(exp.Tuple, exp.Paren), "alias": _kinds(exp.TableAlias)},
    # clauses
    exp.Where: {"this": EXPRESSION},
    exp.Having: {"this": EXPRESSION},
    exp.Group: {
        "expressions": _KEY | {exp.GroupingSets, exp.Cube, exp.Rollup},
        "grouping_sets": _kinds(exp.GroupingSets),
        "cube": _kinds(exp.Cube),
        "rollup": _kinds(exp.Rollup),
        "all": VALUE,
    },
    exp.GroupingSets: {"expressions": _KEY},
    exp.Cube: {"expressions": _KEY},
    exp.Rollup: {"expressions": _KEY},
    exp.Order: {"expressions": _kinds(exp.Ordered)},
    exp.Ordered: {"this": EXPRESSION, "desc": VALUE, "nulls_first": VALUE},
    exp.Limit: {"expression": NUMBER},
    exp.Offset: {"expression": NUMBER},
    # expressions
    exp.Distinct: {"expressions": EXPRESSION},
    exp.Count: {"this": EXPRESSION | {exp.Distinct, exp.Star}, "expressions": EXPRESSION, "big_int": VALUE},
    exp.Filter: {"this": AGGREGATE | {exp.WithinGroup}, "expression": _kinds(exp.Where)},
    exp.WithinGroup: {"this": AGGREGATE, "expression": _kinds(exp.Order)},
    exp.Window: {
        "this": EXPRESSION,
        "partition_by": EXPRESSION,
        "order": _kinds(exp.Order),
        "spec": _kinds(exp.WindowSpec),
        "over": VALUE,
    },
    exp.WindowSpec: {
        "kind": VALUE,
        "start": _kinds(exp.Literal, exp.Interval, exp.Neg),
        "start_side": VALUE,
        "end": _kinds(exp.Literal, exp.Interval, exp.Neg),
        "end_side": VALUE,
    },
    # s.a and t.s.a, until names are resolved
    exp.Column: {"this": NAME | {exp.Star}, "table": NAME, "db": NAME, "catalog": NAME},
    exp.Dot: {"this": EXPRESSION, "expression": NAME},
    exp.Identifier: {"this": VALUE, "quoted": VALUE},
    StarOf: {"this": _kinds(exp.Star), "table": NAME},
    exp.Star: {},
    exp.Exists: {"this": QUERY},
    exp.Any: {"this": QUERY | {exp.Paren, exp.Tuple}},
    exp.In: {"this": _KEY, "expressions": _KEY, "query": QUERY},
    exp.Tuple: {"expressions": EXPRESSION},
    exp.Paren: {"this": _KEY},
    exp.Case: {"this": EXPRESSION, "ifs": _kinds(exp.If), "default": EXPRESSION},
    exp.Cast: {"this": EXPRESSION, "to": _kinds(exp.DataType)},
    exp.TryCast: {"this": EXPRESSION, "to": _kinds(exp.DataType), "requires_string": VALUE, "safe": VALUE},
    exp.Between: {"this": EXPRESSION, "low": EXPRESSION, "high": EXPRESSION},
    exp.DataType: {"this": VALUE, "expressions": _kinds(exp.DataTypeParam, exp.DataType), "nested": VALUE},
    exp.DataTypeParam: {"this": NUMBER},
    exp.Interval: {"this": EXPRESSION, "unit": _kinds(exp.Var)},
    exp.Extract: {"this": _kinds(exp.Var), "expression": EXPRESSION},
    exp.Literal: {"this": VALUE, "is_string": VALUE},
    exp.Boolean: {"this": VALUE},
    exp.Null: {},
    exp.Var: {"this": VALUE},
    exp.Placeholder: {"this": VALUE},
    exp.Anonymous: {"this": VALUE, "expressions": EXPRESSION | {exp.Lambda}},
    exp.Lambda: {"this": EXPRESSION, "expressions": _kinds(Variable)},
    Variable: {"this": VALUE},
    exp.RegexpReplace: {
        "this": EXPRESSION,
        "expression": EXPRESSION,
        "replacement": EXPRESSION,
        "position": EXPRESSION,
    },
}
"""What has arguments of its own kind. Whatever else is in constructs.SCALARS takes `FUNCTION`."""

FUNCTION: Kinds = EXPRESSION
UNIT = _kinds(exp.Var, exp.Literal)
"""`unit` of a function is a word."""
_UNITS = frozenset(["unit"])


def check_places(tree: exp.Expr, *, places: bool = True) -> None:
    """Whether every node is where the table has it; without `places`, only whether it is listed.

    Raises:
        Refused: one does not, or is not listed.
    """
    _check(tree)
    pending = [tree]
    while pending:
        node = pending.pop()
        children = list(_children(node))
        for name, child in children:
            if isinstance(child, exp.Expr):
                _check(child)
                allowed = allowed_at(node, name)
                if allowed is None:
                    raise Refused(misplaced(name, node))
                if places and kind_of(child) not in allowed:
                    raise Refused(_out_of_place(child, node, name))
                pending.append(child)
            elif allowed_at(node, name) is None:
                raise Refused(misplaced(name, node))


def allowed_at(node: exp.Expr, name: str) -> Kinds | None:
    """The classes that an argument of a node may have; None where it may not be there."""
    kind = kind_of(node)
    row = TABLE.get(kind)
    if row is not None:
        return row.get(name)
    if name in _UNITS:
        return UNIT | EXPRESSION
    return FUNCTION | {exp.Distinct} if kind in AGGREGATE and name == "this" else FUNCTION


def kind_of(node: exp.Expr) -> type:
    """A node's class in the table."""
    return StarOf if isinstance(node, exp.Column) and isinstance(node.this, exp.Star) else type(node)


def construct(node: exp.Expr) -> str:
    """What a sentence calls a node."""
    if isinstance(node, exp.Anonymous):
        return f"The function {str(node.this)[:64]}"
    if isinstance(node, exp.Func):
        return f"The function {node.sql_name()}"
    return "A star" if kind_of(node) in STAR else node.key.upper()


def misplaced(part: str, node: exp.Expr) -> str:
    """The sentence about an argument that a node may not have."""
    if isinstance(node, exp.Table) and part in {"db", "catalog"}:
        return (
            f"Name the table '{node.name[:128]}' alone: a query reads the collaboration's tables by the names of "
            "their associations, without a database before them."
        )
    if isinstance(node, exp.Column):
        return (
            f"'{node.name[:128]}' is written as a part of a column. Name a column by its table and its name alone; "
            "a database before them, or a field of a value, is not allowed in a query."
        )
    return f"{part.rstrip('_').replace('_', ' ').upper()} is not allowed in {construct(node)}."


def _check(node: exp.Expr) -> None:
    if kind_of(node) not in TABLE and type(node) not in constructs.SCALARS:
        raise Refused(f"{construct(node)} is not allowed in a query.")


def _children(node: exp.Expr) -> Iterator[tuple[str, object]]:
    for name, value in node.args.items():
        for child in value if isinstance(value, list) else [value]:
            if child is not None and child is not False and child != []:
                yield name, child


def _out_of_place(child: exp.Expr, parent: exp.Expr, name: str) -> str:
    if kind_of(child) in STAR:
        return "A star stands as an output column of its own, or in COUNT(*). Name the columns that you want."
    if isinstance(child, Generator):
        return (
            "A generator such as explode stands in LATERAL VIEW, or as an output column of its own: not in another "
            "expression, and in no other clause."
        )
    if isinstance(parent, exp.Limit | exp.Offset):
        return f"{parent.key.upper()} takes a whole number as it stands, and no expression."
    return f"{construct(child)} is not allowed as {name.rstrip('_').replace('_', ' ').upper()} of {construct(parent)}."
