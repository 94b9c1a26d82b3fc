"""The types of structs and of their fields."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import arguments
from whiteroom.sql.spark.arguments import Function
from whiteroom.sql.spark.building import TypeRule
from whiteroom.sql.spark.types import NULL, UNKNOWN, normal, of

NAMED_STRUCT = "NAMED_STRUCT"

Fields = list[tuple[str, exp.DataType]]
"""Names as they were written, with Spark's types."""


def is_named_struct(node: exp.Expr) -> bool:
    """Whether it makes a struct."""
    return isinstance(node, exp.Anonymous) and str(node.this).upper() == NAMED_STRUCT


def to_named_struct(node: exp.Struct) -> exp.Anonymous:
    """struct(a, b + 1, c AS d) is named_struct('a', a, 'col2', b + 1, 'd', c).

    Raises:
        Refused: a star is in it.
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


def pairs(node: exp.Expr) -> list[tuple[str, exp.Expr]]:
    """Names and values of named_struct."""
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
    return struct_type([(name, of(value)) for name, value in pairs(node)])


def place_of(fields: Fields, name: str) -> int:
    """Which field of a struct a name means."""
    for place, (written, _) in enumerate(fields):
        if written.lower() == name.lower():
            return place
    known = ", ".join(f"'{written[:64]}'" for written, _ in fields[:_MOST_NAMES])
    raise Refused(f"There is no field '{name[:128]}' in the struct. Its fields are: {known}.")


_MOST_NAMES = 50


def struct_under(node: exp.Expr) -> exp.DataType:
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
    fields = fields_of(struct_under(node))
    found = fields[place_of(fields, node.expression.name)][1]
    return exp.DataType(this=exp.DType.ARRAY, expressions=[found.copy()], nested=True) if is_array(held) else found


def _bracket_type(node: exp.Expr) -> exp.DataType:
    held = of(node.this)
    if is_array(held):
        return inner_type(held)
    return inner_type(held, 1) if held.this is exp.DType.MAP else UNKNOWN


TYPES: Mapping[type[exp.Expr], TypeRule] = {exp.Dot: _field_type, exp.Bracket: _bracket_type}
NAMED_TYPES: Mapping[str, TypeRule] = {}
FUNCTIONS: Mapping[str, Function] = {NAMED_STRUCT: Function(2, arguments.MANY, _made_type)}
