"""By which columns the files of an Iceberg table are partitioned, and which values they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pyiceberg.schema import Schema
from pyiceberg.table import FileScanTask
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.transforms import IdentityTransform

from whiteroom.catalog.snapshots.places import Unreadable

_EPOCH = date(1970, 1, 1)
_WRITTEN = frozenset({"int", "long", "string", "date", "boolean"})
"""Iceberg's types whose values are written as text, so that a query's literals can be compared with them."""


@dataclass(frozen=True, slots=True)
class PartitionsOfFiles:
    """What all rows of a file have in common."""

    names: tuple[str, ...]
    """Columns by which every file is partitioned."""
    values: tuple[tuple[str | None, ...], ...]
    """Of each file, as text."""


def partitions_of(
    state: TableMetadata, schema: Schema, tasks: Sequence[FileScanTask], field_ids: Mapping[str, int]
) -> tuple[tuple[str, ...], PartitionsOfFiles]:
    """The columns by which some files are partitioned, and what is known of all files.

    Raises:
        Unreadable: a file has other values than its partition's fields say.
    """
    places = {spec_id: _identities(spec.fields) for spec_id, spec in state.specs().items()}
    used = [places[spec_id] for spec_id in {task.file.spec_id for task in tasks}]
    held = tuple(name for name, number in field_ids.items() if any(number in found for found in used))
    kinds = {part.name: str(part.field_type) for part in schema.fields}
    names = tuple(name for name in held if kinds[name] in _WRITTEN and all(field_ids[name] in found for found in used))
    numbers = [(field_ids[name], kinds[name]) for name in names]
    values = tuple(
        tuple(_text(task.file.partition, places[task.file.spec_id][number], kind) for number, kind in numbers)
        for task in tasks
    )
    return held, PartitionsOfFiles(names, values)


def _identities(fields: Sequence[Any]) -> dict[int, int]:
    """By the ids of columns by which a spec partitions as they are, the places of their values."""
    return {part.source_id: place for place, part in enumerate(fields) if isinstance(part.transform, IdentityTransform)}


def _text(partition: Any, place: int, kind: str) -> str | None:
    try:
        value = partition[place]
        if value is None:
            return None
        if kind == "boolean":
            return str(bool(value)).lower()
        if kind == "date":
            return (value if isinstance(value, date) else _EPOCH + timedelta(days=value)).isoformat()
        return value if kind == "string" and isinstance(value, str) else str(int(value))
    except (IndexError, OverflowError, TypeError, ValueError):
        raise Unreadable("a file's values of its partition are none of the columns' types") from None
