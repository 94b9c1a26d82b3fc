"""Applies metric definitions to lines of a log. An expression that costs too much is switched off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import re2
import regex

from whiteroom.domain.observability.metrics import MetricReading, parse_value, switched_off

LINE_SECONDS = 0.1
"""How long an expression that RE2 cannot express may take over one line."""
_RE2_BYTES = 1 << 20
"""The memory of one expression. The larger its program, the slower the worst line."""

Search = Callable[[str, bytes], str | None]
"""The first group of the first match in a line, which is given as text and in UTF-8.

Raises:
    TimeoutError: the line took too long.
"""


class Matcher:
    """The definitions of one run at work, and what each has cost."""

    def __init__(self, reading: MetricReading) -> None:
        self.seconds = list(reading.seconds)
        self.timeouts = list(reading.timeouts)
        self._searches = [
            (number, definition["name"], search)
            for number, definition in enumerate(reading.definitions)
            if (search := compiled(definition["regex"])) is not None
        ]
        self._waited = [0.0] * len(self.seconds)
        self._began = time.thread_time(), time.perf_counter()
        self._drop_costly()

    def values(self, line: str) -> Iterable[tuple[str, float]]:
        """The values in one line, each with its metric's name, in the order of the definitions."""
        values = []
        costly = False
        encoded = line.encode(errors="replace")
        began = time.perf_counter()
        for number, name, search in self._searches:
            try:
                value = parse_value(search(line, encoded))
            except TimeoutError:
                self.timeouts[number] += 1
                value = None
                costly = True
            if value is not None:
                values.append((name, value))
            ended = time.perf_counter()
            self._waited[number] += ended - began
            began = ended
        if costly:
            self._drop_costly()
        return values

    def settle(self) -> None:
        """Charge the definitions for the lines since the last time, and drop those that have cost too much.

        For CPU time: on a machine that is busy with other things no expression is to blame. Asking for it at each
        line would cost as much as a match, so that it is shared out as the time was.
        """
        cpu, now = time.thread_time(), time.perf_counter()
        share = min(1.0, (cpu - self._began[0]) / max(now - self._began[1], 1e-9))
        self.seconds = [spent + share * waited for spent, waited in zip(self.seconds, self._waited, strict=True)]
        self._waited = [0.0] * len(self.seconds)
        self._began = cpu, now
        self._drop_costly()

    def _drop_costly(self) -> None:
        off = switched_off(self.seconds, self.timeouts)
        self._searches = [entry for entry in self._searches if entry[0] not in off]


def compiled(pattern: str) -> Search | None:
    """What searches for `pattern`: RE2, or for what it cannot express `regex`; None where neither reads it.

    None is for what was recorded by an earlier release: operations/patterns.py lets no other in.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _RE2_BYTES
    try:
        return _search_in_bytes(re2.compile(pattern.encode(), options))
    except (re2.error, UnicodeEncodeError):
        pass
    try:
        return _search_in_text(regex.compile(pattern))
    except (regex.error, RecursionError, OverflowError, MemoryError, IndexError):
        return None


def _search_in_bytes(expression: Any) -> Search | None:
    if not expression.groups:
        return None

    def search(_line: str, encoded: bytes) -> str | None:
        # In a text RE2's wrapper would count the characters before each match.
        match = expression.search(encoded)
        group = None if match is None else match.group(1)
        return None if group is None else str(group, "utf-8", "replace")

    return search


def _search_in_text(expression: Any) -> Search | None:
    if not expression.groups:
        return None

    def search(line: str, _encoded: bytes) -> str | None:
        match = expression.search(line, timeout=LINE_SECONDS)
        group: str | None = None if match is None else match.group(1)
        return group

    return search
