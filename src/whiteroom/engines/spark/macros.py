"""Macros that a translated query may call, by name: their parameters and what they stand for, in DuckDB's SQL.

DuckDB writes a macro out where it is called, so that it stays vectorised and its plan names DuckDB's functions alone.
A parameter that stands twice is computed twice: what may be nested deeply names each once.
"""

from __future__ import annotations

from collections.abc import Mapping

MACROS: Mapping[str, tuple[str, str]] = {
    # NULL where the value is not found and a NULL may be it.
    "spark_array_contains": (
        "a, v",
        (
            "CASE WHEN list_contains(a, v) THEN true WHEN v IS NULL OR a IS NULL THEN NULL"
            " WHEN list_aggregate(a, 'count') < len(a) THEN NULL ELSE false END"
        ),
    ),
}
