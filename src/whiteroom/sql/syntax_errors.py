"""Messages for SQL that cannot be parsed: where, with the text around, in words of SQL."""

from __future__ import annotations

import re

from sqlglot.errors import ParseError

_AROUND_CHARS = 30
_CLOSING = {"'": "'", '"': '"', "`": "`", "/*": "*/", "--": "\n"}
_NAMES = {"'": "a text", '"': "a text", "`": "a name in back quotes", "/*": "a comment"}
_EXPECTED = re.compile(r"Expecting ([^<>\w]{1,3}|[A-Z ]{2,20})")


def unparsed(sql: str, error: ParseError) -> str:
    """The sentence about a text of which each word can be read, and not the whole."""
    first = error.errors[0] if error.errors else {}
    line, end, word = first.get("line"), first.get("col"), first.get("highlight") or ""
    if not line or not end:
        return "The SQL cannot be read."
    column = max(1, end - len(word) + 1)
    return f"The SQL cannot be read {_place(sql, line, column, len(word))}. {_reason(str(first.get('description')))}"


def unfinished(sql: str) -> str:
    """The sentence about a text that has no end, or a character that begins nothing."""
    opened = _unclosed(sql)
    if opened is None:
        return "The SQL cannot be read: a character is out of place."
    start, kind = opened
    line = sql.count("\n", 0, start) + 1
    column = start - (sql.rfind("\n", 0, start) + 1) + 1
    return (
        f"The SQL cannot be read {_place(sql, line, column, len(kind))}. There {_NAMES[kind]} begins that has no end."
    )


def _place(sql: str, line: int, column: int, length: int) -> str:
    lines = sql.split("\n")
    text = lines[line - 1] if line <= len(lines) else ""
    start, end = max(0, column - 1 - _AROUND_CHARS), column - 1 + length + _AROUND_CHARS
    around = f"{'...' if start else ''}{text[start:end].strip()}{'...' if end < len(text) else ''}"
    return f"at line {line}, column {column}, near «{around}»"


def _reason(description: str) -> str:
    """The parser's own words hold names of its classes; these do not."""
    expected = _EXPECTED.match(description)
    if expected is not None:
        return f"There {expected[1]} is missing."
    if description.startswith("Expected table name"):
        return "There a table's name is missing."
    if description.startswith("Expected TYPE"):
        return "There a type is missing."
    if description.startswith("Required"):
        return "There something is missing."
    return "What stands there is not expected."


def _unclosed(sql: str) -> tuple[int, str] | None:
    """Where a quote or a comment begins that has no end, and which."""
    place = 0
    while place < len(sql):
        kind = next((kind for kind in _CLOSING if sql.startswith(kind, place)), None)
        if kind is None:
            place += 1
            continue
        end = _end(sql, place + len(kind), kind)
        if end is None:
            return None if kind == "--" else (place, kind)
        place = end
    return None


def _end(sql: str, place: int, kind: str) -> int | None:
    escapes = kind in {"'", '"'}
    while place < len(sql):
        if escapes and sql[place] == "\\":
            place += 2
        elif sql.startswith(_CLOSING[kind], place):
            return place + len(_CLOSING[kind])
        else:
            place += 1
    return None
