"""Spark 3.5's SQL as sqlglot reads it, but for what it would lose or take for Spark's.

The patterns of date functions and the units of truncation stay as they are written; a function that Spark has not is
refused, though another dialect has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.parsers.spark import SparkParser
from sqlglot.tokenizer_core import TokenType

from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark.functions import FUNCTIONS
from whiteroom.engines.spark.names import SPARK_FUNCTIONS, SPARK_SYNTAX


def _anonymous(name: str) -> Callable[[list[exp.Expr]], exp.Expr]:
    return lambda arguments: exp.Anonymous(this=name, expressions=arguments)


class _Parser(SparkParser):
    FUNCTIONS = {  # noqa: RUF012 -- as sqlglot declares it
        **SparkParser.FUNCTIONS,
        **{name: _anonymous(name) for name in FUNCTIONS},
    }

    def _parse_function_call(self, *arguments: Any, **settings: Any) -> exp.Expr | None:
        name = self._curr.text if self._curr else ""
        called = self._next and self._next.token_type == TokenType.L_PAREN and self._curr.token_type in self.FUNC_TOKENS
        if called and name.lower() not in SPARK_FUNCTIONS | SPARK_SYNTAX:
            raise Refused(f"The function {name[:64]} is not allowed in a query: Spark 3.5 has none of that name.")
        return super()._parse_function_call(*arguments, **settings)


class SparkSql(Spark):
    """The dialect to read with."""

    Parser = _Parser
