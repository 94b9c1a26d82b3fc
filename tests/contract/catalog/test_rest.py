"""REST catalogs of Iceberg as the catalog: a small one, over tables in moto's S3."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.types import IntegerType, LongType, NestedField, StringType

from contract.catalog.suite import COLUMNS, KNOWN, CatalogContract
from contract.catalog.test_glue import OWNER, READER, lake, profiles
from support.iceberg_tables import rows
from support.lake_tables import file_io_of
from support.lakes import Lake
from support.rest_catalogs import TOKEN, RestServer, rest_server
from whiteroom.aws.clients import AwsClients
from whiteroom.catalog.rest.catalog import IcebergRestCatalog
from whiteroom.domain.privacy.query_tables import Column, FileFormat
from whiteroom.ports.catalog import CatalogUnavailable, TableNotFound

__all__ = ["lake", "profiles"]

SCHEMA = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))


@pytest.fixture
def server(
    lake: Lake, profiles: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[RestServer]:
    catalog = SqlCatalog(
        "lake", uri=f"sqlite:///{tmp_path}/lake.db", warehouse=f"s3://{lake.bucket}", **file_io_of(lake)
    )
    with rest_server(catalog) as server:
        monkeypatch.setenv("PYICEBERG_CATALOG__HOSPITAL__URI", server.url)
        monkeypatch.setenv("PYICEBERG_CATALOG__HOSPITAL__TOKEN", TOKEN)
        yield server


@pytest.fixture
def rest(server: RestServer, profiles: dict[str, str]) -> IcebergRestCatalog:
    return IcebergRestCatalog(AwsClients("us-east-1", "", profiles), {OWNER: "hospital"})


@pytest.fixture
def people(server: RestServer) -> Table:
    server.catalog.create_namespace("shop")
    table = server.catalog.create_table("shop.people", SCHEMA)
    table.append(rows(SCHEMA, id=[1], name=["a"]))
    return table


class TestIcebergRestCatalog(CatalogContract):
    adapters = (IcebergRestCatalog,)
    known_format = FileFormat.PARQUET

    @pytest.fixture
    def catalog(self, rest: IcebergRestCatalog, server: RestServer) -> IcebergRestCatalog:
        _, database, table = KNOWN
        kinds = {"bigint": LongType(), "string": StringType(), "int": IntegerType()}
        fields = [NestedField(number, one.name, kinds[one.type]) for number, one in enumerate(COLUMNS, start=1)]
        server.catalog.create_namespace(database)
        server.catalog.create_table((database, table), Schema(*fields))
        return rest


def test_its_objects_and_snapshot_are_those_of_the_metadata_and_its_owner_may_mean_another(
    rest: IcebergRestCatalog, people: Table
) -> None:
    first = str(people.metadata.current_snapshot_id)
    people.append(rows(SCHEMA, id=[2], name=["b"]))
    found = rest.resolve(OWNER, "shop", "people", reader=READER)
    assert found.columns == (Column("id", "bigint"), Column("name", "string"))
    assert {item.uri for item in found.objects} == {task.file.file_path for task in people.scan().plan_files()}
    with people.transaction() as change:
        change.set_properties({"whiteroom.snapshot": first})
    pinned = rest.resolve(OWNER, "shop", "people", reader=READER)
    assert pinned.snapshot is not None
    assert (pinned.snapshot.id, len(pinned.objects)) == (first, 1)


def test_an_account_without_a_catalog_a_table_that_is_not_there_and_a_refusal_are_told(
    rest: IcebergRestCatalog, people: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    for account, table, told in (
        ("222222222222", "people", "has no Iceberg catalog here: the operator names one in iceberg_catalogs"),
        (OWNER, "others", "'hospital' has no such table"),
    ):
        with pytest.raises(TableNotFound, match=told):
            rest.resolve(account, "shop", table)
    monkeypatch.setenv("PYICEBERG_CATALOG__HOSPITAL__TOKEN", "another")
    with pytest.raises(TableNotFound, match="'hospital' refused the server"):
        rest.resolve(OWNER, "shop", "people")
    monkeypatch.setenv("PYICEBERG_CATALOG__HOSPITAL__TYPE", "sql")
    with pytest.raises(TableNotFound, match="is no REST catalog"):
        rest.resolve(OWNER, "shop", "people")
    monkeypatch.delenv("PYICEBERG_CATALOG__HOSPITAL__URI")
    with pytest.raises(TableNotFound, match="has no catalog 'hospital' with a uri"):
        rest.resolve(OWNER, "shop", "people")


def test_a_catalog_configures_no_code_and_no_other_place(
    rest: IcebergRestCatalog, server: RestServer, people: Table, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    server.overrides = {
        "auth": {"type": "custom", "impl": "subprocess.Popen", "custom": {"args": ["touch", str(made)]}},
        "uri": "http://127.0.0.1:1",
        "py-io-impl": "no.such.Class",
        "s3.endpoint": "http://127.0.0.1:1",
    }
    server.of_table = {"py-io-impl": "no.such.Class"}
    with contextlib.suppress(TableNotFound):
        rest.resolve(OWNER, "shop", "people")
    server.overrides = {name: value for name, value in server.overrides.items() if isinstance(value, str)}
    assert len(rest.resolve(OWNER, "shop", "people", reader=READER).objects) == 1
    assert not made.exists()


@pytest.mark.parametrize(
    ("status", "headers", "body", "told"),
    [
        (302, {"Location": "http://169.254.169.254/secret"}, b"", "redirects, which is not followed"),
        (200, {}, b"SECRET", "answer cannot be read"),
        (200, {}, b"[" * 100_000, "answer cannot be read|more time or memory"),
        (400, {}, b'{"error": {"message": "SECRET", "type": "x", "code": 400}}', "answer cannot be read"),
    ],
)
def test_an_answer_that_is_none_is_told_and_nothing_of_it(
    rest: IcebergRestCatalog, server: RestServer, status: int, headers: dict[str, str], body: bytes, told: str
) -> None:
    server.instead = status, headers, body
    with pytest.raises(TableNotFound, match=told) as raised:
        rest.resolve(OWNER, "shop", "people")
    assert "SECRET" not in str(raised.value)


def test_a_catalog_that_does_not_answer_is_asked_again(
    rest: IcebergRestCatalog, server: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.instead = 503, {}, json.dumps({"error": {"message": "x", "type": "x", "code": 503}}).encode()
    with pytest.raises(CatalogUnavailable):
        rest.resolve(OWNER, "shop", "people")
    monkeypatch.setenv("PYICEBERG_CATALOG__HOSPITAL__URI", "http://127.0.0.1:1")
    with pytest.raises(CatalogUnavailable):
        rest.resolve(OWNER, "shop", "people")


@pytest.mark.parametrize("state", ["file:///etc/passwd", "s3://another-bucket/t/metadata/1.metadata.json"])
def test_a_state_elsewhere_is_not_read(rest: IcebergRestCatalog, server: RestServer, people: Table, state: str) -> None:
    server.says = {"metadata-location": state}
    with pytest.raises(TableNotFound, match=r"its metadata name '.*', which (lies outside of|is no object in S3)"):
        rest.resolve(OWNER, "shop", "people", reader=READER)


def test_a_catalog_that_names_no_state_has_no_other_taken_for_it(
    rest: IcebergRestCatalog, server: RestServer, people: Table
) -> None:
    server.says = {"metadata-location": ""}
    with pytest.raises(TableNotFound, match="'hospital' names no file of the table's metadata"):
        rest.resolve(OWNER, "shop", "people", reader=READER)
