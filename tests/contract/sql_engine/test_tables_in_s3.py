"""Tables in Glue and S3, read by the engine with the role of their owner."""

from __future__ import annotations

import bz2
import gzip
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pytest
from pyarrow import orc

from contract.sql_engine.conftest import OWNER, QUERIER, EngineFolder
from contract.sql_engine.test_private_queries import PRIVATE, USERS_NOISE, ask
from support.flaky_stores import flaky_store
from support.lakes import Lake
from whiteroom.aws.bringing import PART_BYTES
from whiteroom.aws.clients import AwsClients
from whiteroom.catalog.glue import GlueCatalog
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.privacy.differential_privacy import PrivacyPolicy
from whiteroom.engines.duckdb.engine import DuckDbEngine
from whiteroom.ports.catalog import Reader

ROLE = f"arn:aws:iam::{OWNER}:role/clean-rooms"


@dataclass
class LakeFolder(EngineFolder):
    """An engine whose tables are in Glue."""

    lake: Lake | None = None

    def use(self, name: str, allowed: tuple[str, ...] = (), **changes: Any) -> None:
        """Have a table of the lake in queries, as it is now."""
        assert self.lake is not None
        catalog = GlueCatalog(AwsClients("us-east-1"))
        found = catalog.resolve(OWNER, self.lake.database, name, reader=Reader("q", ROLE))
        columns = allowed or tuple(column.name for column in found.columns)
        self.add(
            name, [], dict.fromkeys(columns, ""), source=found, role_arn=ROLE, association_id=f"id-{name}", **changes
        )


