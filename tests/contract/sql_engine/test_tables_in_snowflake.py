"""Tables of what answers as Snowflake does (fakesnow), from a reference to the rows of a query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from contract.sql_engine.conftest import OWNER, EngineFolder
from support.snowflake import ACCOUNT, PASSWORD, SCHEMA, Snowflake, SnowflakeDatabase
from whiteroom.catalog.folder import FolderCatalog
from whiteroom.data.folder import FolderData
from whiteroom.databases.asking import Databases
from whiteroom.databases.kinds import AnyConnection
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.engines.duckdb.engine import DuckDbEngine
from whiteroom.engines.duckdb.schemas import read_schema
from whiteroom.reads.query_tables import found_by

PATIENCE_SECONDS = 300


@dataclass
class LakeFolder(EngineFolder):
    """An engine whose tables are in Snowflake."""

    connections: dict[tuple[str, str], AnyConnection] = field(default_factory=dict)

    def find(self, account_id: str, name: str) -> AnyConnection | None:
        return self.connections.get((account_id, name))

    def refer(self, lake: SnowflakeDatabase, table: str, **types: str) -> None:
        """Have the table that a reference names in queries, as it is now."""
        reference = {
            "snowflake": {
                "secretArn": f"arn:aws:secretsmanager:us-east-1:{OWNER}:secret:clinic-A1b2C3",
                "accountIdentifier": ACCOUNT,
                "databaseName": lake.name,
                "schemaName": SCHEMA,
                "tableName": table,
                "tableSchema": {"v1": [{"columnName": key, "columnType": kind} for key, kind in types.items()]},
            }
        }
        look = Databases(self.find, PATIENCE_SECONDS, snowflake=True).look
        found = found_by(FolderCatalog(self.path / "catalog", read_schema, look_at_relation=look), OWNER, reference)
        self.add(table.lower(), [], dict.fromkeys(types, ""), source=found, association_id=f"id-{table.lower()}")

    def spec(self, sql: str, **changes: Any) -> Any:
        return super().spec(sql, **{"timeout_seconds": PATIENCE_SECONDS, **changes})


@pytest.fixture
def folder(tmp_path: Path, snowflake: Snowflake) -> Iterator[LakeFolder]:
    (tmp_path / "results").mkdir()
    data = FolderData(tmp_path)
    made = LakeFolder(tmp_path, data, DuckDbEngine(tmp_path / "engine", data))
    made.connections[OWNER, "clinic"] = snowflake.connection()
    made.engine = DuckDbEngine(tmp_path / "engine", data, table_bytes=10**8, connections=made.find)
    yield made
    for query_id in made.engine.queries():
        made.engine.forget(query_id)


@pytest.fixture
def lake(snowflake: Snowflake) -> SnowflakeDatabase:
    made = snowflake.database()
    made.table("patients", "id number(38,0), name varchar, ssn varchar", "1, 'Ann', 'SECRET'", "2, null, 'SECRET'")
    return made


def test_rows_that_a_reference_names_are_joined_with_those_of_a_file(
    folder: LakeFolder, lake: SnowflakeDatabase
) -> None:
    folder.refer(lake, "PATIENTS", id="BIGINT", name="VARCHAR")
    folder.add(
        "visits",
        [folder.write("visits.csv", "patient,cost\n1,2.5\n2,1.0\n1,1.0\n")],
        {"patient": "bigint", "cost": "double"},
    )
    sql = (
        "SELECT p.name, sum(v.cost) AS cost FROM patients p JOIN visits v ON v.patient = p.id "
        "GROUP BY p.name ORDER BY cost"
    )
    assert folder.text(sql) == "name,cost\n,1.0\nAnn,3.5\n"
    assert folder.text("SELECT count(*) AS n FROM patients") == "n\n2\n"


def test_no_file_ever_has_the_password_or_a_column_that_is_not_read(
    folder: LakeFolder, lake: SnowflakeDatabase
) -> None:
    folder.refer(lake, "PATIENTS", id="BIGINT", ssn="VARCHAR")
    seen, _ = folder.run("SELECT id FROM patients")
    assert seen.result is not None
    files = [file for file in folder.path.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if PASSWORD.encode() in file.read_bytes() or b"SECRET" in file.read_bytes()]


def test_a_refusal_is_told_to_the_owner_alone(folder: LakeFolder, lake: SnowflakeDatabase) -> None:
    folder.refer(lake, "PATIENTS", id="BIGINT")
    folder.connections.clear()
    seen, _ = folder.run("SELECT id FROM patients")
    assert seen.failure is QueryFailure.DATA
    assert "clinic" not in seen.message
    assert "has no connection 'clinic'" in seen.for_owners["id-patients"]
