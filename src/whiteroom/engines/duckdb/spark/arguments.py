"""Arguments of functions: cast to what Spark's function takes, and read where they are literals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from whiteroom.engines.duckdb.spark import casts
from whiteroom.engines.duckdb.spark.building import call, cast
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.arguments import BINARY, Function, is_binary, is_text, number_of
from whiteroom.sql.spark.building import Rule, type_of

_WHOLE = frozenset({exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT})


def converted(node: exp.Expr, to: str) -> exp.Expr:
    """The value as another Spark type, as Spark casts it without a word."""
    wanted = exp.DataType.build(to, dialect="spark")
    if type_of(node) is wanted.this and wanted.this is not exp.DType.DECIMAL:
        return node
    made = exp.TryCast(this=node, to=wanted)
    made.type = wanted
    rule = casts.RULES.get(exp.TryCast)
    found = rule(made) if rule is not None else None
    found = made if found is None else found
    found.type = wanted
    return found


def text(node: exp.Expr) -> exp.Expr:
    """The argument as text."""
    return node if is_text(node) else converted(node, "STRING")


def data(node: exp.Expr) -> exp.Expr:
    """The argument as bytes: a text's are those of UTF-8.

    Raises:
        Refused: it is neither; Spark casts nothing else to bytes without a word.
    """
    if is_binary(node):
        return node
    if not is_text(node) and type_of(node) not in {exp.DType.NULL, exp.DType.UNKNOWN, None}:
        raise Refused("A function of bytes takes text or BINARY; cast the value to STRING.")
    return call("ENCODE", cast(node, "TEXT"))


_NO_TIMES = frozenset({exp.DType.BOOLEAN, exp.DType.FLOAT, exp.DType.DOUBLE, exp.DType.DECIMAL}) | _WHOLE | BINARY

_NO_NUMBERS = frozenset({exp.DType.BOOLEAN, exp.DType.DATE, exp.DType.TIMESTAMP}) | BINARY


def _unless(node: exp.Expr, kinds: frozenset[exp.DType], wanted: str) -> None:
    """What Spark does not cast without a word is refused."""
    if type_of(node) in kinds:
        raise Refused(f"A function takes {wanted} where the query gives {node.type or 'something else'}; use CAST.")


def whole(node: exp.Expr) -> exp.Expr:
    """The argument as an INT."""
    _unless(node, _NO_NUMBERS, "a number")
    return node if number_of(node) is not None else converted(node, "INT")


def long(node: exp.Expr) -> exp.Expr:
    """The argument as a BIGINT."""
    _unless(node, _NO_NUMBERS, "a number")
    return converted(node, "BIGINT")


def real(node: exp.Expr) -> exp.Expr:
    """The argument as a DOUBLE."""
    _unless(node, _NO_NUMBERS, "a number")
    return converted(node, "DOUBLE")


def date(node: exp.Expr) -> exp.Expr:
    """The argument as a DATE."""
    _unless(node, _NO_TIMES, "a date")
    return converted(node, "DATE")


def timestamp(node: exp.Expr) -> exp.Expr:
    """The argument as a TIMESTAMP."""
    _unless(node, _NO_TIMES, "a time")
    return converted(node, "TIMESTAMP")


def days(node: exp.Expr) -> exp.Expr:
    """A date as days since 1970, as native functions take it."""
    return cast(call("DATE_DIFF", "day", cast(exp.Literal.string("1970-01-01"), "DATE"), date(node)), "INT")


def micros(node: exp.Expr) -> exp.Expr:
    """A timestamp as microseconds since 1970, as native functions take it."""
    return call("EPOCH_US", timestamp(node))


def from_days(node: exp.Expr) -> exp.Expr:
    """Days since 1970 as a date."""
    epoch = cast(exp.Literal.string("1970-01-01"), "DATE")
    return exp.paren(exp.Add(this=epoch, expression=cast(node, "INT")))


def from_micros(node: exp.Expr) -> exp.Expr:
    """Microseconds since 1970 as a timestamp."""
    return call("spark_time_of_micros", cast(node, "BIGINT"))


def of_text(name: str) -> Rule:
    """A function of one text."""
    return lambda node: call(name, text(node.this))


def of_data(name: str) -> Rule:
    """A function of bytes, or of a text's bytes."""
    return lambda node: call(name, data(node.this))


def joined(parts: Sequence[exp.Expr]) -> exp.Expr:
    """Texts, or bytes, one after the other: with ||, which is NULL where a part is."""
    if not parts:
        return exp.Literal.string("")
    found = parts[0]
    for part in parts[1:]:
        found = exp.DPipe(this=found, expression=part, safe=True)
    return exp.paren(found)


def rules(functions: Mapping[str, Function], by_name: Mapping[str, Rule]) -> dict[str, Rule]:
    """The rules of functions by name; what they make has the type that the function gives."""
    return {name: _typed(functions[name], rule) for name, rule in by_name.items()}


def _typed(function: Function, translate: Rule) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr | None:
        gives = function.gives
        found = exp.DataType.build(gives, dialect="spark") if isinstance(gives, str) else gives(node)
        made = translate(node)
        if made is not None and found is not None:
            made.type = found
        return made

    return rule
