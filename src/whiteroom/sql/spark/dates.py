"""Signatures of functions of dates and times."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.spark.arguments import Function, text_of

FIELDS: Mapping[str, str] = {
    **dict.fromkeys(("YEAR", "Y", "YEARS", "YR", "YRS"), "YEAR"),
    "YEAROFWEEK": "ISOYEAR",
    **dict.fromkeys(("QUARTER", "QTR"), "QUARTER"),
    **dict.fromkeys(("MONTH", "MON", "MONS", "MONTHS"), "MONTH"),
    **dict.fromkeys(("WEEK", "W", "WEEKS"), "WEEK"),
    **dict.fromkeys(("DAY", "D", "DAYS"), "DAY"),
    **dict.fromkeys(("DAYOFWEEK", "DOW"), "DAYOFWEEK"),
    **dict.fromkeys(("DAYOFWEEK_ISO", "DOW_ISO"), "ISODOW"),
    "DOY": "DAYOFYEAR",
    **dict.fromkeys(("HOUR", "H", "HOURS", "HR", "HRS"), "HOUR"),
    **dict.fromkeys(("MINUTE", "M", "MIN", "MINS", "MINUTES"), "MINUTE"),
    **dict.fromkeys(("SECOND", "S", "SEC", "SECONDS", "SECS"), "SECOND"),
}
"""The fields that Spark's extract knows, and DuckDB's function for each."""


def field_type(name: str) -> str:
    """The Spark type of a field."""
    return "DECIMAL(8, 6)" if FIELDS.get(name.upper()) == "SECOND" else "INT"


def _extracted_type(node: exp.Expr) -> exp.DataType | None:
    name = text_of(node.expressions[0]) if node.expressions else None
    return exp.DataType.build(field_type(name or ""), dialect="spark")


FUNCTIONS: Mapping[str, Function] = {
    "WEEKDAY": Function(1, 1, "INT"),
    "DATE_PART": Function(2, 2, _extracted_type),
    "DATEPART": Function(2, 2, _extracted_type),
    "TRUNC": Function(2, 2, "DATE"),
    "DATE_TRUNC": Function(2, 2, "TIMESTAMP"),
    "TIMESTAMP_SECONDS": Function(1, 1, "TIMESTAMP"),
    "TIMESTAMP_MILLIS": Function(1, 1, "TIMESTAMP"),
    "TIMESTAMP_MICROS": Function(1, 1, "TIMESTAMP"),
    "MAKE_DATE": Function(3, 3, "DATE"),
}
