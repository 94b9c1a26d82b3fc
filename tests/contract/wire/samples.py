"""Values for every shape of the service models, made from the models alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from re import _parser as sre  # type: ignore[attr-defined]
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

NOON = datetime(2026, 11, 21, 12, 0, 0, 678000, tzinfo=UTC)


def sample(shape: Shape | None, variant: int = 0) -> Any:
    """A valid value with every member filled; `variant` turns through enums and the members of unions."""
    if shape is None:
        return {}
    match shape:
        case StructureShape() if shape.metadata.get("document"):
            return {"free": ["form", 1, None]}
        case StructureShape():
            names = list(shape.members)
            chosen = [names[variant % len(names)]] if shape.metadata.get("union") else names
            return {name: sample(shape.members[name], variant) for name in chosen}
        case ListShape():
            return [sample(shape.member, variant + turn) for turn in range(shape.metadata.get("min", 0) or 1)]
        case MapShape():
            return {sample(shape.key, variant): sample(shape.value, variant)}
    return sample_text(shape, variant) if isinstance(shape, StringShape) else sample_scalar(shape)


def sample_text(shape: StringShape, variant: int) -> str:
    if shape.enum:
        return str(shape.enum[variant % len(shape.enum)])
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 10**6)
    pattern = shape.metadata.get("pattern")
    if pattern is None:
        return "ü é/+ &=?~"[: int(most)].ljust(least, "x")
    if r"\p{L}" in pattern:
        return "schéma"
    if "(?!^(" in pattern:
        return "my.bucket-1"
    # Java takes the hyphen behind a class for itself.
    pattern = pattern.replace(r"\w-_", r"\w\-_")
    for repeats in range(1, 129):
        text = "".join(_matching(sre.parse(pattern), repeats))
        if least <= len(text) <= most:
            return text
    raise AssertionError(f"no sample for {pattern}")


def _matching(tree: Iterable[Any], repeats: int) -> Iterator[str]:
    for kind, argument in tree:
        match str(kind):
            case "LITERAL":
                yield chr(argument)
            case "ANY":
                yield "x"
            case "IN":
                yield _one_of(argument)
            case "MAX_REPEAT":
                least, most, inner = argument
                for _ in range(max(least, min(most, repeats))):
                    yield from _matching(inner, repeats)
            case "SUBPATTERN":
                yield from _matching(argument[-1], repeats)
            case "BRANCH":
                yield from _matching(argument[1][-1], repeats)


def _one_of(choices: list[Any]) -> str:
    if str(choices[0][0]) == "NEGATE":
        return "x"
    kind, argument = choices[-1] if str(choices[0][0]) != "RANGE" else choices[0]
    match str(kind):
        case "LITERAL":
            return chr(argument)
        case "RANGE":
            return chr(argument[0] if argument[0] > 32 else 65)
    return "7" if "DIGIT" in str(argument) else "w"


def sample_scalar(shape: Shape) -> Any:
    match shape.type_name:
        case "integer" | "long":
            return int(shape.metadata.get("min", 7))
        case "double" | "float":
            return float(shape.metadata.get("max", 0.5))
        case "boolean":
            return True
        case "timestamp":
            return NOON
    raise AssertionError(shape)
