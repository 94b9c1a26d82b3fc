"""Java's regular expressions in RE2's words, which run in linear time whatever the text.

A pattern is read as java.util.regex reads it (Java 17, no flags) and written for RE2 with the same meaning, character
classes spelled out. What RE2 has not (look-around, references to groups, possessive quantifiers) is refused by name.
`$` matches before a line's end at the end of the text too: a pattern may have it at the end of its alternatives, where
`tail` says that it was written as a group of its own, to be given back by whoever cuts or replaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

_LINE_ENDS = r"\n\r\x{85}\x{2028}\x{2029}"
_DOT = f"[^{_LINE_ENDS}]"
_TAIL = rf"((?:\r\n|[{_LINE_ENDS}])?)\z"
_MAX_REPEAT = 1_000
_MAX_CHAR = 0x10FFFF

_WIDE = [(0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)]
_CLASSES: dict[str, list[tuple[int, int]]] = {
    "d": [(48, 57)],
    "w": [(48, 57), (65, 90), (95, 95), (97, 122)],
    "s": [(9, 13), (32, 32)],
    "h": [(9, 9), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x180E, 0x180E), (0x2000, 0x200A), *_WIDE],
    "v": [(10, 13), (0x85, 0x85), (0x2028, 0x2029)],
}
_PROPERTIES: dict[str, list[tuple[int, int]]] = {
    "Lower": [(97, 122)],
    "Upper": [(65, 90)],
    "ASCII": [(0, 127)],
    "Alpha": [(65, 90), (97, 122)],
    "Digit": [(48, 57)],
    "Alnum": [(48, 57), (65, 90), (97, 122)],
    "Punct": [(33, 47), (58, 64), (91, 96), (123, 126)],
    "Graph": [(33, 126)],
    "Print": [(32, 126)],
    "Blank": [(9, 9), (32, 32)],
    "Cntrl": [(0, 31), (127, 127)],
    "XDigit": [(48, 57), (65, 70), (97, 102)],
    "Space": [(9, 13), (32, 32)],
}
_CATEGORY_NAMES = "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp"
_CATEGORIES = frozenset(_CATEGORY_NAMES.split())
_CONTROL = {"t": 9, "n": 10, "r": 13, "f": 12, "a": 7, "e": 27}


class BadRegex(ValueError):
    """A pattern that Java refuses, or that cannot be run here. The message is for the querier."""


@dataclass(frozen=True, slots=True)
class Regex:
    """A pattern for RE2."""

    text: str
    groups: int
    """Groups of the pattern itself."""
    tails: tuple[int, ...]
    """Which groups of `text` hold what `$` passed over."""
    places: tuple[int, ...]
    """Where each group of the pattern, 0 the whole, stands among those of `text`."""
    nullable: bool
    """Whether it may match nothing at some place."""
    words: bool
    """Whether it asks for word boundaries, which are ASCII's in RE2."""


@dataclass(frozen=True, slots=True)
class _Node:
    text: str
    nullable: bool
    atom: bool = True
    """Whether a quantifier after it takes all of it."""
    zero_width: bool = False


Ranges = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Set:
    """A character class: code points, or (Unicode categories) what RE2 calls by a name."""

    ranges: tuple[tuple[int, int], ...]
    named: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def to_re2(pattern: str) -> Regex:
    """The pattern for RE2.

    Raises:
        BadRegex: Java does not take it, or RE2 cannot run it.
    """
    reader = _Reader(pattern)
    node = reader.alternatives(0, last=True)
    if reader.at < len(pattern):
        raise BadRegex("its parentheses do not match")
    return Regex(node.text, reader.groups, tuple(reader.tails), tuple(reader.places), node.nullable, reader.words)