@pytest.fixture
def lake(moto: str, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASERVER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    return Lake(moto, OWNER)


@pytest.fixture
def folder(tmp_path: Path, lake: Lake) -> Iterator[LakeFolder]:
    (tmp_path / "results").mkdir()
    data = FolderData(tmp_path)
    engine = DuckDbEngine(tmp_path / "engine", data, aws=AwsClients("us-east-1"), table_bytes=10**8)
    folder = LakeFolder(tmp_path, data, engine, lake=lake)
    yield folder
    for query_id in folder.engine.queries():
        folder.engine.forget(query_id)


NAMED = "SELECT id, name FROM people ORDER BY id"
TABLES: tuple[tuple[str, Mapping[str, str], Mapping[str, str], bytes | str, str], ...] = (
    ("csv", {"skip.header.line.count": "1"}, {}, 'id,name\n1,"Ann, ""x"""\n2,\n', '1,"Ann, ""x"""\n2,""\n'),
    ("csv", {}, {}, '1,"Ann \\"x\\""\n', '1,"Ann ""x"""\n'),
    ("csv", {}, {"separatorChar": "|", "quoteChar": "'"}, "1|'a|b'\n", "1,a|b\n"),
    ("csv", {}, {}, gzip.compress(b"1,Ann\n", mtime=0), "1,Ann\n"),
    ("csv", {}, {}, bz2.compress(b"1,Ann\n"), "1,Ann\n"),
    ("delimited", {}, {}, "1\x01Ann\n2\x01\\N\n\\N\x01\n", ',""\n1,Ann\n2,\n'),
    ("delimited", {}, {"field.delim": "\t"}, '1\t"Ann"\n', '1,"""Ann"""\n'),
    ("delimited", {}, {"serialization.format": "9"}, "1\tAnn\n", "1,Ann\n"),
    ("delimited", {}, {"field.delim": ",", "serialization.null.format": ""}, "1,\n", "1,\n"),
    ("delimited", {"serialization.null.format": "-"}, {"field.delim": ","}, "1,-\n", "1,\n"),
    ("delimited", {}, {"field.delim": ",", "escape.delim": "\\"}, "1,Ann\n", "1,Ann\n"),
    ("delimited", {}, {"field.delim": ",", "serialization.encoding": "ISO-8859-1"}, b"1,Ren\xe9\n", "1,René\n"),
    ("json", {}, {}, '{"ID": 1, "Name": "Ann", "more": [1]}\n{"ID": 2}\n', "1,Ann\n2,\n"),
)
"""Format, parameters of the table and of the SerDe, an object, and its rows as they are read."""


@pytest.mark.parametrize(("kind", "parameters", "serde", "body", "rows"), TABLES)
def test_text_is_read_as_its_serde_says(
    folder: LakeFolder,
    lake: Lake,
    kind: str,
    parameters: Mapping[str, str],
    serde: Mapping[str, str],
    body: bytes | str,
    rows: str,
) -> None:
    lake.table("people", {"id": "bigint", "name": "string"}, kind, parameters, serde=serde)
    lake.put("people/part-0", body)
    folder.use("people")
    assert folder.text(NAMED, csv_header=False) == rows


REFUSED: tuple[tuple[str, Mapping[str, str], bytes | str, str], ...] = (
    ("delimited", {"field.delim": ",", "escape.delim": "\\"}, "1,a\\,b\n", "escape"),
    ("delimited", {"field.delim": ","}, "1,SECRET\n1,SECRET,2\n", "line 2"),
    ("delimited", {"field.delim": ","}, "1.5,SECRET\n", "line 1, column 'id'"),
    ("csv", {}, "1,a\n007,SECRET\n", "line 2, column 'id'"),
    ("csv", {}, b"1,SECRET\xff\n", "UTF-8"),
    ("csv", {}, b"\xfd7zXZ SECRET", "xz"),
    ("csv", {}, gzip.compress(b"1,SECRET\n" * 1000, mtime=0)[:-9], "damaged"),
    ("json", {}, '{"id": 1, "Id": 2}\n', "more than one way"),
    ("json", {}, '{"id": 1}\n{"id": SECRET}\n', "line 2"),
    ("parquet", {}, b"PAR1 SECRET", "damaged"),
)


@pytest.mark.parametrize(("kind", "serde", "body", "told"), REFUSED)
def test_what_cannot_be_read_is_refused_with_its_place_and_no_row(
    folder: LakeFolder, lake: Lake, kind: str, serde: Mapping[str, str], body: bytes | str, told: str
) -> None:
    lake.table("people", {"id": "bigint", "name": "string"}, kind, serde=serde)
    lake.put("people/part-0", body)
    folder.use("people")
    seen, _ = folder.run(NAMED)
    assert (seen.failure, told in seen.message) == (QueryFailure.DATA, True), seen.message
    assert "SECRET" not in seen.message
    assert lake.bucket not in seen.message


def parquet(select: str, tmp_path: Path) -> bytes:
    file = tmp_path / "made.parquet"
    duckdb.sql(f"COPY ({select}) TO '{file}'")
    return file.read_bytes()


TYPES = {
    "id": "bigint",
    "amount": "decimal(10,2)",
    "seen": "timestamp",
    "born": "date",
    "ok": "boolean",
    "code": "varchar(3)",
    "score": "double",
    "list": "array<int>",
}


def test_parquet_has_the_catalogs_types_and_columns_that_no_file_has_are_null(
    folder: LakeFolder, lake: Lake, tmp_path: Path
) -> None:
    lake.table("facts", {**TYPES, "later": "int"}, "parquet")
    one = "SELECT 1::INT ID, 1.5::DECIMAL(5,1) amount, TIMESTAMP '2020-01-02 03:04:05' seen, [1] list"
    lake.put("facts/1.parquet", parquet(one, tmp_path))
    lake.put(
        "facts/2.parquet", parquet("SELECT DATE '2020-01-01' born, true ok, 'abc' code, 2.5 :: FLOAT score", tmp_path)
    )
    folder.use("facts", (*list(TYPES)[:-1], "later"))
    assert folder.text("SELECT * FROM facts", csv_header=False) == (
        "1,1.50,2020-01-02T03:04:05.000Z,,,,,\n,,,2020-01-01,true,abc,2.5,\n"
    )


def test_of_a_large_object_the_columns_are_brought_that_a_query_reads(
    folder: LakeFolder, lake: Lake, tmp_path: Path
) -> None:
    lake.table("facts", {"id": "bigint", "noise": "double", "more": "double"}, "parquet")
    rows = "SELECT i AS id, random() AS noise, random() AS more FROM range(1_500_000) t(i)"
    body = parquet(rows, tmp_path)
    assert len(body) > 2 * PART_BYTES
    lake.put("facts/1.parquet", body)
    folder.use("facts")
    everything = folder.text("SELECT sum(id) AS s, sum(noise) AS n, sum(more) AS m FROM facts", csv_header=False)
    assert everything.split(",")[0] == str(sum(range(1_500_000)))
    assert folder.text("SELECT sum(more) AS m FROM facts", csv_header=False).strip() == everything.strip().split(",")[2]
    assert folder.text("SELECT count(*) AS c FROM facts", csv_header=False) == "1500000\n"
    assert folder.text("SELECT id FROM facts WHERE id < 3", csv_header=False) == "0\n1\n2\n"


def test_a_file_with_another_type_than_the_catalogs_is_named_with_the_column(
    folder: LakeFolder, lake: Lake, tmp_path: Path
) -> None:
    lake.table("facts", {"id": "int"}, "parquet")
    lake.put("facts/1.parquet", parquet("SELECT 1::BIGINT id", tmp_path))
    folder.use("facts")
    seen, _ = folder.run("SELECT id FROM facts")
    assert seen.failure is QueryFailure.DATA
    assert "column 'id': it is bigint in the file and int in the catalog" in seen.message


def test_orc_is_read_where_pyarrow_is(folder: LakeFolder, lake: Lake, tmp_path: Path) -> None:
    columns = pyarrow.table({"id": [1, None], "amount": pyarrow.array([Decimal("1.50")] * 2), "name": ["a", None]})
    orc.write_table(columns, tmp_path / "made.orc")
    lake.table("facts", {"id": "bigint", "amount": "decimal(10,2)", "name": "string"}, "orc")
    lake.put("facts/1.orc", (tmp_path / "made.orc").read_bytes())
    folder.use("facts")
    assert folder.text("SELECT * FROM facts", csv_header=False) == "1,1.50,a\n,1.50,\n"


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "orc"])
def test_a_table_without_an_object_has_no_row(folder: LakeFolder, lake: Lake, kind: str) -> None:
    lake.table("people", {"id": "bigint", "name": "string"}, kind, partitioned_by={"p": "int"})
    folder.use("people")
    assert folder.text("SELECT id, name, p FROM people") == "id,name,p\n"


