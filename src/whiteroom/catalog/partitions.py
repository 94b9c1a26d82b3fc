"""Folders named `column=value`, as Hive, Spark and Glue lay tables out: columns that no file holds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from whiteroom.catalog.files import folder_of
from whiteroom.catalog.looking import looking
from whiteroom.ports.catalog import UnusableFiles


@looking()
def partition_columns(sources: Sequence[str], files: Sequence[str]) -> tuple[str, ...]:
    """The columns that the folders between a table's sources and its files name, outermost first.

    Raises:
        UnusableFiles: they differ from file to file, or are named as no column can be.
    """
    roots = [Path(os.path.realpath(folder_of(source))) for source in sources]
    return same_columns({file: _columns_of(file, roots) for file in files})


def same_columns(columns: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """What the folders of every file name, by the files.

    Raises:
        UnusableFiles: they differ from file to file.
    """
    first_file, first = next(iter(columns.items()))
    for file, named in columns.items():
        if named != first:
            raise UnusableFiles(
                f"{first_file} and {file} lie in folders of other partitions; the files of a table have the same."
            )
    if len({name.lower() for name in first}) < len(first):
        raise UnusableFiles(f"{first_file} lies in folders that name one partition twice.")
    return first


def named_by(folders: Sequence[str], file: str) -> list[tuple[str, str]]:
    """The columns that a file's folders name, with their values as they are written.

    Raises:
        UnusableFiles: one is named as no column can be.
    """
    named = []
    for part in folders:
        name, equals, value = part.partition("=")
        if not equals:
            continue
        if not name.strip() or not value or "=" in value or not part.isprintable():
            raise UnusableFiles(f"{file}: the folder {part!r} names no partition. Call it COLUMN=VALUE.")
        named.append((name, value))
    return named


def _columns_of(file: str, roots: Sequence[Path]) -> tuple[str, ...]:
    path = Path(file)
    # Of several sources that hold the file, the outermost says most.
    below = max(
        (path.relative_to(root).parent.parts for root in roots if path.is_relative_to(root)), key=len, default=()
    )
    names = [name for name, _ in named_by(below, file)]
    # The engine takes every folder of the path that has the form, those above the table too.
    above = [part.partition("=")[0] for part in path.parent.parts[: len(path.parent.parts) - len(below)] if "=" in part]
    if names and above:
        raise UnusableFiles(f"{file}: a folder above the table is named as a partition is ({above[0]}=). Rename it.")
    return tuple(names)
