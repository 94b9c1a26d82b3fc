"""Functions by name that have no class of sqlglot's, or lose something as one: how many arguments, and which type."""

from __future__ import annotations

from collections.abc import Mapping

from whiteroom.sql.spark import (
    arrays,
    dates,
    encodings,
    formatting,
    hashes,
    lambdas,
    maps,
    nested,
    numbers,
    regex,
    strings,
    structs,
    time_patterns,
    tries,
)
from whiteroom.sql.spark.arguments import Function

FUNCTIONS: Mapping[str, Function] = {
    **strings.FUNCTIONS,
    **formatting.FUNCTIONS,
    **encodings.FUNCTIONS,
    **hashes.FUNCTIONS,
    **dates.FUNCTIONS,
    **time_patterns.FUNCTIONS,
    **regex.FUNCTIONS,
    **nested.FUNCTIONS,
    **structs.FUNCTIONS,
    **arrays.FUNCTIONS,
    **maps.FUNCTIONS,
    **lambdas.FUNCTIONS,
    **numbers.FUNCTIONS,
    **tries.FUNCTIONS,
}
"""By their names in capitals."""
