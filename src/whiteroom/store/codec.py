"""Records to rows and back: a column per field, in the field's order.

Times are microseconds since 1970 UTC, documents (mappings and tuples) are JSON, enums their values.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any, Generic, TypeVar

import msgspec
import sqlalchemy as sa

R = TypeVar("R")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Encode = Callable[[Any], Any]


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=4096)
def from_micros(micros: int) -> datetime:
    """The inverse of `to_micros`."""
    # Remembered: a record's two times are often one, and lists are read again and again.
    # A double holds microseconds exactly until the year 2255, and this is twice as fast as adding a timedelta.
    return datetime.fromtimestamp(micros / 1e6, UTC)


def _plain(value: Any) -> Any:
    """Of a document that is opened when it is looked into, what is in it."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"no document holds {type(value).__name__}")


_encode_json = msgspec.json.Encoder(enc_hook=_plain).encode


def _to_json(value: Any) -> str:
    return _encode_json(value).decode()


@lru_cache(maxsize=4096)
def from_json(text: str) -> Any:
    """The document in a column."""
    # Shared by every record with the same text, which is most of a list: a record's documents are never changed.
    return msgspec.json.decode(text)


@lru_cache(maxsize=4096)
def _tuple_from_json(text: str) -> tuple[Any, ...]:
    return tuple(msgspec.json.decode(text))


def _same(value: Any) -> Any:
    return value


class _Kind(typing.NamedTuple):
    """How one type of field is kept."""

    column: type[sa.types.TypeEngine[Any]]
    encode: Encode
    decode: Encode


_PLAIN: Mapping[Any, _Kind] = {
    str: _Kind(sa.Text, _same, _same),
    int: _Kind(sa.BigInteger, _same, _same),
    float: _Kind(sa.Double, _same, _same),
    bool: _Kind(sa.Boolean, int, bool),
    datetime: _Kind(sa.BigInteger, to_micros, from_micros),
}


def _kind_of(hint: Any) -> _Kind:
    origin = typing.get_origin(hint) or hint
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(origin, type) and issubclass(origin, StrEnum):
        # The enum's own table of values: calling the class costs six times as much.
        return _Kind(sa.Text, str, origin._value2member_map_.__getitem__)
    if origin is tuple:
        return _Kind(sa.Text, _to_json, _tuple_from_json)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _Kind(sa.Text, _to_json, from_json)
    raise TypeError(f"no column holds values of {hint}")


def _or_none(convert: Encode, value: Any) -> Any:
    return None if value is None else convert(value)


class RecordCodec(Generic[R]):
    """GroupCommit records of one class into column values and rows back into records."""

    def __init__(self, record: type[R], sealed: frozenset[str] = frozenset()) -> None:
        """Of every field; of those in `sealed` the column's text is read as it is (sealed.py goes on)."""
        hints = typing.get_type_hints(record)
        self.record = record
        self.names = tuple(field.name for field in fields(record))  # type: ignore[arg-type]
        self.columns: list[sa.Column[Any]] = []
        self._encoders: dict[str, Encode] = {}
        kinds: list[tuple[_Kind, bool]] = []
        for name in self.names:
            kind, optional = _optional(hints[name])
            encode = partial(_or_none, kind.encode) if optional else kind.encode
            self.columns.append(sa.Column(name, kind.column, primary_key=name == "id", nullable=optional))
            self._encoders[name] = _same if kind.encode is _same else encode
            kinds.append((kind._replace(decode=_same) if name in sealed else kind, optional))
        self.decode: Callable[[tuple[Any, ...]], R] = _decoder(record, self.names, kinds)
        """The record in a row of all columns."""

    def encode(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Field values as the driver takes them."""
        encoders = self._encoders
        return {name: encoders[name](value) for name, value in values.items()}

    def encode_record(self, record: R) -> dict[str, Any]:
        """A whole record as the driver takes it."""
        return self.encode({name: getattr(record, name) for name in self.names})


def _decoder(record: type[R], names: Sequence[str], kinds: Sequence[tuple[_Kind, bool]]) -> Callable[[Any], R]:
    """The function from a row to a record, written once from the fields, as dataclasses writes __init__.

    A frozen dataclass's own __init__ goes through object.__setattr__ field by field, which for a page of a list is
    a third of reading it. Here the fields of a draft are set, an instance of a class with the same slots that is not
    frozen, and then the draft is made a record.
    """
    if hasattr(record, "__post_init__") or "__slots__" not in vars(record):
        raise TypeError(f"{record.__name__} must have slots and no __post_init__ to be read from a row")
    draft = type(f"{record.__name__}Draft", (), {"__slots__": tuple(names)})
    decoded = []
    for name, (kind, optional) in zip(names, kinds, strict=True):
        if kind.decode is not _same:
            unless = f"None if draft.{name} is None else " if optional else ""
            decoded.append(f"draft.{name} = {unless}decode_{name}(draft.{name})")
    lines = [
        "def decode(row):",
        "draft = new(Draft)",
        f"{''.join(f'draft.{name}, ' for name in names)} = row",
        *decoded,
        "draft.__class__ = record",
        "return draft",
    ]
    scope: dict[str, Any] = {f"decode_{name}": kind.decode for name, (kind, _) in zip(names, kinds, strict=True)}
    scope |= {"new": object.__new__, "Draft": draft, "record": record}
    exec("\n    ".join(lines), scope)  # noqa: S102 - nothing but the names of the fields is put in
    decode: Callable[[Any], R] = scope["decode"]
    return decode


def _optional(hint: Any) -> tuple[_Kind, bool]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        inner = [part for part in typing.get_args(hint) if part is not types.NoneType]
        if len(inner) != 1:
            raise TypeError(f"no column holds values of {hint}")
        return _kind_of(inner[0]), True
    return _kind_of(hint), False
