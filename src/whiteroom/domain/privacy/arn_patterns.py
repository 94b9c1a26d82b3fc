"""Patterns of `allowedAdditionalAnalyses`: ARNs with wildcards (AdditionalAnalysesResourceArn)."""

from __future__ import annotations

import re
from collections.abc import Iterable


def arn_matches(pattern: str, arn: str) -> bool:
    """Whether an ARN fits a pattern, where `*` stands for any text within one part.

    Parts are divided by colons and slashes, so that a wildcard for an account or a
    membership never reaches into the next part. Linear in both lengths.
    """
    patterns, parts = re.split(r"[:/]", pattern), re.split(r"[:/]", arn)
    return len(patterns) == len(parts) and all(map(_part_matches, patterns, parts))


def common_patterns(some: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """Patterns that fit what a pattern of both lists fits, each once, in the order of `some`.

    Where two parts of a pattern have wildcards and neither holds the other, such as `a*` and `*b`, nothing is
    common: the stricter reading.
    """
    others = tuple(others)
    found = (_common(one, other) for one in some for other in others)
    return tuple(dict.fromkeys(pattern for pattern in found if pattern is not None))


def _common(one: str, other: str) -> str | None:
    ones, parts = re.split(r"([:/])", one), re.split(r"([:/])", other)
    if len(ones) != len(parts):
        return None
    common = [
        a if _part_matches(b, a) else b if _part_matches(a, b) else None for a, b in zip(ones, parts, strict=True)
    ]
    return None if None in common else "".join(filter(None, common))


def _part_matches(pattern: str, text: str) -> bool:
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middle, last = rest
    if not text.startswith(first):
        return False
    position = len(first)
    for piece in middle:
        found = text.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return text.endswith(last) and len(text) - len(last) >= position
