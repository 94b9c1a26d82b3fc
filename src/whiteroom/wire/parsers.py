"""Shapes of the service model, compiled into functions that read and check a value.

Each shape becomes one closure, made once. It answers the value as operations take it (a
timestamp becomes an aware datetime, an integral float an integer, unknown members are gone),
adds what breaks a constraint to `violations`, and raises where the type itself is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from whiteroom.wire.patterns import matcher
from whiteroom.wire.protocol import ProtocolFault, malformed
from whiteroom.wire.violations import (
    Path,
    Violations,
    enum_constraint,
    length_constraint,
    path_text,
    pattern_constraint,
    range_constraint,
)

Parser = Callable[[Any, Path, Violations], Any]
StructureParser = Callable[[Any, Path | None, Violations], dict[str, Any]]
Literals = Mapping[str, Collection[str]]
"""By member name: strings that are let through although the model's constraint forbids them."""

NOT_NULL = "Member must not be null"
INTEGER_LIMITS = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


def parser(shape: Shape, literals: Literals, *, sensitive: bool = False, name: str = "") -> Parser:
    """The function that reads a value of `shape`.

    Args:
        shape: The model's shape; none of these models' input shapes contains itself.
        literals: What single members accept beyond their constraints.
        sensitive: The value stands inside a sensitive one and must not be repeated in messages.
        name: The member's name, under which `literals` may know it.
    """
    sensitive = sensitive or bool(shape.metadata.get("sensitive"))
    match shape:
        case StructureShape():
            return structure_parser(shape, shape.members, literals, sensitive=sensitive)
        case ListShape():
            return _list_parser(shape, literals, sensitive=sensitive)
        case MapShape():
            return _map_parser(shape, literals, sensitive=sensitive)
        case StringShape():
            parse = _enum_parser(shape, sensitive) if shape.enum else _string_parser(shape, sensitive)
            return _or_literal(parse, frozenset(literals[name])) if name in literals else parse
    return _LEAVES[shape.type_name](shape, sensitive)


def structure_parser(
    shape: StructureShape, members: Mapping[str, Shape], literals: Literals, *, sensitive: bool = False
) -> StructureParser:
    """Reads the given members of a structure. Absent and null are the same; unknown members are dropped, as AWS does.

    The only parser whose path may be None: at the top level.
    """
    parsers = {name: parser(member, literals, sensitive=sensitive, name=name) for name, member in members.items()}
    required = tuple(name for name in shape.required_members if name in members)
    union_names = tuple(parsers) if shape.is_tagged_union else ()
    parser_of = parsers.get

    def parse(value: Any, path: Path | None, violations: Violations) -> dict[str, Any]:
        if type(value) is not dict:
            raise wrong_type(value, "Structure", path)
        parsed = {}
        for name, member in value.items():
            parse_member = parser_of(name)
            if parse_member is not None and member is not None:
                parsed[name] = parse_member(member, (path, name), violations)
        for name in required:
            if name not in parsed:
                violations.add((path, name), None, NOT_NULL)
        if union_names and len(parsed) != 1:
            constraint = f"Member must have exactly one of: {', '.join(union_names)}"
            violations.add(path or (None, shape.name), value, constraint, sensitive=True)
        return parsed

    return parse


def _list_parser(shape: ListShape, literals: Literals, *, sensitive: bool) -> Parser:
    parse_item = parser(shape.member, literals, sensitive=sensitive)
    least, most = _limits(shape)

    def parse(value: Any, path: Path, violations: Violations) -> list[Any]:
        if type(value) is not list:
            raise wrong_type(value, "List", path)
        broken = length_constraint(len(value), least, most)
        if broken:
            violations.add(path, value, broken, sensitive=sensitive)
            return value
        parsed = []
        for number, item in enumerate(value, start=1):
            at = ((path, str(number)), "member")
            if item is None:
                violations.add(at, None, NOT_NULL)
            else:
                parsed.append(parse_item(item, at, violations))
        return parsed

    return parse


def _map_parser(shape: MapShape, literals: Literals, *, sensitive: bool) -> Parser:
    parse_key = parser(shape.key, literals, sensitive=sensitive)
    parse_item = parser(shape.value, literals, sensitive=sensitive)
    least, most = _limits(shape)

    def parse(value: Any, path: Path, violations: Violations) -> dict[str, Any]:
        if type(value) is not dict:
            raise wrong_type(value, "Map", path)
        broken = length_constraint(len(value), least, most)
        if broken:
            violations.add(path, value, broken, sensitive=sensitive)
            return value
        parsed = {}
        for key, item in value.items():
            if type(key) is not str:  # CBOR has bytes too
                raise wrong_type(key, "String", path)
            parse_key(key, ((path, key), "key"), violations)
            at = ((path, key), "member")
            if item is None:
                violations.add(at, None, NOT_NULL)
            else:
                parsed[key] = parse_item(item, at, violations)
        return parsed

    return parse


