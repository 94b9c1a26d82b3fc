"""Values of an analysis template's `:name` placeholders, put into the tree as typed literals.

A value never becomes SQL text: it is checked against its declared type and becomes one literal
under a cast, so that nothing in it can be read as syntax. Types: ParameterType of `cleanrooms`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from whiteroom.sql.refusals import Refused

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,38}")
_DECIMAL = re.compile(r"[+-]?(?=\.?[0-9])[0-9]*(?:\.[0-9]*)?")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")
_MAX_DECIMAL_DIGITS = 38

_INTEGER_BITS = {
    "TINYINT": ("TINYINT", 8),
    "BYTE": ("TINYINT", 8),
    "SMALLINT": ("SMALLINT", 16),
    "SHORT": ("SMALLINT", 16),
    "INTEGER": ("INT", 32),
    "INT": ("INT", 32),
    "BIGINT": ("BIGINT", 64),
    "LONG": ("BIGINT", 64),
}


def bind(tree: exp.Expr, values: Mapping[str, str], types: Mapping[str, str]) -> None:
    """Replace every placeholder of the tree, in place, by its value.

    Raises:
        Refused: a placeholder has no value, a value no placeholder, or a value does not fit its type.
    """
    for node in list(tree.find_all(exp.Placeholder)):
        name = node.this
        if not isinstance(name, str) or {key for key, value in node.args.items() if value} != {"this"}:
            raise Refused("The query uses a '?' placeholder; write parameters as :name.")
        if name not in values or name not in types:
            raise Refused(f"The query uses the parameter :{name}, which has no value. Give it in the parameters.")
        value = _literal(name, values[name], types[name])
        if isinstance(node.parent, exp.Limit | exp.Offset):
            value = _row_count(name, value)
        node.replace(value)
    if unknown := sorted(values.keys() - types.keys()):
        raise Refused(f"The analysis template has no parameter named {unknown[0]}.")


def _literal(name: str, value: str, declared_type: str) -> exp.Expr:
    if declared_type in _INTEGER_BITS:
        spark_type, bits = _INTEGER_BITS[declared_type]
        if not _INTEGER.fullmatch(value) or not -(2 ** (bits - 1)) <= int(value) < 2 ** (bits - 1):
            raise _misfit(name, declared_type)
        return _cast(str(int(value)), spark_type)
    binder = _BINDERS.get(declared_type)
    if binder is None:
        raise Refused(f"The parameter :{name} has the type {declared_type}, which is not supported here.")
    try:
        return binder(value)
    except ValueError:
        raise _misfit(name, declared_type) from None


def _row_count(name: str, value: exp.Expr) -> exp.Expr:
    """LIMIT and OFFSET take a number as it stands."""
    text = value.this.name if isinstance(value, exp.Cast) else ""
    if not text.isdecimal():
        raise Refused(f"The parameter :{name} stands in LIMIT or OFFSET, which take a whole number.")
    return exp.Literal.number(text)


def _misfit(name: str, declared_type: str) -> Refused:
    return Refused(f"The value of the parameter :{name} is not of its type {declared_type}.")


def _cast(value: str, spark_type: str) -> exp.Cast:
    return exp.Cast(this=exp.Literal.string(value), to=exp.DataType.build(spark_type, dialect="spark"))


def _decimal(value: str) -> exp.Expr:
    if not _DECIMAL.fullmatch(value):
        raise ValueError(value)
    whole, _, fraction = value.lstrip("+-").partition(".")
    digits = max(1, len(whole.lstrip("0")) + len(fraction))
    if digits > _MAX_DECIMAL_DIGITS:
        raise ValueError(value)
    return _cast(value, f"DECIMAL({digits},{len(fraction)})")


def _real(spark_type: str) -> Callable[[str], exp.Expr]:
    def bind_real(value: str) -> exp.Expr:
        if not _NUMBER.fullmatch(value):
            raise ValueError(value)
        return _cast(value, spark_type)

    return bind_real


def _boolean(value: str) -> exp.Expr:
    if value.lower() not in {"true", "false"}:
        raise ValueError(value)
    return exp.Boolean(this=value.lower() == "true")


def _text(value: str) -> exp.Expr:
    if "\0" in value:
        raise ValueError(value)
    return exp.Literal.string(value)


def _date(value: str) -> exp.Expr:
    return _cast(dt.date.fromisoformat(value).isoformat(), "DATE")


def _timestamp(value: str) -> exp.Expr:
    moment = dt.datetime.fromisoformat(value)
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return _cast(moment.isoformat(sep=" "), "TIMESTAMP")


def _binary(value: str) -> exp.Expr:
    if not _HEX.fullmatch(value):
        raise ValueError(value)
    return exp.HexString(this=value)


_BINDERS: dict[str, Callable[[str], exp.Expr]] = {
    "DECIMAL": _decimal,
    "NUMERIC": _decimal,
    "REAL": _real("FLOAT"),
    "FLOAT": _real("FLOAT"),
    "DOUBLE": _real("DOUBLE"),
    "DOUBLE_PRECISION": _real("DOUBLE"),
    "BOOLEAN": _boolean,
    "CHAR": _text,
    "CHARACTER": _text,
    "VARCHAR": _text,
    "STRING": _text,
    "DATE": _date,
    "TIMESTAMP": _timestamp,
    "TIMESTAMPTZ": _timestamp,
    "TIMESTAMP_LTZ": _timestamp,
    "TIMESTAMP_NTZ": _timestamp,
    "BINARY": _binary,
    "VARBYTE": _binary,
}
"""TIME and TIMETZ are not here: Spark SQL has no such type."""
