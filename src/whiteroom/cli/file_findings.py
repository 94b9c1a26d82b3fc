"""What `whiteroom doctor` says of files: whether they are sealed, and where their bytes are open."""

from __future__ import annotations

from collections.abc import Iterator

from whiteroom.app import open_data
from whiteroom.base.machine_errors import Trouble
from whiteroom.data.sealed.data import SealedData
from whiteroom.data.sealed.memory import memory_folder, problem_of, size_of
from whiteroom.domain.execution.runs import Finding
from whiteroom.settings import Settings, SettingsError

GIB = 2**30


def about_files(settings: Settings) -> Iterator[Finding]:
    """Whether rows, models and checkpoints are sealed, what of them is not yet, and where they are open."""
    if settings.files == "plain":
        detail = 'Rows, models and checkpoints are kept in plain text (files = "plain").'
        yield Finding("files", ok=True, detail=detail)
        return
    try:
        data = open_data(settings)
        left = len(data.unsealed()) if isinstance(data, SealedData) else 0
    except (SettingsError, Trouble) as error:
        yield Finding("files", ok=False, detail=str(error), remedy="Work waits, or no server starts.")
        return
    before = f" {left:,} are from before that, and in plain text still." if left else ""
    yield Finding("files", ok=True, detail=f"Rows, models and checkpoints are kept sealed.{before}")
    yield _about_memory(settings)


def _about_memory(settings: Settings) -> Finding:
    folder = memory_folder(settings.memory_folder, settings.data)
    if problem := problem_of(folder):
        return Finding("opened files", ok=False, detail=problem, remedy="No server starts with it.")
    there = folder if folder.is_dir() else folder.parent
    size = f"{size_of(there) / GIB:.1f} GiB" if there.is_dir() else "nothing yet"
    return Finding(
        "opened files",
        ok=there.is_dir(),
        detail=f"They lie in memory, in {folder}, which takes {size}: all that trainings and queries read and write.",
        remedy=f"{there} is not there: make it, or name another by memory_folder.",
    )
