"""A room with two owners' tables and an attacker in it, whose queries run in this process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from support.rules import ALGORITHM, OWNER, QUERIER
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.queries import QueryFailure, QuerySpec, ResultFormat
from whiteroom.domain.privacy.differential_privacy import PrivacyPolicy
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, QueryTable
from whiteroom.engines.duckdb.specs import Folders
from whiteroom.engines.duckdb.worker import run_query
from whiteroom.sql.walls import BOTH, Walls

CUSTOM: dict[str, Any] = {
    "allowedAnalyses": ["ANY_QUERY"],
    "allowedAnalysisProviders": [QUERIER],
    "additionalAnalyses": "ALLOWED",
}
HIDDEN = {"disallowedOutputColumns": ["ssn", "salary", "zip"]}
PATIENTS = {
    "pid": "string",
    "ssn": "string",
    "salary": "int",
    "zip": "string",
    "age": "int",
    "diag": "string",
    "amount": "double",
}
ROWS = [
    (f"p{n:04}", f"078-05-{1000 + n}", 3 + n % 7, f"100{n:02}", 20 + n, "rare" if n == 7 else "common", n / 4)
    for n in range(40)
]
MINE = {"seq": "int", "x": "string", "id": "string"}
MY_ROWS = [(n, f"100{n:02}", f"p{n:04}") for n in range(20)]
SECRETS = tuple(row[1] for row in ROWS)


@dataclass
class Attempt:
    """What came of a query."""

    failure: QueryFailure | None
    message: str
    disagreement: str
    text: str
    """What the attacker got."""

    @property
    def refused(self) -> bool:
        return self.failure is QueryFailure.REFUSED and not self.text


@dataclass
class Attacker:
    """Asks, in the role of the querier."""

    folder: Path
    tables: dict[str, QueryTable] = field(default_factory=dict)
    _count: int = 0

    def table(
        self, name: str, columns: dict[str, str], rows: Iterable[tuple[object, ...]], owner: str, **rule: Any
    ) -> None:
        file = self.folder / f"{name}.csv"
        lines = [",".join("" if value is None else str(value) for value in row) for row in rows]
        file.write_text("\n".join([",".join(columns), *lines, ""]))
        source = CatalogTable((str(file),), FileFormat.CSV, tuple(Column(*item) for item in columns.items()))
        shared = {"allowedResultReceivers": [QUERIER], "allowedAdditionalAnalyses": [ALGORITHM]}
        policy = PrivacyPolicy("budget", 20) if "differentialPrivacy" in rule else None
        self.tables[name] = QueryTable(
            name, owner, source, tuple(columns), "CUSTOM", {**CUSTOM, **rule}, shared, privacy=policy
        )

    def rule(self, name: str, **fields: Any) -> None:
        """Add to a table's rule."""
        table = self.tables[name]
        self.tables[name] = replace(table, rule={**(table.rule or {}), **fields})

    def spec(self, sql: str, *, channel: bool = False, **changes: Any) -> QuerySpec:
        self._count += 1
        spec = QuerySpec(
            id=f"attempt{self._count}",
            sql=sql,
            parameters={},
            parameter_types={},
            template_arn=None,
            querier_account_id=QUERIER,
            algorithm_association_arn=ALGORITHM if channel else None,
            tables=tuple(self.tables.values()),
            result_format=ResultFormat.CSV,
            target=DataRef(DataKind.RESULT, f"attempt{self._count}"),
            csv_header=True,
            max_file_bytes=10**9,
            memory_bytes=10**9,
            cpus=2,
            timeout_seconds=60,
            receiver_account_ids=() if channel else (QUERIER,),
            epsilon_left="20",
        )
        return replace(spec, **changes)

    def attempt(self, sql: str, *, channel: bool = False, walls: Walls = BOTH, **changes: Any) -> Attempt:
        spec = self.spec(sql, channel=channel, **changes)
        folders = self.folders(spec)
        ended = run_query(folders, spec, 10**9, walls)
        end, message, disagreement = ended.outcome, ended.message, ended.disagreement
        if isinstance(end, QueryFailure):
            return Attempt(end, message, disagreement, "")
        return Attempt(None, "", disagreement, "".join((folders.rows / name).read_text() for name in end.files))

    def folders(self, spec: QuerySpec) -> Folders:
        """Where a query works, which is made, and where its rows come to lie."""
        (self.folder / spec.id).mkdir()
        return Folders(self.folder / spec.id, self.folder / f"result-{spec.id}")


@pytest.fixture
def attacker(tmp_path: Path) -> Attacker:
    """Beside `pc` (columns that may not be shown) and `pd` (differential privacy), with `mine` of its own."""
    attacker = Attacker(tmp_path)
    attacker.table("pc", PATIENTS, ROWS, OWNER, **HIDDEN)
    attacker.table("pd", PATIENTS, ROWS, OWNER, differentialPrivacy={"columns": [{"name": "pid"}]})
    attacker.table("mine", MINE, MY_ROWS, QUERIER)
    return attacker
