"""What commands print: lines and tables for people, JSON for scripts.

Names, reasons and logs come from members; a terminal obeys control characters, so none is printed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 10_000
"""Columns where no terminal says how many there are: a script's lines are never folded."""

_GAP = 2
"""Columns of the terminal between two of a table."""

_SENTENCE = 16
"""What a column of sentences gets at least."""


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
    has_all_letters = (sys.stdout.encoding or "utf-8").lower() in {"utf-8", "utf8"}
    text = json.dumps(value, indent=2, default=str, ensure_ascii=not has_all_letters)
    sys.stdout.write("".join(map(_in_json, text)) + "\n")
    sys.stdout.flush()


def _in_json(letter: str) -> str:
    """The letter, or the escape of JSON for it: JSON itself has one for few of those that a terminal obeys."""
    return letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1]


def say_json_line(value: Any) -> None:
    """Print one JSON document on a line of its own, at once."""
    sys.stdout.write(json.dumps(value, default=str) + "\n")
    sys.stdout.flush()


def say_done(text: str, document: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what a command has done: a sentence, or a document."""
    if as_json:
        say_json(document)
    else:
        say(text)


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table without lines; on a terminal that is too narrow for it, each row as lines of its own."""
    names = [plain(column) for column in columns]
    cells = [[plain(str(cell)) for cell in row] for row in rows]
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    widths = _widths(names, cells, console.width)
    if widths is None and console.is_terminal:
        for record in _records(names, cells, console.width):
            console.print(record, soft_wrap=True)
    elif console.is_terminal:
        console.print(_table(names, cells, widths))
    else:
        with console.capture() as lines:
            console.print(_table(names, cells, widths))
        for line in lines.get().splitlines():
            say(line.rstrip())


def second(moment: object) -> str:
    """A datetime, or one written in ISO 8601, as a table shows it: to the second."""
    return "-" if moment is None else str(moment)[:19].replace("T", " ")


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int] | None) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    sized: Sequence[int | None] = widths or [None] * len(names)
    for name, width in zip(names, sized, strict=True):
        table.add_column(Text(name), overflow="fold", width=width)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _widths(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """How wide each column is for a table of at most `width` that breaks no word; None where there is no such table."""
    columns = list(zip(names, *rows, strict=True))
    whole = [max(map(cell_len, column)) for column in columns]
    widths = [max(map(_least, column)) for column in columns]
    room = width - sum(widths) - _GAP * (len(names) - 1)
    while room > 0 and widths != whole:
        short = [place for place, least in enumerate(widths) if least < whole[place]]
        for place in short[:room]:
            widths[place] += 1
        room -= len(short[:room])
    return None if room < 0 else widths


def _least(cell: str) -> int:
    """The width of its longest word, and of a sentence at least some."""
    return max(min(cell_len(cell) // 3, _SENTENCE), *map(cell_len, cell.split(" ")))


def _records(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterable[Text]:
    """A line for each cell, as `psql` shows what is too wide: sentences go on below, identifiers stay whole."""
    indent = max(map(len, names)) + _GAP
    room = max(width - indent, _SENTENCE)
    for place, row in enumerate(rows):
        if place:
            yield Text()
        for name, cell in zip(names, row, strict=True):
            lines = wrap(cell, room, break_long_words=False, break_on_hyphens=False)
            yield Text.assemble((name.ljust(indent), "bold"), f"\n{' ' * indent}".join(lines))


def _write(stream: TextIO, text: str) -> None:
    stream.write("\n".join(map(plain, text.split("\n"))) + "\n")
    stream.flush()
