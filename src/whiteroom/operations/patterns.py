"""Checks regular expressions that members supply. Nothing is matched here."""

from __future__ import annotations

import math
import re

import re2
import regex

_METRIC_BYTES = 1 << 20
"""Of RE2's memory for a metric's expression (controllers/metric_matching.py matches with as much)."""
_COUNTED = re.compile(r"\{([0-9]*)(?:,([0-9]*))?\}")
_VERBOSE = re.compile(r"\(\?[A-Za-z0-9-]*x")
_MAX_REPETITIONS = 1_000
"""As in RE2. `regex` writes counted repetitions out: two of 9,999, one in the other, take all memory there is."""
_NO_GROUP = "it has no group; put parentheses around the number, since the first group is the metric's value"


def fault_of(pattern: str, max_bytes: int = 8 << 20) -> str | None:
    """What is wrong with an expression, None where RE2 compiles it within so much memory."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = max_bytes
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "unknown reason"
        return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
    except UnicodeEncodeError:
        return "it is not well-formed Unicode"
    return None


def metric_fault_of(pattern: str) -> str | None:
    """What is wrong with a metric's expression; None where RE2 or, for look-around and the like, `regex` matches by it.

    The first group is the metric's value, so there must be one.
    """
    fault = fault_of(pattern, _METRIC_BYTES)
    if fault is None:
        return None if re2.compile(pattern).groups else _NO_GROUP
    # In a verbose expression a count may have spaces and comments inside.
    if _VERBOSE.search(pattern) or _repetitions(pattern) > _MAX_REPETITIONS:
        return f"{fault}; and beyond RE2 counts like {{9}} may multiply to {_MAX_REPETITIONS:,}, without the flag x"
    try:
        return None if regex.compile(pattern).groups else _NO_GROUP
    except (regex.error, RecursionError, OverflowError, MemoryError, IndexError):
        return fault


def _repetitions(pattern: str) -> int:
    """How often all counted repetitions of an expression together may repeat, were each inside the one before."""
    counts = (max(int(count or 1) for count in found) for found in _COUNTED.findall(pattern))
    return math.prod(max(count, 1) for count in counts)