def test_empty_and_hidden_objects_and_those_of_other_prefixes_hold_no_row(folder: LakeFolder, lake: Lake) -> None:
    lake.table("people", {"id": "bigint"})
    for key in (
        "people/1",
        "people/_SUCCESS",
        "people/.x",
        "people/_tmp/2",
        "people/3_$folder$",
        "people-old/1",
        "people",
    ):
        lake.put(key, "1\n")
    lake.put("people/4", "")
    lake.put("people/sub/5", "2\n")
    folder.use("people")
    assert folder.text("SELECT id FROM people", csv_header=False) == "1\n2\n"


HOSTILE = ("it's", "a*?[b]{c}", "x=1/y=2", "a" * 900, "ünï", 'q"u', "%2e%2e%2f", "p.csv.gz")


@pytest.mark.parametrize("key", HOSTILE)
def test_the_name_of_an_object_is_only_told_and_leads_nowhere(folder: LakeFolder, lake: Lake, key: str) -> None:
    lake.table("people", {"id": "bigint"})
    lake.put(f"people/{key}", "7\n")
    folder.use("people")
    assert folder.text("SELECT id FROM people", csv_header=False) == "7\n"


@pytest.fixture
def sales(folder: LakeFolder, lake: Lake) -> LakeFolder:
    """A table in partitions of year and region: of each, one row with a number of its own."""
    lake.table("sales", {"n": "bigint"}, partitioned_by={"yr": "int", "region": "string"})
    for number, (year, region) in enumerate(PARTITIONS):
        lake.put(f"sales/yr={year}/{number}/data", f"{number}\n")
        lake.partition("sales", (str(year), region), f"sales/yr={year}/{number}/")
    folder.use("sales")
    return folder


PARTITIONS = ((2023, "a"), (2023, "b/c d"), (2024, "a"), (2024, "__HIVE_DEFAULT_PARTITION__"), (2025, "é'"))


def test_partitions_are_columns(sales: LakeFolder) -> None:
    assert sales.text("SELECT n, yr, region FROM sales ORDER BY n", csv_header=False) == (
        "0,2023,a\n1,2023,b/c d\n2,2024,a\n3,2024,\n4,2025,é'\n"
    )


PRUNED: tuple[tuple[str, set[int]], ...] = (
    ("yr = 2023", {0, 1}),
    ("yr > 2023 AND region >= 'a'", {2, 4}),
    ("yr IN (2024, 2025) AND region <> 'a'", {4}),
    ("(yr = 2023 OR yr = 2025)", {0, 1, 4}),
    ("yr BETWEEN 2024 AND 2024", {2, 3}),
    ("region = 'none'", set()),
    ("yr + 0 = 2023", set(range(5))),
    ("region IS NULL", set(range(5))),
)
"""Conditions, and the objects that a query with them brings."""


@pytest.mark.parametrize(("condition", "brought"), PRUNED)
def test_only_partitions_that_the_query_can_see_are_brought_and_the_answer_is_the_same(
    sales: LakeFolder, lake: Lake, condition: str, brought: set[int]
) -> None:
    sql = f"SELECT n, yr, region FROM sales WHERE {condition}"
    pruned = sales.text(sql)
    assert pruned == sales.text(f"SELECT n, yr, region FROM (SELECT * FROM sales) WHERE {condition}")
    for number, (year, _) in enumerate(PARTITIONS):
        if number not in brought:
            lake.put(f"sales/yr={year}/{number}/data", "not a number, and another object\n")
    assert sales.text(sql) == pruned


