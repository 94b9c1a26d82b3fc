"""Values that compare equal look the same: what a private query shows and what it works with has one form.

DuckDB takes -0.0 and 0.0 for equal, and one NaN and another, and an interval of a month and one of 30 days. Where it
picks one of equal values (a group's key, DISTINCT, set operations, MIN) it takes whichever it meets first, and that
reveals rows, their order, threads and the plan. So there is nothing to choose between: a zero is 0.0, a NaN is one
NaN, text is in Unicode's form NFC, and a type whose equal values have several forms cannot be a key.

`one_form` is for columns whose type is known from DuckDB. `mark` and `expand` are for the tree of a query, at places
where one of equal values may be chosen: outputs of every SELECT, keys of GROUP BY, and what is aggregated.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from whiteroom.engines.duckdb.spark.building import each
from whiteroom.engines.duckdb.spark.outputs import grouped_by
from whiteroom.sql import constructs
from whiteroom.sql.refusals import Refused
from whiteroom.sql.reserved import RESERVED

_SAME_FORM = frozenset(
    [
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
        "DECIMAL",
        "VARCHAR",
        "BLOB",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "TIMESTAMP WITH TIME ZONE",
        '"NULL"',
    ]
)
"""DuckDB's types of which equal values are the same bytes: decimals too, since a column's have one scale."""
_REALS = frozenset({"FLOAT", "DOUBLE"})
_FIRST_TIME = "make_timestamp(-9223372022400000000)"
"""Files may hold earlier ones, and DuckDB ends a query that shows them."""

_NUMBER, _UNKNOWN = f"{RESERVED}number", f"{RESERVED}unknown"
_NUMBERS = f"{RESERVED}numbers"
"""An array of numbers."""
_KEY = f"{RESERVED}key"
"""Around a key of GROUP BY, wherever it is: it is written in one way there."""
_IN_FORM = (exp.Column, exp.Literal, exp.Null, exp.Boolean, exp.Star, exp.Count, exp.CountIf, exp.Ordered)
"""Columns have their form from where they come from: views of tables (tables.py), and outputs of SELECTs."""
_EXACT_TYPES = constructs.EXACT_TYPES - {exp.DType.DECIMAL}
_ONE_FORM_TYPES = frozenset(
    [
        exp.DType.BOOLEAN,
        exp.DType.TEXT,
        exp.DType.VARCHAR,
        exp.DType.CHAR,
        exp.DType.NCHAR,
        exp.DType.NVARCHAR,
        exp.DType.BINARY,
        exp.DType.VARBINARY,
        exp.DType.DATE,
        exp.DType.TIMESTAMP,
        exp.DType.TIMESTAMPTZ,
        exp.DType.TIMESTAMPLTZ,
        exp.DType.TIMESTAMPNTZ,
    ]
)
"""What is no number, whatever DuckDB makes of it (engines/duckdb/noise/try_wrap.py casts it to what was judged)."""


_NUMBER_TYPES = _EXACT_TYPES | constructs.FRACTION_TYPES
_NESTED = frozenset({exp.DType.ARRAY, exp.DType.MAP, exp.DType.STRUCT})


def one_form(column: str, kind: str, *, text: bool = False) -> str:
    """DuckDB's expression for the value of a column in its one form; values that compare equal become the same.

    Args:
        column: quoted.
        kind: its type, as DuckDB names it.
        text: whether text is put into Unicode's form NFC as well.
    """
    if kind in _REALS:
        return f"CASE WHEN isnan({column}) THEN 'nan'::{kind} ELSE {column} + 0::{kind} END"
    if kind.startswith("DECIMAL("):
        most = _most(kind)
        return f"CASE WHEN {column} BETWEEN '-{most}'::{kind} AND '{most}'::{kind} THEN {column} END"
    if kind == "TIMESTAMP":
        return f"CASE WHEN {column} >= {_FIRST_TIME} THEN {column} END"
    return f"nfc_normalize({column})" if text and kind == "VARCHAR" else column


def _most(kind: str) -> str:
    """The greatest value of a decimal. Files may hold greater ones, which no TRY keeps from ending a query."""
    digits, scale = map(int, kind.removeprefix("DECIMAL(").removesuffix(")").split(","))
    return f"{'9' * (digits - scale)}.{'9' * scale}"


def require_one_form(kinds: list[str]) -> None:
    """Whether values of these types, as keys of groups, have one form.

    Raises:
        Refused: of one of them equal values may look different.
    """
    for kind in kinds:
        if kind.partition("(")[0] not in _SAME_FORM | _REALS or "[" in kind:
            raise Refused(
                f"A key of GROUP BY is of the type {kind}, of which equal values may look different. Group by text, a "
                "number, a date or a timestamp: CAST(... AS STRING), for example."
            )


def mark(tree: exp.Query) -> None:
    """Mark, in an annotated tree and in place, the values that one of equal ones may be chosen of."""
    # From the inside out: what is marked is replaced by a copy.
    selects = list(reversed(list(tree.find_all(exp.Select))))
    for select in selects:
        _mark_keys(select)
    for node in reversed(list(tree.find_all(exp.AggFunc))):
        if not isinstance(node, exp.Count | exp.CountIf):
            for part in (node.this, node.args.get("expression")):
                if isinstance(part, exp.Expr) and not isinstance(part, exp.Distinct):
                    _mark(part)
    for select in selects:
        # What the outermost shows gets its form by its type (`one_form`).
        for output in select.selects if select is not tree else []:
            _mark(output.this if isinstance(output, exp.Alias) else output)


def _mark_keys(select: exp.Select) -> None:
    group = select.args.get("group")
    if group is None:
        return
    keys = [key for found in grouped_by(group) if not isinstance(key := found.unnest(), _IN_FORM)]
    shown = [part for name in ("having", "qualify", "order") if (part := select.args.get(name)) is not None]
    for root in [*select.selects, *shown, group]:
        for node in list(root.walk(prune=lambda node: isinstance(node, exp.Query) or node in keys)):
            if node in keys:
                key = exp.Anonymous(this=_KEY, expressions=[node.copy()])
                key.type = node.type
                node.replace(key)
                _mark(key.expressions[0])


def is_marked(node: exp.Expr) -> bool:
    """Whether a node only stands around a value whose form is to be made one; it fails on no value."""
    return isinstance(node, exp.Anonymous) and node.this in _FORMS


def is_key(node: exp.Expr) -> bool:
    """Whether a node only stands around a key of GROUP BY."""
    return isinstance(node, exp.Anonymous) and node.this == _KEY


def _mark(node: exp.Expr) -> None:
    kind = node.type.this if node.type is not None else exp.DType.UNKNOWN
    bare = node.unnest()
    if is_marked(bare) or isinstance(bare, _IN_FORM):
        return
    if kind is exp.DType.INTERVAL:
        raise Refused(
            "Over tables with differential privacy, no column, key or argument of an aggregate is an INTERVAL, of "
            "which equal values may look different. Cast it: CAST(... AS STRING), or count days by DATEDIFF."
        )
    if kind in _ONE_FORM_TYPES or (kind in _EXACT_TYPES and isinstance(bare, exp.Cast)):
        return
    if node.type is not None and kind in _NESTED:
        mark_as = _NUMBERS if _holds(node.type) else ""
    else:
        mark_as = _NUMBER if kind in _NUMBER_TYPES else _UNKNOWN
    if mark_as:
        marked = exp.Anonymous(this=mark_as, expressions=[node.copy()])
        marked.type = node.type
        node.replace(marked)


def _holds(nested: exp.DataType) -> bool:
    """Whether a value of a nested type is an array of numbers; of others, that they hold none.

    Raises:
        Refused: it holds numbers, and is no array of them.
    """
    inner = [part.this for part in nested.find_all(exp.DataType) if part.this not in _NESTED]
    if inner and all(part in _ONE_FORM_TYPES for part in inner):
        return False
    if nested.this is exp.DType.ARRAY and len(inner) == 1 and nested.expressions[0].this in _NUMBER_TYPES:
        return True
    raise Refused(
        f"Over tables with differential privacy, no column, key or argument of an aggregate is of the type "
        f"{nested.sql('spark').lower()}, of which equal values may look different. Take the values out of it, or cast "
        "them: CAST(... AS STRING)."
    )


def expand(tree: exp.Expr) -> None:
    """Write out, in place, what was marked. The value keeps its type, also where DuckDB has another than was judged."""
    for node in reversed([found for found in tree.find_all(exp.Anonymous) if is_marked(found)]):
        value = exp.paren(node.expressions[0].copy())
        node.replace(_FORMS[str(node.this)](value))


def _number(value: exp.Expr) -> exp.Expr:
    """abs() takes the sign off zeros and NaNs."""
    signed = exp.Or(
        this=exp.EQ(this=value, expression=exp.Literal.number(0)),
        expression=exp.Anonymous(this="isnan", expressions=[value.copy()]),
    )
    bare = exp.If(this=signed, true=exp.Anonymous(this="abs", expressions=[value.copy()]))
    return exp.Case(ifs=[bare], default=value.copy())


def _numbers(value: exp.Expr) -> exp.Expr:
    return each(value, _number)


def _unknown(value: exp.Expr) -> exp.Expr:
    """The same for what may be no number: untyped literals take the value's type, and none else is ever cast to it."""
    text = exp.Cast(this=value, to=exp.DataType.build("TEXT"))
    branches = [
        exp.If(this=exp.EQ(this=text.copy(), expression=exp.Literal.string(seen)), true=exp.Literal.string(form))
        for seen, form in (("-0.0", "0"), ("-nan", "nan"))
    ]
    return exp.Case(ifs=branches, default=value.copy())


def _as_it_is(value: exp.Expr) -> exp.Expr:
    return value


_FORMS: dict[str, Callable[[exp.Expr], exp.Expr]] = {
    _NUMBER: _number,
    _NUMBERS: _numbers,
    _UNKNOWN: _unknown,
    _KEY: _as_it_is,
}
