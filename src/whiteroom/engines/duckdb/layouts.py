"""A channel's rows in more files than its query wrote (ports.Layouts), so that each instance has some."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

import duckdb

from whiteroom.base.trees import put_in_place
from whiteroom.domain.execution.data import DataRef
from whiteroom.engines.duckdb.files.cutting import cut_csv_by_rows, cut_parquet_by_rows
from whiteroom.engines.duckdb.files.quoting import sql_literal
from whiteroom.ports.data import LocalData


class FolderLayouts:
    """Makes layouts on this machine, one at a time: they are made of whole disks."""

    def __init__(self, data: LocalData, *, memory_bytes: int, cpus: int) -> None:
        """Use no more than that for what is where `data` says."""
        self._data = data
        self._memory_bytes = memory_bytes
        self._cpus = cpus
        self._one = threading.Lock()

    def split(self, source: DataRef, target: DataRef, files: int, *, csv_header: bool) -> None:
        """See ports.Layouts."""
        self._split(Path(self._data.path(source)), Path(self._data.path(target)), files, csv_header=csv_header)

    def _split(self, folder: Path, target: Path, files: int, *, csv_header: bool) -> None:
        with self._one:
            if target.is_dir():
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            # What a crash left of an earlier try.
            for left in target.parent.glob(f".{target.name}.*"):
                shutil.rmtree(left)
            draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
            draft.chmod(folder.stat().st_mode & 0o777)
            try:
                sources = sorted(path for path in folder.iterdir() if path.is_file())
                put_in_place(draft, target, self._written(sources, draft, files, csv_header))
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise

    def _written(self, sources: list[Path], draft: Path, files: int, csv_header: bool) -> list[Path]:
        if not all(source.suffix == ".parquet" for source in sources):
            return cut_csv_by_rows(sources, draft, files, header=csv_header)
        with duckdb.connect(":memory:") as connection:
            connection.execute(f"SET memory_limit = '{self._memory_bytes}B'")
            connection.execute(f"SET threads = {self._cpus}")
            connection.execute(f"SET temp_directory = {sql_literal(str(draft / 'spill'))}")
            written = cut_parquet_by_rows(connection, sources, draft, files)
        shutil.rmtree(draft / "spill", ignore_errors=True)
        return written