def test_a_table_under_differential_privacy_is_brought_whole(sales: LakeFolder, lake: Lake) -> None:
    [table] = sales.tables
    privacy = PrivacyPolicy("budget", USERS_NOISE)
    rule = {**PRIVATE, "differentialPrivacy": {"columns": [{"name": "n"}]}}
    shared = {"allowedResultReceivers": [QUERIER]}
    sales.tables[:] = [replace(table, rule=rule, association_rule=shared, privacy=privacy)]
    lake.put("sales/yr=2025/4/data", "another by now\n")
    seen, _ = ask(sales, "SELECT COUNT(DISTINCT n) AS c FROM sales WHERE yr = 2023")
    assert seen.failure is QueryFailure.AGAIN, seen.message


def test_no_metric_tells_how_many_rows_a_pruned_table_has(sales: LakeFolder) -> None:
    pruned, _ = sales.run("SELECT n FROM sales WHERE yr = 2023", measured=True)
    whole, _ = sales.run("SELECT n FROM sales", measured=True)
    told = [seen.result.use.tables for seen in (pruned, whole) if seen.result and seen.result.use]
    assert told[0] is None
    assert [(table.rows, table.files) for table in told[1] or ()] == [(5, 5)]


@pytest.fixture
def people(folder: LakeFolder, lake: Lake) -> LakeFolder:
    lake.table("people", {"id": "bigint"})
    lake.put("people/1.csv", "1\n")
    folder.use("people")
    return folder


@pytest.mark.parametrize("happens", ["changed", "vanished"])
def test_an_object_that_is_another_than_was_listed_has_the_query_asked_again(
    people: LakeFolder, lake: Lake, happens: str
) -> None:
    if happens == "changed":
        lake.put("people/1.csv", "2\n")
    else:
        lake.s3.delete_object(Bucket=lake.bucket, Key="people/1.csv")
    seen, spec = people.run("SELECT id FROM people")
    assert (seen.failure, lake.bucket in seen.message) == (QueryFailure.AGAIN, False)
    assert lake.bucket in seen.for_owners["id-people"]
    lake.put("people/1.csv", "3\n")
    people.tables.clear()
    people.use("people")
    people.engine.start(replace(spec, tables=tuple(people.tables)))
    again = people.end(spec.id)
    assert again.result is not None, again.message
    assert (people.rows(spec) / again.result.files[0]).read_text() == "id\n3\n"


@pytest.mark.parametrize("role", ["", f"arn:aws:iam::{QUERIER}:role/another"])
def test_a_refusal_is_for_the_owner_alone_and_the_querier_is_told_that_there_was_one(
    people: LakeFolder, lake: Lake, role: str
) -> None:
    people.tables[:] = [replace(people.tables[0], role_arn=role)]
    seen, _ = people.run("SELECT id FROM people")
    assert seen.failure is QueryFailure.DATA
    assert seen.message == (
        f"The table 'people' cannot be read: the storage of its owner, account {OWNER}, refused the server. Its owner "
        "is told why."
    )
    assert "role" in seen.for_owners["id-people"]


def test_a_bucket_that_is_gone_is_a_refusal(people: LakeFolder, lake: Lake) -> None:
    lake.s3.delete_object(Bucket=lake.bucket, Key="people/1.csv")
    lake.s3.delete_bucket(Bucket=lake.bucket)
    seen, _ = people.run("SELECT id FROM people")
    assert (seen.failure, "NoSuchBucket" in seen.for_owners["id-people"]) == (QueryFailure.DATA, True)


def test_more_than_the_server_allows_is_not_brought(people: LakeFolder, lake: Lake) -> None:
    people.engine = DuckDbEngine(people.path / "small", people.data, aws=AwsClients("us-east-1"), table_bytes=1)
    seen, _ = people.run("SELECT id FROM people")
    assert seen.failure is QueryFailure.RESOURCES
    assert "more than 1 bytes outside of this machine, the limit of this server (max_table_bytes)" in seen.message


def test_nothing_of_a_table_and_no_secret_of_its_owner_is_left_in_a_file(people: LakeFolder) -> None:
    seen, spec = people.run("SELECT id FROM people")
    assert seen.result is not None
    left = people.path / "engine" / "queries" / spec.id
    assert not (left / "tables").exists()
    everything = b"".join(file.read_bytes() for file in left.iterdir() if file.is_file())
    assert b"ASIA" not in everything
    assert b"AWS_SECRET" not in everything


def test_a_query_that_is_killed_while_it_brings_leaves_nothing(
    people: LakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with flaky_store(b"1\n") as store:
        hanging = threading.Event()

        def hang(*_: object) -> None:
            hanging.wait(60)

        store.always = hang
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.url)
        spec = people.spec("SELECT id FROM people")
        people.engine.start(spec)
        while not store.asked:
            assert people.engine.observe(spec.id).phase is Phase.RUNNING
        people.engine.stop(spec.id)
        hanging.set()
    assert people.engine.observe(spec.id).failure is QueryFailure.STOPPED
    assert not (people.path / "engine" / "queries" / spec.id / "tables").exists()
