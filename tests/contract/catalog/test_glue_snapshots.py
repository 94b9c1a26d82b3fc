"""Tables of Iceberg and Delta in Glue, as moto has it: what Glue says of them, and metadata that lie."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.types import LongType, NestedField, StringType

from contract.catalog.test_glue import OWNER, READER, glue, lake, profiles
from support.iceberg_tables import rows
from support.lake_tables import LakeDelta, change_stored_state, change_table, iceberg_table, state_key
from support.lakes import Lake
from whiteroom.aws.clients import AwsClients
from whiteroom.aws.identities import member
from whiteroom.aws.refusals import AwsUnreachable
from whiteroom.catalog.glue import GlueCatalog
from whiteroom.catalog.snapshots import metadata_objects, stored
from whiteroom.catalog.snapshots.metadata_objects import MetadataObjects
from whiteroom.catalog.snapshots.places import Unreadable
from whiteroom.catalog.snapshots.stored_places import Root
from whiteroom.domain.privacy.query_tables import CatalogTable, Column
from whiteroom.ports.catalog import CatalogUnavailable, TableNotFound

__all__ = ["glue", "lake", "profiles"]

SCHEMA = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))
COLUMNS = (Column("id", "bigint"), Column("name", "string"))


@pytest.fixture
def people(lake: Lake) -> Table:
    table = iceberg_table(lake, "people", SCHEMA)
    table.append(rows(SCHEMA, id=[1], name=["a"]))
    return table


def planned(glue: GlueCatalog, lake: Lake, name: str = "people") -> CatalogTable:
    return glue.resolve(OWNER, lake.database, name, reader=READER)


def refused(glue: GlueCatalog, lake: Lake, told: str, name: str = "people") -> None:
    with pytest.raises(TableNotFound, match=told):
        planned(glue, lake, name)


def test_without_a_reader_the_columns_are_those_of_glue_and_nothing_is_asked_of_s3(
    glue: GlueCatalog, lake: Lake, people: Table
) -> None:
    with people.update_schema() as change:
        change.delete_column("name")
    lake.s3.delete_object(Bucket=lake.bucket, Key=state_key(lake, "people"))
    found = glue.resolve(OWNER, lake.database, "people")
    assert (found.columns, found.objects, found.elsewhere) == (COLUMNS[:1], (), True)


@pytest.mark.parametrize("written", ["crawler", "links", "athena", "spark"])
def test_delta_is_found_however_it_came_into_glue(
    glue: GlueCatalog, lake: Lake, profiles: dict[str, str], written: str
) -> None:
    delta = LakeDelta(lake, "people")
    delta.write({"id": [1], "name": ["a"]})
    columns = {"id": "bigint", "name": "string"}
    if written == "crawler":
        delta.in_glue(columns)
    elif written == "links":
        delta.as_links_in_glue(columns)
    elif written == "athena":
        delta.in_glue(columns, table_type="DELTA")
    else:
        delta.in_glue({"col": "array<string>"})
    assert glue.resolve(OWNER, lake.database, "people").columns == COLUMNS
    found = planned(glue, lake)
    assert found.columns == COLUMNS
    assert [item.uri.rpartition("/")[0] for item in found.objects] == [delta.uri]
    if written == "spark":
        with pytest.raises(TableNotFound, match="Glue does not know its columns"):
            GlueCatalog(AwsClients("us-east-1", profiles[OWNER])).resolve(OWNER, lake.database, "people")


def test_a_folder_of_delta_that_glue_calls_plain_parquet_is_refused_with_the_parameter_to_set(
    glue: GlueCatalog, lake: Lake
) -> None:
    LakeDelta(lake, "people").write({"id": [1]})
    lake.table("people", {"id": "bigint"}, "parquet")
    refused(glue, lake, "spark.sql.sources.provider = delta")


ELSEWHERE = ("file:///etc/passwd", "s3://another-bucket/people/x.avro", "s3://{bucket}/secrets/x.avro")


@pytest.mark.parametrize("uri", ELSEWHERE)
def test_metadata_that_name_files_elsewhere_are_refused_and_nothing_is_read_there(
    glue: GlueCatalog, lake: Lake, people: Table, uri: str
) -> None:
    uri = uri.format(bucket=lake.bucket)

    def change(state: dict[str, Any]) -> None:
        state["snapshots"][-1]["manifest-list"] = uri

    change_stored_state(lake, "people", change)
    refused(glue, lake, r"its metadata name '.*', which (lies outside of|is no object in S3)")
    change_table(lake, "people", lambda said: said["Parameters"].update(metadata_location=uri))
    refused(glue, lake, r"its metadata name '.*', which (lies outside of|is no object in S3)")


def test_a_log_that_names_files_elsewhere_is_refused(glue: GlueCatalog, lake: Lake) -> None:
    delta = LakeDelta(lake, "people")
    delta.write({"id": [1]})
    delta.in_glue({"id": "bigint"})
    for path in ("s3://another-bucket/x", "../secrets/x", "file:///etc/passwd"):
        added = f'{{"path":"{path}","partitionValues":{{}},"size":1,"modificationTime":0,"dataChange":true}}'
        lake.put(f"people/_delta_log/{1:020}.json", f'{{"add":{added}}}')
        refused(glue, lake, r"its metadata name '.*', which (lies outside of|is no object in S3)")


def test_broken_and_circular_metadata_are_told_or_read(glue: GlueCatalog, lake: Lake, people: Table) -> None:
    def change(state: dict[str, Any]) -> None:
        state["snapshots"][-1]["parent-snapshot-id"] = state["snapshots"][-1]["snapshot-id"]

    change_stored_state(lake, "people", change)
    assert len(planned(glue, lake).objects) == 1
    for broken in (b"", b"\x00" * 100, b"[" * 100_000, b'{"format-version": 2}'):
        lake.put(state_key(lake, "people"), broken)
        refused(glue, lake, "its metadata cannot be read|more time or memory")
    lake.s3.delete_object(Bucket=lake.bucket, Key=state_key(lake, "people"))
    refused(glue, lake, "is gone, and the table's catalog or metadata name it")


def test_metadata_are_weighed_before_they_are_read(
    lake: Lake, people: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Root(f"s3://{lake.bucket}/people")
    uri = f"s3://{lake.bucket}/{state_key(lake, 'people')}"
    objects = MetadataObjects(lake.s3, member(OWNER, None, "q"), root, time.monotonic() + 60)
    objects.bring_named([uri], [tmp_path / "a"])
    assert (tmp_path / "a").read_bytes().startswith(b"{")
    monkeypatch.setattr(metadata_objects, "MOST_METADATA_BYTES", 10)
    with pytest.raises(Unreadable, match="has more than 10 bytes"):
        objects.bring_named([uri], [tmp_path / "b"])
    monkeypatch.undo()
    monkeypatch.setattr(metadata_objects, "MOST_BYTES", 10)
    few = MetadataObjects(lake.s3, member(OWNER, None, "q"), root, time.monotonic() + 60)
    with pytest.raises(Unreadable, match="its metadata have more than 10 bytes"):
        few.bring_named([uri], [tmp_path / "b"])
    monkeypatch.setattr(metadata_objects, "MOST_LISTED", 0)
    with pytest.raises(Unreadable, match="metadata has more than 0 objects"):
        few.listed("metadata")
    assert not (tmp_path / "b").exists()
    late = MetadataObjects(lake.s3, member(OWNER, None, "q"), root, time.monotonic() - 1)
    with pytest.raises(AwsUnreachable, match="take too long"):
        late.looked_at(uri)


def test_a_store_that_does_not_answer_is_asked_again_and_a_bucket_that_is_gone_is_told(
    glue: GlueCatalog, lake: Lake, people: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whiteroom.aws.clients.ATTEMPTS", 1)
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
        with pytest.raises(CatalogUnavailable):
            planned(GlueCatalog(AwsClients("us-east-1")), lake)
    objects = lake.s3.list_objects_v2(Bucket=lake.bucket)["Contents"]
    lake.s3.delete_objects(Bucket=lake.bucket, Delete={"Objects": [{"Key": one["Key"]} for one in objects]})
    lake.s3.delete_bucket(Bucket=lake.bucket)
    refused(glue, lake, "is gone|NoSuchBucket")


def test_a_state_that_was_read_is_remembered_for_those_who_may_read_it(
    glue: GlueCatalog, lake: Lake, people: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = planned(glue, lake)
    monkeypatch.setattr(stored, "CHILD", "this")
    assert planned(glue, lake) == first
    people.append(rows(SCHEMA, id=[2], name=["b"]))
    refused(glue, lake, "more time or memory than they may")


def test_metadata_are_written_where_the_server_keeps_what_is_open_and_a_folder_that_is_gone_is_told(
    lake: Lake, people: Table, profiles: dict[str, str], tmp_path: Path
) -> None:
    glue = GlueCatalog(AwsClients("us-east-1", "", profiles), profiles, tmp_path / "memory")
    with pytest.raises(CatalogUnavailable, match="Metadata cannot be written here while they are read: No such file"):
        planned(glue, lake)
    (tmp_path / "memory").mkdir()
    assert len(planned(glue, lake).objects) == 1
    assert not list((tmp_path / "memory").iterdir())
