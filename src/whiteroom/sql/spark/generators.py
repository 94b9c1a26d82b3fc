"""What makes rows of one value: explode, posexplode, inline, stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.arguments import number_of
from whiteroom.sql.spark.building import TypeRule
from whiteroom.sql.spark.structs import NAMED_STRUCT, Fields, fields_of, inner_type, is_array
from whiteroom.sql.spark.types import INT, of

EXPLODE, POSEXPLODE, INLINE = "explode", "posexplode", "inline"


class Generator(exp.Expression, exp.Func):
    """A generator as it was written."""

    _sql_names = ["EXPLODE"]  # noqa: RUF012 -- as sqlglot declares it
    arg_types = {"this": True, "kind": True, "outer": False}  # noqa: RUF012
    is_var_len_args = True


class Generated(exp.Expression, exp.Func):
    """One of the columns that a generator gives."""

    _sql_names = ["EXPLODE"]  # noqa: RUF012 -- as sqlglot declares it
    arg_types = {"this": True, "kind": True, "place": True, "outer": False}  # noqa: RUF012


def _generator(name: str, kind: str, *, outer: bool) -> Callable[[list[exp.Expr]], exp.Expr]:
    def build(arguments: list[exp.Expr]) -> exp.Expr:
        if len(arguments) != 1:
            raise Refused(f"The function {name} takes one argument.")
        return Generator(this=arguments[0], kind=kind, outer=outer)

    return build


def _stack(arguments: list[exp.Expr]) -> exp.Expr:
    """stack(2, a, b, c, d) is inline of an array of two structs."""
    rows = number_of(arguments[0]) if arguments else None
    cells = arguments[1:]
    if rows is None or not 1 <= rows <= len(cells):
        raise Refused("stack takes the number of its rows as it stands, and as many values at least.")
    width = -(-len(cells) // rows)
    cells += [exp.Null() for _ in range(rows * width - len(cells))]
    structs = [
        exp.Anonymous(
            this=NAMED_STRUCT,
            expressions=[
                part
                for place, cell in enumerate(cells[row * width : (row + 1) * width])
                for part in (exp.Literal.string(f"col{place}"), cell)
            ],
        )
        for row in range(rows)
    ]
    return Generator(this=exp.Anonymous(this="ARRAY", expressions=structs), kind=INLINE, outer=False)


GENERATORS: Mapping[str, Callable[[list[exp.Expr]], exp.Expr]] = {
    **{
        f"{kind}{suffix}".upper(): _generator(f"{kind}{suffix}", kind, outer=bool(suffix))
        for kind in (EXPLODE, POSEXPLODE, INLINE)
        for suffix in ("", "_outer")
    },
    "STACK": _stack,
}
"""How each is read, by its name in capitals."""


def columns_of(kind: str, spark_type: exp.DataType) -> Fields:
    """The columns that a generator gives, under Spark's names for them.

    Raises:
        Refused: it takes no such value.
    """
    if kind == INLINE:
        fields = fields_of(inner_type(spark_type)) if is_array(spark_type) else []
        if not fields:
            raise Refused("inline takes an array of structs that the query makes itself.")
        return fields
    if is_array(spark_type):
        found = [("col", inner_type(spark_type))]
    elif spark_type.this is exp.DType.MAP:
        found = [("key", inner_type(spark_type, 0)), ("value", inner_type(spark_type, 1))]
    else:
        raise Refused(f"{kind} takes an array or a map that the query makes itself, by array, map or split.")
    return [("pos", INT), *found] if kind == POSEXPLODE else found


def _generated_type(node: exp.Expr) -> exp.DataType:
    return columns_of(str(node.args["kind"]), of(node.this))[int(node.args["place"])][1]


TYPES: Mapping[type[exp.Expr], TypeRule] = {Generated: _generated_type}
NAMED_TYPES: Mapping[str, TypeRule] = {}
