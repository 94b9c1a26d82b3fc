"""Where data lies and what is said of it, with what a test makes go wrong: folders, layouts, a catalog."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.deliveries import DeliveredFile, Destination
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat
from whiteroom.domain.privacy.relations import Relation
from whiteroom.engines.duckdb.layouts import FolderLayouts
from whiteroom.ports.catalog import Reader, TableNotFound
from whiteroom.ports.data import Archive, LocalData, TookTooLong


class CountedLayouts(FolderLayouts):
    """Layouts of this machine, and which of them were really made."""

    def __init__(self, data: LocalData) -> None:
        super().__init__(data, memory_bytes=1 << 30, cpus=1)
        self.made: list[DataRef] = []

    def split(self, source: DataRef, target: DataRef, files: int, *, csv_header: bool) -> None:
        if not Path(self._data.path(target)).exists():
            self.made.append(target)
        super().split(source, target, files, csv_header=csv_header)


class MemoryCatalog:
    """A catalog (ports.Catalog) whose tables a test writes down."""

    def __init__(self) -> None:
        self.tables: dict[tuple[str, str, str], CatalogTable] = {}
        self.relations: dict[tuple[str, str], Callable[[Relation], CatalogTable]] = {}
        """Tables in databases, by their owner and where they are."""

    def put(self, account_id: str, database: str, table: str, columns: Mapping[str, str]) -> None:
        """Add a table, or replace it."""
        self.tables[account_id, database, table] = CatalogTable(
            files=(f"/data/{account_id}/{database}/{table}.csv",),
            format=FileFormat.CSV,
            columns=tuple(Column(name, kind) for name, kind in columns.items()),
        )

    @property
    def has_regions(self) -> bool:
        """ports.Catalog."""
        return False

    def resolve(
        self, account_id: str, database: str, table: str, *, region: str = "", reader: Reader | None = None
    ) -> CatalogTable:
        """ports.Catalog."""
        try:
            return self.tables[account_id, database, table]
        except KeyError:
            raise TableNotFound(f"Account {account_id} has no table {database}.{table}.") from None

    def resolve_relation(self, account_id: str, relation: Relation) -> CatalogTable:
        """ports.Catalog."""
        found = self.relations.get((account_id, relation.source))
        if found is None:
            raise TableNotFound(f"Account {account_id} has no table {relation.source}.")
        return found(relation)


class RiggedData(FolderData):
    """Data in folders, with what a test makes go wrong."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.root = root
        self.refusal: Exception | None = None
        self.while_copying: Callable[[], object] = lambda: None
        """Called in the middle of every delivery."""
        self.gathering_seconds = 0.0
        """How long it takes to pack anything."""
        self.overhead_bytes: int | None = None
        """By how much the archives of a training are larger than the files in it, instead of by how much they are."""
        self.losses = 0
        """So often what is to be kept is gone."""
        self.told_to_keep: list[DataRef] = []

    def measure(self, parts: Mapping[str, DataRef], until: float = inf, links: str | None = None) -> int:
        if time.monotonic() + self.gathering_seconds > until:
            raise TookTooLong("It is too much.")
        return super().measure(parts, until, links)

    def pack(
        self,
        parts: Mapping[str, DataRef],
        target: DataRef,
        limit_bytes: int | None,
        until: float = inf,
        links: str | None = None,
    ) -> Archive:
        return self._sized(super().pack(parts, target, limit_bytes, until, links))

    def keep(self, ref: DataRef) -> bool:
        self.told_to_keep.append(ref)
        if self.losses:
            self.losses -= 1
            self.erase(ref)
        return super().keep(ref)

    def archive(self, ref: DataRef) -> Archive | None:
        found = super().archive(ref)
        return None if found is None else self._sized(found)

    def _sized(self, archive: Archive) -> Archive:
        if self.overhead_bytes is None:
            return archive
        return replace(archive, size_bytes=archive.content_bytes + self.overhead_bytes)

    def deliver(
        self,
        destination: Destination,
        job_id: str,
        path: str,
        sources: Iterable[tuple[str, DataRef]],
        confirm: Callable[[Sequence[DeliveredFile]], object] = lambda _files: None,
    ) -> None:
        if self.refusal is not None:
            raise self.refusal

        def confirm_later(files: Sequence[DeliveredFile]) -> None:
            self.while_copying()
            confirm(files)

        super().deliver(destination, job_id, path, sources, confirm_later)

    @property
    def delivered(self) -> dict[str, bytes]:
        """By `s3://BUCKET/KEY`."""
        files = (file for file in (self.root / "objects").glob("[!+]*/**/*") if file.is_file())
        return {f"s3://{file.relative_to(self.root / 'objects')}": file.read_bytes() for file in files}

    def kept(self) -> list[str]:
        """Every archive, as `trained-models/ID/NAME`."""
        folder = self.root / "artefacts"
        return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())

    def spoil(self, archive: DataRef) -> None:
        """Put an archive of nothing in its place."""
        self.pack({}, archive, None)
