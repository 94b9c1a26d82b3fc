"""Personal information, found by its form: Presidio's recognisers, and forms of our own.

Presidio (the extra `pii`) knows the numbers of documents, taxes and health insurances of some twenty
countries: by their check digits, by their form, or by a form that many numbers have and a word before
it, such as `passport`. It knows telephone numbers too. Names are for a language model (names.py).
Some of its expressions take quadratic time, so that a text is searched in windows.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from whiteroom.domain.privacy.redaction import Span

_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    *("december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"),
    *("januar", "jänner", "februar", "märz", "mai", "juni", "juli", "oktober", "dezember", "mär", "okt", "dez"),
    *("janvier", "février", "mars", "avril", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    *("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre"),
    *("dicembre", "enero", "febrero", "abril", "mayo", "junio", "julio", "septiembre", "octubre", "noviembre"),
    *("diciembre",),
)
_MONTH = f"(?:{'|'.join(_MONTHS)})"

FORMS = (
    r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+",  # e-mail addresses
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",  # IBANs
    r"\d{3}-\d{2}-\d{4}",  # social security numbers
    r"(?:\d[ -]?){12,}\d",  # card numbers
    r"\b\d{4}(?:[./:|]\d{4}){3}\b",  # and with other signs between
    r"(?:\d{1,3}\.){3}\d{1,3}",  # IPv4 addresses
    r"\b(?:[0-9A-Fa-f]{1,4}:){3,7}(?::?[0-9A-Fa-f]{1,4})\b",  # IPv6 addresses
    r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b",  # hardware addresses
    r"\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}",  # telephone numbers with their country
    r"(?:\(\d{2,4}\) ?|\b\d{2,4}[ .-])\d{3,4}[ .-]\d{3,4}\b",  # and without
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",  # AWS access keys
    r"\d{4}-\d{2}-\d{2}",  # dates, of birth among others
    r"(?:\b|_)(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\b|_)",  # and without signs between
    rf"(?i)\b\d{{1,2}}(?:st|nd|rd|th|er|\.|º)?(?:[ -]|\b)(?:of |de |d')?{_MONTH}\.?,?(?:[ -]|\b)(?:de |del )?\d{{4}}",
    rf"(?i)\b{_MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}",  # and with the month in words
    r"\b756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2}\b",  # social security numbers of Switzerland
)
"""Matched by RE2 beside Presidio: what is stronger there, or needs a word beside it to be believed there."""

WINDOW_CHARACTERS = 1024
_OVERLAP_CHARACTERS = 256
"""Longer than anything that is looked for."""
_LEAST_SCORE = 0.4
"""Below it are forms like "eight digits", which nearly every number has: they count after a word that names them."""
_WORDS_BEFORE = 5
"""How many words before a number may name it. As many as Presidio's LemmaContextAwareEnhancer takes, which needs a
spaCy document of the text; and whole ones, for `ort` is in `import`."""
_WORD = re.compile(r"\w+")
_FRACTION = re.compile(r"(?<![0-9A-Za-z.])0\.[0-9]+(?!\.?[0-9A-Za-z])")
_MORE_REGIONS = ("ES", "SE")
"""Whose telephone numbers are known without their country beside Presidio's: they are like none of those."""
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
                if result.score >= _LEAST_SCORE or _is_named(window[: result.start], recogniser.context):
                    yield start + result.start, start + result.end


def _is_named(before: str, names: Sequence[str] | None) -> bool:
    """Whether one of the words or phrases stands among the last words before a find."""
    words = " ".join(_WORD.findall(before[-_OVERLAP_CHARACTERS:].lower())[-_WORDS_BEFORE:])
    return any(f" {name.lower()} " in f" {words} " for name in names or ())


def windows(text: str) -> Iterator[tuple[int, str]]:
    """The text in overlapping pieces, and where each begins.

    `_` is a blank in them: to Presidio's expressions it is a letter, and `id_12345678Z` a single word.
    """
    step = WINDOW_CHARACTERS - _OVERLAP_CHARACTERS
    for start in range(0, max(len(text) - _OVERLAP_CHARACTERS, 1), step):
        yield start, text[start : start + WINDOW_CHARACTERS].replace("_", " ")


def without_fractions(text: str) -> str:
    """The text, as long as it is, without its decimal fractions: `0.893317` has the digits of a telephone number."""
    return _FRACTION.sub(lambda match: ";" * len(match[0]), text)


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
    phones = predefined_recognizers.PhoneRecognizer
    regions = (*phones.DEFAULT_SUPPORTED_REGIONS, *_MORE_REGIONS)
    return (EmailRecognizer(), phones(supported_regions=regions), *(kind() for kind in forms))
