"""The characters of a pattern of Java's: escapes, and classes in square brackets."""

from __future__ import annotations

from whiteroom.engines.duckdb.spark.java.character_classes import (
    CATEGORIES,
    CLASSES,
    MAX_CHARACTER,
    PROPERTIES,
    CharacterSet,
    Ranges,
    both,
    complement,
    either,
    merged,
    shown,
)
from whiteroom.engines.duckdb.spark.java.regex_errors import BadRegex

_CONTROL = {"t": 9, "n": 10, "r": 13, "f": 12, "a": 7, "e": 27}


class CharacterReader:
    """A place in a pattern, and what reads a character, or a set of them, from there on."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.ignore_case = False

    def peek(self) -> str:
        """What is here; nothing at the end."""
        return self.pattern[self.at : self.at + 1]

    def take(self, text: str) -> bool:
        """Go past a text where it is here."""
        if self.pattern.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def next(self) -> str:
        """The character here, gone past.

        Raises:
            BadRegex: there is none.
        """
        if self.at >= len(self.pattern):
            raise BadRegex("it ends too soon")
        self.at += 1
        return self.pattern[self.at - 1]

    def number(self) -> int:
        """The digits here, gone past."""
        start = self.at
        while self.peek().isascii() and self.peek().isdigit():
            self.at += 1
        if start == self.at or self.at - start > 9:
            raise BadRegex("a repetition in braces is malformed")
        return int(self.pattern[start : self.at])

    def class_escape(self, each: str) -> CharacterSet | None:
        r"""\d and its like."""
        if each.lower() in CLASSES:
            ranges = CLASSES[each.lower()]
            return CharacterSet(tuple(ranges if each.islower() else complement(ranges)))
        if each not in "pP":
            return None
        name = self.next()
        if name == "{":
            name, end, _ = self.pattern[self.at :].partition("}")
            self.at += len(name) + len(end)
        if name in PROPERTIES:
            ranges = PROPERTIES[name]
            return CharacterSet(tuple(ranges if each == "p" else complement(ranges)))
        name = name.removeprefix("Is").removeprefix("general_category=").removeprefix("gc=")
        if name not in CATEGORIES:
            raise BadRegex(f"the property {name[:32]} cannot be used here")
        return CharacterSet((), (f"\\{each}{{{name}}}",))

    def code(self, each: str) -> int:  # noqa: PLR0911 -- one a kind
        """The character that an escape stands for."""
        if each in _CONTROL:
            return _CONTROL[each]
        if each == "x":
            if self.take("{"):
                digits, end, _ = self.pattern[self.at :].partition("}")
                self.at += len(digits) + len(end)
                return self._hexadecimal(digits)
            return self._hexadecimal(self.next() + self.next())
        if each == "u":
            return self._hexadecimal("".join(self.next() for _ in range(4)))
        if each == "0":
            digits = ""
            while len(digits) < 3 and self.peek() and self.peek() in "01234567" and int(digits + self.peek(), 8) < 256:
                digits += self.next()
            if not digits:
                raise BadRegex("an octal escape is malformed")
            return int(digits, 8)
        if each == "c":
            return ord(self.next()) ^ 64
        if each.isascii() and each.isalpha():
            raise BadRegex(f"Java has no escape \\{each}")
        return ord(each)

    def _hexadecimal(self, digits: str) -> int:
        try:
            code = int(digits, 16) if digits.isalnum() else -1
        except ValueError:
            code = -1
        if not 0 <= code <= MAX_CHARACTER or 0xD800 <= code <= 0xDFFF:
            raise BadRegex("a hexadecimal escape is malformed")
        return code

    def character_class(self) -> CharacterSet:
        """What comes after [, to its ]."""
        negated = self.take("^")
        whole: CharacterSet | None = None
        current = CharacterSet(())
        empty = True
        while True:
            if self.peek() == "]" and not empty:
                self.at += 1
                break
            if self.take("&&"):
                whole = current if whole is None else both(whole, current)
                current, empty = CharacterSet(()), False
                continue
            current = either(current, self._class_item())
            empty = False
        if whole is not None:
            current = both(whole, current)
        if negated:
            if current.named:
                # RE2's own negation, of ranges and names.
                return CharacterSet((), (shown(current, negated=True),))
            return CharacterSet(tuple(complement(list(self.cased(current.ranges)))))
        return current

    def _class_item(self) -> CharacterSet:
        each = self.next()
        if each == "[":
            return self.character_class()
        if each == "\\":
            following = self.next()
            if following == "Q":
                raise BadRegex("\\Q in a character class cannot be used here")
            found = self.class_escape(following)
            if found is not None:
                return found
            low = self.code(following)
        else:
            low = ord(each)
        if self.peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in {"]", "[", ""}:
            self.at += 1
            each = self.next()
            if each == "\\":
                following = self.next()
                if following in "dDwWsShHvVpPQ":
                    raise BadRegex("a range in a character class ends in no character")
                high = self.code(following)
            else:
                high = ord(each)
            if high < low:
                raise BadRegex("a range in a character class goes backwards")
            return CharacterSet(((low, high),))
        return CharacterSet(((low, low),))

    def cased(self, ranges: tuple[tuple[int, int], ...]) -> Ranges:
        """With both cases of ASCII's letters where case does not count."""
        found = list(ranges)
        if self.ignore_case:
            for low, high in ranges:
                for first, last, other in ((65, 90, 32), (97, 122, -32)):
                    if max(low, first) <= min(high, last):
                        found.append((max(low, first) + other, min(high, last) + other))
        return merged(found)
