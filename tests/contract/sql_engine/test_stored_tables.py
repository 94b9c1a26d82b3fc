"""Tables of Whiteroom's own catalog in S3, read by the engine as files of this machine are."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from contract.sql_engine.conftest import OWNER, QUERIER, EngineFolder
from contract.sql_engine.test_tables_in_s3 import ROLE, lake, parquet
from support.lakes import Lake
from support.s3_front import s3_front
from whiteroom.aws.bringing import PART_BYTES
from whiteroom.aws.clients import AwsClients
from whiteroom.aws.late import LateClients
from whiteroom.catalog.folder import FolderCatalog
from whiteroom.catalog.stored.tables import StoredTables
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.privacy.readings import NO_WISHES, Wishes
from whiteroom.engines.duckdb.engine import DuckDbEngine
from whiteroom.engines.duckdb.schemas import read_schema, read_snapshot
from whiteroom.ports.catalog import Reader

__all__ = ["lake"]


@dataclass
class StoredFolder(EngineFolder):
    """An engine, and a catalog with tables in S3."""

    lake: Lake | None = None

    @property
    def catalog(self) -> FolderCatalog:
        clients = LateClients(lambda: AwsClients("us-east-1"))
        return FolderCatalog(self.path / "catalog", read_schema, read_snapshot, StoredTables(clients, 10**9, {}))

    def register(self, name: str, *sources: str, wishes: Wishes = NO_WISHES) -> None:
        """Add a table of the lake to the catalog, and have it in queries."""
        assert self.lake is not None
        places = [f"s3://{self.lake.bucket}/{source}" for source in sources]
        self.catalog.look(OWNER, "shop", name, places, wishes, role_arn=ROLE, keep=True)
        self.use(name)

    def use(self, name: str, **changes: Any) -> None:
        """Have a table in queries, as it is now."""
        found = self.catalog.resolve(OWNER, "shop", name, reader=Reader("q", ROLE))
        columns = dict.fromkeys((column.name for column in found.columns), "")
        self.tables[:] = [table for table in self.tables if table.name != name]
        self.add(name, [], columns, source=found, role_arn=ROLE, association_id=f"id-{name}", **changes)


@pytest.fixture
def folder(tmp_path: Path, lake: Lake) -> Iterator[StoredFolder]:
    (tmp_path / "results").mkdir()
    data = FolderData(tmp_path)
    clients = LateClients(lambda: AwsClients("us-east-1"))
    folder = StoredFolder(tmp_path, data, DuckDbEngine(tmp_path / "engine", data, aws=clients), lake=lake)
    yield folder
    for query_id in folder.engine.queries():
        folder.engine.forget(query_id)


NAMED = "SELECT id, name FROM people ORDER BY id"
TEXTS: tuple[tuple[str, bytes, Wishes, str], ...] = (
    ("a.csv", b'id,name\n1,"Ann, ""x"""\n2,\n', NO_WISHES, '1,"Ann, ""x"""\n2,\n'),
    ("a.csv", b"id;name\n1;NA\n", Wishes(null_words=("NA",)), "1,\n"),
    ("a.csv", "t\nid|name\n1|é\n".encode("latin-1"), Wishes(encoding="latin-1", skip_lines=1), "1,é\n"),
    ("a.csv.gz", gzip.compress(b"id,name\n1,Ann\n"), NO_WISHES, "1,Ann\n"),
    ("named.csv", gzip.compress(b"id,name\n1,Ann\n"), NO_WISHES, "1,Ann\n"),
    ("a.jsonl", b'{"id": 1, "name": "Ann"}\n{"id": 2}\n', NO_WISHES, "1,Ann\n2,\n"),
)
"""An object, how its owner says it is written, and its rows as they are read."""


@pytest.mark.parametrize(("key", "body", "wishes", "rows"), TEXTS)
def test_text_is_read_as_it_was_found_when_it_was_added(
    folder: StoredFolder, lake: Lake, key: str, body: bytes, wishes: Wishes, rows: str
) -> None:
    lake.put(f"people/{key}", body)
    folder.register("people", "people/", wishes=wishes)
    assert folder.text(NAMED, csv_header=False) == rows


def test_files_of_parquet_may_differ_and_of_a_large_one_the_columns_are_brought_that_a_query_reads(
    folder: StoredFolder, lake: Lake, tmp_path: Path
) -> None:
    large = parquet("SELECT i AS id, random() AS noise, random() AS more FROM range(1_500_000) t(i)", tmp_path)
    assert len(large) > 2 * PART_BYTES
    lake.put("facts/1.parquet", large)
    lake.put("facts/2", parquet("SELECT 7::INT AS id, 'x' AS later", tmp_path))
    folder.register("facts", "facts/*")
    assert folder.text("SELECT count(*) AS c, sum(id) AS s FROM facts", csv_header=False) == (
        f"1500001,{sum(range(1_500_000)) + 7}\n"
    )
    assert folder.text("SELECT id, later FROM facts WHERE later IS NOT NULL OR id < 2 ORDER BY id, later") == (
        "id,later\n0,\n1,\n7,x\n"
    )


