"""Names of people and places, by real spaCy pipelines that are trained or made here and installed as packages."""

# Letters that look like others are what is tested here.
# ruff: noqa: RUF001
from __future__ import annotations

import importlib
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
import spacy

from support.effort import effort_under
from support.language_models import WARD, installed, installed_source, listed_names, ward_names
from support.logs import said_here
from whiteroom.domain.observability.container_logs import redacted_failure
from whiteroom.domain.privacy.policies import Entity, LogPolicy, LogType
from whiteroom.domain.privacy.redaction import cleaned, hidden
from whiteroom.redaction import personal
from whiteroom.redaction.finder import PatternFinder
from whiteroom.redaction.names import Names, NoNames, load_names

PERSONAL = LogPolicy(("111111111111",), None, LogType.ALL, (Entity.PERSONAL,), ())
NUMBERS = LogPolicy(("111111111111",), None, LogType.ALL, (Entity.NUMBERS,), ())


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PatternFinder]:
    """A finder with a small model, trained on names."""
    place = str(ward_names(tmp_path_factory.mktemp("models")))
    sys.path.insert(0, place)
    yield PatternFinder(load_names(WARD))
    sys.path.remove(place)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where packages can be installed to; what was imported from it goes with it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def redact(text: str, finder: PatternFinder, policy: LogPolicy = PERSONAL) -> str:
    return hidden(cleaned(text), [policy], 8_192, finder)


def found(names: Names, text: str) -> list[str]:
    return [text[start:end] for start, end in names.found(text)]


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("Alice Smith was dropped", "[REDACTED] was dropped"),
        ("row of Olga Khan dropped", "row of [REDACTED] dropped"),
        ("sent from Leeds today", "sent from [REDACTED] today"),
        ("row_of_Alice_Smith_dropped", "row_of_[REDACTED]_dropped"),
        ("row of \x1b[31mAlice\x1b[0m Smi\u200bth dropped", "row of [REDACTED] dropped"),
        ("row of \x00Ali\x08ce Smith\x7f dropped", "row of [REDACTED] dropped"),
        ("row of Ａlice Ｓmith dropped", "row of [REDACTED] dropped"),
        ("row of Alícé Smíth dropped", "row of [REDACTED] dropped"),
        ("row of Alice Smith dropped by a@example.org", "row of [REDACTED] dropped by [REDACTED]"),
    ],
)
def test_a_name_is_masked_as_the_trained_model_finds_it(ward: PatternFinder, line: str, masked: str) -> None:
    assert redact(line, ward) == masked


@pytest.mark.parametrize("line", ["epoch 3: loss 0.25", "saved the model", "done in 3 s", "", " ", "... 123 ---"])
def test_a_line_without_names_is_left_as_it_is(ward: PatternFinder, line: str) -> None:
    assert redact(line, ward) == line


def test_names_are_masked_under_the_redaction_of_personal_information_alone(ward: PatternFinder) -> None:
    assert redact("row 7 of Alice Smith dropped", ward, NUMBERS) == "row [REDACTED] of Alice Smith dropped"


