"""How `whiteroom catalog` shows files to their owner: terminal-safe, and as much as fits a screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from whiteroom.catalog.checking import Checked
from whiteroom.catalog.seen import Seen
from whiteroom.cli.output import note, say, say_json

_VALUE_CHARACTERS, _LINE_CHARACTERS = 40, 200
_COLUMNS = 50


def counted(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def short(value: str, most: int = _VALUE_CHARACTERS) -> str:
    """A value with its control characters escaped, cut."""
    whole = value if value.isprintable() else repr(value)[1:-1]
    return whole if len(whole) <= most else whole[: most - 3] + "..."


def show_seen(reason: str, seen: Seen, *, as_json: bool) -> None:
    """What files seemed to be that were refused."""
    columns, rows = seen.glimpse.columns, seen.glimpse.rows
    if as_json:
        document = {
            "file": seen.file,
            "format": seen.format,
            "partitions": list(seen.partitions),
            "columns": [{"name": column.name, "type": column.type} for column in columns],
            "rows": rows,
            "firstLines": list(seen.first_lines),
        }
        say_json({"refused": reason, "seen": document})
        return
    said = [seen.format.value if seen.format else "no table"]
    if seen.partitions:
        said.append(f"in folders named {', '.join(map(short, seen.partitions))}")
    if columns:
        said.append(counted(len(columns), "column"))
    if rows is not None:
        said.append(f"{counted(rows, 'row')} that can be read")
    note(f"Seen of {short(seen.file, len(seen.file))}: {', '.join(said)}.")
    for column in columns[:_COLUMNS]:
        note(f"  {short(column.name)} {column.type or '?'}")
    if len(columns) > _COLUMNS:
        note(f"  and {len(columns) - _COLUMNS:,} more")
    for number, line in enumerate(seen.first_lines, start=1):
        note(f"  line {number}: {short(line, _LINE_CHARACTERS)}")


def checked_document(checked: Checked) -> dict[str, Any]:
    """A table that was read again."""
    entry = checked.entry
    return {
        "accountId": entry.account_id,
        "database": entry.database,
        "table": entry.table,
        "broken": list(checked.broken),
        "changed": list(checked.changed),
        "files": checked.files,
        "rows": checked.rows,
    }


def show_checked(checked: Sequence[Checked]) -> None:
    """Each table on a line, and what is to be known of it below."""
    for one in checked:
        state = "broken" if one.broken else "as it was" if one.rows is None else counted(one.rows, "row")
        say(f"{one.entry.database}.{one.entry.table} of account {one.entry.account_id}: {state}.")
        for sentence in (*one.broken, *one.changed):
            say(f"  {sentence}")
    if not checked:
        note("There are no tables. `whiteroom catalog add` makes one.")
