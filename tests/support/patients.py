"""A table that synthetic rows are made of: patients of two towns, whose outcome depends on what they weigh and take."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.queries import ResultFormat
from whiteroom.domain.execution.synthetic_data import (
    ColumnType,
    SynthesisSpec,
    SyntheticColumn,
    SyntheticDataParameters,
)
from whiteroom.synthesis.specs import Folders

COLUMNS = {
    "town": ColumnType.CATEGORICAL,
    "drug": ColumnType.CATEGORICAL,
    "age": ColumnType.NUMERICAL,
    "weight": ColumnType.NUMERICAL,
    "visits": ColumnType.NUMERICAL,
    "outcome": ColumnType.CATEGORICAL,
}
SQL = """
SELECT CASE WHEN i % 3 = 0 THEN 'Bern' ELSE 'Chur' END AS town,
       CASE WHEN hash(i) % 4 = 0 THEN NULL WHEN hash(i) % 2 = 0 THEN 'aspirin' ELSE 'placebo' END AS drug,
       (20 + hash(i * 7) % 60)::BIGINT AS age,
       50 + (hash(i * 11) % 1000) / 20.0::DOUBLE AS weight,
       (hash(i * 13) % 5)::INTEGER AS visits,
       (CASE WHEN (hash(i * 11) % 1000) / 20.0 + (hash(i * 17) % 200) / 10.0 > 30 THEN 1 ELSE 0 END)::INTEGER AS outcome
  FROM range({rows}) AS t(i)"""
"""The hash makes columns that do not depend on each other, the same each time."""


def parameters(
    epsilon: float = 10.0, max_score: float = 0.9, types: Mapping[str, ColumnType] = COLUMNS
) -> SyntheticDataParameters:
    """What a template asks; of the patients' columns, or of others."""
    mapped = tuple(SyntheticColumn(name, kind, name == "outcome") for name, kind in types.items())
    return SyntheticDataParameters(epsilon, max_score, mapped)


def a_synthesis(folder: Path, sql: str = SQL, *, rows: int = 4_000, **changes: Any) -> SynthesisSpec:
    """A synthesis of the rows that a query gives, which are put where they belong."""
    source = folder / "originals" / "query"
    source.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({sql.format(rows=rows)}) TO '{source / 'part-00000.parquet'}' (FORMAT parquet)")
    given: dict[str, Any] = {
        "id": "query",
        "source": DataRef(DataKind.ORIGINAL, "query"),
        "target": DataRef(DataKind.CHANNEL, "channel"),
        "parameters": parameters(),
        "result_format": ResultFormat.PARQUET,
        "csv_header": True,
        "max_file_bytes": 10**9,
        "memory_bytes": 10**9,
        "cpus": 1,
        "timeout_seconds": 120,
    }
    (folder / "channels").mkdir(parents=True, exist_ok=True)
    return SynthesisSpec(**(given | changes))


def folders_of(folder: Path) -> Folders:
    """Where its rows lie."""
    return Folders(folder, folder / "originals" / "query", folder / "channels" / "channel")
