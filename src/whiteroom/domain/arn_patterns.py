"""Patterns of `allowedAdditionalAnalyses`: ARNs with wildcards (AdditionalAnalysesResourceArn)."""

from __future__ import annotations

import re


def arn_matches(pattern: str, arn: str) -> bool:
    """Whether an ARN fits a pattern, where `*` stands for any text within one part.

    Parts are divided by colons and slashes, so that a wildcard for an account or a
    membership never reaches into the next part. Linear in both lengths.
    """
    patterns, parts = re.split(r"[:/]", pattern), re.split(r"[:/]", arn)
    return len(patterns) == len(parts) and all(map(_part_matches, patterns, parts))


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
