"""Tables of a real PostgreSQL in the catalog of a data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.catalog.suite import COLUMNS, KNOWN, CatalogContract
from support.postgresql import Database, PostgreSql, wire_to
from whiteroom.catalog.checking import check
from whiteroom.catalog.folder import CatalogError, FolderCatalog
from whiteroom.catalog.relations import relation_entry
from whiteroom.databases.asking import Databases
from whiteroom.databases.connections import Connection
from whiteroom.domain.privacy.query_tables import Column, FileFormat
from whiteroom.domain.privacy.relations import Relation
from whiteroom.engines.duckdb.schemas import read_schema
from whiteroom.ports.catalog import CatalogUnavailable, TableNotFound

PEOPLE = Relation("clinic", "public", "people")


class Known(dict[tuple[str, str], Connection]):
    """Connections by account and name."""

    def find(self, account_id: str, name: str) -> Connection | None:
        return self.get((account_id, name))


@pytest.fixture
def database(postgresql: PostgreSql) -> Database:
    made = postgresql.database()
    made.table("people", "id bigint, name text", "(1, 'Ann')")
    return made


@pytest.fixture
def known(database: Database) -> Known:
    return Known({(KNOWN[0], "clinic"): database.connection()})


@pytest.fixture
def catalog(tmp_path: Path, known: Known) -> FolderCatalog:
    catalog = FolderCatalog(tmp_path / "catalog", read_schema, look_at_relation=Databases(known.find, 300).look)
    catalog.put(relation_entry(*KNOWN, PEOPLE, COLUMNS))
    return catalog


class TestDatabaseTables(CatalogContract):
    adapters = (FolderCatalog,)
    known_format = FileFormat.PARQUET


def test_a_name_that_leads_out_of_the_catalog_is_refused(catalog: FolderCatalog) -> None:
    with pytest.raises(CatalogError, match="do not name a table"):
        catalog.put(relation_entry(KNOWN[0], "..", "people", PEOPLE, COLUMNS))


def test_the_columns_are_those_of_now_and_the_check_tells_what_moved(
    catalog: FolderCatalog, database: Database
) -> None:
    assert check(catalog, catalog.show(*KNOWN)).broken == ()
    database.run("ALTER TABLE people ALTER COLUMN id TYPE int, DROP COLUMN name, ADD COLUMN age smallint")
    assert catalog.resolve(*KNOWN).columns == (Column("id", "int"), Column("age", "smallint"))
    database.run("ALTER TABLE people ALTER COLUMN id TYPE text")
    assert check(catalog, catalog.show(*KNOWN)).broken == (
        "Column 'id' was bigint and is string. Add the table again.",
        "Column 'name' is gone.",
    )
    database.run("DROP TABLE people")
    with pytest.raises(TableNotFound, match=r"has no table or view public\.people"):
        catalog.resolve(*KNOWN)
    assert "has no table or view" in check(catalog, catalog.show(*KNOWN)).broken[0]


def test_a_database_that_does_not_answer_is_asked_again_and_one_that_refuses_is_not(
    catalog: FolderCatalog, known: Known, database: Database
) -> None:
    with wire_to(database.server.port) as wire:
        wire.refuses = True
        known[KNOWN[0], "clinic"] = database.connection(wire.port)
        with pytest.raises(CatalogUnavailable):
            catalog.resolve(*KNOWN)
        wire.refuses = False
        assert catalog.resolve(*KNOWN).columns == COLUMNS
    known[KNOWN[0], "clinic"] = database.connection(password="another")
    with pytest.raises(TableNotFound, match="password authentication failed"):
        catalog.resolve(*KNOWN)
    known.clear()
    with pytest.raises(TableNotFound, match="has no connection 'clinic'"):
        catalog.resolve(*KNOWN)


def test_a_replaced_table_is_of_a_database_no_more(catalog: FolderCatalog, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,name\n1,Ann\n")
    catalog.add(*KNOWN, [tmp_path / "people.csv"])
    assert not catalog.resolve(*KNOWN).elsewhere
    assert catalog.show(*KNOWN).relation is None


def test_without_a_way_to_databases_such_a_table_is_refused(catalog: FolderCatalog, tmp_path: Path) -> None:
    with pytest.raises(TableNotFound, match="is in a database, which is not read here"):
        FolderCatalog(tmp_path / "catalog", read_schema).resolve(*KNOWN)
