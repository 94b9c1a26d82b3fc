"""Curves as SVG shows them: where each point, line and number of an axis is. Pure; templates/chart.html draws it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 70, 16, 14, 34
COLOURS = 6
"""As many kinds of lines as the style sheet has."""
TICKS = 5
_FAR = 1e300
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Series:
    """One curve: values by the seconds since a beginning, none before it."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A number of an axis, and where it stands."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point that can be pointed at, and what it says then."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A series as it is drawn."""

    name: str
    path: str
    dots: tuple[Dot, ...]
    colour: int


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing, its description in words, and its numbers."""

    title: str
    description: str
    curves: tuple[Curve, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    """The same as a table: the time, and the value of each curve at it."""


def chart(title: str, series: Sequence[Series]) -> Chart | None:
    """The drawing of what is finite of these; None where nothing is."""
    finite = [
        Series(one.name, tuple(point for point in one.points if all(map(math.isfinite, point)))) for one in series
    ]
    finite = [one for one in finite if one.points]
    if not finite:
        return None
    xs = [x for one in finite for x, _ in one.points]
    ys = [y for one in finite for _, y in one.points]
    across = _Axis(0.0, max(xs) or 1.0, LEFT, WIDTH - RIGHT)
    up = _Axis.over(ys, HEIGHT - BOTTOM, TOP)
    return Chart(
        title=title,
        description="; ".join(_described(one) for one in finite),
        curves=tuple(_curve(one, number, across, up) for number, one in enumerate(finite)),
        x_ticks=tuple(Tick(across.at(value), duration(value)) for value in across.ticks),
        y_ticks=tuple(Tick(up.at(value), number_text(value)) for value in up.ticks),
        names=tuple(one.name for one in finite),
        rows=_rows(finite),
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """From values to places."""

    low: float
    high: float
    begin: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], begin: float, end: float) -> _Axis:
        """An axis that has all of them, and some length where they are all one."""
        # Beyond these a difference of two values is no number any more.
        low, high = max(min(values), -_FAR), min(max(values), _FAR)
        low, high = min(low, _FAR), max(high, -_FAR)
        if high == low:
            spread = abs(low) / 2 or 0.5
            low, high = low - spread, high + spread
        return cls(low, high, begin, end)

    def at(self, value: float) -> float:
        """Where a value is; one beyond the ends stands at the end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.begin + share * (self.end - self.begin), 1)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Round numbers along it, of which there are a handful."""
        rough = (self.high - self.low) / TICKS
        size = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 0.0
        step = next((size * one for one in _STEPS if size * one >= rough), rough)
        if step <= 0 or not math.isfinite(step):
            return (self.low, self.high)
        first = math.ceil(self.low / step)
        return tuple(
            value for value in ((first + number) * step for number in range(2 * TICKS + 2)) if value <= self.high
        )


def _curve(series: Series, number: int, across: _Axis, up: _Axis) -> Curve:
    places = [(across.at(x), up.at(y)) for x, y in series.points]
    dots = tuple(
        Dot(*place, f"{series.name}: {number_text(y)} after {duration(x)}")
        for place, (x, y) in zip(places, series.points, strict=True)
    )
    return Curve(series.name, "M" + " L".join(f"{x} {y}" for x, y in places), dots, number % COLOURS)


def _described(series: Series) -> str:
    values = [y for _, y in series.points]
    ends = f"from {number_text(values[0])} to {number_text(values[-1])}"
    return f"{series.name}: {ends}, lowest {number_text(min(values))}, highest {number_text(max(values))}"


def _rows(series: Sequence[Series]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    known = [dict(one.points) for one in series]
    times = sorted({x for one in known for x in one})
    return tuple((duration(x), tuple(number_text(one[x]) if x in one else "" for one in known)) for x in times)


def number_text(value: float) -> str:
    """A value in as many digits as an eye can use."""
    return f"{value:.6g}"


def duration(seconds: float) -> str:
    """Seconds for people: `90 s` is `1 min 30 s`."""
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount)
