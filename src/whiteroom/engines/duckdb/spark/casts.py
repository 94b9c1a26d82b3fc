"""Casts: what Spark, without ANSI mode, makes of a value of one type as another, asked for or implied."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark.building import call, cast, each, once_only, repeating
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import types
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INT,
    NULL,
    SMALLINT,
    STRING,
    TIMESTAMP,
    TINYINT,
    UNKNOWN,
    digits,
    inner,
    is_decimal,
    is_integer,
    is_nested,
    is_real,
    normal,
    of,
)

_DUCKDB = {
    BOOLEAN: "BOOLEAN",
    TINYINT: "TINYINT",
    SMALLINT: "SMALLINT",
    INT: "INTEGER",
    BIGINT: "BIGINT",
    FLOAT: "FLOAT",
    DOUBLE: "DOUBLE",
    STRING: "VARCHAR",
    BINARY: "BLOB",
    DATE: "DATE",
    TIMESTAMP: "TIMESTAMP",
    NULL: "INTEGER",
}

_NARROW = (TINYINT, SMALLINT, INT)

_PLAIN_SCALE = 6
"""Up to this scale Java writes a decimal without an exponent."""


def duckdb_type(spark_type: exp.DataType) -> str:
    """DuckDB's name of a Spark type."""
    if is_decimal(spark_type):
        return "DECIMAL({},{})".format(*digits(spark_type))
    if types.is_array(spark_type):
        return f"{duckdb_type(inner(spark_type))}[]"
    if types.is_map(spark_type):
        return f"MAP({duckdb_type(inner(spark_type))}, {duckdb_type(inner(spark_type, 1))})"
    return _DUCKDB.get(spark_type) or spark_type.sql("duckdb")


def convert(node: exp.Expr, to: exp.DataType) -> exp.Expr:
    """The value as another Spark type, as Spark's cast makes it; NULL where it has none.

    A value whose type is not known, or already that type, stays as it is.

    Raises:
        Refused: Spark does not cast the one to the other.
    """
    given = of(node)
    if given == to or UNKNOWN in (given, to):
        return node
    made = _convert(node, given, to)
    made.type = to
    return made


def _convert(node: exp.Expr, given: exp.DataType, to: exp.DataType) -> exp.Expr:
    if given == NULL or types.has_unknown(given):
        return shaped(node, to)
    if is_nested(to) or is_nested(given):
        return _convert_inside(node, given, to)
    maker = _TO_DECIMAL if is_decimal(to) else _TO.get(to)
    rule = maker.get(_family(given)) if maker is not None else None
    if rule is None:
        raise Refused(
            f"Spark does not cast {_said(given)} to {_said(to)}. Write the value as a type that can become one."
        )
    return rule(node, given, to)


def _convert_inside(node: exp.Expr, given: exp.DataType, to: exp.DataType) -> exp.Expr:
    """An array value by value; a map where DuckDB's cast says the same as Spark's."""
    if types.is_array(given) and types.is_array(to):
        if inner(given) == NULL:
            return shaped(node, to)
        return each(node, lambda value: convert(value, inner(to)), inner(given))
    if types.is_map(given) and types.is_map(to):
        if all(_is_plain(inner(given, place), inner(to, place)) for place in (0, 1)):
            return cast(node, duckdb_type(to))
        raise Refused("The keys and values of maps are cast here where they are made: cast them one by one.")
    if types.holds_struct(given) and types.tightest(given, to) == to:
        # Of NULLs alone is what differs.
        return exp.paren(node)
    raise Refused(f"Spark does not cast {_said(given)} to {_said(to)}.")


def shaped(node: exp.Expr, kind: exp.DataType) -> exp.Expr:
    """The value as DuckDB's type, where DuckDB may have another; a struct has no names there, and stays as it is."""
    return exp.paren(node) if types.holds_struct(kind) else cast(node, duckdb_type(kind))


