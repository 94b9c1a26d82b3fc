"""Finds the metadata file that is the state of an Iceberg table in a folder, without a catalog."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from whiteroom.catalog.snapshots.places import TableFolder, Unreadable

METADATA = "metadata"
"""The folder of a table's metadata."""
HINT = "version-hint.text"
HINT_BYTES = 256
"""What is read of it: a number, or a name."""
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_VERSION = re.compile(r"v?([0-9]{1,18})(?:-.*)?(?:\.gz)?\.metadata\.json(?:\.gz)?")


def current_metadata(folder: Path) -> Path:
    """The file of metadata that is a table's state: the one that its hint names, or the one with the highest number.

    Raises:
        Unreadable: there is none, or more than one.
    """
    metadata = folder / METADATA
    inside = TableFolder(metadata)
    hint = None
    if (metadata / HINT).is_file():
        with inside.open(inside.metadata(str(metadata / HINT))) as opened:
            hint = opened.read(HINT_BYTES)
    name = state_among((file.name for file in metadata.iterdir()), hint, str(metadata))
    return inside.metadata(str(metadata / name))


def state_among(names: Iterable[str], hint: bytes | None, place: str) -> str:
    """Which file of a folder of metadata is the table's state.

    Args:
        names: of all files there.
        hint: what the file HINT begins with; None where there is none.
        place: the folder, for sentences.

    Raises:
        Unreadable: none is, or more than one could be.
    """
    names = sorted(names)
    versions: dict[int, list[str]] = {}
    for name in names:
        if found := _VERSION.fullmatch(name):
            versions.setdefault(int(found[1]), []).append(name)
    if hint is None:
        chosen = versions[max(versions)] if versions else []
    else:
        said = hint.decode(errors="replace").strip()
        named = [name for name in names if name == f"{said}.metadata.json"]
        chosen = versions.get(int(said), []) if _NUMBER.fullmatch(said) else named
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        raise Unreadable(f"{place} holds no state of a table (VERSION.metadata.json)")
    shown = ", ".join(chosen[:3])
    raise Unreadable(f"{place} holds more than one latest state ({shown}). Add the right one by its name")
