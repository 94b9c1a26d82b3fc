"""What is being written beside what is there: under names that no data has."""

from __future__ import annotations

from pathlib import Path
from typing import Final

UNFINISHED: Final = "+"
"""Begins the name of what is being written, or was by a server that died."""


def files_in(folder: Path) -> list[Path]:
    """Every file below a folder that the server alone writes to, but for what is unfinished."""
    files = sorted(file for file in folder.rglob("*") if not file.is_dir())
    return [file for file in files if not any(map(_is_unfinished, file.relative_to(folder).parts))]


def _is_unfinished(name: str) -> bool:
    return name.startswith(UNFINISHED)