def _is_plain(given: exp.DataType, to: exp.DataType) -> bool:
    wider = types.is_number(to) and given in (*_NARROW, types.BIGINT) and types.wider(given, to) == to
    return given in (to, NULL) or wider or (is_integer(given) and to == STRING)


def _family(given: exp.DataType) -> str:
    if is_integer(given):
        return "integer"
    if is_real(given):
        return "real"
    if is_decimal(given):
        return "decimal"
    return {
        BOOLEAN: "boolean",
        STRING: "string",
        BINARY: "binary",
        DATE: "date",
        TIMESTAMP: "timestamp",
    }.get(given, "other")


def _said(spark_type: exp.DataType) -> str:
    return spark_type.sql("spark").lower()


_Maker = Callable[[exp.Expr, exp.DataType, exp.DataType], exp.Expr]


def _macro(name: str) -> _Maker:
    """A macro of one argument, which gives the type asked for."""
    return lambda node, _given, _to: call(name, node)


def _plainly(node: exp.Expr, _given: exp.DataType, to: exp.DataType) -> exp.Expr:
    return cast(node, duckdb_type(to))


def _null(_node: exp.Expr, _given: exp.DataType, to: exp.DataType) -> exp.Expr:
    return cast(exp.Null(), duckdb_type(to))


def _wrapped(node: exp.Expr, given: exp.DataType, to: exp.DataType) -> exp.Expr:
    """An integer keeps its lowest bits."""
    if types.digits(given)[0] <= types.digits(to)[0]:
        return cast(node, duckdb_type(to))
    return call(f"spark_wrap_{to.this.value.lower()}", cast(node, "BIGINT"))


def _cut_real(node: exp.Expr, _given: exp.DataType, to: exp.DataType) -> exp.Expr:
    """As Java: NaN is 0, what is too large the largest; then the lowest bits."""
    name = "bigint" if to == BIGINT else "int"
    made = call(f"spark_double_to_{name}", cast(node, "DOUBLE"))
    return made if to in (INT, BIGINT) else call(f"spark_wrap_{to.this.value.lower()}", cast(made, "BIGINT"))


def _cut_decimal(node: exp.Expr, given: exp.DataType, to: exp.DataType) -> exp.Expr:
    precision, scale = digits(given)
    whole = call("spark_decimal_cut", node) if scale else node
    if precision - scale > 18:
        whole = call("spark_wrap_bigint", cast(whole, "HUGEINT"))
    elif to == BIGINT:
        return cast(whole, "BIGINT")
    if to == BIGINT:
        return whole
    return call(f"spark_wrap_{to.this.value.lower()}", cast(whole, "BIGINT"))


def _from_text(node: exp.Expr, _given: exp.DataType, to: exp.DataType) -> exp.Expr:
    if once_only(node):
        return cast(call("spark_integer_text", node), duckdb_type(to), safe=True)
    return repeating(call(f"spark_text_to_{to.this.value.lower()}", node))


def _seconds(node: exp.Expr, _given: exp.DataType, to: exp.DataType) -> exp.Expr:
    seconds = call("spark_seconds", node)
    return seconds if to == BIGINT else call(f"spark_wrap_{to.this.value.lower()}", seconds)


_INTEGERS: Mapping[str, _Maker] = {
    "integer": _wrapped,
    "real": _cut_real,
    "decimal": _cut_decimal,
    "boolean": _plainly,
    "string": _from_text,
    "date": _null,
    "timestamp": _seconds,
}


def _of_text(kind: str, node: exp.Expr, to: exp.DataType) -> exp.Expr:
    if once_only(node):
        return cast(call(f"spark_{kind}_text", node), duckdb_type(to), safe=True)
    return repeating(cast(call(f"spark_text_to_{kind}", node), duckdb_type(to), safe=True))


