"""try_add and its siblings: arithmetic that is NULL where an integer does not fit, and wraps nowhere."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark import arguments, arithmetic
from whiteroom.engines.duckdb.spark.building import cast
from whiteroom.engines.duckdb.spark.casts import duckdb_type
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.tries import FUNCTIONS, OPERATORS, plain, result_type_of
from whiteroom.sql.spark.types import is_integer


def _tried(node: exp.Expr) -> exp.Expr | None:
    made = plain(node)
    made.type = result_type_of(node)
    if is_integer(made.type):
        for part in ("this", "expression"):
            made.set(part, cast(made.args[part], "HUGEINT"))
        return cast(exp.paren(made), duckdb_type(made.type), safe=True)
    found = arithmetic.RULES[type(made)](made)
    return exp.paren(made) if found is None else found


RULES: Mapping[type[exp.Expr], Rule] = {}
NAMED: Mapping[str, Rule] = arguments.rules(FUNCTIONS, dict.fromkeys(OPERATORS, _tried))
RESULTS: Mapping[type[exp.Expr], Rule] = {}
