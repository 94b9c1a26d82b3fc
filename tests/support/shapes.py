"""Whether a document is what the service model says: the contract that every answer is held to."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Any

import botocore.session

from whiteroom.wire.models import OWN_MODELS

LONGER_THAN_MODELLED = frozenset({"ConfiguredTableAssociationArn", "CleanroomsArn", "PrivacyBudgetTemplateArn"})
"""Shapes whose `max` AWS's own ARNs exceed: two UUIDs and their prefix have 142 characters, the model says 100; the
last one fits no region with a name longer than us-east-1."""

BASE_VERSION = "NULL"
"""What AWS documents as the base version's identifier, in members that the model says are UUIDs."""

_TYPES: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "double": (int, float),
    "float": (int, float),
    "timestamp": datetime,
}
BOTOCORE_NAMES = {
    "cleanrooms": "cleanrooms",
    "cleanrooms-ml": "cleanroomsml",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "sts": "sts",
    "whiteroom": "whiteroom",
}


def botocore_session() -> botocore.session.Session:
    """A session of botocore's that knows our own service too."""
    session = botocore.session.Session()
    session.get_component("data_loader").search_paths.append(OWN_MODELS)
    return session


@cache
def service_model(service: str) -> Any:
    """botocore's model of a service, by its signing name."""
    return botocore_session().get_service_model(BOTOCORE_NAMES[service])


def assert_fits(shape: Any, value: Any, at: str = "") -> None:
    """Assert that `value` is what `shape` allows: required members, types, enums, lengths, patterns, nothing else."""
    at = at or shape.name
    kind = shape.type_name
    if kind == "structure":
        _assert_structure(shape, value, at)
    elif kind == "list":
        assert isinstance(value, (list, tuple)), f"{at} is not a list: {value!r}"
        _assert_length(shape, len(value), at)
        for index, item in enumerate(value):
            assert_fits(shape.member, item, f"{at}[{index}]")
    elif kind == "map":
        _assert_length(shape, len(value), at)
        for key, item in value.items():
            assert_fits(shape.key, key, f"{at} key")
            assert_fits(shape.value, item, f"{at}[{key!r}]")
    else:
        _assert_scalar(shape, value, at)


def _assert_structure(shape: Any, value: Any, at: str) -> None:
    present = {name: item for name, item in value.items() if item is not None}
    unknown = present.keys() - shape.members.keys()
    assert not unknown, f"{at} has members that the model does not know: {sorted(unknown)}"
    missing = set(shape.required_members) - present.keys()
    assert not missing, f"{at} lacks {sorted(missing)}"
    if getattr(shape, "is_tagged_union", False):
        assert len(present) == 1, f"{at} is a union and has {sorted(present)}"
    for name, item in present.items():
        assert_fits(shape.members[name], item, f"{at}.{name}")


def _assert_scalar(shape: Any, value: Any, at: str) -> None:
    if value == BASE_VERSION and at.lower().endswith("versionidentifier"):
        return
    assert isinstance(value, _TYPES[shape.type_name]), f"{at} is not a {shape.type_name}: {value!r}"
    if shape.type_name == "timestamp":
        assert value.tzinfo is not None, f"{at} has no time zone"
    if shape.type_name == "string":
        assert not shape.enum or value in shape.enum, f"{at} is none of {shape.enum}: {value!r}"
        if shape.name not in LONGER_THAN_MODELLED:
            _assert_length(shape, len(value), at)
        pattern = _pattern(shape.metadata.get("pattern"))
        assert pattern is None or pattern.fullmatch(value), f"{at} does not match {pattern}: {value!r}"
    elif shape.type_name in ("integer", "long", "double", "float"):
        _assert_length(shape, value, at)


def _assert_length(shape: Any, measure: float, at: str) -> None:
    assert measure >= shape.metadata.get("min", measure), f"{at} is below {shape.metadata['min']}: {measure}"
    assert measure <= shape.metadata.get("max", measure), f"{at} is above {shape.metadata['max']}: {measure}"


@cache
def _pattern(text: str | None) -> re.Pattern[str] | None:
    if text is None or "\\p{" in text:  # Python's re knows no Unicode categories
        return None
    return re.compile(text)
