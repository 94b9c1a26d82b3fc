"""Regular expressions that members supply: whether an engine can read them. Nothing is matched here."""

from __future__ import annotations

import re

import re2


def fault_of(pattern: str) -> str | None:
    """What is wrong with an expression, None where RE2 compiles it."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "unknown reason"
        return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
    except UnicodeEncodeError:
        return "it is not well-formed Unicode"
    return None


def metric_fault_of(pattern: str) -> str | None:
    """What is wrong with a metric's expression, None where RE2 or, for look-around and the like, Python reads it."""
    fault = fault_of(pattern)
    if fault is None:
        return None
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return fault
    return None
