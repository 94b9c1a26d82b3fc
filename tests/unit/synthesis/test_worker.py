"""What is kept of rows that a mechanism made: nothing, where they give their originals away."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from support.patients import a_synthesis, parameters
from whiteroom.domain.synthetic_data import SynthesisFailure
from whiteroom.synthesis import child
from whiteroom.synthesis.mechanism import Drawn, Values
from whiteroom.synthesis.specs import END, read_end, read_spec, write_end, write_spec
from whiteroom.synthesis.worker import synthesise

SEEN: list[int] = []


def memorise(columns: Sequence[Values], target: int | None, epsilon: float, rng: np.random.Generator) -> Drawn:
    """A mechanism that gives back the rows it was to learn from."""
    del target, rng
    SEEN.append(len(columns[0].missing))
    spans = tuple(
        (float(column.values.min()), float(column.values.max())) if column.numerical else None for column in columns
    )
    return Drawn(tuple(columns), spans, epsilon, 1e-9)


def test_memorised_rows_are_found_out_and_not_kept(tmp_path: Path) -> None:
    spec = a_synthesis(tmp_path)
    seen = synthesise(tmp_path, spec, memorise)
    assert (seen.result, seen.failure) == (None, SynthesisFailure.SCORE)
    assert seen.cost is not None
    assert seen.cost.score > 0.95
    assert list(spec.folder.parent.iterdir()) == []


def test_one_row_in_ten_is_held_out(tmp_path: Path) -> None:
    SEEN.clear()
    synthesise(tmp_path, a_synthesis(tmp_path, parameters=parameters(max_score=1.0)), memorise)
    assert 3_450 < SEEN[0] < 3_750


def test_rows_at_the_threshold_are_kept(tmp_path: Path) -> None:
    spec = a_synthesis(tmp_path, parameters=parameters(max_score=1.0))
    seen = synthesise(tmp_path, spec, memorise)
    assert seen.result is not None
    assert seen.result.rows == SEEN[-1]


def test_a_description_and_an_end_come_back_from_their_files(tmp_path: Path) -> None:
    spec = a_synthesis(tmp_path)
    write_spec(tmp_path / "spec.json", spec)
    assert read_spec(tmp_path / "spec.json") == spec
    seen = synthesise(tmp_path, spec, memorise)
    write_end(tmp_path / END, seen)
    assert read_end(tmp_path / END) == seen


def test_without_its_packages_a_synthesis_says_which_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("whiteroom.synthesis.", "opendp"))]:
        if name not in {"whiteroom.synthesis.child", "whiteroom.synthesis.specs", "whiteroom.synthesis.synthesiser"}:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opendp", None)
    child._work(tmp_path, a_synthesis(tmp_path))
    seen = read_end(tmp_path / END)
    assert seen is not None
    assert seen.failure is SynthesisFailure.NOT_INSTALLED
    assert "whiteroom[synthetic]" in seen.message
