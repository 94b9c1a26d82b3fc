"""Personal information, found by its form: Presidio's recognisers, and forms of our own.

Presidio (the extra `pii`) knows the numbers of documents, taxes and health insurances of some twenty
countries with their check digits, and telephone numbers. It is asked without a language model, since
none can be had as a package: a bare name, an address or a diagnosis is not found (docs/privacy.md).
Some of its expressions take quadratic time, so that a text is searched in windows.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from collections.abc import Iterator
from typing import Any

from whiteroom.domain.redaction import Span

FORMS = (
    r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+",  # e-mail addresses
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",  # IBANs
    r"\d{3}-\d{2}-\d{4}",  # social security numbers
    r"(?:\d[ -]?){12,}\d",  # card numbers
    r"(?:\d{1,3}\.){3}\d{1,3}",  # IPv4 addresses
    r"\b(?:[0-9A-Fa-f]{1,4}:){3,7}(?::?[0-9A-Fa-f]{1,4})\b",  # IPv6 addresses
    r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b",  # hardware addresses
    r"\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}",  # telephone numbers with their country
    r"(?:\(\d{2,4}\) ?|\b\d{2,4}[ .-])\d{3,4}[ .-]\d{3,4}\b",  # and without
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",  # AWS access keys
    r"\d{4}-\d{2}-\d{2}",  # dates, of birth among others
)
"""Matched by RE2 beside Presidio: what is stronger there, or needs a word beside it to be believed there."""

WINDOW_CHARACTERS = 1024
_OVERLAP_CHARACTERS = 256
"""Longer than anything that is looked for."""
_LEAST_SCORE = 0.4
"""Below it are forms like "eight digits", which nearly every number has."""
_NOT_PERSONAL = frozenset({"UrlRecognizer", "UuidRecognizer"})
"""Module names look like host names (`train.py`); UUIDs are what this API names everything by."""


@functools.cache
def is_installed() -> bool:
    """Whether Presidio can be had here. Does not import it: that takes a second."""
    return importlib.util.find_spec("presidio_analyzer") is not None


def found(text: str) -> Iterator[Span]:
    """Where Presidio finds something.

    Raises:
        RuntimeError: it is not installed.
    """
    if not _may_have_any(text):
        return
    recognisers = _recognisers()
    for start, window in windows(text):
        if not _may_have_any(window):
            continue
        for recogniser in recognisers:
            try:
                results = recogniser.analyze(window, recogniser.supported_entities)
            except Exception:  # noqa: BLE001 - what it cannot read is not shown; its words may hold some of the text
                yield start, start + len(window)
                break
            for result in results:
                if result.score >= _LEAST_SCORE:
                    yield start + result.start, start + result.end


def windows(text: str) -> Iterator[tuple[int, str]]:
    """The text in overlapping pieces, and where each begins.

    `_` is a blank in them: to Presidio's expressions it is a letter, and `id_12345678Z` a single word.
    """
    step = WINDOW_CHARACTERS - _OVERLAP_CHARACTERS
    for start in range(0, max(len(text) - _OVERLAP_CHARACTERS, 1), step):
        yield start, text[start : start + WINDOW_CHARACTERS].replace("_", " ")


def _may_have_any(text: str) -> bool:
    """Whether there is a digit, or what parts the halves of an address: nothing is found without either."""
    return "@" in text or ":" in text or any(map(str.isdigit, text))


_lock = threading.Lock()


def _recognisers() -> tuple[Any, ...]:
    with _lock:
        return _loaded()


@functools.cache
def _loaded() -> tuple[Any, ...]:
    if not is_installed():
        raise RuntimeError("Presidio is not installed.")
    from presidio_analyzer import PatternRecognizer, predefined_recognizers  # noqa: PLC0415 - it takes a second

    class EmailRecognizer(predefined_recognizers.EmailRecognizer):
        """Takes the form of an address for one. Presidio's own fetches a list of domains from the Internet."""

        def validate_result(self, pattern_text: str) -> None:  # noqa: ARG002
            return None

    kinds = [kind for kind in vars(predefined_recognizers).values() if isinstance(kind, type)]
    forms: list[Any] = [
        kind
        for kind in kinds
        if issubclass(kind, PatternRecognizer)
        and kind is not PatternRecognizer
        and kind.__name__ not in _NOT_PERSONAL | {EmailRecognizer.__name__}
    ]
    made = [kind() for kind in forms]
    return (EmailRecognizer(), predefined_recognizers.PhoneRecognizer(), *filter(_can_be_believed, made))


def _can_be_believed(recogniser: Any) -> bool:
    """Whether it ever finds something of the score that counts: by its form, or by its check digits."""
    from presidio_analyzer import PatternRecognizer  # noqa: PLC0415

    checks = type(recogniser).validate_result is not PatternRecognizer.validate_result
    return checks or any(pattern.score >= _LEAST_SCORE for pattern in recogniser.patterns)