@pytest.fixture
def sales(folder: StoredFolder, lake: Lake) -> StoredFolder:
    """In partitions of year and region, each with a number of its own."""
    for number, (year, region) in enumerate(PARTITIONS):
        lake.put(f"sales/yr={year}/region={region}/{number}.csv", f"n\n{number}\n")
    folder.register("sales", "sales/")
    return folder


PARTITIONS = ((2023, "a"), (2023, "b%2Fc d"), (2024, "a"), (2024, "__HIVE_DEFAULT_PARTITION__"), (2025, "é'"))
PRUNED: tuple[tuple[str, set[int]], ...] = (
    ("yr = 2023", {0, 1}),
    ("region = 'b/c d'", {1}),
    ("region = 'none'", set()),
)


def test_folders_name_partitions(sales: StoredFolder) -> None:
    assert sales.text("SELECT n, yr, region FROM sales ORDER BY n", csv_header=False) == (
        "0,2023,a\n1,2023,b/c d\n2,2024,a\n3,2024,\n4,2025,é'\n"
    )


@pytest.mark.parametrize(("condition", "brought"), PRUNED)
def test_only_partitions_that_the_query_can_see_are_brought_and_the_answer_is_the_same(
    sales: StoredFolder, lake: Lake, condition: str, brought: set[int]
) -> None:
    sql = f"SELECT n, yr, region FROM sales WHERE {condition}"
    pruned = sales.text(sql)
    assert pruned == sales.text(f"SELECT n, yr, region FROM (SELECT * FROM sales) WHERE {condition}")
    for number, (year, region) in enumerate(PARTITIONS):
        if number not in brought:
            lake.s3.delete_object(Bucket=lake.bucket, Key=f"sales/yr={year}/region={region}/{number}.csv")
    assert sales.text(sql) == pruned


def test_an_object_that_appeared_since_is_read_strictly_and_named_where_it_is_broken(
    folder: StoredFolder, lake: Lake
) -> None:
    lake.put("people/1.csv", "id,name\n1,Ann\n")
    folder.register("people", "people/")
    lake.put("people/2.csv", "id,name\n2,Bob\n")
    folder.use("people")
    assert folder.text(NAMED, csv_header=False) == "1,Ann\n2,Bob\n"
    for body, told in (("id,name\n3.5,SECRET\n", "line 2, column 'id'"), ("id,other\n3,SECRET\n", "header is not")):
        lake.put("people/2.csv", body)
        folder.use("people")
        seen, _ = folder.run(NAMED)
        assert (seen.failure, told in seen.message) == (QueryFailure.DATA, True), seen.message
        assert "SECRET" not in seen.message
        assert lake.bucket not in seen.message


def test_an_object_that_changed_since_it_was_listed_has_the_query_asked_again(folder: StoredFolder, lake: Lake) -> None:
    lake.put("people/1.csv", "id,name\n1,Ann\n")
    folder.register("people", "people/")
    lake.put("people/1.csv", "id,name\n2,Bob\n")
    seen, _ = folder.run(NAMED)
    assert (seen.failure, lake.bucket in seen.message) == (QueryFailure.AGAIN, False)
    assert lake.bucket in seen.for_owners["id-people"]


def test_a_bucket_that_another_account_owns_by_now_is_refused_and_its_owner_alone_is_told_why(
    folder: StoredFolder, lake: Lake, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.put("people/1.csv", "id,name\n1,Ann\n")
    folder.register("people", "people/")
    with s3_front(moto) as strict:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", strict.url)
        strict.owners = {lake.bucket: OWNER}
        assert folder.text(NAMED, csv_header=False) == "1,Ann\n"
        strict.owners = {lake.bucket: QUERIER}
        seen, _ = folder.run(NAMED)
    assert seen.failure is QueryFailure.DATA
    assert lake.bucket not in seen.message
    assert f"s3:GetObject on the bucket {lake.bucket} was refused" in seen.for_owners["id-people"]


@pytest.mark.parametrize("role", ["", f"arn:aws:iam::{QUERIER}:role/another"])
def test_a_role_that_is_missing_or_another_accounts_reads_nothing(folder: StoredFolder, lake: Lake, role: str) -> None:
    lake.put("people/1.csv", "id,name\n1,Ann\n")
    folder.register("people", "people/")
    folder.tables[:] = [replace(folder.tables[0], role_arn=role)]
    seen, _ = folder.run(NAMED)
    assert (seen.failure, "role" in seen.for_owners["id-people"]) == (QueryFailure.DATA, True)