class _Reader:
    """A recursive descent over one pattern."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.groups = 0
        self.written = 0
        self.places = [0]
        self.tails: list[int] = []
        self.words = False
        self.ignore_case = False
        self.dot_all = False

    def alternatives(self, depth: int, *, last: bool) -> _Node:
        if depth > 50:
            raise BadRegex("its groups are nested too deeply")
        flags = self.ignore_case, self.dot_all
        found = [self._sequence(depth, last=last)]
        while self._take("|"):
            found.append(self._sequence(depth, last=last))
        self.ignore_case, self.dot_all = flags
        if len(found) == 1:
            return found[0]
        return _Node("|".join(each.text for each in found), any(each.nullable for each in found), atom=False)

    def _sequence(self, depth: int, *, last: bool) -> _Node:
        parts: list[_Node] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            node = self._quantified(depth, last=last)
            if node is not None:
                parts.append(node)
        return _Node("".join(part.text for part in parts), all(part.nullable for part in parts), atom=False)

    def _quantified(self, depth: int, *, last: bool) -> _Node | None:
        node = self._atom(depth, last=last)
        if node is None:
            return None
        while True:
            bounds = self._quantifier()
            if bounds is None:
                return node
            if node.zero_width:
                raise BadRegex("a quantifier stands after what matches no character")
            low, high = bounds
            if self._take("+"):
                raise BadRegex("possessive quantifiers (such as a*+) cannot be run here")
            lazy = "?" if self._take("?") else ""
            shown = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get(bounds)
            if shown is None:
                shown = f"{{{low}}}" if high == low else f"{{{low},{'' if high is None else high}}}"
            body = node.text if node.atom else f"(?:{node.text})"
            # A second quantifier (a{2}{3}) applies to all of it.
            node = _Node(f"(?:{body}{shown}{lazy})", node.nullable or low == 0)

    def _quantifier(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        if not self._take("{"):
            return None
        low = self._number()
        high: int | None = low
        if self._take(","):
            high = None if self._peek() == "}" else self._number()
        if not self._take("}") or (high is not None and high < low):
            raise BadRegex("a repetition in braces is malformed")
        if max(low, high or 0) > _MAX_REPEAT:
            raise BadRegex(f"a repetition of more than {_MAX_REPEAT:,} cannot be run here")
        return low, high

    def _number(self) -> int:
        start = self.at
        while self._peek().isascii() and self._peek().isdigit():
            self.at += 1
        if start == self.at or self.at - start > 9:
            raise BadRegex("a repetition in braces is malformed")
        return int(self.pattern[start : self.at])

    def _peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _take(self, text: str) -> bool:
        if self.pattern.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def _next(self) -> str:
        if self.at >= len(self.pattern):
            raise BadRegex("it ends too soon")
        self.at += 1
        return self.pattern[self.at - 1]

    def _atom(self, depth: int, *, last: bool) -> _Node | None:  # noqa: PLR0911 -- one a kind
        each = self._next()
        if each == "(":
            return self._group(depth, last=last)
        if each == "[":
            return self._class_node(self._class())
        if each == ".":
            return _Node(r"[\x{0}-\x{10FFFF}]" if self.dot_all else _DOT, nullable=False)
        if each == "^":
            return _Node(r"\A", nullable=True, zero_width=True)
        if each == "$":
            return self._tail(last=last)
        if each == "\\":
            return self._escape(last=last)
        if each in "*+?":
            raise BadRegex(f"the quantifier {each} stands after nothing")
        if each == "{":
            raise BadRegex("a { stands where nothing can be repeated; write \\{ for the character")
        return self._character(ord(each))

    def _tail(self, *, last: bool) -> _Node:
        """`$`: the end, or what ends the last line."""
        if not last or (self.at < len(self.pattern) and self.pattern[self.at] not in "|)"):
            raise BadRegex("a $ before the end of the pattern cannot be run here; \\z is the very end of the text")
        self.written += 1
        self.tails.append(self.written)
        return _Node(_TAIL, nullable=True, zero_width=True)

    def _group(self, depth: int, *, last: bool) -> _Node | None:
        opening = "(?:"
        if self._take("?"):
            if self._take(":"):
                pass
            elif self._take("<") and self._peek() not in {"=", "!"}:
                name = self.pattern[self.at :].partition(">")[0]
                if not (name.isascii() and name.isalnum() and name[0].isalpha()):
                    raise BadRegex("a group's name is malformed")
                self.at += len(name) + 1
                opening = "("
            elif self._peek() in {"=", "!", ">"} or self.pattern[self.at - 1] == "<":
                raise BadRegex("look-ahead, look-behind and independent groups cannot be run here")
            else:
                return self._flags(depth, last=last)
        else:
            opening = "("
        if opening == "(":
            self.groups += 1
            self.written += 1
            self.places.append(self.written)
        # What stands after the group is seen once it is closed: a $ inside counts on there being nothing.
        inner_last = last and self._closes_at_end()
        node = self.alternatives(depth + 1, last=inner_last)
        if not self._take(")"):
            raise BadRegex("its parentheses do not match")
        return _Node(f"{opening}{node.text})", node.nullable)

    def _closes_at_end(self) -> bool:
        """Whether the group that has just been opened is the last thing of its alternatives."""
        level, index, in_class = 1, self.at, 0
        while index < len(self.pattern):
            each = self.pattern[index]
            if each == "\\":
                index += 1
            elif each == "[":
                in_class += 1
            elif each == "]" and in_class:
                in_class -= 1
            elif not in_class:
                level += (each == "(") - (each == ")")
                if not level:
                    return self.pattern[index + 1 : index + 2] in {"", "|", ")"}
            index += 1
        return False

    def _flags(self, depth: int, *, last: bool) -> _Node | None:
        on = True
        while (each := self._next()) not in ":)":
            if each == "-":
                on = False
            elif each == "i":
                pending = ("ignore_case", on)
                setattr(self, *pending)
            elif each == "s":
                self.dot_all = on
            else:
                raise BadRegex(f"the flag {each} cannot be used here")
        if each == ")":
            return None
        flags = self.ignore_case, self.dot_all
        node = self.alternatives(depth + 1, last=last and self._closes_at_end())
        self.ignore_case, self.dot_all = flags
        if not self._take(")"):
            raise BadRegex("its parentheses do not match")
        return _Node(f"(?:{node.text})", node.nullable)

    def _escape(self, *, last: bool) -> _Node | None:  # noqa: PLR0911 -- one a kind
        each = self._next()
        if each == "Q":
            quoted, end, self_at = self.pattern[self.at :].partition("\\E")
            self.at += len(quoted) + len(end) + 0 * len(self_at)
            if not quoted:
                return None
            nodes = [self._character(ord(letter)) for letter in quoted]
            if len(nodes) > 1 and self._peek() in {"*", "+", "?", "{"}:
                raise BadRegex("a quantifier after \\Q...\\E cannot be run here; put it into (?:...)")
            return _Node("".join(node.text for node in nodes), nullable=False, atom=len(nodes) == 1)
        if each == "E":
            return None
        if each in "bB":
            self.words = True
            return _Node(f"\\{each}", nullable=True, zero_width=True)
        if each == "A":
            return _Node(r"\A", nullable=True, zero_width=True)
        if each == "z":
            return _Node(r"\z", nullable=True, zero_width=True)
        if each == "Z":
            return self._tail(last=last)
        if each == "R":
            return _Node(r"(?:\r\n|[\n-\r\x{85}\x{2028}\x{2029}])", nullable=False)
        if each in "GXNk" or "1" <= each <= "9":
            what = "references to groups" if each == "k" or each.isdigit() else f"\\{each}"
            raise BadRegex(f"{what} cannot be run here")
        found = self._class_escape(each)
        return self._class_node(found) if found is not None else self._character(self._code(each))

    def _class_escape(self, each: str) -> _Set | None:
        r"""\d and its like."""
        if each.lower() in _CLASSES:
            ranges = _CLASSES[each.lower()]
            return _Set(tuple(ranges if each.islower() else _complement(ranges)))
        if each not in "pP":
            return None
        name = self._next()
        if name == "{":
            name, end, _ = self.pattern[self.at :].partition("}")
            self.at += len(name) + len(end)
        if name in _PROPERTIES:
            ranges = _PROPERTIES[name]
            return _Set(tuple(ranges if each == "p" else _complement(ranges)))
        name = name.removeprefix("Is").removeprefix("general_category=").removeprefix("gc=")
        if name not in _CATEGORIES:
            raise BadRegex(f"the property {name[:32]} cannot be used here")
        return _Set((), (f"\\{each}{{{name}}}",))

    def _code(self, each: str) -> int:  # noqa: PLR0911 -- one a kind
        """The character that an escape stands for."""
        if each in _CONTROL:
            return _CONTROL[each]
        if each == "x":
            if self._take("{"):
                digits, end, _ = self.pattern[self.at :].partition("}")
                self.at += len(digits) + len(end)
                return self._hexadecimal(digits)
            return self._hexadecimal(self._next() + self._next())
        if each == "u":
            return self._hexadecimal("".join(self._next() for _ in range(4)))
        if each == "0":
            digits = ""
            while (
                len(digits) < 3 and self._peek() and self._peek() in "01234567" and int(digits + self._peek(), 8) < 256
            ):
                digits += self._next()
            if not digits:
                raise BadRegex("an octal escape is malformed")
            return int(digits, 8)
        if each == "c":
            return ord(self._next()) ^ 64
        if each.isascii() and each.isalpha():
            raise BadRegex(f"Java has no escape \\{each}")
        return ord(each)

    def _hexadecimal(self, digits: str) -> int:
        try:
            code = int(digits, 16) if digits.isalnum() else -1
        except ValueError:
            code = -1
        if not 0 <= code <= _MAX_CHAR or 0xD800 <= code <= 0xDFFF:
            raise BadRegex("a hexadecimal escape is malformed")
        return code

    def _character(self, code: int) -> _Node:
        return self._class_node(_Set(((code, code),)))

    # Character classes

    def _class(self) -> _Set:
        """What stands after [, to its ]."""
        negated = self._take("^")
        whole: _Set | None = None
        current = _Set(())
        empty = True
        while True:
            if self._peek() == "]" and not empty:
                self.at += 1
                break
            if self._take("&&"):
                whole = current if whole is None else _both(whole, current)
                current, empty = _Set(()), False
                continue
            current = _either(current, self._class_item())
            empty = False
        if whole is not None:
            current = _both(whole, current)
        if negated:
            if current.named:
                # RE2's own negation, of ranges and names.
                return _Set((), (_shown(current, negated=True),))
            return _Set(tuple(_complement(list(self._cased(current.ranges)))))
        return current

    def _class_item(self) -> _Set:
        each = self._next()
        if each == "[":
            return self._class()
        if each == "\\":
            following = self._next()
            if following == "Q":
                raise BadRegex("\\Q in a character class cannot be used here")
            found = self._class_escape(following)
            if found is not None:
                return found
            low = self._code(following)
        else:
            low = ord(each)
        if self._peek() == "-" and self.pattern[self.at + 1 : self.at + 2] not in {"]", "[", ""}:
            self.at += 1
            each = self._next()
            if each == "\\":
                following = self._next()
                if following in "dDwWsShHvVpPQ":
                    raise BadRegex("a range in a character class ends in no character")
                high = self._code(following)
            else:
                high = ord(each)
            if high < low:
                raise BadRegex("a range in a character class goes backwards")
            return _Set(((low, high),))
        return _Set(((low, low),))

    def _cased(self, ranges: tuple[tuple[int, int], ...]) -> Ranges:
        """With both cases of ASCII's letters where case does not count."""
        found = list(ranges)
        if self.ignore_case:
            for low, high in ranges:
                for first, last, other in ((65, 90, 32), (97, 122, -32)):
                    if max(low, first) <= min(high, last):
                        found.append((max(low, first) + other, min(high, last) + other))
        return _merged(found)

    def _class_node(self, found: _Set) -> _Node:
        found = _Set(tuple(self._cased(found.ranges)), found.named)
        return _Node(_shown(found, negated=False), nullable=False)


