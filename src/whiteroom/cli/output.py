"""What commands print: lines and tables for people, JSON for scripts.

Names, reasons and logs come from members; a terminal obeys control characters, so none is printed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 10_000
"""Columns where no terminal says how many there are: a script's lines are never folded."""


def plain(text: str) -> str:
    """The text without characters that a terminal would obey."""
    return "".join(letter if letter.isprintable() or letter == "\t" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def say(text: str) -> None:
    """Print lines as they are, control characters left out."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    """Print an error."""
    _write(sys.stderr, f"Error: {text}")


def note(text: str) -> None:
    """Print what a script that reads the output must not find in it."""
    _write(sys.stderr, text)


def say_json(value: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def say_json_line(value: Any) -> None:
    """Print one JSON document on a line of its own, at once."""
    sys.stdout.write(json.dumps(value, default=str) + "\n")
    sys.stdout.flush()


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table without lines, as wide as it needs to be."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(Text(plain(column)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(str(cell))) for cell in row))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as lines:
        console.print(table)
    for line in lines.get().splitlines():
        say(line.rstrip())


def _write(stream: TextIO, text: str) -> None:
    stream.write("\n".join(map(plain, text.split("\n"))) + "\n")
    stream.flush()
