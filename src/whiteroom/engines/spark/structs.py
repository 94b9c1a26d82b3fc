"""Structs: how they are made, and how a field is taken out of one.

A struct has no names in the engine's words: it is a tuple, and a field is its place. The names that Spark gives the
fields are in its Spark type alone, and come back in what the outermost SELECT shows (`name_fields`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark import arguments
from whiteroom.engines.spark.arguments import Function
from whiteroom.engines.spark.building import Rule, TypeRule, call, cast
from whiteroom.engines.spark.types import INT, NULL, UNKNOWN, holds_real, holds_struct, normal, of

NAMED_STRUCT = "NAMED_STRUCT"

Fields = list[tuple[str, exp.DataType]]
"""Names as they were written, with Spark's types."""


def is_named_struct(node: exp.Expr) -> bool:
    """Whether it makes a struct."""
    return isinstance(node, exp.Anonymous) and str(node.this).upper() == NAMED_STRUCT


def to_named_struct(node: exp.Struct) -> exp.Anonymous:
    """struct(a, b + 1, c AS d) is named_struct('a', a, 'col2', b + 1, 'd', c).

    Raises:
        Refused: a star stands in it.
    """
    parts: list[exp.Expr] = []
    for place, value in enumerate(node.expressions, start=1):
        inner = value.expression if isinstance(value, exp.PropertyEQ) else value
        if isinstance(inner, exp.Star) or (isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star)):
            raise Refused("struct(*) is not allowed in a query. Name the columns that it holds.")
        if isinstance(value, exp.PropertyEQ):
            # sqlglot names what the query does not.
            name = value.this.name
            if isinstance(inner, exp.Dot) and name == f"col{place}":
                raise Refused("A field of a struct that is put into another needs a name: struct((s).x AS y).")
        elif isinstance(inner, exp.Column | exp.Dot):
            name = inner.name
        else:
            name = f"col{place}"
        parts += [exp.Literal.string(name), inner.copy()]
    return exp.Anonymous(this=NAMED_STRUCT, expressions=parts)


def values(node: exp.Expr) -> list[exp.Expr]:
    """What a struct is made of, without the names."""
    return list(node.expressions[1::2])


def _pairs(node: exp.Expr) -> list[tuple[str, exp.Expr]]:
    names, found = node.expressions[::2], node.expressions[1::2]
    if len(names) != len(found):
        raise Refused("named_struct takes a value after each name.")
    if any(not isinstance(name, exp.Literal) or not name.is_string or not name.this for name in names):
        raise Refused("named_struct takes the names of its fields as texts in quotes.")
    written = [str(name.this) for name in names]
    if len({name.lower() for name in written}) < len(written):
        raise Refused("Two fields of a struct have one name. Give each a name of its own.")
    return list(zip(written, found, strict=True))


def struct_type(fields: Fields) -> exp.DataType:
    """The Spark type of a struct."""
    defined = [exp.ColumnDef(this=exp.to_identifier(name, quoted=True), kind=kind.copy()) for name, kind in fields]
    return exp.DataType(this=exp.DType.STRUCT, expressions=defined, nested=True)


def fields_of(spark_type: exp.DataType) -> Fields:
    """The fields of a struct's type; none where it is another."""
    if spark_type.this is not exp.DType.STRUCT:
        return []
    return [(field.name, field.args["kind"]) for field in spark_type.expressions if isinstance(field, exp.ColumnDef)]


def inner_type(spark_type: exp.DataType, place: int = 0) -> exp.DataType:
    """What an array holds, or a map's keys (0) or values (1)."""
    found = spark_type.expressions[place] if len(spark_type.expressions) > place else None
    return normal(found) if isinstance(found, exp.DataType) else NULL


def is_array(spark_type: exp.DataType) -> bool:
    """Whether it is an array."""
    return spark_type.this in {exp.DType.ARRAY, exp.DType.LIST}


def _made_type(node: exp.Expr) -> exp.DataType:
    return struct_type([(name, of(value)) for name, value in _pairs(node)])


def _made(node: exp.Expr) -> exp.Expr:
    return call("ROW", *(value for _, value in _pairs(node)))


def _place(fields: Fields, name: str) -> int:
    for place, (written, _) in enumerate(fields):
        if written.lower() == name.lower():
            return place
    known = ", ".join(f"'{written[:64]}'" for written, _ in fields[:_MOST_NAMES])
    raise Refused(f"There is no field '{name[:128]}' in the struct. Its fields are: {known}.")


_MOST_NAMES = 50


def _struct_under(node: exp.Expr) -> exp.DataType:
    """The struct whose field an access names, itself or in an array.

    Raises:
        Refused: it is none.
    """
    held = of(node.this)
    inner = inner_type(held) if is_array(held) else held
    if inner.this is not exp.DType.STRUCT:
        raise Refused(
            f"'{node.expression.name[:128]}' is named as a field of a value that is no struct. Name a column by its "
            "table and its name, and a field by its struct and its name."
        )
    return inner


def _field_type(node: exp.Expr) -> exp.DataType:
    held = of(node.this)
    if isinstance(node.expression, exp.Star):
        raise Refused("A star takes no struct apart here. Name the fields that you want: s.a, s.b.")
    if held == UNKNOWN:
        return UNKNOWN
    fields = fields_of(_struct_under(node))
    found = fields[_place(fields, node.expression.name)][1]
    return exp.DataType(this=exp.DType.ARRAY, expressions=[found.copy()], nested=True) if is_array(held) else found


def _field(node: exp.Expr) -> exp.Expr:
    fields = fields_of(_struct_under(node))
    place = _place(fields, node.expression.name) + 1
    if is_array(of(node.this)):
        return call("spark_fields", node.this, place)
    return call("STRUCT_EXTRACT_AT", node.this, place)


def _bracket_type(node: exp.Expr) -> exp.DataType:
    held = of(node.this)
    if is_array(held):
        return inner_type(held)
    return inner_type(held, 1) if held.this is exp.DType.MAP else UNKNOWN


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


TYPES: Mapping[type[exp.Expr], TypeRule] = {exp.Dot: _field_type, exp.Bracket: _bracket_type}
NAMED_TYPES: Mapping[str, TypeRule] = {}
RULES: Mapping[type[exp.Expr], Rule] = {exp.Dot: _field}
FUNCTIONS: Mapping[str, Function] = {NAMED_STRUCT: Function(2, arguments.MANY, _made_type, _made)}
NAMED: Mapping[str, Rule] = arguments.rules(FUNCTIONS)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