def _shown(found: _Set, *, negated: bool) -> str:
    if not negated and not found.named and len(found.ranges) == 1 and found.ranges[0][0] == found.ranges[0][1]:
        return _escaped(found.ranges[0][0])
    if not found.ranges and not found.named:
        return r"[^\x{0}-\x{10FFFF}]"
    if len(found.named) == 1 and not found.ranges and not negated:
        return found.named[0]
    if any(name.startswith("[") for name in found.named):
        raise BadRegex("a negated class of Unicode categories inside another cannot be run here")
    inner = "".join(_escaped(low) if low == high else f"{_escaped(low)}-{_escaped(high)}" for low, high in found.ranges)
    return f"[{'^' if negated else ''}{inner}{''.join(found.named)}]"


def _escaped(code: int) -> str:
    letter = chr(code)
    return letter if letter.isascii() and letter.isalnum() else f"\\x{{{code:X}}}"


def _merged(ranges: Ranges) -> Ranges:
    found: Ranges = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found


def _complement(ranges: Ranges) -> Ranges:
    found, start = [], 0
    for low, high in _merged(ranges):
        if low > start:
            found.append((start, low - 1))
        start = high + 1
    if start <= _MAX_CHAR:
        found.append((start, _MAX_CHAR))
    return found


def _either(first: _Set, second: _Set) -> _Set:
    return _Set(tuple(_merged([*first.ranges, *second.ranges])), first.named + second.named)


def _both(first: _Set, second: _Set) -> _Set:
    if first.named or second.named:
        raise BadRegex("an intersection of Unicode categories cannot be run here")
    outside = _complement(list(first.ranges)) + _complement(list(second.ranges))
    return _Set(tuple(_complement(outside)))


# Replacements


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
