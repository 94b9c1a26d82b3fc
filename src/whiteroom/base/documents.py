"""Frozen records as JSON documents, and back: nested dataclasses, sets, tuples, mappings, enums."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

R = TypeVar("R")


class NoDocument(Exception):
    """A document does not hold a record of that class."""


def to_document(value: Any) -> Any:
    """The value as JSON has it. Sets become sorted lists: the same value is always the same document."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_document(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_document(value[key]) for key in sorted(value)}
    if isinstance(value, frozenset | set):
        return sorted((to_document(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, tuple | list):
        return [to_document(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value


def from_document(record: type[R], document: Any) -> R:
    """The record in a document that `to_document` made, of this release or an earlier one.

    What the document does not have takes the field's default; what the class does not know is left out.

    Raises:
        NoDocument: it lacks a field that has no default, or has a value of another type.
    """
    try:
        found: R = _decoded(record, document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NoDocument(f"no {record.__name__}: {error}") from None
    return found


def _decoded(hint: Any, value: Any) -> Any:  # noqa: PLR0911 - one row for each kind of type
    origin: Any = typing.get_origin(hint) or hint
    arguments = typing.get_args(hint)
    if origin in {types.UnionType, typing.Union}:
        return None if value is None else _decoded(next(a for a in arguments if a is not types.NoneType), value)
    if origin is Any:
        return value
    if is_dataclass(origin):
        hints = _hints(hint)
        return hint(**{name: _decoded(hints[name], value[name]) for name in hints.keys() & value.keys()})
    if origin is tuple:
        of_each = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(_decoded(inner, item) for inner, item in zip(of_each, value, strict=True))
    if origin is frozenset:
        return frozenset(_decoded(arguments[0], item) for item in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _decoded(arguments[1], item) for key, item in value.items()}
    if issubclass(origin, StrEnum):
        return origin(value)
    if not isinstance(value, origin):
        raise TypeError(f"{value!r} is no {origin.__name__}")
    return value


@lru_cache
def _hints(record: Any) -> dict[str, Any]:
    return typing.get_type_hints(record)
