"""One table of Whiteroom's own catalog as it was added, and the file that keeps it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from whiteroom.base.documents import from_document
from whiteroom.catalog.stored.sources import is_stored
from whiteroom.domain.privacy.query_tables import Column, FileFormat, Reading
from whiteroom.domain.privacy.relations import Relation


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One table of the catalog, as it was added."""

    account_id: str
    database: str
    table: str
    sources: tuple[str, ...]
    """Absolute paths of files and folders, and absolute glob patterns; or all of them places in S3."""
    format: FileFormat
    columns: tuple[Column, ...]
    reading: Reading = field(default_factory=Reading)
    read_files: Mapping[str, str] = field(default_factory=dict)
    """The files or objects that were read through, with the marks that they had (CatalogTable.marks)."""
    snapshot: str = ""
    """Which state of a table of Iceberg or Delta is meant, whenever it is read; empty for the latest."""
    role_arn: str = ""
    """The owner's role with which its objects were read when it was added; empty where its profile was."""

    relation: Relation | None = None
    """The table of a database that it is; None of one of files."""

    @property
    def is_stored(self) -> bool:
        """Whether its rows are in S3."""
        return self.relation is None and any(map(is_stored, self.sources))


def write_entry(path: Path, entry: CatalogEntry) -> None:
    """Put a table where it is kept, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(entry), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_entry(path: Path) -> CatalogEntry:
    """The table that is kept there."""
    document = json.loads(path.read_text(encoding="utf-8"))
    # An earlier release did not ask how values are written, and read them as it did.
    return from_document(CatalogEntry, {"reading": {"strict": False}} | document)