def _string_parser(shape: StringShape, sensitive: bool) -> Parser:
    least, most = _limits(shape)
    pattern = shape.metadata.get("pattern")
    matches = matcher(pattern) if pattern else None

    def parse(value: Any, path: Path, violations: Violations) -> str:
        if type(value) is not str:
            raise wrong_type(value, "String", path)
        # The pattern is tried on strings of allowed length alone: that bounds what a match may cost.
        if not least <= len(value) <= most:
            broken = length_constraint(len(value), least, most) or ""
            violations.add(path, value, broken, sensitive=sensitive)
        elif matches is not None and not matches(value):
            violations.add(path, value, pattern_constraint(str(pattern)), sensitive=sensitive)
        return value

    return parse


def _enum_parser(shape: StringShape, sensitive: bool) -> Parser:
    values = frozenset(shape.enum)
    constraint = enum_constraint(shape.enum)

    def parse(value: Any, path: Path, violations: Violations) -> str:
        if type(value) is not str:
            raise wrong_type(value, "String", path)
        if value not in values:
            violations.add(path, value, constraint, sensitive=sensitive)
        return value

    return parse


def _or_literal(parse: Parser, literals: frozenset[str]) -> Parser:
    def parse_or_literal(value: Any, path: Path, violations: Violations) -> Any:
        return value if type(value) is str and value in literals else parse(value, path, violations)

    return parse_or_literal


def _integer_parser(shape: Shape, sensitive: bool) -> Parser:
    smallest, largest = INTEGER_LIMITS[shape.type_name]
    least, most = shape.metadata.get("min", smallest), shape.metadata.get("max", largest)

    def parse(value: Any, path: Path, violations: Violations) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)  # R has no integers in its JSON: 30.0 is 30
        if type(value) is not int:
            raise wrong_type(value, "Integer", path)
        if not smallest <= value <= largest:
            raise malformed(f"The number at '{path_text(path)}' is not between {smallest} and {largest}.")
        if not least <= value <= most:
            violations.add(path, value, range_constraint(value, least, most) or "", sensitive=sensitive)
        return value

    return parse


def _float_parser(shape: Shape, sensitive: bool) -> Parser:
    least, most = shape.metadata.get("min", -math.inf), shape.metadata.get("max", math.inf)

    def parse(value: Any, path: Path, violations: Violations) -> float:
        if type(value) is not float and type(value) is not int:
            raise wrong_type(value, "Double", path)
        try:
            number = float(value)
        except OverflowError:
            raise malformed(f"The number at '{path_text(path)}' is too large for a double.") from None
        if not math.isfinite(number):
            raise malformed(f"The value at '{path_text(path)}' is not a number.")
        if not least <= number <= most:
            violations.add(path, value, range_constraint(number, least, most) or "", sensitive=sensitive)
        return number

    return parse


def _parse_boolean(value: Any, path: Path, _: Violations) -> bool:
    if type(value) is not bool:
        raise wrong_type(value, "Boolean", path)
    return value


def _parse_timestamp(value: Any, path: Path, _: Violations) -> datetime:
    """Epoch seconds or ISO 8601. A time without a zone is UTC. CBOR has times of its own."""
    try:
        if type(value) is datetime:
            return value
        if type(value) is str:
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if type(value) in (int, float):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise malformed(f"The value at '{path_text(path)}' is not a time.") from None
    raise wrong_type(value, "Timestamp", path)


_LEAVES: Mapping[str, Callable[[Shape, bool], Parser]] = {
    "integer": _integer_parser,
    "long": _integer_parser,
    "double": _float_parser,
    "float": _float_parser,
    "boolean": lambda _shape, _sensitive: _parse_boolean,
    "timestamp": lambda _shape, _sensitive: _parse_timestamp,
}
"""Every other kind of shape that an input of these models has; a new one is refused at start."""


def _limits(shape: Shape) -> tuple[int, float]:
    return shape.metadata.get("min", 0), shape.metadata.get("max", math.inf)


_TYPE_NAMES = {
    bool: "BOOLEAN_VALUE",
    int: "NUMBER_VALUE",
    float: "DECIMAL_VALUE",
    str: "STRING_VALUE",
    list: "ARRAY_VALUE",
    dict: "OBJECT_VALUE",
    type(None): "NULL_VALUE",
    bytes: "BINARY_VALUE",
    datetime: "TIMESTAMP_VALUE",
}


def wrong_type(value: object, wanted: str, path: Path | None) -> ProtocolFault:
    """What AWS says of a value of another type, and where it stands."""
    at = f"'{path_text(path)}'" if path else "the top level"
    return malformed(f"{_TYPE_NAMES.get(type(value), 'OTHER_VALUE')} at {at} can not be converted to {wanted}")
