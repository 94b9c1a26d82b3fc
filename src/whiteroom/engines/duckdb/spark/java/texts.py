"""Functions of texts as UTF8String and StringUtils have them (Spark 3.5)."""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse

_LONG = 1 << 63


def upper(text: str) -> str:
    """Java's upper case: by Unicode's full mappings."""
    return text.upper()


def lower(text: str) -> str:
    """Java's lower case: by Unicode's full mappings."""
    return text.lower()


def initcap(text: str) -> str:
    """Lower case, and each word's first letter in title case; words end at a space only."""
    return " ".join(_title(word) for word in text.lower().split(" "))


def _title(word: str) -> str:
    first = word[:1].title()
    # Java maps one character to one; Python's 'ss' for a sharp s is two.
    return (first if len(first) == 1 else word[:1]) + word[1:]


def reverse(text: str) -> str:
    """Character by character; DuckDB's keeps combined ones together."""
    return text[::-1]


def substring(text: str, position: int, length: int) -> str:
    """Position 0 is 1; a negative one counts from the end."""
    start = position - 1 if position > 0 else len(text) + position if position < 0 else 0
    end = start + length
    return text[max(start, 0) : max(end, 0)] if end > start else ""


def substring_of_bytes(data: bytes, position: int, length: int) -> bytes:
    """The same of bytes."""
    start = position - 1 if position > 0 else len(data) + position if position < 0 else 0
    end = start + length
    return data[max(start, 0) : max(end, 0)] if end > start else b""


def left(text: str, length: int) -> str:
    """Nothing for a length below one."""
    return text[:length] if length > 0 else ""


def right(text: str, length: int) -> str:
    """Nothing for a length below one."""
    return text[-length:] if length > 0 else ""


def substring_index(text: str, delimiter: str, count: int) -> str:
    """What comes before the count-th delimiter; after it, counted from the end, where the count is negative."""
    if not delimiter or not count:
        return ""
    if count > 0:
        at = -1
        for _ in range(count):
            at = text.find(delimiter, at + 1)
            if at < 0:
                return text
        return text[:at]
    at = len(text) + 1 - len(delimiter)
    for _ in range(-count):
        # Occurrences may overlap, as UTF8String finds them.
        at = text.rfind(delimiter, 0, max(at - 1 + len(delimiter), 0)) if at > 0 else -1
        if at < 0:
            return text
    return text[at + len(delimiter) :]


def split_part(text: str, delimiter: str, part: int) -> str:
    """Nothing where there is no such part."""
    if part == 0:
        raise ValueError("split_part counts from 1")
    parts = text.split(delimiter) if delimiter else [text]
    index = part - 1 if part > 0 else len(parts) + part
    return parts[index] if 0 <= index < len(parts) else ""


def locate(part: str | None, text: str | None, position: int | None) -> int | None:
    """Where the part stands first at or after a position; 0 where it does not, and where the position is NULL."""
    if position is None:
        return 0
    if part is None or text is None:
        return None
    if position < 1:
        return 0
    return text.find(part, position - 1) + 1 if part else 1


