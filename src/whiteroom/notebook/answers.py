"""What boto3 answers, as it is, that shows itself in a notebook: dictionaries and lists, and nothing else.

What members have written (names, descriptions, SQL, failures) is text here and never markup, and no terminal obeys it.
"""

from __future__ import annotations

import html
import pprint
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

ROWS_SHOWN = 200
"""Of a list; a notebook keeps what it shows in its file."""
LETTERS_SHOWN = 2_000
"""Of one text."""
_WIDTH = 110
_TABLE = '<table style="text-align: left">'
_CELL = '<td style="text-align: left; vertical-align: top; white-space: pre-wrap">'
_HEADING = '<th style="text-align: left; vertical-align: top">'
_NOT_SHOWN = frozenset({"ResponseMetadata", "nextToken"})


def plain(text: str) -> str:
    """The text, with an escape for each character that a terminal or a reader's eye would obey."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else letter.encode("unicode_escape").decode()
        for letter in text
    )


def escaped(value: object) -> str:
    """A value as text within HTML."""
    text = f"{value:%Y-%m-%d %H:%M:%S %Z}".strip() if isinstance(value, datetime) else str(value)
    if len(text) > LETTERS_SHOWN:
        text = f"{text[:LETTERS_SHOWN]}... ({len(text):,} characters)"
    return html.escape(plain(text))


def as_html(value: object) -> str:
    """A value of an answer: dictionaries and lists as tables, all else as text."""
    if isinstance(value, Mapping):
        return _fields({name: one for name, one in value.items() if name not in _NOT_SHOWN})
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(one, Mapping) for one in value):
            return table(value)
        return escaped(", ".join(map(str, value))) if value else "none"
    return "" if value is None else escaped(value)


def _fields(value: Mapping[str, object]) -> str:
    rows = "".join(f"<tr>{_HEADING}{escaped(name)}</th>{_CELL}{as_html(one)}</td></tr>" for name, one in value.items())
    return f"{_TABLE}{rows}</table>" if rows else "nothing"


def table(rows: Sequence[Mapping[str, object]], marked: Iterable[int] = ()) -> str:
    """Dictionaries as the rows of a table, those at the places `marked` in bold."""
    columns = dict.fromkeys(name for row in rows for name in row if name not in _NOT_SHOWN)
    bold = frozenset(marked)
    head = "".join(f"{_HEADING}{escaped(name)}</th>" for name in columns)
    body = []
    for place, row in enumerate(rows[:ROWS_SHOWN]):
        cells = (as_html(row.get(name)) for name in columns)
        begin, end = ("<strong>", "</strong>") if place in bold else ("", "")
        body.append("<tr>" + "".join(f"{_CELL}{begin}{cell}{end}</td>" for cell in cells) + "</tr>")
    more = f"<p>{len(rows) - ROWS_SHOWN:,} more rows are not shown.</p>" if len(rows) > ROWS_SHOWN else ""
    return f"{_TABLE}<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>{more}"


class Answer(dict[str, Any]):
    """An answer of boto3's: the dictionary that it is, and how a notebook shows it."""

    def __repr__(self) -> str:
        shown = {name: value for name, value in self.items() if name != "ResponseMetadata"}
        return pprint.pformat(shown, width=_WIDTH, sort_dicts=False)

    def _repr_html_(self) -> str:
        """What a notebook shows: of an answer with one thing in it, that thing."""
        shown = [value for name, value in self.items() if name not in _NOT_SHOWN]
        return as_html(shown[0] if len(shown) == 1 and isinstance(shown[0], (Mapping, list)) else self)


class Rows(list[Any]):
    """A list of dictionaries: a list, and how a notebook shows it."""

    def __repr__(self) -> str:
        return pprint.pformat(list(self), width=_WIDTH, sort_dicts=False)

    def _repr_html_(self) -> str:
        """What a notebook shows: a table."""
        return as_html(list(self))


class Answering:
    """A base of boto3's clients, by which each answer is an `Answer`."""

    def _make_api_call(self, operation_name: str, api_params: Mapping[str, Any]) -> Answer:
        # What others replace to stand in for AWS: botocore has no event by which an answer could become another object.
        try:
            return Answer(super()._make_api_call(operation_name, api_params))  # type: ignore[misc]
        except ClientError as error:
            error.args = (plain(str(error)),)  # which a traceback prints as it is
            raise


def answer_shown(base_classes: list[type], **_: object) -> None:
    """On botocore's event `creating-client-class`: have what its client answers show itself."""
    base_classes.insert(0, Answering)
