"""Output shapes, compiled into functions that make plain values, for JSON or CBOR, of what operations answer.

Three things change on the way: members that are None and members that the shape lacks are
left out, and times are written as the service writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from botocore.model import ListShape, MapShape, Shape, StructureShape

Serialiser = Callable[[Any], Any]
Leaf = Callable[[Shape], Serialiser | None]
"""How a shape without members is written; None for a value that goes out as it is."""

_encode = msgspec.json.Encoder().encode
_WITH_FRACTION = len('"2025-01-02T03:04:05.678000Z"')


def json_leaf(shape: Shape) -> Serialiser | None:
    """Of JSON only times are written by us."""
    if shape.type_name != "timestamp":
        return None
    # REST-JSON's default is epoch seconds; `cleanroomsml` overrides it on its one timestamp shape.
    return iso_8601 if shape.serialization.get("timestampFormat") == "iso8601" else epoch_seconds


def serialiser(shape: Shape, leaf: Leaf = json_leaf) -> Serialiser:
    """The function that serialises a value of `shape`."""
    return _serialiser(shape, leaf) or _as_it_is


def _serialiser(shape: Shape, leaf: Leaf) -> Serialiser | None:
    """None stands for a value that goes out as it is: the encoder knows it, and a call is saved."""
    if shape.metadata.get("document"):
        return None
    match shape:
        case StructureShape():
            return _structure_serialiser(shape, leaf)
        case ListShape():
            return _list_serialiser(_serialiser(shape.member, leaf))
        case MapShape():
            return _map_serialiser(_serialiser(shape.value, leaf))
    return leaf(shape)


def _as_it_is(value: Any) -> Any:
    return value


def _structure_serialiser(shape: StructureShape, leaf: Leaf) -> Serialiser:
    serialisers = {name: _serialiser(member, leaf) for name, member in shape.members.items()}
    converted = tuple((name, convert) for name, convert in serialisers.items() if convert is not None)

    def serialise(value: Mapping[str, Any]) -> dict[str, Any]:
        # Most members go out as they are, so the few that do not are looked for, and not each asked.
        out = {name: member for name, member in value.items() if member is not None and name in serialisers}
        for name, convert in converted:
            if name in out:
                out[name] = convert(out[name])
        return out

    return serialise


def _list_serialiser(convert: Serialiser | None) -> Serialiser:
    if convert is None:
        return lambda items: [item for item in items if item is not None]
    return lambda items: [convert(item) for item in items if item is not None]


def _map_serialiser(convert: Serialiser | None) -> Serialiser:
    if convert is None:
        return lambda items: {key: item for key, item in items.items() if item is not None}
    return lambda items: {key: convert(item) for key, item in items.items() if item is not None}


def iso_8601(moment: datetime) -> str:
    """`2025-01-02T03:04:05.678Z`: always with milliseconds, which Go's SDK and users' scripts read."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    # `"2025-01-02T03:04:05.678000Z"`, the fraction left out where it is nought: a tenth of isoformat's cost.
    text = _encode(moment).decode()
    return f"{text[1:24]}Z" if len(text) == _WITH_FRACTION else f"{text[1:20]}.000Z"


def epoch_seconds(moment: datetime) -> float:
    """Seconds since 1970, with milliseconds."""
    return round(moment.timestamp(), 3)
