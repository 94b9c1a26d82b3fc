"""Signatures of functions by name: how many arguments, and which type they give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.building import type_of

_TEXTS = frozenset({exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.CHAR, exp.DType.NVARCHAR})

BINARY = frozenset({exp.DType.BINARY, exp.DType.VARBINARY})


def is_text(node: exp.Expr) -> bool:
    """Whether a value is text."""
    return type_of(node) in _TEXTS


def is_binary(node: exp.Expr) -> bool:
    """Whether a value is bytes."""
    return type_of(node) in BINARY


def text_of(node: exp.Expr | None) -> str | None:
    """What a literal text says; None where it is no literal."""
    return node.this if isinstance(node, exp.Literal) and node.is_string else None


def number_of(node: exp.Expr | None) -> int | None:
    """A literal integer; None where it is none."""
    if isinstance(node, exp.Paren):
        return number_of(node.this)
    if isinstance(node, exp.Neg):
        inner = number_of(node.this)
        return None if inner is None else -inner
    if isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit():
        return int(node.this)
    return None


def required_text(node: exp.Expr | None, function: str, what: str) -> str:
    """A literal's text.

    Raises:
        Refused: it is no literal, and what is meant cannot be looked at before a row is read.
    """
    found = text_of(node)
    if found is None:
        raise Refused(f"{function} takes its {what} as a text in quotes here.")
    return found


Gives = Callable[[exp.Expr], exp.DataType | None]

MANY = 255
"""Arguments of a function that takes any number of them."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that sqlglot has no class of its own for, or one that loses something."""

    least: int
    most: int
    gives: str | Gives
    """Its Spark type, or what finds it."""
