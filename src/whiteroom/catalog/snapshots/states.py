"""Finds the metadata file that is the state of an Iceberg table in a folder, without a catalog."""

from __future__ import annotations

import re
from pathlib import Path

from whiteroom.catalog.snapshots.places import TableFolder, Unreadable

_HINT = "version-hint.text"
_HINT_BYTES = 256
"""What is read of it: a number, or a name."""
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_VERSION = re.compile(r"v?([0-9]{1,18})(?:-.*)?(?:\.gz)?\.metadata\.json(?:\.gz)?")


def current_metadata(folder: Path) -> Path:
    """The file of metadata that is a table's state: the one that its hint names, or the one with the highest number.

    Raises:
        Unreadable: there is none, or more than one.
    """
    metadata = TableFolder(folder / "metadata")
    versions: dict[int, list[Path]] = {}
    for file in sorted((folder / "metadata").iterdir()):
        if found := _VERSION.fullmatch(file.name):
            versions.setdefault(int(found[1]), []).append(file)
    hint = folder / "metadata" / _HINT
    if hint.is_file():
        with metadata.open(metadata.metadata(str(hint))) as opened:
            said = opened.read(_HINT_BYTES).decode(errors="replace").strip()
        named = [metadata.folder / f"{said}.metadata.json"]
        chosen = versions.get(int(said), []) if _NUMBER.fullmatch(said) else named
    else:
        chosen = versions[max(versions)] if versions else []
    if len(chosen) == 1:
        return metadata.metadata(str(chosen[0]))
    if not chosen:
        raise Unreadable(f"{folder / 'metadata'} holds no state of a table (VERSION.metadata.json)")
    names = ", ".join(file.name for file in chosen[:3])
    raise Unreadable(f"{folder / 'metadata'} holds more than one latest state ({names}). Add the right one by its name")
