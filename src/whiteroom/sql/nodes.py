"""What each node of a query must be by itself, wherever it is: names, words, joins, types, numbers."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from whiteroom.sql import constructs
from whiteroom.sql.grammar import construct
from whiteroom.sql.refusals import Refused
from whiteroom.sql.reserved import RESERVED
from whiteroom.sql.spark.arguments import MANY
from whiteroom.sql.spark.functions import FUNCTIONS
from whiteroom.sql.spark.lambdas import Variable, check_lambdas

MAX_VALUE_CHARS = 100_000_000
"""The longest text that a function may make where an argument says how long it is."""

_WORDS = re.compile(r"[A-Za-z_]+(?: [A-Za-z_]+)*")
_QUOTED_BY_THE_GENERATOR = (exp.Identifier, exp.Literal, exp.Placeholder, exp.HexString, Variable)


def name_aggregate(node: exp.Anonymous) -> None:
    """Spark's second names of aggregates become what they are before anything is asked of them."""
    kind = constructs.NAMED_AGGREGATES.get(str(node.this).upper())
    if kind is not None:
        if len(node.expressions) != 1:
            raise Refused(f"The function {node.this} takes one argument.")
        node.replace(kind(this=node.expressions[0].copy()))


def check_node(node: exp.Expr) -> None:
    """Whether a node is what its class may be.

    Raises:
        Refused: it is not.
    """
    kind = type(node)
    _check_words(node)
    if kind is exp.Anonymous:
        _check_named(node)
        return
    if kind is exp.Placeholder:
        return
    check = _CHECKS.get(kind)
    if check is not None:
        check(node)


def _check_named(node: exp.Expr) -> None:
    name = str(node.this).upper()
    function, arity = FUNCTIONS.get(name), constructs.NAMED_FUNCTIONS.get(name)
    if function is None and arity is None:
        raise Refused(f"The function {str(node.this)[:64]} is not allowed in a query.")
    least, most = (function.least, function.most) if function is not None else (arity or 0, arity or 0)
    if not least <= len(node.expressions) <= most:
        wanted = str(least) if least == most else f"{least} to {most}" if most < MANY else f"at least {least}"
        raise Refused(f"The function {node.this} takes {wanted} argument{'s' * (most > 1)}.")
    check_lambdas(node)


def _check_words(node: exp.Expr) -> None:
    """Whatever goes to an engine as it is written (units, keywords) is plain words, or it could be more SQL."""
    words = [] if isinstance(node, _QUOTED_BY_THE_GENERATOR) else [v for v in node.args.values() if isinstance(v, str)]
    unit = node.args.get("unit")
    if isinstance(unit, exp.Literal):
        words.append(unit.this)
    if isinstance(node, exp.Anonymous) and str(node.this).upper() in FUNCTIONS:
        return
    for text in words:
        if not _WORDS.fullmatch(text):
            raise Refused(
                f"'{text[:64]}' is not a name of a unit or a type. Write it in plain letters, without quotes."
            )


def _check_identifier(node: exp.Expr) -> None:
    if not node.name:
        raise Refused("A name in the query is empty. Write one between the quotes.")
    if node.name.lower().startswith(RESERVED):
        raise Refused(f"Names that begin with {RESERVED} are reserved; choose another.")


def _check_table(node: exp.Expr) -> None:
    if not isinstance(node.this, exp.Identifier):
        raise Refused(f"{construct(node.this)} is not a table, and a query reads tables only.")
    if node.alias_column_names:
        # FROM people AS p (name, ssn) would have the columns judged under each other's names.
        raise Refused(f"The columns of '{node.name[:128]}' are renamed in FROM; give them other names in SELECT.")


def _check_join(node: exp.Expr) -> None:
    if str(node.args.get("kind") or "").upper() not in constructs.JOIN_KINDS:
        raise Refused(f"{node.args['kind']} joins are not allowed in a query.")
    if str(node.args.get("side") or "").upper() not in constructs.JOIN_SIDES:
        raise Refused(f"{node.args['side']} joins are not allowed in a query.")
    if str(node.args.get("method") or "").upper() not in constructs.JOIN_METHODS:
        raise Refused(f"{node.args['method']} joins are not allowed in a query.")


def _check_type(node: exp.Expr) -> None:
    if node.this not in constructs.DATA_TYPES:
        raise Refused(f"The type {node.sql('spark')[:64]} is not allowed in a query.")


def _check_number(node: exp.Expr) -> None:
    """LIMIT and OFFSET are literals: a number that comes from rows would reveal them by how many rows there are."""
    value = node.expression
    if isinstance(value, exp.Literal) and (value.is_string or not value.this.isdigit()):
        raise Refused(f"{node.key.upper()} takes a whole number as it stands, and no expression.")


def _check_length(node: exp.Expr) -> None:
    """Whoever wants a value that long wants the disk or the memory."""
    counts = [node.args.get(name) for name in ("times", "expression", "this")]
    for count in counts:
        length = int(count.this) if isinstance(count, exp.Literal) and count.this.isdigit() else 0
        if length > MAX_VALUE_CHARS:
            sentence = f"makes a value of {length:,} characters; the most is {MAX_VALUE_CHARS:,}."
            raise Refused(f"{construct(node)} {sentence}")


_CHECKS: dict[type[exp.Expr], Callable[[exp.Expr], None]] = {
    exp.Identifier: _check_identifier,
    exp.Table: _check_table,
    exp.Join: _check_join,
    exp.DataType: _check_type,
    exp.Repeat: _check_length,
    exp.Space: _check_length,
    exp.Pad: _check_length,
    exp.Limit: _check_number,
    exp.Offset: _check_number,
}
