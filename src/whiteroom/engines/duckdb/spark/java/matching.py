"""Regular expressions over texts as java.util.regex.Matcher goes through them, by RE2 (linear time).

For what DuckDB's own functions, RE2's too, do otherwise: matches of nothing, places, several matches.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

from whiteroom.engines.duckdb.spark.java.regexes import Regex, to_re2
from whiteroom.engines.duckdb.spark.java.replacements import replacement


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> tuple[Any, Regex]:
    """RE2's object, for the bytes of UTF-8: of texts it would count characters anew at each match."""
    found = to_re2(pattern)
    return re2.compile(found.text.encode()), found


def _matches(data: bytes, pattern: str) -> Iterator[tuple[Any, int, int]]:
    """Every match in a text's bytes, with its start and its end."""
    compiled, found = _compiled(pattern)
    search, tails = compiled.search, found.tails
    at, size = 0, len(data)
    while at <= size:
        match = search(data, at)
        if match is None:
            return
        start, end = match.span()
        for tail in tails:
            if match.start(tail) >= 0:
                end = match.start(tail)
        yield match, start, end
        at = end
        if end == start:
            at += 1
            while at < size and data[at] & 0xC0 == 0x80:
                at += 1


def _group(match: Any, found: Regex, number: int, start: int, end: int) -> bytes:
    if number == 0:
        return bytes(match.string[start:end])
    return match.group(found.places[number]) or b""


def _check(found: Regex, number: int) -> None:
    if not 0 <= number <= found.groups:
        raise ValueError("the pattern has no such group")


def extract(text: str, pattern: str, number: int) -> str:
    """A group of the first match; nothing where there is none."""
    _, found = _compiled(pattern)
    for match, start, end in _matches(text.encode(), pattern):
        _check(found, number)
        return _group(match, found, number, start, end).decode()
    return ""


def extract_all(text: str, pattern: str, number: int) -> list[str]:
    """A group of each match."""
    _, found = _compiled(pattern)
    several = []
    for match, start, end in _matches(text.encode(), pattern):
        _check(found, number)
        several.append(_group(match, found, number, start, end).decode())
    return several


def instr(text: str, pattern: str) -> int:
    """Where the first match begins, in UTF-16's units as Java counts; 0 where there is none."""
    data = text.encode()
    for _, start, _ in _matches(data, pattern):
        return len(data[:start].decode().encode("utf-16-le")) // 2 + 1
    return 0


def replace(text: str, pattern: str, template: str, position: int) -> str:
    """Every match from a position on replaced."""
    if position < 1 or position - 1 > len(text):
        return text
    head, data = text[: position - 1], text[position - 1 :].encode()
    _, found = _compiled(pattern)
    written = [part.encode() if isinstance(part, str) else part for part in replacement(template, found.groups)]
    parts, last = [], 0
    for match, start, end in _matches(data, pattern):
        parts.append(data[last:start])
        parts += [part if isinstance(part, bytes) else _group(match, found, part, start, end) for part in written]
        last = end
    parts.append(data[last:])
    return head + b"".join(parts).decode()


def to_map(text: str, pairs: str, keys: str) -> dict[str, str | None]:
    """Pairs and the keys before their values (StringToMap): without the second delimiter the value is NULL."""
    found: dict[str, str | None] = {}
    for pair in split(text, pairs, -1):
        key, *value = split(pair, keys, 2)
        if key in found:
            raise ValueError("A key of a map stands twice in a text.")
        found[key] = value[0] if value else None
    return found


def split(text: str, pattern: str, limit: int) -> list[str]:
    """The parts between matches, at most `limit` of them where that is above zero; java.lang.String.split."""
    if not pattern and text:
        # Character by character, and what is left is left out (UTF8String.split).
        return list(text if limit <= 0 else text[:limit])
    data = text.encode()
    parts: list[bytes] = []
    last = 0
    for _, start, end in _matches(data, pattern):
        if 0 < limit <= len(parts) + 1:
            break
        if start == 0 and end == 0:
            # Nothing before the beginning.
            continue
        parts.append(data[last:start])
        last = end
    return [part.decode() for part in (*parts, data[last:])]
