"""Queries as a controller describes them, and an engine to run them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from support.patience import Patience
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.queries import QueryObservation, QuerySpec, ResultFormat
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, QueryTable
from whiteroom.engines.duckdb.engine import DuckDbEngine
from whiteroom.ports.data import LocalData

OWNER, QUERIER = "111111111111", "222222222222"
ALGORITHM = f"arn:aws:cleanrooms-ml:us-east-1:{QUERIER}:membership/m/configured-model-algorithm-association/a"
GIGABYTE = 10**9


@dataclass
class EngineFolder:
    """A folder with members' tables, an engine, and a way to run a query to its end."""

    path: Path
    data: LocalData
    engine: DuckDbEngine
    tables: list[QueryTable] = field(default_factory=list)

    def add(
        self,
        name: str,
        files: Sequence[Path],
        columns: Mapping[str, str],
        file_format: FileFormat = FileFormat.CSV,
        **changes: Any,
    ) -> QueryTable:
        source = CatalogTable(tuple(map(str, files)), file_format, tuple(Column(*item) for item in columns.items()))
        rule = {
            "allowedAnalyses": ["ANY_QUERY"],
            "allowedAnalysisProviders": [QUERIER],
            "additionalAnalyses": "REQUIRED",
        }
        allowed = {"allowedAdditionalAnalyses": [ALGORITHM]}
        table = replace(QueryTable(name, OWNER, source, tuple(columns), "CUSTOM", rule, allowed), **changes)
        self.tables.append(table)
        return table

    def write(self, name: str, text: str | bytes) -> Path:
        file = self.path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def spec(self, sql: str, **changes: Any) -> QuerySpec:
        query_id = str(uuid.uuid4())
        spec = QuerySpec(
            id=query_id,
            sql=sql,
            parameters={},
            parameter_types={},
            template_arn=None,
            querier_account_id=QUERIER,
            algorithm_association_arn=ALGORITHM,
            tables=tuple(self.tables),
            result_format=ResultFormat.CSV,
            target=DataRef(DataKind.RESULT, query_id),
            csv_header=True,
            max_file_bytes=GIGABYTE,
            memory_bytes=2 * GIGABYTE,
            cpus=2,
            timeout_seconds=60,
        )
        return replace(spec, **changes)

    def run(self, sql: str, **changes: Any) -> tuple[QueryObservation, QuerySpec]:
        spec = self.spec(sql, **changes)
        self.engine.start(spec)
        return self.end(spec.id), spec

    def end(self, query_id: str) -> QueryObservation:
        patience = Patience(60)
        while (seen := self.engine.observe(query_id)).phase is Phase.RUNNING:
            assert not patience.is_lost
            patience.rest()
        return seen

    def text(self, sql: str, **changes: Any) -> str:
        """The result's files, one after another."""
        seen, spec = self.run(sql, **changes)
        assert seen.result is not None, seen.message
        return "".join((self.rows(spec) / name).read_text() for name in seen.result.files)

    def rows(self, spec: QuerySpec) -> Path:
        """Where a query's rows come to lie."""
        return Path(self.data.path(spec.target))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[EngineFolder]:
    (tmp_path / "results").mkdir()
    data = FolderData(tmp_path)
    folder = EngineFolder(tmp_path, data, DuckDbEngine(tmp_path / "engine", data))
    yield folder
    for query_id in folder.engine.queries():
        folder.engine.forget(query_id)


@pytest.fixture
def people(folder: EngineFolder) -> EngineFolder:
    """Two tables that join: people and visits."""
    folder.add(
        "people",
        [folder.write("people.csv", "id,Name,ssn\n1,Ann,s1\n2,Bob,s2\n3,,s3\n")],
        {"id": "bigint", "Name": "string", "ssn": "string"},
        allowed_columns=("id", "Name"),
    )
    folder.add(
        "store-visits 2024",
        [folder.write("visits.csv", "person,amount\n2,5.5\n1,1.25\n2,2.0\n9,7.0\n")],
        {"person": "bigint", "amount": "double"},
    )
    return folder
