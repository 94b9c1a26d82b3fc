"""What a value is, by how it is written: which texts a type has, and which type holds the texts of a column.

A text is of a type where nothing is lost: what the type's value is written as means the same. `3.7`, `007`, `1e3` and
`1_000` are no integers, a date has no time, and words (NaN, Infinity, t, yes) are text.
"""

from __future__ import annotations

from whiteroom.domain.privacy.column_types import decimal_digits
from whiteroom.domain.privacy.query_tables import Reading
from whiteroom.domain.privacy.readings import date_pattern
from whiteroom.engines.duckdb.column_types import to_duckdb
from whiteroom.engines.duckdb.files.quoting import sql_literal

_INTEGERS = frozenset({"tinyint", "smallint", "int", "bigint"})
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIMESTAMP = _DATE + r"([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-]00(:?00)?)?)?"
"""DuckDB drops an offset: one that is not UTC's is none."""
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_FOUND_NUMBER = (
    r"-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)"
    r"|-?(0|[1-9][0-9]*)\.[0-9]+[eE][+-]?[0-9]+"
    r"|-?(0|[1-9][0-9]*)[eE][+-][0-9]+"
)
"""As programs write numbers: with no zero before them, which codes have, and no `1E3`, which a code may be."""
_WHOLE = r"-?[0-9]+"
_EXACT_INTEGERS = 2**53
"""From here on a double does not tell one integer from the next."""

FOUND_TYPES = ("boolean", "bigint", "decimal(38,0)", "double", "date", "timestamp")
"""The types that a column of text is looked through for, the first that fits; else it stays text."""


def fits(text: str, spark_type: str, reading: Reading) -> str:
    """The SQL that says whether a text (an expression that is not NULL) is written as a value of a type."""
    if spark_type in {"string", "binary"}:
        return "true"
    if spark_type == "boolean":
        return f"lower({text}) IN ('true', 'false')"
    if spark_type in {"date", "timestamp"}:
        return _fits_date(text, spark_type, reading)
    return _fits_number(text, spark_type)


def _fits_number(text: str, spark_type: str) -> str:
    cast = to_duckdb(spark_type)
    digits = decimal_digits(spark_type)
    if spark_type in _INTEGERS or (digits and digits[1] == 0):
        return f"coalesce(CAST(TRY_CAST(trim({text}) AS {cast}) AS VARCHAR) = trim({text}), false)"
    if digits:
        written = rf"-?(0|[1-9][0-9]*|)(\.[0-9]{{0,{digits[1]}}})?"
        return f"{_matches(f'trim({text})', written)} AND TRY_CAST(trim({text}) AS {cast}) IS NOT NULL"
    return f"{_matches(f'trim({text})', _NUMBER)} AND coalesce(isfinite(TRY_CAST(trim({text}) AS {cast})), false)"


def _fits_date(text: str, spark_type: str, reading: Reading) -> str:
    written_as = reading.date_format if spark_type == "date" else reading.timestamp_format
    if written_as:
        directives, pattern = date_pattern(written_as, times=spark_type == "timestamp")
        return f"{_matches(text, pattern)} AND try_strptime({text}, {sql_literal(directives)}) IS NOT NULL"
    pattern = _DATE if spark_type == "date" else _TIMESTAMP
    return f"{_matches(text, pattern)} AND TRY_CAST({text} AS {to_duckdb(spark_type)}) IS NOT NULL"


def found(text: str, spark_type: str, reading: Reading) -> str:
    """The same where nobody has said that the column has that type: what could as well be a code is text."""
    if spark_type != "double":
        return fits(text, spark_type, reading)
    exact = f"NOT {_matches(text, _WHOLE)} OR abs(TRY_CAST({text} AS DOUBLE)) < {_EXACT_INTEGERS}"
    return f"{_matches(f'trim({text})', _FOUND_NUMBER)} AND {fits(text, 'double', reading)} AND ({exact})"


def _matches(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {sql_literal(pattern)})"
