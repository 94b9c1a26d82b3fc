"""XML of the query protocol: output shapes, compiled into functions that write what operations answer.

XML 1.0 cannot carry every character that a name may have; one that it cannot is written as U+FFFD.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from whiteroom.wire.serialisers import iso_8601

Writer = Callable[[Any], str]

_SPECIAL = re.compile("[^\t\n\x20-\x25\x27-\x3b\x3d\x3f-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
"""A carriage return that is not escaped arrives as a line feed."""


def xml_writer(shape: Shape) -> Writer:
    """The function that writes what stands inside the element of `shape`."""
    match shape:
        case StructureShape():
            return _structure_writer(shape)
        case ListShape() if not shape.serialization.get("flattened"):
            return _list_writer(shape)
        case MapShape() if not shape.serialization.get("flattened"):
            return _map_writer(shape)
    return _LEAVES[shape.type_name]


def xml_text(text: str) -> str:
    """A text, as XML carries it."""
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0], "\ufffd"), text)


def _structure_writer(shape: StructureShape) -> Writer:
    writers = [
        (name, member.serialization.get("name", name), xml_writer(member)) for name, member in shape.members.items()
    ]

    def write(value: Mapping[str, Any]) -> str:
        return "".join(
            f"<{element}>{write_member(value[name])}</{element}>"
            for name, element, write_member in writers
            if value.get(name) is not None
        )

    return write


def _list_writer(shape: ListShape) -> Writer:
    element = shape.member.serialization.get("name", "member")
    write_item = xml_writer(shape.member)
    return lambda items: "".join(f"<{element}>{write_item(item)}</{element}>" for item in items if item is not None)


def _map_writer(shape: MapShape) -> Writer:
    key_element = shape.key.serialization.get("name", "key")
    value_element = shape.value.serialization.get("name", "value")
    write_key, write_item = xml_writer(shape.key), xml_writer(shape.value)
    return lambda items: "".join(
        f"<entry><{key_element}>{write_key(key)}</{key_element}>"
        f"<{value_element}>{write_item(item)}</{value_element}></entry>"
        for key, item in items.items()
        if item is not None
    )


def _write_time(moment: datetime) -> str:
    """`2025-01-02T03:04:05Z`. Milliseconds only where there are some: R's paws reads none."""
    return iso_8601(moment).replace(".000Z", "Z")


def _write_double(value: float) -> str:
    if math.isfinite(value):
        return repr(float(value))
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


_LEAVES: Mapping[str, Writer] = {
    "string": xml_text,
    "double": _write_double,
    "integer": str,
    "timestamp": _write_time,
}
"""Every other kind of shape that an output of these models has; a new one is refused at start."""
