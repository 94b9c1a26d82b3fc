"""Regular expressions: Java's patterns, in RE2's words."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.spark.building import Rule

RULES: Mapping[type[exp.Expr], Rule] = {}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = {}
