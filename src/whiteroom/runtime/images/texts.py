"""A requirements file's text, as pip reads it."""

from __future__ import annotations

import codecs
import re
from typing import Final

_MARKS: Final = (
    # The longer ones first: UTF-32's begins like UTF-16's.
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING: Final = re.compile(rb"^#.*?coding[:=][ \t]*([-\w.]+)")


def as_pip_reads(data: bytes) -> str:
    """A requirements file's text: by its byte-order mark, else as a `# coding:` comment says, else as UTF-8.

    Raises:
        UnicodeError: it is not so encoded.
        LookupError: the comment names an encoding that there is not.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    for line in data.splitlines()[:2]:
        if found := _CODING.match(line):
            return data.decode(found[1].decode("ascii"))
    return data.decode("utf-8")
