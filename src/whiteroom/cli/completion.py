"""What a shell is told that completes a command: accounts, read from the data folder's database, and nothing opened."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import typer

VARIABLE = "_WHITEROOM_COMPLETE"
"""Set by the shell's script that `--install-completion` writes."""

_DATABASE = "whiteroom.db"
_PATIENCE_SECONDS = 0.2


def half_written(variables: Mapping[str, str]) -> Sequence[str]:
    """The words of the command that a shell completes, without `whiteroom` itself."""
    return (variables.get("_TYPER_COMPLETE_ARGS") or variables.get("COMP_WORDS") or "").split()[1:]


def account_ids(context: typer.Context, incomplete: str) -> list[str]:
    """The accounts of the data folder that begin so; none where it cannot be read, for a shell is told no reasons."""
    data = Path(context.params.get("data") or os.environ.get("WHITEROOM_DATA") or "whiteroom-data")
    try:
        file = (data / _DATABASE).absolute()
        if not file.is_file():  # a pipe, say, would be waited for
            return []
        place = f"file:{quote(os.fsencode(file))}?mode=ro"
        with closing(sqlite3.connect(place, timeout=_PATIENCE_SECONDS, uri=True)) as database:
            rows = database.execute("SELECT id FROM accounts ORDER BY id").fetchall()
    except (OSError, ValueError, sqlite3.Error):
        return []
    return [str(account) for (account,) in rows if str(account).startswith(incomplete)]