@pytest.mark.parametrize("before", [0, 600, 760, 770, 1015, 1020, 2_000, 6_000])
def test_a_name_is_found_wherever_a_long_line_has_it(folder: Path, before: int) -> None:
    listed_names(folder, "one_name", ("PERSON", "Wilhelmina Featherstone"))
    finder = PatternFinder(load_names("en_one_name"))
    line = "x " * (before // 2) + "Wilhelmina Featherstone" + " y" * 900
    assert redact(line, finder) == line.replace("Wilhelmina Featherstone", "[REDACTED]")


def test_the_failure_text_is_masked_as_well_whatever_is_cut_of_it(ward: PatternFinder) -> None:
    text = redacted_failure("row of Alice Smith dropped\n" * 100, [PERSONAL], ward)
    assert len(text) <= 1024
    assert not {"Alice", "Smith"} & set(text.replace("\n", " ").split())


@pytest.mark.parametrize("label", ["PER", "PRS", "persName", "PATIENT", "DOCTOR", "PERSON"])
@pytest.mark.parametrize("other", ["LOC", "GPE", "FAC", "NORP"])
def test_what_pipelines_call_people_and_places_is_known(folder: Path, label: str, other: str) -> None:
    listed_names(folder, "labelled", (label, "Sam"), (other, "Ulm"), ("ORG", "Acme"), ("CARDINAL", "seven"))
    try:
        names = load_names("en_labelled")
        assert found(names, "Sam of Ulm bought seven for Acme") == ["Sam", "Ulm"]
        assert names.kinds == ("PERSON", "NRP" if other == "NORP" else "LOCATION")
        assert names.pipeline == "en_labelled 1.2.3"
    finally:
        sys.modules.pop("en_labelled")


def test_labels_that_are_nobodys_do_not_fill_the_servers_log(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    listed_names(folder, "quiet", ("PERSON", "Sam"), ("CARDINAL", "seven"))
    assert found(load_names("en_quiet"), "seven of Sam") == ["Sam"]
    assert said_here(caplog) == []


TAGGED = """
import spacy
from spacy.training import Example

PIPELINE = spacy.blank("en")
for name in ("tagger", "ner"):
    PIPELINE.add_pipe(name)
TOLD = {"entities": [(0, 3, "PERSON")], "tags": ["N", "V"]}
PIPELINE.initialize(lambda: [Example.from_dict(PIPELINE.make_doc("Sam fell"), TOLD)])

def load():
    return PIPELINE
"""


def test_what_a_pipeline_knows_of_grammar_is_not_asked_for_names_alone(folder: Path) -> None:
    installed_source(folder, "en_tagged", TAGGED)
    load_names("en_tagged")
    assert importlib.import_module("en_tagged").PIPELINE.pipe_names == ["ner"]


def test_a_pipeline_whose_rules_may_ask_for_grammar_is_left_whole(folder: Path) -> None:
    rules = "PIPELINE.add_pipe('entity_ruler').add_patterns([{'label': 'PERSON', 'pattern': [{'TAG': 'N'}]}])\n"
    installed_source(folder, "en_ruled", TAGGED.replace("def load", rules + "\ndef load"))
    load_names("en_ruled")
    assert importlib.import_module("en_ruled").PIPELINE.pipe_names == ["tagger", "ner", "entity_ruler"]


# -- what is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["en_core_web_nowhere", "../en_ward", "/etc/passwd", "en core", "x; rm -rf /", "é", "whiteroom.app", " "]
)
def test_a_model_that_is_not_installed_is_refused_and_not_fetched(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(*_: object, **__: object) -> None:
        raise AssertionError("The network was asked, or a program started.")

    for place, what in ((socket.socket, "connect"), (socket, "getaddrinfo"), (subprocess, "Popen")):
        monkeypatch.setattr(place, what, reached)
    monkeypatch.setattr("spacy.cli.download", reached)
    with pytest.raises(NoNames, match="is not installed"):
        load_names(name)


def test_a_model_is_used_without_the_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(*_: object, **__: object) -> None:
        raise AssertionError("The network was asked.")

    listed_names(folder, "offline", ("PERSON", "Sam"))
    for place, what in ((socket.socket, "connect"), (socket, "getaddrinfo"), (subprocess, "Popen")):
        monkeypatch.setattr(place, what, reached)
    finder = PatternFinder(load_names("en_offline"))
    assert redact("Sam, sam@example.org", finder) == "[REDACTED], [REDACTED]"


def test_a_package_that_is_no_pipeline_is_refused() -> None:
    with pytest.raises(NoNames, match=r"'numpy' cannot be loaded as a spaCy pipeline \(TypeError"):
        load_names("numpy")


def test_a_package_that_fails_is_refused_with_one_line_of_what_it_says(folder: Path) -> None:
    installed_source(folder, "en_failing", "raise ImportError('no module cupy\\n' + 'trace ' * 999)")
    with pytest.raises(NoNames) as refused:
        load_names("en_failing")
    assert "ImportError: no module cupy)" in str(refused.value)
    assert "trace" not in str(refused.value)


def test_a_pipeline_that_lost_a_file_is_refused(folder: Path) -> None:
    listed_names(folder, "halved", ("PERSON", "Sam"))
    (folder / "en_halved" / "en_halved-1.2.3" / "config.cfg").unlink()
    with pytest.raises(NoNames, match="cannot be loaded"):
        load_names("en_halved")


def test_a_pipeline_without_named_entities_is_refused(folder: Path) -> None:
    installed(folder, spacy.blank("en"), "blank")
    with pytest.raises(NoNames, match=r"'en_blank' does not find people: .* PERSON or PER, .* of none\."):
        load_names("en_blank")


def test_a_pipeline_that_finds_no_people_is_refused(folder: Path) -> None:
    listed_names(folder, "places", ("GPE", "Ulm"), ("ORG", "Acme"))
    with pytest.raises(NoNames, match=r"it has the labels GPE, ORG\."):
        load_names("en_places")


def test_a_pipeline_that_was_never_trained_is_refused(folder: Path) -> None:
    source = (
        "import spacy\n"
        "def load():\n"
        "    pipeline = spacy.blank('en')\n"
        "    pipeline.add_pipe('ner').add_label('PERSON')\n"
        "    return pipeline\n"
    )
    installed_source(folder, "en_untrained", source)
    with pytest.raises(NoNames, match=r"is installed and does not work"):
        load_names("en_untrained")


def test_without_presidio_the_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal, "is_installed", lambda: False)
    with pytest.raises(NoNames, match=re.escape("pip install 'whiteroom[pii]'")):
        load_names(WARD)


# -- what goes wrong while a server runs ----------------------------------------------

FRAGILE = """
import spacy
from spacy.language import Language

@Language.component("en_fragile_component")
def fragile(doc):
    if "break" in doc.text:
        raise ValueError(doc.text)
    return doc

PIPELINE = spacy.blank("en")
PIPELINE.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Sam"}])
PIPELINE.add_pipe("en_fragile_component")

def load():
    return PIPELINE
"""


def test_what_the_model_fails_on_is_hidden_whole_and_nothing_of_it_is_logged(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    installed_source(folder, "en_fragile", FRAGILE)
    finder = PatternFinder(load_names("en_fragile"))
    assert redact("Kim and break", finder) == "[REDACTED]"
    assert redact("Sam and Kim", finder) == "[REDACTED] and Kim"
    assert redacted_failure("Kim and break", [PERSONAL], finder) == "[REDACTED]"
    assert said_here(caplog) == []


def test_what_is_not_searched_in_time_is_hidden(folder: Path) -> None:
    listed_names(folder, "slow", ("PERSON", "Sam"))
    seconds = count(step=4.0)
    names = load_names("en_slow", clock=lambda: next(seconds))
    line = "Sam " + "word " * 1_000
    spans = list(names.found(line))
    assert spans[0] == (0, 3)
    start, end = spans[1]
    assert (end, len(spans)) == (len(line), 2)
    assert personal.WINDOW_CHARACTERS < start < 4 * personal.WINDOW_CHARACTERS


def test_what_was_read_is_forgotten(folder: Path) -> None:
    """spaCy keeps every word that it has seen, unless it is told not to: a log of a million words would fill memory."""
    installed_source(folder, "en_forgets", FRAGILE.replace("en_fragile_component", "en_forgets_component"))
    names = load_names("en_forgets")
    words = importlib.import_module("en_forgets").PIPELINE.vocab.strings
    assert found(names, "Sam") == ["Sam"]
    known = len(words)
    for number in range(500):
        assert found(names, f"word{number} of Sam other{number}") == ["Sam"]
    assert len(words) == known


def test_any_number_of_threads_may_search_at_a_time(ward: PatternFinder) -> None:
    lines = [f"row of {name} dropped" for name in ("Alice Smith", "John Brown", "Olga Petrova", "Wei Chen")] * 20
    expected = [redact(line, ward) for line in lines]
    assert set(expected) == {"row of [REDACTED] dropped"}
    barrier = threading.Barrier(4)

    def read(_: int) -> list[str]:
        barrier.wait()
        return [redact(line, ward) for line in lines]

    with ThreadPoolExecutor(4) as pool:
        assert all(answer == expected for answer in pool.map(read, range(4)))


@pytest.mark.parametrize(
    "text",
    ["x", "Alice Smith ", "é", "a.b-c_d/", "𝔄", "()[]{}", "Алиса\u0301 ", "田中", "'s-", "http://a.b/", "\u202e"],
)
def test_a_line_of_100_kb_takes_bounded_time_and_keeps_no_name(ward: PatternFinder, text: str) -> None:
    with effort_under(5):
        masked = redact((text * 100_000)[:100_000], ward)
    assert "Alice Smith" not in masked