def _date_from_text(node: exp.Expr, _given: exp.DataType, _to: exp.DataType) -> exp.Expr:
    if once_only(node):
        return call("spark_date_text", node)
    return repeating(call("spark_text_to_date", node))


def _real_from_text(node: exp.Expr, _given: exp.DataType, to: exp.DataType) -> exp.Expr:
    return _of_text("real", node, to)


def _real_from_decimal(node: exp.Expr, _given: exp.DataType, to: exp.DataType) -> exp.Expr:
    # By way of its text: DuckDB divides by the power of ten, which rounds twice.
    if digits(_given)[0] <= 15:
        return cast(cast(node, "DOUBLE"), duckdb_type(to))
    return cast(cast(node, "VARCHAR"), duckdb_type(to))


def _real_from_real(node: exp.Expr, given: exp.DataType, to: exp.DataType) -> exp.Expr:
    """What is too large for a FLOAT is infinite."""
    return call("spark_double_to_float", node) if to == FLOAT and given == DOUBLE else cast(node, duckdb_type(to))


def _real_from_time(node: exp.Expr, _given: exp.DataType, to: exp.DataType) -> exp.Expr:
    return cast(call("spark_real_seconds", node), duckdb_type(to))


_REALS: Mapping[str, _Maker] = {
    "integer": _plainly,
    "real": _real_from_real,
    "decimal": _real_from_decimal,
    "boolean": _plainly,
    "string": _real_from_text,
    "date": _null,
    "timestamp": _real_from_time,
}


def _decimal_from_real(node: exp.Expr, _given: exp.DataType, to: exp.DataType) -> exp.Expr:
    # What is rounded is what the number is written as: 0.285 becomes 0.29.
    return cast(cast(cast(node, "DOUBLE"), "VARCHAR"), duckdb_type(to), safe=True)


def _decimal_from_text(node: exp.Expr, _given: exp.DataType, to: exp.DataType) -> exp.Expr:
    return _of_text("decimal", node, to)


def _tried(node: exp.Expr, _given: exp.DataType, to: exp.DataType) -> exp.Expr:
    return cast(node, duckdb_type(to), safe=True)


def _decimal_from_boolean(node: exp.Expr, _given: exp.DataType, to: exp.DataType) -> exp.Expr:
    return cast(cast(node, "INTEGER"), duckdb_type(to), safe=True)


def _decimal_from_time(node: exp.Expr, _given: exp.DataType, to: exp.DataType) -> exp.Expr:
    return cast(cast(call("spark_real_seconds", node), "VARCHAR"), duckdb_type(to), safe=True)


_TO_DECIMAL: Mapping[str, _Maker] = {
    "integer": _tried,
    "real": _decimal_from_real,
    "decimal": _tried,
    "boolean": _decimal_from_boolean,
    "string": _decimal_from_text,
    "date": _null,
    "timestamp": _decimal_from_time,
}


def _decimal_as_text(node: exp.Expr, given: exp.DataType, _to: exp.DataType) -> exp.Expr:
    precision, scale = digits(given)
    if precision == scale:
        # DuckDB writes .5 where there is no room for a digit before the point.
        if precision == types.MOST_DIGITS:
            raise Refused("A decimal of 38 digits after the point is not written as text here; cast it to fewer.")
        node = cast(node, f"DECIMAL({precision + 1},{scale})")
    return cast(node, "VARCHAR") if scale <= _PLAIN_SCALE else call("spark_decimal_text_of", node, scale)


def _real_as_text(node: exp.Expr, _given: exp.DataType, _to: exp.DataType) -> exp.Expr:
    return call("spark_real_text_of", cast(node, "VARCHAR"))


def _bytes(node: exp.Expr, given: exp.DataType, _to: exp.DataType) -> exp.Expr:
    width = {TINYINT: 2, SMALLINT: 4, INT: 8, BIGINT: 16}[given]
    return call("spark_integer_bytes", cast(node, "BIGINT"), width)


