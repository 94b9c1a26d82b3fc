"""Language models for tests: real spaCy pipelines, made here and installed as packages.

sys.path.insert(0, str(ward_names(folder)))  # or PYTHONPATH, for a server
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import spacy
from spacy.training import Example
from thinc.api import fix_random_seed

WARD = "en_ward_names"
VERSION = "1.2.3"
_INIT = """
from pathlib import Path
from spacy.util import get_model_meta, load_model_from_init_py
__version__ = get_model_meta(Path(__file__).parent)["version"]
def load(**overrides):
    return load_model_from_init_py(__file__, **overrides)
"""
"""As `spacy package` writes it."""
_ROUNDS = 30
_FIRST = ("Alice", "John", "Maria", "Ahmed", "Wei", "Olga", "Peter", "Nina")
_LAST = ("Smith", "Brown", "Garcia", "Khan", "Chen", "Petrova", "Jones", "Keller")
_PLACES = ("London", "Leeds", "Berlin", "Paris")
_FRAMES = ("{} was dropped", "row of {} dropped", "no {}", "name {} here", "row of {} dropped by a@example.org")
_PLAIN = ("epoch 3: loss 0.25", "row of table dropped", "saved the model", "reading rows of flights", "done in 3 s")


def installed(folder: Path, pipeline: Any, name: str) -> Path:
    """Install a pipeline as the package `en_NAME` in `folder`, as `spacy package` and pip would; `folder`."""
    package = f"en_{name}"
    pipeline.meta |= {"name": name, "version": VERSION}
    pipeline.to_disk(_package(folder, package, _INIT) / f"{package}-{VERSION}")
    shutil.copy(folder / package / f"{package}-{VERSION}" / "meta.json", folder / package)
    return folder


def installed_source(folder: Path, package: str, source: str) -> Path:
    """Install a package that has nothing but its `__init__.py`; `folder`."""
    _package(folder, package, source)
    return folder


def _package(folder: Path, package: str, source: str) -> Path:
    (folder / package).mkdir(parents=True)
    (folder / package / "__init__.py").write_text(source)
    about = folder / f"{package}-{VERSION}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {VERSION}\n")
    return folder / package


def ward_names(folder: Path) -> Path:
    """`en_ward_names`: an entity recogniser, trained for a second on people and places in lines of logs."""
    fix_random_seed(0)
    pipeline = spacy.blank("en")
    pipeline.add_pipe("ner")
    lines = [Example.from_dict(pipeline.make_doc(text), {"entities": []}) for text in _PLAIN]
    for number, first in enumerate(_FIRST):
        person, place = f"{first} {_LAST[number]}", _PLACES[number % len(_PLACES)]
        lines += [_marked(pipeline, frame, person, "PERSON") for frame in _FRAMES]
        lines.append(_marked(pipeline, "sent from {} today", place, "GPE"))
    pipeline.initialize(lambda: lines)
    for _ in range(_ROUNDS):
        pipeline.update(lines)
    return installed(folder, pipeline, "ward_names")


def _marked(pipeline: Any, frame: str, words: str, label: str) -> Example:
    start = frame.index("{}")
    document = pipeline.make_doc(frame.format(words))
    return Example.from_dict(document, {"entities": [(start, start + len(words), label)]})


def listed_names(
    folder: Path, name: str, *patterns: tuple[str, str], change: Callable[[Any], None] | None = None
) -> Path:
    """`en_NAME`: a pipeline that finds the given words, each under its label."""
    pipeline: Any = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": words} for label, words in patterns])
    if change is not None:
        change(pipeline)
    return installed(folder, pipeline, name)
