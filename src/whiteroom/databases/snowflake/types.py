"""Types of Snowflake's columns in Spark SQL's spelling: as they are declared, where the database says the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from whiteroom.databases.columns import SourceColumn
from whiteroom.databases.names import quoted
from whiteroom.domain.privacy.column_types import decimal_digits

_WRITTEN = re.compile(r"\s*(?P<word>[A-Z_][A-Z0-9_]*(\s+[A-Z]+)?)\s*(\((?P<digits>[0-9 ,]*)\))?\s*")
_NUMBER = "NUMBER"
_INTEGERS = frozenset({"BIGINT", "INT", "INTEGER", "SMALLINT", "TINYINT", "BYTEINT"})
_NUMBERS = frozenset({_NUMBER, "DECIMAL", "NUMERIC"})
_TIMES = frozenset({"TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ"})
_DECLARED: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(_INTEGERS | _NUMBERS, frozenset({_NUMBER})),
    **dict.fromkeys(("FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "DOUBLE PRECISION", "REAL"), frozenset({"FLOAT"})),
    **dict.fromkeys(("VARCHAR", "CHAR", "CHARACTER", "STRING", "TEXT"), frozenset({"VARCHAR"})),
    **dict.fromkeys(("BINARY", "VARBINARY"), frozenset({"BINARY"})),
    "BOOLEAN": frozenset({"BOOLEAN"}),
    "DATE": frozenset({"DATE"}),
    # Which one that is, is a parameter of the account.
    "TIMESTAMP": _TIMES,
    "DATETIME": frozenset({"TIMESTAMP_NTZ"}),
    **{word: frozenset({word}) for word in _TIMES},
}
"""By the words that tableSchema may use: the types that the database may say, as DESCRIBE writes them."""
_AS_IT_IS: Mapping[str, str] = {
    "FLOAT": "double",
    "VARCHAR": "string",
    "BINARY": "binary",
    "BOOLEAN": "boolean",
    "DATE": "date",
    # One without a zone is taken to be of UTC, as times of files are.
    **dict.fromkeys(_TIMES, "timestamp"),
}
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """What Snowflake says of a column."""

    name: str
    type: str
    """As DESCRIBE TABLE writes it: `NUMBER(38,0)`."""


def source_column(known: KnownColumn, declared: str) -> SourceColumn:
    """How a column is read.

    Args:
        known: as the database has it.
        declared: its columnType in tableSchema.

    Raises:
        ValueError: no query can read such a type, or the database says another one.
    """
    name = known.name.lower()
    word, digits = _parsed(declared)
    kinds = _DECLARED.get(word)
    if kinds is None:
        raise ValueError(
            f"Column '{name}' is declared {_printable(declared)}, which no query can read: leave it out of "
            "tableSchema, or have a view cast it."
        )
    found, found_digits = _parsed(known.type)
    has_fraction = found == _NUMBER and found_digits[1:] not in {(), ("0",)}
    if found not in kinds or (digits and digits != found_digits) or (word in _INTEGERS and has_fraction):
        raise ValueError(
            f"Column '{name}' is declared {_printable(declared)}, and is {_printable(known.type)} in Snowflake. "
            "Declare what it is there, or have a view cast it."
        )
    spark_type = _spark_type(word, found, found_digits)
    if found == _NUMBER and word not in _INTEGERS and decimal_digits(spark_type) is None:
        raise ValueError(f"Column '{name}' is {_printable(known.type)} in Snowflake, which no query can read.")
    return SourceColumn(name, spark_type, quoted(known.name))


def _spark_type(word: str, found: str, digits: tuple[str, ...]) -> str:
    if word in _INTEGERS:
        return "bigint"
    return f"decimal({','.join(digits)})" if found == _NUMBER else _AS_IT_IS[found]


def _parsed(text: str) -> tuple[str, tuple[str, ...]]:
    """A type's word and digits; no word where it is written in another way, as nested ones are."""
    found = _WRITTEN.fullmatch(text.upper())
    if found is None:
        return "", ()
    digits = tuple(part.strip() for part in (found["digits"] or "").split(",") if part.strip())
    word = " ".join(found["word"].split())
    # NUMBER(10) is NUMBER(10,0).
    return word, (*digits, "0") if word in _NUMBERS and len(digits) == 1 else digits


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_SHOWN])
