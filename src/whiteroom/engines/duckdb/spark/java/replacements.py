"""Replacements of `regexp_replace` as java.util.regex.Matcher reads them."""

from __future__ import annotations

from functools import lru_cache

from whiteroom.engines.duckdb.spark.java.regex_errors import BadRegex


@lru_cache(maxsize=256)
def replacement(text: str, groups: int) -> tuple[str | int, ...]:
    """Java's replacement as texts and numbers of groups.

    Raises:
        BadRegex: Java does not take it.
    """
    parts: list[str | int] = []
    index = 0
    while index < len(text):
        each = text[index]
        index += 1
        if each == "\\":
            if index == len(text):
                raise BadRegex("the replacement ends in a \\")
            parts.append(text[index])
            index += 1
        elif each == "$":
            digits = ""
            while (
                index < len(text) and "0" <= text[index] <= "9" and (not digits or int(digits + text[index]) <= groups)
            ):
                digits += text[index]
                index += 1
            if not digits or int(digits) > groups:
                raise BadRegex("the replacement names a group that the pattern has not; write \\$ for the character")
            parts.append(int(digits))
        else:
            parts.append(each)
    return tuple(parts)
