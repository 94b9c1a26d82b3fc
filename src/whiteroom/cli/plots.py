"""Series of points as lines of text, and as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from whiteroom.cli.output import plain
from whiteroom.cli.problems import Problem
from whiteroom.domain.observability.metrics import MetricPoint, MetricSeries

COLUMNS, ROWS = 60, 8
"""Of a plot of text, in characters; each has two by four dots (Unicode's Braille patterns)."""

_BLANK = 0x2800
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bit of each dot, by its column and row within a character."""
_PANEL_INCHES = (9.0, 2.4)


def text_plot(points: Sequence[MetricPoint]) -> Iterator[str]:
    """The values over time: of those that share a column of dots, the mean."""
    if not points:
        return
    first, last = min(point.at_ms for point in points), max(point.at_ms for point in points)
    means = _means(points, first, last)
    low, high = min(means.values()), max(means.values())
    cells = [[_BLANK] * COLUMNS for _ in range(ROWS)]
    dots = 4 * ROWS - 1
    before = None
    half = high / 2 - low / 2  # of the range, which is infinite between the largest numbers
    for column, mean in sorted(means.items()):
        row = round((high / 2 - mean / 2) / half * dots) if half > 0 else dots // 2
        # Up or down to where the last column was, so that a steep curve is one.
        for filled in range(row, row + 1) if before is None else range(min(row, before), max(row, before) + 1):
            cells[filled // 4][column // 2] |= _DOTS[column % 2][filled % 4]
        before = row
    labels = {0: f"{high:.4g}", ROWS - 1: f"{low:.4g}"}
    width = max(map(len, labels.values()))
    for number, row_of_cells in enumerate(cells):
        yield f"{labels.get(number, ''):>{width}} {''.join(map(chr, row_of_cells)).rstrip(chr(_BLANK))}"
    begin, end = (f"{datetime.fromtimestamp(at_ms / 1000, UTC):%H:%M:%S}" for at_ms in (first, last))
    yield f"{'':>{width}} {begin}{end:>{COLUMNS - len(begin)}}"


def _means(points: Sequence[MetricPoint], first: int, last: int) -> dict[int, float]:
    """The mean of the values of each column of dots that has any."""
    columns: dict[int, list[float]] = {}
    for point in points:
        column = (point.at_ms - first) * (2 * COLUMNS - 1) // (last - first) if last > first else 0
        columns.setdefault(column, []).append(point.value)
    return {column: sum(value / len(values) for value in values) for column, values in columns.items()}


def write_png(file: Path, shown: Sequence[tuple[MetricSeries, Sequence[MetricPoint]]]) -> None:
    """One panel for each metric, with a line for each host.

    Raises:
        Problem: matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - no dependency of Whiteroom's
    except ImportError:
        raise Problem(
            "A picture takes matplotlib, which is not installed. Install it (`pip install matplotlib`), or leave --png "
            "out: --plot draws with text."
        ) from None
    panels = [(key, list(group)) for key, group in groupby(shown, key=lambda one: (one[0].kind, one[0].name))]
    width, height = _PANEL_INCHES
    figure = Figure(figsize=(width, height * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), squeeze=False)[:, 0]
    for panel, ((kind, name), group) in zip(axes, panels, strict=True):
        for series, points in group:
            times = [datetime.fromtimestamp(point.at_ms / 1000, UTC) for point in points]
            panel.plot(times, [point.value for point in points], label=series.host, marker=".", markersize=3)
        # A name is a member's text: it must not be read as a formula.
        panel.set_title(f"{_drawable(name)} ({kind.value})", parse_math=False)
        panel.legend(loc="best", fontsize="small")
    try:
        figure.savefig(file, format="png")
    except OSError as error:
        raise Problem(f"{file} cannot be written: {error.strerror}.") from None


def _drawable(name: str) -> str:
    """Within what the fonts of a picture have."""
    return "".join(letter if ord(letter) < 0x250 else "?" for letter in plain(name))
