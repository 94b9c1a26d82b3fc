"""Which columns an operator or a function puts together with literals, and which with columns.

"Comparison controls follow indirect literal comparisons" (docs/sources.md, custom-comparison-controls), and arithmetic
compares as well as `=` does: 1 - SIGN(ABS(zip - 10001)). So every operator and every function that takes
a column beside something else counts, wherever the literal or the column was written. What does not:
AND, OR and NOT over conditions; the results of CASE, unless rows are sorted by them; sorting by one column; arguments
that say how a function works (units, formats, digits, percentiles) and hold no column. Grouping compares a column with
itself over rows: GROUP BY, PARTITION BY and DISTINCT count as columns that meet columns.

A literal is whatever is made of no column: a count of rows, pi() and row_number() are any number that one likes.

Kept apart from comparisons: what reveals more of a column than its order, with nothing beside it. That is a function of
the column to sort by (`sort_keys`), and what aggregates compute from it (`tallies`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from whiteroom.domain.privacy.query_facts import Origin
from whiteroom.sql.lineage import sort_keys, tallies
from whiteroom.sql.lineage.origins import Origins
from whiteroom.sql.spark.generators import Generated
from whiteroom.sql.spark.lambdas import CONDITIONS, Variable, given, is_folded
from whiteroom.sql.spark.structs import is_named_struct, values
from whiteroom.sql.spark.types import is_nested, of

_PASSIVE = (
    exp.Query,
    exp.With,
    exp.CTE,
    exp.From,
    exp.Table,
    exp.TableAlias,
    exp.Alias,
    exp.Paren,
    exp.Tuple,
    exp.Distinct,
    exp.Group,
    exp.Order,
    exp.Ordered,
    exp.Limit,
    exp.Offset,
    exp.Window,
    exp.WindowSpec,
    exp.WithinGroup,
    exp.Column,
    exp.Dot,
    exp.Cast,
    exp.DataType,
    exp.Interval,
    exp.Escape,
    exp.Lambda,
    Variable,
)
"""Parts that put nothing together by themselves. TryCast is a Cast."""

_SETTINGS = frozenset(
    ["unit", "to", "format", "zone", "decimals", "quantile", "accuracy", "offset", "position", "modifiers", "escape"]
)
"""Arguments that say how a function works."""

_NAMED_SETTINGS: Mapping[str, frozenset[int]] = {
    **dict.fromkeys(("DATE_FORMAT", "TO_DATE", "TO_TIMESTAMP", "TRY_TO_TIMESTAMP"), frozenset({1})),
    **dict.fromkeys(("UNIX_TIMESTAMP", "TO_UNIX_TIMESTAMP", "FROM_UNIXTIME", "TRUNC"), frozenset({1})),
    **dict.fromkeys(("DATE_TRUNC", "DATE_PART", "DATEPART"), frozenset({0})),
}
"""The same of functions that sqlglot has no class for: which of their arguments, from 0."""

_MAKERS = frozenset({"ARRAY", "MAP", "ARRAY_REPEAT", "SEQUENCE"})
"""Functions that make arrays and maps of values that are none."""

_TESTS = (exp.IsNan, exp.CountIf, exp.LogicalAnd, exp.LogicalOr)
_NAMED_TESTS = frozenset({"ISNULL", "ISNOTNULL"})
"""Functions of one column that compare it with something which is not written."""


class Comparisons:
    """All of them in one tree."""

    def __init__(self, tree: exp.Query, origins: Origins) -> None:
        """Walk the tree."""
        self._origins = origins
        self.literal: set[Origin] = set()
        """Columns that meet a literal."""
        self.column: set[Origin] = set()
        """Columns that meet a column."""
        self.worked_out: set[Origin] = set()
        """Columns of which a sort key, or a number, is made that tells more than their order."""
        self.counted_apart: set[Origin] = set()
        """Columns whose distinct values are counted, as they stand."""
        for node in tree.walk():
            self._visit(node)
            self._count(node)
            for measured in _measured(node):
                self.literal |= origins.value(measured).columns
        for key in tree.find_all(exp.Ordered):
            for part in sort_keys.parts(key.this, origins):
                if isinstance(part, exp.Case) or (isinstance(part, exp.If) and not isinstance(part.parent, exp.Case)):
                    self._meet(list(_results(part)))
                if sort_keys.makes_another_order(part):
                    self.worked_out |= origins.value(part).columns

    def _visit(self, node: exp.Expr) -> None:
        for condition in _conditions(node):
            if not isinstance(_bare(condition), exp.Connector | exp.Not | exp.Predicate | exp.Boolean):
                # WHERE flag is WHERE flag = true.
                self.literal |= self._origins.value(condition).columns
        for key in _keys(node):
            self.column |= self._origins.value(key).columns
        if isinstance(node, exp.SetOperation):
            for branches in self._origins.outputs(node):
                self._meet(branches)
        elif isinstance(node, exp.Case):
            whens = [when.this for when in node.args.get("ifs") or []]
            if node.this is not None:
                for when in whens:
                    self._meet([node.this, when])
        elif not _is_passive(node):
            self._meet(list(_operands(node)), chosen=not isinstance(node, exp.Filter))
            if isinstance(node, _TESTS) or node.name.upper() in _NAMED_TESTS:
                for operand in _operands(node):
                    self.literal |= self._origins.value(operand).columns

    def _meet(self, operands: Sequence[exp.Expr], *, chosen: bool = True) -> None:
        """Put operands together; `chosen`: whether one that is made of no column may stand for a literal."""
        values = [self._origins.value(operand) for operand in operands]
        for index, operand in enumerate(operands):
            if values[index].constant or (chosen and self._may_be_free(operand)):
                for other in (*values[:index], *values[index + 1 :]):
                    self.literal |= other.columns
        if sum(bool(value.columns) for value in values) > 1:
            self.column |= frozenset[Origin]().union(*(value.columns for value in values))

    def _may_be_free(self, node: exp.Expr) -> bool:
        """Whether what an operand comes to may be made of no column at all."""
        if isinstance(node, exp.Var | exp.DataType):
            return False
        if is_folded(node):
            return True
        choices = list(self._choices(node))
        if choices:
            return any(map(self._may_be_free, choices))
        if not self._origins.value(node).columns:
            return not isinstance(node, exp.Tuple)
        # Of a choice that may be a literal a function makes another.
        operands = list(_operands(node)) if isinstance(node, exp.Func | exp.Binary | exp.Unary) else []
        return bool(operands) and all(map(self._may_be_free, operands))

    def _choices(self, node: exp.Expr) -> Iterator[exp.Expr]:
        """What the value of a node is one of; nothing where it is made otherwise."""
        if isinstance(node, (exp.Paren, exp.Alias, exp.Cast, exp.Any, *tallies.CHOOSING)) and node.this is not None:
            yield node.this
        elif isinstance(node, exp.Tuple | exp.Coalesce):
            yield from _operands(node)
        elif isinstance(node, exp.Dot | exp.Bracket | Generated):
            yield node.this
        elif is_named_struct(node):
            yield from values(node)
        elif isinstance(node, Variable):
            yield from given(node)
        elif isinstance(node, exp.Anonymous) and (_holds(node) or any(map(_is_nested, node.expressions))):
            # Whatever is in an array or a map may be taken out again, and what a lambda makes.
            yield from (part.this if isinstance(part, exp.Lambda) else part for part in node.expressions)
        elif any(map(_is_nested, _operands(node))):
            yield from _operands(node)
        elif isinstance(node, exp.Case | exp.If):
            yield from _results(node)
        elif isinstance(node, exp.Query):
            yield from (each for column in self._origins.outputs(node) for each in column)
        elif isinstance(node, exp.Column):
            yield from self._origins.behind(node)

    def _count(self, node: exp.Expr) -> None:
        for counted in tallies.counted_apart(node):
            found = self.counted_apart if self._stands(counted) else self.worked_out
            found |= self._origins.value(counted).columns
        for part in tallies.worked_out(node):
            self.worked_out |= self._origins.value(part).columns

    def _stands(self, node: exp.Expr) -> bool:
        """Whether it is a table's column, under whatever name."""
        node = node.unalias() if isinstance(node, exp.Alias) else _bare(node)
        return isinstance(node, exp.Column) and all(map(self._stands, self._origins.behind(node)))


