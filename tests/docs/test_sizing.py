"""docs/sizing.md says nothing of speed that was not measured."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
FIGURE = re.compile(r"\d[\d,.]*(?: (?:ms|s|MB|/s)\b)")


def test_every_figure_of_the_page_on_sizing_stands_in_the_benchmarks() -> None:
    measured = (DOCS / "benchmarks.md").read_text()
    table = [line.split(" | ") for line in (DOCS / "sizing.md").read_text().splitlines() if line.startswith("| ")]
    figures = {figure for _, what, *_ in table[1:] for figure in FIGURE.findall(what)}
    assert len(figures) > 10
    assert {figure for figure in figures if figure not in measured} == set()
    counts = {number for what, *_ in table[1:] for number in re.findall(r"\d[\d,]{3,}\d", what)}
    assert {number for number in counts if number not in measured} == set()