def _is_not_zero(node: exp.Expr, _given: exp.DataType, _to: exp.DataType) -> exp.Expr:
    return exp.paren(exp.NEQ(this=exp.paren(node), expression=exp.Literal.number(0)))


def _time_from_decimal(node: exp.Expr, _given: exp.DataType, _to: exp.DataType) -> exp.Expr:
    return call("spark_time_of_micros", call("spark_decimal_micros", node))


_TO: Mapping[exp.DataType, Mapping[str, _Maker]] = {
    **dict.fromkeys((*_NARROW, BIGINT), _INTEGERS),
    **dict.fromkeys((FLOAT, DOUBLE), _REALS),
    STRING: {
        "integer": _plainly,
        "real": _real_as_text,
        "decimal": _decimal_as_text,
        "boolean": _plainly,
        "binary": _macro("spark_text_of_bytes"),
        "date": _plainly,
        "timestamp": _macro("spark_text_of_time"),
    },
    BINARY: {"string": _macro("encode"), "integer": _bytes},
    BOOLEAN: {
        "integer": _is_not_zero,
        "real": _is_not_zero,
        "decimal": _is_not_zero,
        "string": _macro("spark_boolean_text"),
        "date": _null,
        "timestamp": _macro("spark_is_not_epoch"),
    },
    DATE: {"string": _date_from_text, "timestamp": _plainly},
    TIMESTAMP: {
        "string": _macro("spark_timestamp_text"),
        "date": _plainly,
        "integer": _macro("spark_time_of_seconds"),
        "real": _macro("spark_time_of_real"),
        "decimal": _time_from_decimal,
        "boolean": _macro("spark_time_of_boolean"),
    },
}

_STRICT: Mapping[tuple[str, str], str] = {
    ("string", "integer"): "spark_strict_integer_text",
    ("real", "integer"): "spark_strict_whole",
    ("decimal", "integer"): "spark_decimal_cut",
}

_NEVER_STRICT = {
    ("boolean", "timestamp"),
    ("date", "integer"),
    ("date", "real"),
    ("date", "decimal"),
    ("date", "boolean"),
}


def _try(node: exp.Expr, given: exp.DataType, to: exp.DataType) -> exp.Expr:
    """try_cast: as Spark casts in ANSI mode, and NULL where that fails."""
    if (is_nested(given) or is_nested(to)) and given != NULL:
        raise Refused("try_cast takes no arrays and maps here; cast what they hold.")
    families = (_family(given), _family(to))
    if families in _NEVER_STRICT or (families[0] == "timestamp" and to == BOOLEAN):
        raise Refused(f"Spark does not try to cast {_said(given)} to {_said(to)}.")
    if families[1] == "integer" and families[0] in {"integer", "timestamp", "string", "real", "decimal"}:
        if families[0] == "timestamp":
            node = call("spark_seconds", node)
        elif families in _STRICT:
            node = call(_STRICT[families], node)
        made = cast(node, duckdb_type(to), safe=True)
        made.type = to
        return made
    return convert(node, to)


def _cast(node: exp.Expr) -> exp.Expr | None:
    to = normal(node.args["to"])
    given = of(node.this)
    if given == UNKNOWN:
        return None
    if node.args.get("safe"):
        made = node.this if given == to else _try(node.this, given, to)
    else:
        made = convert(node.this, to)
    return exp.paren(made) if made is node.this else made


def _utc(node: exp.Expr) -> None:
    """Every timestamp is a time of UTC without a zone: the session's zone in Spark terms."""
    if node.this in {exp.DType.TIMESTAMPTZ, exp.DType.TIMESTAMPLTZ, exp.DType.TIMESTAMPNTZ}:
        node.set("this", exp.DType.TIMESTAMP)


RULES: Mapping[type[exp.Expr], Rule] = {exp.Cast: _cast, exp.TryCast: _cast, exp.DataType: _utc}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = {}
