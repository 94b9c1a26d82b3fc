"""Forms of the query protocol: from `Dimensions.member.1.Name=Host` to plain values, as JSON would have brought them.

A shape is compiled into a tree of places. Each key of a form walks down it, so that nothing is made of what the model
does not have; then the shape's parser checks the values (parsers.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from botocore.model import ListShape, Shape, StringShape, StructureShape

from whiteroom.wire.protocol import malformed

MAX_FIELDS = 50_000
"""A GetMetricData of 500 queries, each with the 30 dimensions that a metric may have, takes 35,000."""
MAX_DEPTH = 64
"""How many parts of a key are looked at; the deepest key of these models has ten."""

_BROKEN_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_INTEGER = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_PLACE = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)

Fields = Sequence[tuple[str, str]]
"""A form's keys and values, in order."""


def read_fields(query: Sequence[tuple[bytes, bytes]], body: bytes) -> Fields:
    """The fields of a query string, already decoded, and those of a body.

    Raises:
        ProtocolFault: they are too many, not percent-encoded, or not UTF-8.
    """
    if body.count(b"&") + len(query) >= MAX_FIELDS:
        raise malformed(f"The form has more than {MAX_FIELDS:,} fields.")
    if _BROKEN_PERCENT.search(body):
        raise malformed("The form has a '%' that no two hexadecimal digits follow.")
    pieces = (piece.partition(b"=") for piece in body.replace(b"+", b"%20").split(b"&") if piece)
    try:
        return [
            *((key.decode(), value.decode()) for key, value in query),
            *((unquote_to_bytes(key).decode(), unquote_to_bytes(value).decode()) for key, _, value in pieces),
        ]
    except UnicodeDecodeError:
        raise malformed("The form is not UTF-8.") from None


def only(fields: Fields, name: str) -> str | None:
    """The value of a field; None where there is none.

    Raises:
        ProtocolFault: there are several.
    """
    values = [value for key, value in fields if key == name]
    if len(values) > 1:
        raise _twice(name)
    return values[0] if values else None


def form_reader(shape: StructureShape) -> Callable[[Fields], dict[str, Any]]:
    """The function that reads the members of `shape` from a form. Fields that it does not have are left out."""
    root = _structure(shape)

    def read(fields: Fields) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, text in fields:
            root.put(found, key.split(".", MAX_DEPTH), _Field(key, text))
        return root.finish(found)

    return read


@dataclass(frozen=True, slots=True)
class _Field:
    key: str
    text: str

    @property
    def shown(self) -> str:
        """Its key, for a message."""
        return f"'{self.key[:256]}'"


class _Node(Protocol):
    """One place of a shape's tree."""

    def add(self, found: Any, rest: Sequence[str], field: _Field) -> Any:
        """What is here with one more field, of whose key `rest` is left. None: nothing stood here."""

    def finish(self, found: Any) -> Any:
        """What is here once all fields are in their places."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    read: Callable[[_Field], Any]

    def add(self, found: Any, rest: Sequence[str], field: _Field) -> Any:
        if rest:
            raise malformed(f"{field.shown} names a part of what is one value.")
        if found is not None:
            raise _twice(field.key)
        return self.read(field)

    def finish(self, found: Any) -> Any:
        return found


@dataclass(frozen=True, slots=True)
class _Structure:
    members: Mapping[str, tuple[str, _Node]]
    """By their names on the wire: their names in the model, and their places."""

    def put(self, into: dict[str, Any], parts: Sequence[str], field: _Field) -> None:
        known = self.members.get(parts[0])
        if known is not None:
            name, node = known
            into[name] = node.add(into.get(name), parts[1:], field)

    def add(self, found: Any, rest: Sequence[str], field: _Field) -> Any:
        if not rest:
            raise malformed(f"{field.shown} is a structure: its members follow a dot.")
        into = {} if found is None else found
        self.put(into, rest, field)
        return into

    def finish(self, found: Any) -> dict[str, Any]:
        nodes = dict(self.members.values())
        return {name: nodes[name].finish(value) for name, value in found.items()}


@dataclass(frozen=True, slots=True)
class _List:
    """`Dimensions.member.1.Name=Host`; an empty one is `Dimensions=`. Until it is finished, a dictionary by number."""

    step: str
    """What happens between the list and the number: `member`, as a rule."""
    item: _Node

    def add(self, found: Any, rest: Sequence[str], field: _Field) -> Any:
        if not rest and not field.text and found is None:
            return []
        if len(rest) < 2 or rest[0] != self.step or _PLACE.fullmatch(rest[1]) is None or type(found) is list:
            raise malformed(f"{field.shown} is no item of a list: those are .{self.step}.1, .{self.step}.2 and so on.")
        items = {} if found is None else found
        number = int(rest[1])
        items[number] = self.item.add(items.get(number), rest[2:], field)
        return items

    def finish(self, found: Any) -> Any:
        if type(found) is list:
            return found
        for expected, number in enumerate(sorted(found), start=1):
            if number != expected:
                raise malformed(f"A list has an item .{self.step}.{number} and none .{self.step}.{expected}.")
        return [self.item.finish(found[number]) for number in sorted(found)]


def _node(shape: Shape) -> _Node:
    match shape:
        case StructureShape():
            return _structure(shape)
        case ListShape() if not shape.serialization.get("flattened"):
            return _List(shape.member.serialization.get("name", "member"), _node(shape.member))
        case StringShape():
            return _Leaf(lambda field: field.text)
    return _Leaf(_LEAVES[shape.type_name])


def _structure(shape: StructureShape) -> _Structure:
    members = shape.members.items()
    return _Structure({one.serialization.get("name", name): (name, _node(one)) for name, one in members})


def _integer(field: _Field) -> float:
    if _INTEGER.fullmatch(field.text):
        return int(field.text)
    if _NUMBER.fullmatch(field.text):
        return float(field.text)  # R writes 1e+05 for 100000
    raise malformed(f"STRING_VALUE at {field.shown} can not be converted to Integer")


def _boolean(field: _Field) -> bool:
    match field.text.lower():
        case "true":
            return True
        case "false":
            return False
    raise malformed(f"STRING_VALUE at {field.shown} can not be converted to Boolean")


_LEAVES: Mapping[str, Callable[[_Field], Any]] = {
    "integer": _integer,
    "long": _integer,
    "boolean": _boolean,
    "timestamp": lambda field: field.text,
}
"""Every other kind of shape that a form of these models has; a new one is refused at start."""


def _twice(key: str) -> Exception:
    return malformed(f"The form has the field '{key[:256]}' twice.")
