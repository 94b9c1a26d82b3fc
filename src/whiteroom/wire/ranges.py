"""Which bytes of a file a request is to be answered with: preconditions and ranges of RFC 9110, purely.

A file has a strong entity tag and no date, so that `If-Modified-Since` and its kin are ignored, and a date in
`If-Range` never fits. One range is answered; where several are asked for, which clients of files do not, all of the
file is: the RFC lets a server ignore `Range`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_RANGE = re.compile(r"bytes[ \t]*=[ \t]*(?:(\d{1,20})-(\d{0,20})|-(\d{1,20}))", re.ASCII | re.IGNORECASE)
_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
MAX_TAGS = 100
"""In one header; clients send one."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request is answered with."""

    status: int
    """200, 206, 304, 412 or 416."""
    start: int = 0
    length: int = 0
    """How many bytes follow the headers: of 200 and 206 alone."""


def answered(
    size_bytes: int,
    tag: str,
    *,
    if_match: str | None = None,
    if_none_match: str | None = None,
    if_range: str | None = None,
    asked: str | None = None,
) -> Answered:
    """What a GET is answered with (RFC 9110, 13.2.2 and 14.2).

    Args:
        size_bytes: of the file.
        tag: its entity tag, strong, in its quotes.
        if_match: the header of that name; None where there is none, as of the others.
        if_none_match: likewise.
        if_range: likewise.
        asked: `Range`.
    """
    if if_match is not None and not _names(if_match, tag, weakly=False):
        return Answered(412)
    if if_none_match is not None and _names(if_none_match, tag, weakly=True):
        return Answered(304)
    if asked is None or (if_range is not None and if_range.strip() != tag):
        return Answered(200, 0, size_bytes)
    return _part(size_bytes, asked)


def _part(size_bytes: int, asked: str) -> Answered:
    """The range that `Range` names; all of it, where that names none, or several, or one that ends before it begins."""
    found = _RANGE.fullmatch(asked.strip())
    first, last, suffix = ("", "", "") if found is None else found.groups("")
    start, end = 0, size_bytes - 1
    if suffix:
        start = size_bytes - min(int(suffix), size_bytes)
        # All of nothing is satisfiable, and no Content-Range can say so.
        whole, satisfiable = not size_bytes and int(suffix) > 0, start < size_bytes
    elif first:
        start = int(first)
        end = min(int(last), end) if last else end
        whole, satisfiable = bool(last) and int(last) < start, start < size_bytes
    else:
        whole, satisfiable = True, True
    if whole:
        return Answered(200, 0, size_bytes)
    return Answered(206, start, end - start + 1) if satisfiable else Answered(416)


def _names(header: str, tag: str, *, weakly: bool) -> bool:
    """Whether a list of entity tags has this one; a weak one fits only where it is compared weakly."""
    if header.strip() == "*":
        return True
    return any(opaque == tag and (weakly or not weak) for weak, opaque in _tags(header))


def _tags(header: str) -> Iterator[tuple[str | None, str]]:
    for number, found in enumerate(_TAG.finditer(header)):
        if number >= MAX_TAGS:
            return
        yield found[1], found[2]