def pad_left(text: str, length: int, pad: str) -> str:
    """Cut at the right where it is longer."""
    missing = length - len(text)
    if missing <= 0 or not pad:
        return text[: max(length, 0)]
    return (pad * (missing // len(pad) + 1))[:missing] + text


def pad_right(text: str, length: int, pad: str) -> str:
    """Cut at the right where it is longer."""
    missing = length - len(text)
    if missing <= 0 or not pad:
        return text[: max(length, 0)]
    return text + (pad * (missing // len(pad) + 1))[:missing]


def pad_left_bytes(data: bytes, length: int, pad: bytes) -> bytes:
    """The same of bytes."""
    return _padding(data, length, pad) + data[: max(length, 0)]


def pad_right_bytes(data: bytes, length: int, pad: bytes) -> bytes:
    """The same of bytes."""
    return data[: max(length, 0)] + _padding(data, length, pad)


def _padding(data: bytes, length: int, pad: bytes) -> bytes:
    missing = length - len(data)
    return (pad * (missing // len(pad) + 1))[:missing] if missing > 0 and pad else b""


def overlay(text: str, other: str, position: int, length: int) -> str:
    """The text with another in the place of some characters; a negative length stands for the other's own."""
    length = length if length >= 0 else len(other)
    return substring(text, 1, position - 1) + other + substring(text, position + length, 2**31 - 1)


def overlay_bytes(data: bytes, other: bytes, position: int, length: int) -> bytes:
    """The same of bytes."""
    length = length if length >= 0 else len(other)
    head = substring_of_bytes(data, 1, position - 1)
    return head + other + substring_of_bytes(data, position + length, 2**31 - 1)


def character(code: int) -> str:
    """Of the code's last byte; nothing for a negative code."""
    return "" if code < 0 else chr(code & 0xFF)


def translate(text: str, old: str, new: str) -> str:
    """The first mention of a character counts; what has no counterpart is left out."""
    table: dict[int, str | None] = {}
    for index, each in enumerate(old):
        table.setdefault(ord(each), new[index] if index < len(new) else None)
    return text.translate(table)


def find_in_set(text: str, several: str) -> int:
    """Which of the parts between commas it is; 0 for none, and for a text with a comma."""
    if "," in text:
        return 0
    parts = several.split(",")
    return parts.index(text) + 1 if text in parts else 0


def levenshtein(first: str, second: str) -> int:
    """The least number of characters to put in, take out or change (Myers' bit vectors: a column in one step)."""
    if len(first) < len(second):
        first, second = second, first
    if not second:
        return len(first)
    places: dict[str, int] = {}
    for index, each in enumerate(first):
        places[each] = places.get(each, 0) | 1 << index
    mask, last = (1 << len(first)) - 1, 1 << (len(first) - 1)
    positive, negative, distance = mask, 0, len(first)
    for each in second:
        equal = places.get(each, 0)
        vertical = equal | negative
        horizontal = (((equal & positive) + positive) ^ positive) | equal
        added = negative | (~(horizontal | positive) & mask)
        taken = positive & horizontal
        if added & last:
            distance += 1
        if taken & last:
            distance -= 1
        added, taken = (added << 1) | 1, taken << 1
        positive = (taken | (~(vertical | added) & mask)) & mask
        negative = added & vertical & mask
    return distance


def levenshtein_within(first: str, second: str, threshold: int) -> int:
    """The distance; -1 where it is above the threshold."""
    distance = levenshtein(first, second)
    return distance if distance <= threshold else -1


def to_base64(data: bytes) -> str:
    """MIME's lines of 76 characters."""
    text = base64.b64encode(data).decode("ascii")
    return "\r\n".join(text[start : start + 76] for start in range(0, len(text), 76))


_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")


def from_base64(text: str) -> bytes:
    """MIME's: other characters are passed over.

    Raises:
        ValueError: the padding is not right, where Spark ends the query.
    """
    text = _NOT_BASE64.sub("", text)
    body, mark, rest = text.partition("=")
    remainder = len(body) % 4
    if remainder == 1 or (mark and (remainder == 0 or len(text) % 4 or rest.strip("="))):
        raise ValueError("not Base64")
    return base64.b64decode(body + "=" * (-len(body) % 4))


def hexadecimal(number: int) -> str:
    """A negative number as its 64 bits."""
    return f"{number & 0xFFFFFFFFFFFFFFFF:X}"


def binary_digits(number: int) -> str:
    """A negative number as its 64 bits."""
    return f"{number & 0xFFFFFFFFFFFFFFFF:b}"


def from_hexadecimal(text: str) -> bytes | None:
    """An odd digit in front is a byte of its own."""
    try:
        return binascii.unhexlify(text if len(text) % 2 == 0 else "0" + text)
    except (binascii.Error, ValueError):
        return None


_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def convert_base(text: str, source: int, target: int) -> str | None:
    """Spark's `conv`: what comes before the first character that is no digit; a sign for a negative target.

    Beyond 64 bits it is all ones.
    """
    if not (2 <= source <= 36 and 2 <= abs(target) <= 36):
        return None
    text = text.strip(" ")
    if not text:
        return None
    negative = text[0] == "-"
    value = 0
    for each in text[negative:].upper():
        digit = _DIGITS.find(each)
        if not 0 <= digit < source:
            break
        value = value * source + digit
        if value > 0xFFFFFFFFFFFFFFFF:
            value = 0xFFFFFFFFFFFFFFFF
            break
    if negative and target > 0:
        value = 0xFFFFFFFFFFFFFFFF if value >= _LONG else -value & 0xFFFFFFFFFFFFFFFF
    if target < 0 and value >= _LONG:
        value -= 1 << 64
        negative = True
    shown, rest = "", abs(value)
    while rest:
        rest, digit = divmod(rest, abs(target))
        shown = _DIGITS[digit] + shown
    return ("-" if negative and target < 0 else "") + (shown or "0")


_CHARSETS = {
    "US-ASCII": "ascii",
    "ISO-8859-1": "latin-1",
    "UTF-8": "utf-8",
    "UTF-16BE": "utf-16-be",
    "UTF-16LE": "utf-16-le",
    "UTF-16": "utf-16",
}


def encode(text: str, charset: str) -> bytes:
    """What a charset lacks is a question mark.

    Raises:
        ValueError: Spark knows no such charset.
    """
    name = charset.upper()
    if name not in _CHARSETS:
        raise ValueError("no such charset")
    if name == "UTF-16":
        return (b"\xfe\xff" + text.encode("utf-16-be")) if text else b""
    return text.encode(_CHARSETS[name], "replace")


def decode(data: bytes, charset: str) -> str:
    """What is no text of a charset is U+FFFD.

    Raises:
        ValueError: Spark knows no such charset.
    """
    name = charset.upper()
    if name not in _CHARSETS:
        raise ValueError("no such charset")
    if name == "UTF-16" and data[:2] not in {b"\xfe\xff", b"\xff\xfe"}:
        name = "UTF-16BE"
    return data.decode(_CHARSETS[name], "replace")


def url_encode(text: str) -> str:
    """As forms are sent: a space is a plus."""
    return urllib.parse.quote_plus(text, safe="*-._").replace("~", "%7E")


def url_decode(text: str) -> str:
    """As forms are sent.

    Raises:
        ValueError: a percent sign does not begin two hexadecimal digits, where Spark ends the query.
    """
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise ValueError("not an encoded text")
    return urllib.parse.unquote_plus(text, errors="replace")


def luhn_check(text: str) -> bool:
    """Whether the last digit is the check digit of those before it."""
    if not text or not text.isascii() or not text.isdigit():
        return False
    total = 0
    for index, each in enumerate(reversed(text)):
        digit = int(each)
        if index % 2:
            digit = digit * 2 - 9 * (digit > 4)
        total += digit
    return total % 10 == 0


def mask(
    text: str | None, upper_as: str | None, lower_as: str | None, digit_as: str | None, other_as: str | None
) -> str | None:
    """Each character's kind in the place of the character; None leaves a kind as it is."""
    if text is None:
        return None
    shown = []
    for each in text:
        if each.isupper():
            put = upper_as
        elif each.islower():
            put = lower_as
        elif each.isdecimal():
            put = digit_as
        else:
            put = other_as
        # Java sees two characters in one beyond the first plane.
        shown.append(each if put is None else put * (1 + (each > "\uffff")))
    return "".join(shown)


def join(separator: str, parts: list[str | None]) -> str:
    """What is NULL is passed over, with its separator."""
    return separator.join(part for part in parts if part is not None)


def join_all(separator: str, parts: list[str | None], instead: str) -> str:
    """What is NULL is written as another text."""
    return separator.join(instead if part is None else part for part in parts)
