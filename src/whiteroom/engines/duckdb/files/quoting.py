"""Texts and names, as DuckDB's SQL quotes them."""

from __future__ import annotations


def sql_literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def sql_name(name: str) -> str:
    """A quoted SQL name."""
    return '"' + name.replace('"', '""') + '"'
