"""Text with what strangers chose in it, fit for a log's line and for a terminal."""

from __future__ import annotations


def one_line(text: str) -> str:
    """The same on one line: whatever is no printable character is escaped."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
