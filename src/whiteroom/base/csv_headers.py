"""The first record of a CSV."""

from __future__ import annotations

import csv
from pathlib import Path

_MAX_HEADER_BYTES = 1 << 20


def read_csv_header(file: Path) -> list[str] | None:
    """The names in a CSV's first record; None where there is none that can be read."""
    try:
        with file.open("rb") as stream:
            first = stream.read(_MAX_HEADER_BYTES).decode("utf-8-sig", errors="replace")
        return next(csv.reader(first.splitlines(keepends=True), strict=True), None)
    except (OSError, csv.Error):
        return None
