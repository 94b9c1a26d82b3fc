"""Java's regular expressions in RE2's words, which run in linear time whatever the text.

A pattern is read as java.util.regex reads it (Java 17, no flags) and written for RE2 with the same meaning, character
classes spelled out. What RE2 has not (look-around, references to groups, possessive quantifiers) is refused by name.
`$` matches before a line's end at the end of the text too: a pattern may have it at the end of its alternatives, where
`tail` says that it was written as a group of its own, to be given back by whoever cuts or replaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from whiteroom.engines.duckdb.spark.java.character_classes import CharacterSet, shown
from whiteroom.engines.duckdb.spark.java.pattern_characters import CharacterReader
from whiteroom.engines.duckdb.spark.java.regex_errors import BadRegex

_LINE_ENDS = r"\n\r\x{85}\x{2028}\x{2029}"

_DOT = f"[^{_LINE_ENDS}]"

_TAIL = rf"((?:\r\n|[{_LINE_ENDS}])?)\z"

_MAX_REPEAT = 1_000


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
    something: str | None
    """What it matches unless it matches nothing, where it is one part that may be left out (`x*` is `x+` then)."""
    words: bool
    """Whether it asks for word boundaries, which are ASCII's in RE2."""


@dataclass(frozen=True, slots=True)
class _Node:
    text: str
    nullable: bool
    atom: bool = True
    """Whether a quantifier after it takes all of it."""
    zero_width: bool = False
    something: str | None = None


@lru_cache(maxsize=256)
def to_re2(pattern: str, *, of_no_line_end: bool = False) -> Regex:
    """The pattern for RE2.

    `of_no_line_end`: for texts that do not end in the end of a line, of which `$` is the very end, and no group.

    Raises:
        BadRegex: Java does not take it, or RE2 cannot run it.
    """
    reader = _Reader(pattern, passes_line_ends=not of_no_line_end)
    node = reader.alternatives(0, last=True)
    if reader.at < len(pattern):
        raise BadRegex("its parentheses do not match")
    places, tails = tuple(reader.places), tuple(reader.tails)
    return Regex(node.text, reader.groups, tails, places, node.nullable, node.something, reader.words)


def _times(low: int, high: int | None) -> str:
    shown = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high))
    if shown is None:
        shown = f"{{{low}}}" if high == low else f"{{{low},{'' if high is None else high}}}"
    return shown


class _Reader(CharacterReader):
    """A recursive descent over one pattern."""

    def __init__(self, pattern: str, *, passes_line_ends: bool) -> None:
        super().__init__(pattern)
        self.passes_line_ends = passes_line_ends
        self.groups = 0
        self.written = 0
        self.places = [0]
        self.tails: list[int] = []
        self.words = False
        self.dot_all = False

    def alternatives(self, depth: int, *, last: bool) -> _Node:
        if depth > 50:
            raise BadRegex("its groups are nested too deeply")
        flags = self.ignore_case, self.dot_all
        found = [self._sequence(depth, last=last)]
        while self.take("|"):
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
        text, nullable = "".join(part.text for part in parts), all(part.nullable for part in parts)
        return _Node(text, nullable, atom=False, something=parts[0].something if len(parts) == 1 else None)

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
            if self.take("+"):
                raise BadRegex("possessive quantifiers (such as a*+) cannot be run here")
            lazy = "?" if self.take("?") else ""
            body = node.text if node.atom else f"(?:{node.text})"
            something = None if lazy or low or node.nullable else f"(?:{body}{_times(1, high)})"
            # A second quantifier (a{2}{3}) applies to all of it.
            node = _Node(f"(?:{body}{_times(low, high)}{lazy})", node.nullable or low == 0, something=something)

    def _quantifier(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.take(sign):
                return bounds
        if not self.take("{"):
            return None
        low = self.number()
        high: int | None = low
        if self.take(","):
            high = None if self.peek() == "}" else self.number()
        if not self.take("}") or (high is not None and high < low):
            raise BadRegex("a repetition in braces is malformed")
        if max(low, high or 0) > _MAX_REPEAT:
            raise BadRegex(f"a repetition of more than {_MAX_REPEAT:,} cannot be run here")
        return low, high

    def _atom(self, depth: int, *, last: bool) -> _Node | None:  # noqa: PLR0911 -- one a kind
        each = self.next()
        if each == "(":
            return self._group(depth, last=last)
        if each == "[":
            return self._class_node(self.character_class())
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
        if not self.passes_line_ends:
            return _Node(r"\z", nullable=True, zero_width=True)
        self.written += 1
        self.tails.append(self.written)
        return _Node(_TAIL, nullable=True, zero_width=True)

    def _group(self, depth: int, *, last: bool) -> _Node | None:
        opening = "(?:"
        if self.take("?"):
            if self.take(":"):
                pass
            elif self.take("<") and self.peek() not in {"=", "!"}:
                name = self.pattern[self.at :].partition(">")[0]
                if not (name.isascii() and name.isalnum() and name[0].isalpha()):
                    raise BadRegex("a group's name is malformed")
                self.at += len(name) + 1
                opening = "("
            elif self.peek() in {"=", "!", ">"} or self.pattern[self.at - 1] == "<":
                raise BadRegex("look-ahead, look-behind and independent groups cannot be run here")
            else:
                return self._flags(depth, last=last)
        else:
            opening = "("
        if opening == "(":
            self.groups += 1
            self.written += 1
            self.places.append(self.written)
        # What comes after the group is seen once it is closed: a $ inside counts on there being nothing.
        inner_last = last and self._closes_at_end()
        node = self.alternatives(depth + 1, last=inner_last)
        if not self.take(")"):
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
        while (each := self.next()) not in ":)":
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
        if not self.take(")"):
            raise BadRegex("its parentheses do not match")
        return _Node(f"(?:{node.text})", node.nullable)

    def _escape(self, *, last: bool) -> _Node | None:  # noqa: PLR0911 -- one a kind
        each = self.next()
        if each == "Q":
            quoted, end, self_at = self.pattern[self.at :].partition("\\E")
            self.at += len(quoted) + len(end) + 0 * len(self_at)
            if not quoted:
                return None
            nodes = [self._character(ord(letter)) for letter in quoted]
            if len(nodes) > 1 and self.peek() in {"*", "+", "?", "{"}:
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
        found = self.class_escape(each)
        return self._class_node(found) if found is not None else self._character(self.code(each))

    def _character(self, code: int) -> _Node:
        return self._class_node(CharacterSet(((code, code),)))

    def _class_node(self, found: CharacterSet) -> _Node:
        found = CharacterSet(tuple(self.cased(found.ranges)), found.named)
        return _Node(shown(found, negated=False), nullable=False)
