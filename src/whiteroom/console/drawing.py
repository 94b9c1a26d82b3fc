"""A drawing of what leads to what: boxes in columns, and lines between them. Its template makes SVG of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BOX_WIDTH, BOX_HEIGHT, GAP, BETWEEN = 230, 48, 14, 110
HEAD = 28
"""Above the boxes, for the columns' titles."""
MOST_BOXES = 12
"""In a column: a drawing of more is one that nobody reads."""
_CHARACTERS = 28


@dataclass(frozen=True, slots=True)
class Item:
    """What is to have a box."""

    key: str
    name: str
    note: str
    """A second, smaller line."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box at its place."""

    x: int
    y: int
    name: str
    note: str
    title: str
    """All of it, where the box has not the room."""


@dataclass(frozen=True, slots=True)
class Line:
    """From the right of one box to the left of another."""

    path: str
    """As SVG's `d`."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes and lines, and how large it is."""

    width: int
    height: int
    heads: tuple[tuple[int, str], ...]
    """Where each column's title begins, and what it says."""
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    is_cut: bool
    """Whether a column has more than are drawn."""


def drawn(columns: Sequence[tuple[str, Sequence[Item]]], links: Iterable[tuple[str, str]]) -> Drawing:
    """The columns from left to right.

    Args:
        columns: the title and the items of each.
        links: from the key of an item to that of one in a column further right.
    """
    boxes: dict[str, Box] = {}
    heads = []
    for place, (title, items) in enumerate(columns):
        x = place * (BOX_WIDTH + BETWEEN)
        heads.append((x, title))
        for row, item in enumerate(items[:MOST_BOXES]):
            whole = f"{item.name}, {item.note}" if item.note else item.name
            y = HEAD + row * (BOX_HEIGHT + GAP)
            boxes[item.key] = Box(x, y, _short(item.name), _short(item.note), whole)
    lines = tuple(_line(boxes[one], boxes[other]) for one, other in links if one in boxes and other in boxes)
    rows = max((min(len(items), MOST_BOXES) for _, items in columns), default=0)
    return Drawing(
        width=len(columns) * (BOX_WIDTH + BETWEEN) - BETWEEN,
        height=HEAD + rows * (BOX_HEIGHT + GAP),
        heads=tuple(heads),
        boxes=tuple(boxes.values()),
        lines=lines,
        is_cut=any(len(items) > MOST_BOXES for _, items in columns),
    )


def _line(one: Box, other: Box) -> Line:
    x, y = one.x + BOX_WIDTH, one.y + BOX_HEIGHT // 2
    to_x, to_y = other.x - 4, other.y + BOX_HEIGHT // 2
    bend = (to_x - x) // 2
    return Line(f"M{x} {y}C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}")


def _short(text: str) -> str:
    return text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…"
