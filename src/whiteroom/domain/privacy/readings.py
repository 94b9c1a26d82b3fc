"""How the text of a table's files is read: found or given once, when the table is added, and kept with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from whiteroom.domain.privacy.query_tables import Column, FileFormat


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the owner of files says of them; what is None is looked for in the files."""

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    null_words: tuple[str, ...] = ()
    skip_lines: int | None = None
    date_format: str = ""
    timestamp_format: str = ""
    types: tuple[Column, ...] = ()
    """Columns whose type is chosen, not found."""
    partitions: tuple[str, ...] = ()
    """Columns that the folders of the files name; the catalog says."""
    encoding: str = ""
    """Of their text; empty for UTF-8."""
    format: FileFormat | None = None
    """Iceberg or Delta; None where the files show what they are."""
    snapshot: str = ""
    """Which state of a table of these is meant, whenever it is read; empty for the latest."""


NO_WISHES = Wishes()

ENCODINGS = {
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "latin-1": "iso-8859-1",
    "iso-8859-1": "iso-8859-1",
    "iso-8859-2": "iso-8859-2",
    "iso-8859-5": "iso-8859-5",
    "iso-8859-7": "iso-8859-7",
    "iso-8859-9": "iso-8859-9",
    "iso-8859-15": "iso-8859-15",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "windows-1252": "cp1252",
    "windows-1253": "cp1253",
    "windows-1254": "cp1254",
    "windows-1257": "cp1257",
    "ibm850": "cp850",
    "ibm852": "cp852",
    "koi8-r": "koi8-r",
    "macintosh": "mac-roman",
    "shift_jis": "shift_jis",
    "windows-31j": "cp932",
    "euc-jp": "euc_jp",
    "euc-kr": "cp949",
    "gb18030": "gb18030",
    "big5": "big5hkscs",
}
"""What text may be encoded in beside UTF-8, by IANA's names, and how Python calls it."""


def encoding_of(written: str) -> str:
    """An encoding's name as it is kept; empty of UTF-8.

    Raises:
        ValueError: it is none that is known here.
    """
    name = written.strip().lower()
    if name in {"", "utf-8", "utf8"}:
        return ""
    if name not in ENCODINGS:
        raise ValueError(f"{written!r} is no encoding that is known here. Known are utf-8, {', '.join(ENCODINGS)}.")
    return name


_LETTERS = {
    "yyyy": ("%Y", "[0-9]{4}"),
    "yy": ("%y", "[0-9]{2}"),
    "MM": ("%m", "[0-9]{2}"),
    "M": ("%m", "[0-9]{1,2}"),
    "dd": ("%d", "[0-9]{2}"),
    "d": ("%d", "[0-9]{1,2}"),
    "HH": ("%H", "[0-9]{2}"),
    "H": ("%H", "[0-9]{1,2}"),
    "mm": ("%M", "[0-9]{2}"),
    "ss": ("%S", "[0-9]{2}"),
}
_PIECE = re.compile(r"([A-Za-z])\1*|[^A-Za-z]")
_DATE_LETTERS = frozenset("yMd")


def date_pattern(written: str, *, times: bool) -> tuple[str, str]:
    """A format in Spark's letters (`dd/MM/yyyy`) as strptime's, and as the regular expression of what it means.

    Raises:
        ValueError: it is none of a date, or, with `times`, of a date with a time.
    """
    directives, pattern, letters = [], [], set()
    for piece in _PIECE.finditer(written):
        known = _LETTERS.get(piece[0])
        if known is None and (piece[1] or piece[0] in "%'" or not piece[0].isprintable()):
            raise ValueError(f"{written!r} is no format of dates: {piece[0]!r} means nothing in it. {_SAID}")
        letters.add(piece[1])
        directives.append(known[0] if known else piece[0])
        pattern.append(known[1] if known else re.escape(piece[0]))
    letters.discard(None)
    if not letters >= _DATE_LETTERS or (not times and letters > _DATE_LETTERS) or (times and "H" not in letters):
        raise ValueError(f"{written!r} is no format of {'timestamps' if times else 'dates'}. {_SAID}")
    return "".join(directives), "".join(pattern)


_SAID = "Write yyyy or yy, MM or M, dd or d, and in timestamps HH or H, mm and ss, such as dd/MM/yyyy HH:mm:ss."
