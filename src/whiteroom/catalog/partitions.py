"""Folders named `column=value`, as Hive, Spark and Glue lay tables out: columns that no file holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from whiteroom.catalog.files import folder_of
from whiteroom.ports import UnusableFiles


def partition_columns(sources: Sequence[str], files: Sequence[str]) -> tuple[str, ...]:
    """The columns that the folders between a table's sources and its files name, outermost first.

    Raises:
        UnusableFiles: they differ from file to file, or are named as no column can be.
    """
    roots = [folder_of(source).resolve() for source in sources]
    first = _columns_of(files[0], roots)
    for file in files[1:]:
        if _columns_of(file, roots) != first:
            raise UnusableFiles(
                f"{files[0]} and {file} lie in folders of other partitions; the files of a table have the same."
            )
    if len({name.lower() for name in first}) < len(first):
        raise UnusableFiles(f"{files[0]} lies in folders that name one partition twice.")
    return first


def _columns_of(file: str, roots: Sequence[Path]) -> tuple[str, ...]:
    path = Path(file)
    # Of several sources that hold the file, the outermost says most.
    below = max(
        (path.relative_to(root).parent.parts for root in roots if path.is_relative_to(root)), key=len, default=()
    )
    names = []
    for part in below:
        name, equals, value = part.partition("=")
        if not equals:
            continue
        if not name.strip() or not value or "=" in value or not part.isprintable():
            raise UnusableFiles(f"{file}: the folder {part!r} names no partition. Call it COLUMN=VALUE.")
        names.append(name)
    # The engine takes every folder of the path that has the form, those above the table too.
    above = [part.partition("=")[0] for part in path.parent.parts[: len(path.parent.parts) - len(below)] if "=" in part]
    if names and above:
        raise UnusableFiles(f"{file}: a folder above the table is named as a partition is ({above[0]}=). Rename it.")
    return tuple(names)
