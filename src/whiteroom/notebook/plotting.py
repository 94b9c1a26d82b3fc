"""Metrics as a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whiteroom.notebook.answers import plain

_PANEL_INCHES = (8.0, 2.2)


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture that shows itself in a notebook. `figure` is matplotlib's."""

    figure: Any
    title: str

    def __repr__(self) -> str:
        return plain(self.title)

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        png = io.BytesIO()
        self.figure.savefig(png, format="png", dpi=110)
        return png.getvalue()


def plot(points: Sequence[Mapping[str, Any]]) -> Plot:
    """A panel for each metric, a line for each version and host, over the seconds since the version's first point.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: there is nothing to draw.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - of the extra `notebook`
    except ImportError:
        raise ImportError("A picture takes matplotlib: `pip install 'whiteroom[notebook]'` brings it.") from None
    if not points:
        raise ValueError("There are no metrics to draw: `metricsStatusDetails` of the run may say why.")
    metrics = list(dict.fromkeys(point["metric"] for point in points))
    width, height = _PANEL_INCHES
    figure = Figure(figsize=(width, height * len(metrics)), layout="constrained")
    panels = figure.subplots(len(metrics), squeeze=False)[:, 0]
    for panel, metric in zip(panels, metrics, strict=True):
        for line in _lines(points, metric):
            panel.plot(line.seconds, line.values, label=drawable(line.label), marker=".", markersize=3)
        # A name is a member's text: it must not be read as a formula.
        panel.set_title(drawable(metric), parse_math=False, fontsize="medium")
        for text in panel.legend(loc="best", fontsize="small").get_texts():
            text.set_parse_math(False)
    panels[-1].set_xlabel("seconds")
    names = ", ".join(dict.fromkeys(str(point["name"]) for point in points))
    return Plot(figure, f"A plot of {', '.join(metrics)} of {names}")


@dataclass(frozen=True, slots=True)
class _Line:
    label: str
    seconds: list[float]
    values: list[float]


def _lines(points: Sequence[Mapping[str, Any]], metric: str) -> list[_Line]:
    """One for each version and host: two models may have one name."""
    began: dict[tuple[str, str], datetime] = {}
    for point in points:
        run = (point["arn"], point["version"])
        began[run] = min(began.get(run, point["time"]), point["time"])
    lines: dict[tuple[str, str, str], _Line] = {}
    for point in points:
        run = (point["arn"], point["version"])
        if point["metric"] == metric:
            line = lines.setdefault((*run, point["host"]), _Line(f"{point['name']}, {point['host']}", [], []))
            line.seconds.append((point["time"] - began[run]).total_seconds())
            line.values.append(point["value"])
    return list(lines.values())


def drawable(name: str) -> str:
    """Within what the fonts of a picture have; a legend leaves out what begins with an underscore."""
    text = "".join(letter if ord(letter) < 0x250 else "?" for letter in plain(name))
    return f" {text}" if text.startswith("_") else text
