r"""The models' regular expressions, matched against whole strings in linear time.

They are written for Java, where `\w` and `\d` are ASCII. Three engines share them:
- Python's `re` takes what it cannot be made to back-track on: patterns without a
  repeated group. It is several times as fast to call as the others.
- RE2 takes repeated groups (`(([a-z]+)*([a-z]+))?` is exponential in `re`) and the
  Unicode classes (`\p{L}`) that `re` lacks.
- A pattern that neither takes safely is rewritten below, by its exact text.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import re2

Matcher = Callable[[str], object]
"""Answers something true when the whole string matches."""

_LABEL = r"([a-z0-9]|[a-z0-9][a-z0-9\-]*[a-z0-9])"
S3_BUCKET = rf".*(?!^(\d+\.)+\d+$)(^({_LABEL}\.)*{_LABEL}$).*"
"""Both `.*` are empty in any match, since `^` and `$` stand between them: dotted labels, and not numbers alone."""

_REPEATED_GROUP = re.compile(r"\)[*+{]")


@functools.cache
def matcher(pattern: str) -> Matcher:
    """The function that matches a whole string against `pattern`."""
    if pattern == S3_BUCKET:
        return _bucket_matcher()
    if _REPEATED_GROUP.search(pattern) or r"\p" in pattern:
        return _linear(pattern)
    return re.compile(pattern, re.ASCII).fullmatch


def _linear(pattern: str) -> Matcher:
    options = re2.Options()
    options.log_errors = False
    match: Matcher = re2.compile(pattern, options).fullmatch
    return match


def _bucket_matcher() -> Matcher:
    is_name = _linear(rf"({_LABEL}\.)*{_LABEL}")
    is_number = _linear(r"(\d+\.)+\d+")

    def matches(text: str) -> bool:
        return bool(is_name(text)) and not is_number(text)

    return matches
