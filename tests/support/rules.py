"""Tables under rules, and queries over them, for tests of the guard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.queries import QuerySpec, ResultFormat
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, QueryTable

OWNER, QUERIER, THIRD = "111111111111", "222222222222", "333333333333"
ALGORITHM = f"arn:aws:cleanrooms-ml:us-east-1:{QUERIER}:membership/m/configured-model-algorithm-association/a"

CUSTOM: dict[str, Any] = {
    "allowedAnalyses": ["ANY_QUERY"],
    "allowedAnalysisProviders": [QUERIER],
    "additionalAnalyses": "ALLOWED",
}

IMPRESSIONS = {"user_id": "string", "campaign": "string", "zip": "string", "cost": "double", "day": "date"}
CUSTOMERS = {"id": "string", "segment": "string", "spend": "double", "flag": "boolean"}


def table(name: str, columns: dict[str, str], rule_type: str, rule: dict[str, Any], owner: str = OWNER) -> QueryTable:
    """A table whose files are never read, open to the querier as a receiver and to the algorithm."""
    source = CatalogTable((f"/data/{name}.parquet",), FileFormat.PARQUET, tuple(Column(*c) for c in columns.items()))
    shared = {"allowedResultReceivers": [QUERIER], "allowedAdditionalAnalyses": [ALGORITHM]}
    return QueryTable(name, owner, source, tuple(columns), rule_type, rule, shared)


def direct(sql: str, tables: Iterable[QueryTable], **changes: Any) -> QuerySpec:
    """A query whose rows go to the querier."""
    spec = QuerySpec(
        id="q",
        sql=sql,
        parameters={},
        parameter_types={},
        template_arn=None,
        querier_account_id=QUERIER,
        algorithm_association_arn=None,
        tables=tuple(tables),
        result_format=ResultFormat.CSV,
        target=DataRef(DataKind.RESULT, "q"),
        csv_header=True,
        max_file_bytes=1,
        memory_bytes=1,
        cpus=1,
        timeout_seconds=1,
        receiver_account_ids=(QUERIER,),
    )
    return replace(spec, **changes)
