"""Rows as a data frame, of the library that is there."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from whiteroom.notebook.answers import plain

LIBRARIES = ("polars", "pandas")


def frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Any:
    """A data frame: of the one of polars and pandas that the notebook has imported, or else the first that is there.

    What members have named is in it as it is shown elsewhere: both print into a terminal whatever they hold.

    Raises:
        ImportError: neither is installed.
    """
    values = {column: [_shown(row[column]) for row in rows] for column in columns}
    for name in sorted(LIBRARIES, key=lambda name: name not in sys.modules):
        try:
            library: Any = importlib.import_module(name)
        except ImportError:
            continue
        return library.DataFrame(values)
    raise ImportError("A data frame takes polars or pandas: `pip install 'whiteroom[notebook]'` brings polars.")


def _shown(value: object) -> object:
    return plain(value) if isinstance(value, str) else value
