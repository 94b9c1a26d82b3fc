"""Signatures of functions of regular expressions."""

from __future__ import annotations

from collections.abc import Mapping

from whiteroom.sql.spark.arguments import Function

FUNCTIONS: Mapping[str, Function] = {"SPLIT": Function(2, 3, "ARRAY<STRING>")}
