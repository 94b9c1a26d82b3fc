"""Spark 3.5's SQL as sqlglot reads it, but for what it would lose or take for Spark's.

The patterns of date functions and the units of truncation stay as they are written; a function that Spark has not is
refused, though another dialect has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.parsers.spark import SparkParser
from sqlglot.tokenizer_core import TokenType

from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.functions import FUNCTIONS
from whiteroom.sql.spark.generators import GENERATORS
from whiteroom.sql.spark.lambdas import name_variables
from whiteroom.sql.spark.names import SPARK_FUNCTIONS, SPARK_SYNTAX
from whiteroom.sql.spark.structs import to_named_struct

_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2})*")

_JOINS = SparkParser.JOIN_METHODS | SparkParser.JOIN_SIDES | SparkParser.JOIN_KINDS | {TokenType.JOIN, TokenType.COMMA}
"""What a join begins with."""


def _anonymous(name: str) -> Callable[[list[exp.Expr]], exp.Expr]:
    return lambda arguments: exp.Anonymous(this=name, expressions=arguments)


def _negated(arguments: list[exp.Expr]) -> exp.Expr:
    if len(arguments) != 1:
        raise Refused("The function negative takes one argument.")
    return exp.Neg(this=exp.paren(arguments[0]))


def _difference(arguments: list[exp.Expr]) -> exp.Expr:
    """In days, or in a unit that is named first."""
    if len(arguments) == 3:
        unit, earlier, later = arguments
        return exp.TimestampDiff(this=later, expression=earlier, unit=exp.var(unit.name.upper()))
    days: exp.Expr = exp.DateDiff.from_arg_list(arguments)
    return days


class _Parser(SparkParser):
    FUNCTIONS = {  # noqa: RUF012 -- as sqlglot declares it
        **SparkParser.FUNCTIONS,
        # ARRAY is left: sqlglot takes array(...)[0] for another array where it has no class for the first.
        **{name: _anonymous(name) for name in FUNCTIONS if name != "ARRAY"},
        **dict.fromkeys(("DATEDIFF", "DATE_DIFF"), _difference),
        "NEGATIVE": _negated,
        **GENERATORS,
    }

    # TRANSFORM (...) USING 'a script' is Hive's.
    NO_PAREN_FUNCTION_PARSERS = {  # noqa: RUF012 -- as sqlglot declares it
        name: parser for name, parser in SparkParser.NO_PAREN_FUNCTION_PARSERS.items() if name != "TRANSFORM"
    }

    def _parse_function_call(self, *arguments: Any, **settings: Any) -> exp.Expr | None:
        name = self._curr.text if self._curr else ""
        called = self._next and self._next.token_type == TokenType.L_PAREN and self._curr.token_type in self.FUNC_TOKENS
        if called and name.lower() not in SPARK_FUNCTIONS | SPARK_SYNTAX:
            shown = (name.upper() if name.upper() in exp.FUNCTION_BY_NAME else name)[:64]
            raise Refused(f"The function {shown} is not allowed in a query: Spark 3.5 has none of that name.")
        return super()._parse_function_call(*arguments, **settings)

    def _parse_lateral(self) -> exp.Lateral | None:
        found = super()._parse_lateral()
        if found is None or not found.args.get("view"):
            return found
        if not found.args["alias"].args.get("columns") and self._curr and self._curr.token_type == TokenType.VAR:
            # AS may be left out.
            found.args["alias"].set("columns", self._parse_csv(self._parse_id_var))
        if self._curr and self._curr.token_type in _JOINS:
            raise Refused(
                "In Spark a join stands before LATERAL VIEW. Put the LATERAL VIEW into a SELECT, and join it."
            )
        return found

    def _match_pair(self, token_type_a: Any, token_type_b: Any, advance: bool = True) -> Any:
        found = super()._match_pair(token_type_a, token_type_b, advance)
        if found and token_type_a == token_type_b and token_type_a in {TokenType.LT, TokenType.GT}:
            raise Refused("Spark 3.5 has no << and >>; write shiftleft(a, b) and shiftright(a, b).")
        return found


class SparkSql(Spark):
    """The dialect to read with."""

    Parser = _Parser


def written_out(tree: exp.Expr) -> None:
    """Put what is only another way to write something in the plain way, in place.

    Raises:
        Refused: X'...' holds something but hexadecimal digits.
    """
    for array in reversed(list(tree.find_all(exp.Array))):
        if set(array.args) - {"expressions"}:
            raise Refused("[...] makes no array in Spark, and a column that is named like one stands in back-quotes.")
        array.replace(exp.Anonymous(this="ARRAY", expressions=[each.copy() for each in array.expressions]))
    for struct in reversed(list(tree.find_all(exp.Struct))):
        struct.replace(to_named_struct(struct))
    for node in list(tree.find_all(exp.RawString, exp.HexString, exp.DecodeCase)):
        if isinstance(node, exp.RawString):
            node.replace(exp.Literal.string(node.this))
        elif isinstance(node, exp.DecodeCase):
            node.replace(_cases(node))
        elif not _HEXADECIMAL.fullmatch(str(node.this)):
            raise Refused("X'...' holds pairs of hexadecimal digits.")
    name_variables(tree)


def _cases(node: exp.Expr) -> exp.Expr:
    """decode(x, a, 1, b, 2, other): NULL is equal to NULL."""
    value, *rest = node.expressions
    pairs = len(rest) // 2 * 2
    case = exp.Case()
    for search, result in zip(rest[:pairs:2], rest[1:pairs:2], strict=True):
        case = case.when(exp.NullSafeEQ(this=value.copy(), expression=search.copy()), result.copy(), copy=False)
    return case.else_(rest[pairs].copy(), copy=False) if pairs < len(rest) else case