def _holds(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and str(node.this).upper() in _MAKERS


def _is_nested(node: exp.Expr) -> bool:
    return is_nested(of(node))


def _is_passive(node: exp.Expr) -> bool:
    # The values of a struct stand apart; one that is taken out again counts as all of them (origins.py).
    passive = (*_PASSIVE, exp.Connector, exp.Not, exp.If, exp.Where, exp.Having, exp.Join)
    return isinstance(node, passive) or is_named_struct(node)


def _results(choice: exp.Expr) -> Iterator[exp.Expr]:
    """What a CASE or an IF may come to, but for NULL."""
    branches = choice.args.get("ifs") or [choice]
    last = choice.args.get("default") or choice.args.get("false")
    for result in [*(branch.args["true"] for branch in branches), last]:
        if result is not None and not isinstance(result, exp.Null):
            yield result


def _keys(node: exp.Expr) -> Iterator[exp.Expr]:
    """What rows are put together by."""
    if isinstance(node, exp.Group):
        yield node
        if node.args.get("all") and isinstance(node.parent, exp.Select):
            yield from (shown for shown in node.parent.selects if not shown.find(exp.AggFunc))
    elif isinstance(node, exp.Window):
        yield from node.args.get("partition_by") or []
    elif isinstance(node, exp.ArrayUniqueAgg):
        yield node.this
    elif isinstance(node, exp.Select) and node.args.get("distinct"):
        yield from node.selects


def _measured(node: exp.Expr) -> Iterator[exp.Expr]:
    """What is compared with a number that is written elsewhere, or nowhere."""
    spec = node.args.get("spec") if isinstance(node, exp.Window) else None
    if spec is not None and str(spec.args.get("kind")).upper() == "RANGE":
        bounds = (spec.args.get("start"), spec.args.get("end"))
        if any(isinstance(bound, exp.Expr) for bound in bounds) and node.args.get("order"):
            # RANGE BETWEEN 1 PRECEDING: rows whose values are no further apart than that.
            yield node.args["order"]
    elif isinstance(node, Generated):
        # How many values there are shows in the rows.
        yield node.this
    elif isinstance(node, exp.Cast) and node.args["to"].this is exp.DType.BOOLEAN and not _is_boolean(node.this):
        # Whether it is zero.
        yield node.this


def _is_boolean(node: exp.Expr) -> bool:
    return node.type is not None and node.type.this is exp.DType.BOOLEAN


def _operands(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, exp.Anonymous):
        settings = _NAMED_SETTINGS.get(str(node.this).upper(), frozenset())
        for index, part in enumerate(node.expressions):
            if index not in settings and not isinstance(part, exp.Lambda):
                yield part
        return
    for name, argument in node.args.items():
        for part in argument if isinstance(argument, list) else [argument]:
            if isinstance(part, exp.Expr) and (name not in _SETTINGS or part.find(exp.Column)):
                yield part


def _conditions(node: exp.Expr) -> Iterator[exp.Expr]:
    """What the node takes as true or false."""
    if isinstance(node, exp.Where | exp.Having | exp.Qualify | exp.Not):
        yield node.this
    elif isinstance(node, exp.Connector):
        yield node.left
        yield node.right
    elif isinstance(node, exp.Join) and node.args.get("on") is not None:
        yield node.args["on"]
    elif isinstance(node, exp.If) and not (isinstance(node.parent, exp.Case) and node.parent.this is not None):
        yield node.this
    elif isinstance(node, exp.Anonymous) and str(node.this).upper() in CONDITIONS:
        yield from (part.this for part in node.expressions if isinstance(part, exp.Lambda))


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node
