"""Hypothesis strategies for every shape of the service models, made from the models alone."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from hypothesis import strategies as st

EARLIEST, LATEST = datetime(1971, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - hypothesis adds the zone
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
"""Whatever UTF-8 can carry, control characters among it."""


@cache
def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Valid values of a shape. A structure below the top is never empty: the query protocol cannot say so."""
    match shape:
        case StructureShape():
            return members(shape).filter(bool)
        case ListShape():
            least = shape.metadata.get("min", 0)
            return st.lists(values(shape.member), min_size=least, max_size=least + 2)
        case MapShape():
            return st.dictionaries(values(shape.key), values(shape.value), max_size=2)
        case StringShape():
            return texts(shape)
    return scalars(shape)


@cache
def members(shape: StructureShape) -> st.SearchStrategy[dict[str, Any]]:
    """Any choice of members that has the required ones."""
    strategies = {name: values(member) for name, member in shape.members.items()}
    required = {name: strategies.pop(name) for name in shape.required_members}
    return st.fixed_dictionaries(required, optional=strategies)


def texts(shape: StringShape) -> st.SearchStrategy[str]:
    if shape.enum:
        return st.sampled_from(shape.enum)
    least = shape.metadata.get("min", 0)
    found = TEXT.map(lambda text: text.ljust(least, "x"))
    if "pattern" in shape.metadata:
        assert shape.metadata["pattern"] == "[^:].*"
        return found.map(lambda text: "n" + text.replace("\n", ""))
    return found


def scalars(shape: Shape) -> st.SearchStrategy[Any]:
    match shape.type_name:
        case "integer":
            return st.integers(shape.metadata.get("min", -(2**31)), 2**31 - 1)
        case "double":
            return st.floats(allow_nan=False, allow_infinity=False)
        case "boolean":
            return st.booleans()
        case "timestamp":
            return st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))
    raise AssertionError(shape)
