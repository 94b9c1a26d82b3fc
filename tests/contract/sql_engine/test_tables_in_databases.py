"""Tables of PostgreSQL, read by the engine over their owner's connection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from contract.sql_engine.conftest import OWNER, EngineFolder
from support.postgresql import PASSWORD, READER, Database, PostgreSql, wire_to
from whiteroom.catalog.folder import FolderCatalog
from whiteroom.catalog.relations import relation_entry
from whiteroom.data.folder import FolderData
from whiteroom.databases.asking import Databases
from whiteroom.databases.connections import Connection
from whiteroom.domain.execution.queries import QueryFailure, QuerySpec
from whiteroom.domain.privacy.query_tables import CatalogTable
from whiteroom.domain.privacy.relations import Relation
from whiteroom.engines.duckdb.engine import DuckDbEngine
from whiteroom.engines.duckdb.schemas import read_schema

ALL_ROWS = 10**8
PATIENCE_SECONDS = 300
"""No test is about a machine that is busy with others."""


@dataclass
class ClinicFolder(EngineFolder):
    """An engine whose tables are in a database."""

    database: Database | None = None
    connections: dict[tuple[str, str], Connection] = field(default_factory=dict)

    def use(self, name: str, allowed: tuple[str, ...] = (), connection: str = "clinic", **changes: Any) -> CatalogTable:
        """Have a table of the database in queries, as it is now."""
        relation = Relation(connection, "public", name)
        catalog = FolderCatalog(
            self.path / "catalog", read_schema, look_at_relation=Databases(self.find, PATIENCE_SECONDS).look
        )
        catalog.put(relation_entry(OWNER, "clinic", name, relation, ()))
        found = catalog.resolve(OWNER, "clinic", name)
        columns = allowed or tuple(column.name for column in found.columns)
        self.add(name, [], dict.fromkeys(columns, ""), source=found, association_id=f"id-{name}", **changes)
        return found

    def spec(self, sql: str, **changes: Any) -> QuerySpec:
        return super().spec(sql, **{"timeout_seconds": PATIENCE_SECONDS, **changes})

    def find(self, account_id: str, name: str) -> Connection | None:
        return self.connections.get((account_id, name))

    def engine_of(self, table_bytes: int = ALL_ROWS) -> DuckDbEngine:
        return DuckDbEngine(self.path / "engine", self.data, table_bytes=table_bytes, connections=self.find)


@pytest.fixture(scope="module")
def shared(postgresql: PostgreSql) -> Database:
    return postgresql.database()


@pytest.fixture
def clinic(tmp_path: Path, shared: Database) -> Iterator[ClinicFolder]:
    """Patients, of whom a query may see their ids and names."""
    shared.run("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", f"GRANT USAGE ON SCHEMA public TO {READER}")
    shared.table("patients", 'id bigint, "Name" text, ssn text', "(1, 'Ann', 'SECRET'), (2, NULL, 'SECRET')")
    (tmp_path / "results").mkdir()
    data = FolderData(tmp_path)
    folder = ClinicFolder(tmp_path, data, DuckDbEngine(tmp_path / "engine", data), database=shared)
    folder.connections[OWNER, "clinic"] = shared.connection()
    folder.engine = folder.engine_of()
    yield folder
    for query_id in folder.engine.queries():
        folder.engine.forget(query_id)


def test_rows_of_a_database_are_joined_with_those_of_a_file(clinic: ClinicFolder) -> None:
    clinic.use("patients", ("id", "name"))
    clinic.add(
        "visits",
        [clinic.write("visits.csv", "patient,cost\n1,2.5\n2,1.0\n1,1.0\n")],
        {"patient": "bigint", "cost": "double"},
    )
    joined = "patients p JOIN visits v ON v.patient = p.id"
    sql = f"SELECT p.name, sum(v.cost) AS cost FROM {joined} GROUP BY p.name ORDER BY cost"
    assert clinic.text(sql) == "name,cost\n,1.0\nAnn,3.5\n"


def test_every_type_comes_to_the_query_as_it_is(clinic: ClinicFolder) -> None:
    assert clinic.database is not None
    clinic.database.table(
        "odds",
        "n numeric(20, 4), t timestamptz, s timestamp, d date, u uuid, b boolean, f real, x bytea",
        "(0.1000, '2024-02-29 14:00:00.123456+02', '2024-02-29 12:00:00', '1500-02-28', "
        "'6ECD8C99-4036-403D-BF84-CF8400F67836', false, 'NaN', '\\xff')",
    )
    clinic.use("odds")
    times = "CAST(t AS STRING) AS t, CAST(s AS STRING) AS s"
    sql = f"SELECT n + 0.2 AS n, {times}, d, u, b, isnan(f) AS f, hex(x) AS x FROM odds"
    assert clinic.text(sql, csv_header=False) == (
        "0.3000,2024-02-29 12:00:00.123456,2024-02-29 12:00:00,1500-02-28,6ecd8c99-4036-403d-bf84-cf8400f67836,"
        "false,true,FF\n"
    )


@pytest.mark.parametrize("sql", ["SELECT count(*) AS n FROM patients", "SELECT sum(id) - 1 AS n FROM patients"])
def test_no_column_is_asked_for_that_the_query_does_not_read(clinic: ClinicFolder, sql: str) -> None:
    assert clinic.database is not None
    clinic.database.run(
        "CREATE VIEW careful AS SELECT id, (1 / (id - id))::text AS name FROM patients",
        f"GRANT SELECT ON careful TO {READER}",
    )
    clinic.use("careful")
    assert clinic.text(sql.replace("patients", "careful")) == "n\n2\n"
    assert clinic.run("SELECT name FROM careful")[0].failure is QueryFailure.AGAIN


def test_a_column_of_a_type_that_no_query_reads_is_refused_where_it_is_allowed_alone(clinic: ClinicFolder) -> None:
    assert clinic.database is not None
    clinic.database.table("arrays", "id int, many int[]", "(1, '{1}')")
    clinic.use("arrays", ("id",))
    assert clinic.text("SELECT id FROM arrays") == "id\n1\n"
    clinic.tables.clear()
    clinic.use("arrays")
    seen, _ = clinic.run("SELECT id FROM arrays")
    assert seen.result is None
    assert "integer[] of PostgreSQL" in seen.message


def test_a_query_that_is_refused_reads_nothing_of_a_database(clinic: ClinicFolder) -> None:
    clinic.use("patients", ("id",))
    clinic.connections.clear()
    seen, _ = clinic.run("SELECT ssn FROM patients")
    assert seen.failure is QueryFailure.REFUSED
    assert not seen.for_owners


def test_nothing_is_left_of_the_rows_and_no_file_ever_has_the_password(clinic: ClinicFolder) -> None:
    clinic.use("patients")
    seen, spec = clinic.run("SELECT id FROM patients")
    assert seen.result is not None
    work = clinic.path / "engine" / "queries" / spec.id
    assert not (work / "tables").exists()
    files = [file for file in clinic.path.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if PASSWORD.encode() in file.read_bytes() or b"SECRET" in file.read_bytes()]


def test_a_column_that_moved_since_it_was_looked_up_is_not_read_as_what_it_was(clinic: ClinicFolder) -> None:
    assert clinic.database is not None
    clinic.use("patients")
    clinic.database.run("ALTER TABLE patients ALTER COLUMN id TYPE text")
    seen, _ = clinic.run("SELECT id FROM patients")
    assert seen.failure is QueryFailure.AGAIN
    assert "was changed since it was looked up" in seen.for_owners["id-patients"]
    assert clinic.text("SELECT name FROM patients WHERE name IS NOT NULL") == "name\nAnn\n"


def test_all_tables_of_a_query_are_held_before_the_first_is_read(clinic: ClinicFolder) -> None:
    """The first of them is a view that says what is held while it is read."""
    assert clinic.database is not None
    clinic.database.table("later", "id bigint", "(7)")
    clinic.database.run(
        "CREATE VIEW earlier AS SELECT count(*) AS held FROM pg_locks WHERE pid = pg_backend_pid() "
        "AND relation = 'public.later'::regclass AND mode = 'AccessShareLock' AND granted",
        f"GRANT SELECT ON earlier TO {READER}",
    )
    clinic.use("earlier")
    clinic.use("later")
    assert clinic.text("SELECT e.held, l.id FROM earlier e CROSS JOIN later l") == "held,id\n1,7\n"


@pytest.mark.parametrize("how", ["password", "grant", "gone"])
def test_a_refusal_is_told_to_the_owner_alone(clinic: ClinicFolder, how: str) -> None:
    assert clinic.database is not None
    clinic.use("patients")
    if how == "password":
        clinic.connections[OWNER, "clinic"] = clinic.database.connection(password="another")
    elif how == "grant":
        clinic.database.run(f"REVOKE SELECT ON patients FROM {READER}")
    else:
        clinic.connections.clear()
    seen, _ = clinic.run("SELECT id FROM patients")
    assert (seen.failure, seen.result) == (QueryFailure.DATA, None)
    assert seen.message == (
        f"The table 'patients' cannot be read: the database of its owner, account {OWNER}, refused the server. "
        "Its owner is told why."
    )
    told = {"password": "password authentication failed", "grant": "read no column", "gone": "no connection 'clinic'"}
    assert told[how] in seen.for_owners["id-patients"]
    assert list(seen.for_owners) == ["id-patients"]


def test_a_database_that_breaks_off_is_asked_another_time(clinic: ClinicFolder) -> None:
    assert clinic.database is not None
    clinic.database.run(
        "CREATE TABLE many AS SELECT g AS id, md5(g::text) AS text FROM generate_series(1, 20000) g",
        f"GRANT SELECT ON many TO {READER}",
    )
    clinic.use("many")
    with wire_to(clinic.database.server.port) as wire:
        clinic.connections[OWNER, "clinic"] = clinic.database.connection(wire.port)
        wire.cut_after = 200_000
        spec = clinic.spec("SELECT count(text) AS n FROM many")
        clinic.engine.start(spec)
        seen = clinic.end(spec.id)
        assert seen.failure is QueryFailure.AGAIN
        assert "could not be read to its end" in seen.message
        assert str(wire.port) not in seen.message
        wire.cut_after = None
        clinic.engine.start(spec)
        seen = clinic.end(spec.id)
        assert seen.result is not None, seen.message
        assert (clinic.rows(spec) / seen.result.files[0]).read_text() == "n\n20000\n"


def test_more_than_a_query_may_bring_is_refused_with_the_limit(clinic: ClinicFolder) -> None:
    clinic.use("patients")
    clinic.engine = clinic.engine_of(table_bytes=100)
    seen, _ = clinic.run("SELECT id FROM patients")
    assert seen.failure is QueryFailure.RESOURCES
    assert "more than 100 bytes outside of this machine, the limit of this server (max_table_bytes)" in seen.message


def test_another_accounts_connection_of_the_same_name_is_not_used(clinic: ClinicFolder) -> None:
    clinic.use("patients")
    clinic.connections = {("222222222222", "clinic"): clinic.connections[OWNER, "clinic"]}
    assert clinic.run("SELECT id FROM patients")[0].failure is QueryFailure.DATA
