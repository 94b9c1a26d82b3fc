"""Answers on tables' metadata, kept while there is room for them."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict

from whiteroom.base.documents import from_document
from whiteroom.catalog.snapshots.places import Unreadable
from whiteroom.domain.privacy.query_tables import CatalogTable

Planned = tuple[CatalogTable, tuple[str, ...]]
"""A table with what its owner is to know of it."""

_REMEMBERED_BYTES = 64 << 20
"""Of answers, as they came: a table of thousands of files takes one."""


class Remembered:
    """The last answers."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, ...], tuple[Planned, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, ...]) -> Planned | None:
        """What was kept under a key."""
        with self._lock:
            known, _ = self._known.get(key, (None, 0))
        return known

    def keep(self, key: tuple[str, ...], known: Planned, size_bytes: int) -> None:
        """Keep an answer of so many bytes, and fewer others."""
        with self._lock:
            self._known[key] = known, size_bytes
            while sum(size for _, size in self._known.values()) > _REMEMBERED_BYTES:
                self._known.popitem(last=False)


def planned(answer: bytes) -> Planned:
    """What a process said of a table's metadata.

    Raises:
        Unreadable: that they cannot be read as they are; or nothing.
    """
    try:
        said = json.loads(answer)
    except ValueError:
        raise Unreadable("its metadata take more time or memory than they may. Compact the table") from None
    if "refused" in said:
        raise Unreadable(said["refused"])
    return from_document(CatalogTable, said["table"]), tuple(said["notes"])
