"""Names of people and places, found by a language model: a spaCy pipeline of the operator's, through Presidio.

None comes with Whiteroom: no English one can be had as a package (decision 0020). The operator installs
one and names it (settings: redaction_language_model). Nothing is ever downloaded: Presidio would fetch
a pipeline that is missing, so it is given one that is loaded.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from whiteroom.domain.privacy.redaction import Span
from whiteroom.redaction import personal

LABELS: Mapping[str, str] = {
    **dict.fromkeys(("PERSON", "PER", "PRS", "PS", "persName", "NAME", "PATIENT", "STAFF", "HCW", "DOCTOR"), "PERSON"),
    **dict.fromkeys(("LOCATION", "LOC", "GPE", "GPE_LOC", "GPE_ORG", "FAC", "LC", "placeName", "geogName"), "LOCATION"),
    **dict.fromkeys(("NORP", "NRP"), "NRP"),
}
"""What pipelines call a person, a place (FAC: buildings and streets), a nationality, religion or political group:
spaCy's own in their languages, and those that were trained on patients' records. By Presidio's names for them."""

_GRAMMAR = frozenset(
    {"tagger", "parser", "morphologizer", "senter", "sentencizer", "lemmatizer", "trainable_lemmatizer"}
    | {"attribute_ruler", "textcat", "textcat_multilabel"}
)
_LEARNT = frozenset({"tok2vec", "transformer", "curated_transformer", "ner", "beam_ner"})
"""spaCy's components, by their factories. What is learnt of names asks nothing of the grammar, which takes three
quarters of the time."""

LINE_SECONDS = 10.0
"""How long one text is searched; what is left of it by then is hidden."""
_LANGUAGE = "en"
"""What Presidio files the pipeline under. Its own language does not matter."""
_PROBE = "Dr Jane Smith of 12 Station Road, Leeds, has seen 3 patients."


class NoNames(Exception):
    """The pipeline cannot be used. The message is one sentence that names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Names:
    """A pipeline that is loaded. For any number of threads, one at a time."""

    pipeline: str
    """Its name and version."""
    kinds: tuple[str, ...]
    """What it finds, by Presidio's names."""
    _search: Callable[[str], list[Span]]
    _clock: Callable[[], float] = time.monotonic

    def found(self, text: str) -> Iterator[Span]:
        """Where names stand. What cannot be searched, or not in time, is found as a whole."""
        until = None
        for start, window in personal.windows(text):
            if not any(map(str.isalpha, window)):
                continue
            if until is not None and self._clock() > until:
                yield start, len(text)
                return
            try:
                spans = self._search(window)
            except Exception:  # noqa: BLE001 - what it cannot read is not shown; its words may hold some of the text
                yield start, start + len(window)
                continue
            if until is None:  # from the first window on, before which others may have been waited for
                until = self._clock() + LINE_SECONDS
            for first, end in spans:
                yield start + first, start + end


def load_names(package: str, clock: Callable[[], float] = time.monotonic) -> Names:
    """Load a spaCy pipeline that is installed as a package. Takes seconds; nothing is downloaded.

    Raises:
        NoNames: it is not installed, cannot be loaded, or does not find people.
    """
    if not personal.is_installed():
        raise NoNames(
            f"The language model {package!r} needs Presidio and spaCy: install the extra pii (pip install "
            "'whiteroom[pii]')."
        )
    if not re.fullmatch(r"[A-Za-z]\w*", package, re.ASCII) or not _is_installed(package):
        raise NoNames(
            f"The language model {package!r} is not installed: it must be a spaCy pipeline's package, such as "
            "en_core_web_lg, in the environment that Whiteroom runs in. Nothing is downloaded."
        )
    try:
        pipeline = importlib.import_module(package).load()
        labels = _labels(pipeline)
    except Exception as error:
        raise NoNames(
            f"The language model {package!r} cannot be loaded as a spaCy pipeline ({_words_of(error)}). Install one "
            "that was made for the spaCy that is installed here."
        ) from error
    kinds = tuple(dict.fromkeys(kind for label, kind in LABELS.items() if label in labels))
    if "PERSON" not in kinds:
        raise NoNames(
            f"The language model {package!r} does not find people: it must have a component for named entities with "
            f"the label PERSON or PER, and it has the labels {', '.join(sorted(labels)) or 'of none'}."
        )
    try:
        _spare_grammar(pipeline)
        search = _search_of(pipeline, labels, kinds)
        search(_PROBE)
    except Exception as error:
        raise NoNames(
            f"The language model {package!r} is installed and does not work ({_words_of(error)}). Install it anew, "
            "or another."
        ) from error
    return Names(f"{package} {pipeline.meta.get('version', '')}".strip(), kinds, search, clock)


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.distribution(package)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return False
    return True


def _words_of(error: Exception) -> str:
    """The first line of what an exception says, which may go on for pages."""
    words = str(error).strip().partition("\n")[0][:200]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _labels(pipeline: Any) -> frozenset[str]:
    """What the pipeline's components for named entities can call a find."""
    return frozenset(
        label
        for name in pipeline.pipe_names
        if "doc.ents" in pipeline.get_pipe_meta(name).assigns
        for label in pipeline.pipe_labels.get(name, ())
    )


def _spare_grammar(pipeline: Any) -> None:
    """Have names found alone. A pipeline with components of other kinds is left whole: rules may ask for tags."""
    kinds = {name: pipeline.get_pipe_meta(name).factory for name in pipeline.pipe_names}
    if set(kinds.values()) <= _GRAMMAR | _LEARNT:
        for name, kind in kinds.items():
            if kind in _GRAMMAR:
                pipeline.disable_pipe(name)


def _search_of(pipeline: Any, labels: frozenset[str], kinds: tuple[str, ...]) -> Callable[[str], list[Span]]:
    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine  # noqa: PLC0415 - it takes a second
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer  # noqa: PLC0415

    engine: Any = SpacyNlpEngine(
        [{"lang_code": _LANGUAGE, "model_name": pipeline.meta["name"]}],
        NerModelConfiguration(model_to_presidio_entity_mapping=dict(LABELS), labels_to_ignore=labels - LABELS.keys()),
    )
    # As engine.load() leaves it, which would download a pipeline that it cannot find.
    engine.nlp = {_LANGUAGE: pipeline}
    recogniser = SpacyRecognizer(supported_entities=list(kinds))
    lock = threading.Lock()

    def search(text: str) -> list[Span]:
        # What spaCy learns of a text's words is forgotten with the zone: logs would fill the memory. One at a time.
        with lock, pipeline.memory_zone():
            artifacts = engine.process_text(text, _LANGUAGE)
            return [(result.start, result.end) for result in recogniser.analyze(text, list(kinds), artifacts)]

    return search
