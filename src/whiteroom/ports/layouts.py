"""Splits rows into a number of files."""

from __future__ import annotations

from typing import Protocol

from whiteroom.domain.execution.data import DataRef


class Layouts(Protocol):
    """Lays a channel's rows out in more files than its query wrote."""

    def split(self, source: DataRef, target: DataRef, files: int, *, csv_header: bool) -> None:
        """Put the rows of the files of `source`, in order and evenly, into so many new files of `target`.

        Waits for it. The target appears whole or not at all; where it exists nothing is done.

        Args:
            source: CSV or Parquet files, read in the order of their names.
            target: to be made; the same rows give the same files.
            files: how many.
            csv_header: whether each CSV file begins with a header row; the new ones do then, too.
        """
