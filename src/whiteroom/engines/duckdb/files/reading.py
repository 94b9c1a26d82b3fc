"""Members' data files as DuckDB reads them: one dialect, one reading of its errors.

A row's contents never leave through an error: DuckDB's messages quote the line they stumble over,
so only the line's number and the file's name are taken from them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path

CSV_DIALECT = "delim=',', quote='\"', escape='\"', header=true, nullstr='', strict_mode=true, null_padding=false"
"""RFC 4180 with a header row and empty fields for NULL, as arguments of DuckDB's read_csv."""

_CSV_LINE = re.compile(r"\A[^\n]*?CSV Error on Line: ([0-9]+)")
_CSV_FILE = re.compile(r"^  file = (.+)$", re.MULTILINE)
_JSON_ERROR = re.compile(r"\A[^\n\"]*JSON[^\n\"]* in file \"([^\"\n]+)\"[^\n]*? in line ([0-9]+)")


def find_broken_row(message: str, files: Collection[str]) -> tuple[str, int] | None:
    """File and line (from 1) of the row that DuckDB's message is about; None where it is about no row of `files`."""
    if line := _CSV_LINE.search(message):
        # The file is named after the quoted row, which may hold anything: the last mention is DuckDB's own.
        named = _CSV_FILE.findall(message)
        if named and named[-1] in files:
            return named[-1], int(line[1])
    if (error := _JSON_ERROR.search(message)) and error[1] in files:
        return error[1], _first_bad_json_line(Path(error[1])) or int(error[2])
    return None


def find_broken_file(message: str, files: Collection[str]) -> str | None:
    """The file that the first line of DuckDB's message names; None where it names none of `files`."""
    first_line = message.partition("\n")[0]
    return next((file for file in files if f'"{file}"' in first_line or f"'{file}'" in first_line), None)


def _first_bad_json_line(file: Path) -> int | None:
    """The first line that is not a JSON object: DuckDB counts one too many for some errors."""
    with file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                if line.strip() and not isinstance(json.loads(line), dict):
                    return number
            except (ValueError, RecursionError):
                return number
    return None
