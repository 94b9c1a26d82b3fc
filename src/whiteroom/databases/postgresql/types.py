"""Types of PostgreSQL's columns in Spark SQL's spelling, and how their values are selected: exactly, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from whiteroom.databases.columns import SourceColumn
from whiteroom.databases.names import quoted
from whiteroom.domain.privacy.column_types import decimal_digits

_AS_IT_IS: Mapping[str, str] = {
    "bool": "boolean",
    "int2": "smallint",
    "int4": "int",
    "int8": "bigint",
    "float4": "float",
    "float8": "double",
    "text": "string",
    "varchar": "string",
    "bytea": "binary",
    "date": "date",
    # One without a zone is taken to be of UTC, as times of files are.
    "timestamp": "timestamp",
    "timestamptz": "timestamp",
}
_AS_TEXT = frozenset({"bpchar", "uuid", "json", "jsonb", "time"})
_CATALOG = "pg_catalog"
_ENUM = "e"
_NUMERIC = "numeric"
_SHOWN = 100
"""Characters of a type that no query can use, which is only ever told."""


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """What a database says of a column."""

    name: str
    type_name: str
    """Of the type that a domain stands for, where it is one."""
    type_schema: str
    type_kind: str
    """pg_type.typtype."""
    modifier: int
    """pg_attribute.atttypmod."""
    shown: str
    """Its type as PostgreSQL writes it."""


def source_column(known: KnownColumn, chosen: str | None = None) -> SourceColumn:
    """How a column is read.

    Args:
        known: as the database has it.
        chosen: the type that its owner chose.

    Raises:
        ValueError: no type may be chosen for it, or not this one.
    """
    name = quoted(known.name)
    if known.type_schema == _CATALOG and known.type_name == _NUMERIC:
        return _numeric(known, name, chosen)
    if chosen is not None:
        raise ValueError(
            f"Column '{known.name}' is {known.shown} in the database: a type is chosen for numeric alone. Have a view "
            "cast it."
        )
    if known.type_schema == _CATALOG and known.type_name in _AS_IT_IS:
        return SourceColumn(known.name, _AS_IT_IS[known.type_name], name)
    if known.type_kind == _ENUM or (known.type_schema == _CATALOG and known.type_name in _AS_TEXT):
        return SourceColumn(known.name, "string", _as_text(name))
    return _unreadable(known)


def _numeric(known: KnownColumn, name: str, chosen: str | None) -> SourceColumn:
    if chosen is not None:
        kind = "".join(chosen.lower().split())
        if kind != "string" and decimal_digits(kind) is None:
            raise ValueError(f"Column '{known.name}' is numeric: choose decimal(P,S) of up to 38 digits, or string.")
        return SourceColumn(known.name, kind, _as_text(name))
    kind = f"decimal({_precision(known.modifier)},{_scale(known.modifier)})"
    # Without digits of its own, with more than 38, or with a negative scale, no type holds every value.
    exact = known.modifier >= 0 and decimal_digits(kind) is not None
    return SourceColumn(known.name, kind, _as_text(name)) if exact else _unreadable(known)


def _precision(modifier: int) -> int:
    return (modifier - 4) >> 16 & 0xFFFF


def _scale(modifier: int) -> int:
    """Of eleven bits, the first of which is the sign."""
    return ((modifier - 4) & 0x7FF ^ 0x400) - 0x400


def _unreadable(known: KnownColumn) -> SourceColumn:
    # Not its bare name: a database may have a type that is called as one of Spark's.
    shown = "".join(letter if letter.isprintable() else "?" for letter in known.shown[:_SHOWN])
    return SourceColumn(known.name, f"{shown} of PostgreSQL", "")


def _as_text(name: str) -> str:
    return f"{name}::pg_catalog.text"
