"""Tables of Iceberg and Delta that are added from S3: one state, by the rights of their owner alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from deltalake import write_deltalake
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType, TimeType

from contract.catalog.test_stored import OTHER, OWNER, READER, ROLE, catalog_in, lake
from support.iceberg_tables import rows
from support.lake_tables import LakeDelta, change_stored_state, deleting_in_lake, iceberg_table, state_key
from support.lakes import Lake
from support.s3_front import Asked, Refuse, s3_front
from whiteroom.catalog.checking import check
from whiteroom.catalog.folder import CatalogError, FolderCatalog, Looked
from whiteroom.catalog.snapshots import metadata_objects, states
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, Snapshot
from whiteroom.domain.privacy.readings import Wishes
from whiteroom.ports.catalog import CatalogUnavailable, Reader, TableNotFound

__all__ = ["lake"]

SCHEMA = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))
COLUMNS = (Column("id", "bigint"), Column("name", "string"))
KINDS = pytest.mark.parametrize("kind", ["iceberg", "delta"])


@pytest.fixture
def catalog(tmp_path: Path, lake: Lake) -> FolderCatalog:
    return catalog_in(tmp_path)


class People:
    """A table `people/` of three rows, of which the second is deleted later."""

    def __init__(self, lake: Lake, kind: str) -> None:
        self.lake, self.kind, self.source = lake, kind, f"s3://{lake.bucket}/people/"
        if kind == "delta":
            self.delta = LakeDelta(lake, "people")
            self.delta.write({"id": [1, 2, 3], "name": ["a", "b", None]})
        else:
            self.table = iceberg_table(lake, "people", SCHEMA)
            self.table.append(rows(SCHEMA, id=[1, 2, 3], name=["a", "b", None]))

    @property
    def snapshot(self) -> str:
        """The latest."""
        return str(self.delta.table.version() if self.kind == "delta" else self.table.metadata.current_snapshot_id)

    def delete_second(self) -> None:
        self.delta.table.delete("id = 2") if self.kind == "delta" else self.table.delete("id = 2")

    def drop_name(self) -> None:
        if self.kind == "delta":
            how: Any = {"mode": "overwrite", "schema_mode": "overwrite", "storage_options": self.delta.options}
            write_deltalake(self.delta.uri, pyarrow.table({"id": [9]}), **how)
            return
        with self.table.update_schema() as change:
            change.delete_column("name")


def look(catalog: FolderCatalog, source: str, wishes: Wishes | None = None, **more: Any) -> Looked:
    return catalog.look(OWNER, "shop", "t", [source], wishes or Wishes(), **{"role_arn": ROLE, **more})


def read(catalog: FolderCatalog, reader: Reader | None = READER) -> CatalogTable:
    return catalog.resolve(OWNER, "shop", "t", reader=reader)


def snapshot_of(table: CatalogTable) -> Snapshot:
    assert table.snapshot is not None
    return table.snapshot


def refused(catalog: FolderCatalog, source: str, told: str, wishes: Wishes | None = None) -> str:
    with pytest.raises(CatalogError, match=told) as error:
        look(catalog, source, wishes)
    assert str(error.value).isprintable()
    assert str(error.value).endswith(".")
    return str(error.value)


@KINDS
def test_a_prefix_is_found_to_be_such_a_table_and_is_what_its_state_says_and_no_other_object(
    catalog: FolderCatalog, lake: Lake, kind: str, tmp_path: Path
) -> None:
    people = People(lake, kind)
    people.delete_second()
    lake.put("people/stray.parquet", b"x")
    lake.put("people/data/stray.parquet", b"x")
    looked = look(catalog, people.source, keep=True)
    assert looked.entry.format.value == kind
    assert (looked.table.columns, looked.found.rows) == (COLUMNS, 2)
    assert set(looked.found.first_rows) == {("1", "a"), ("3", None)}
    assert snapshot_of(looked.table).id == people.snapshot
    found = read(catalog)
    assert found == looked.table
    assert (found.bucket_owner, found.elsewhere, found.as_files) == (OWNER, True, False)
    assert all(item.uri.startswith(people.source) and "stray" not in item.uri for item in found.objects)
    checked = check(catalog, catalog.show(OWNER, "shop", "t"))
    assert (checked.broken, checked.changed, checked.rows, checked.files) == ((), (), 2, len(found.objects))
    kept = [file.name for file in tmp_path.rglob("*") if file.is_file()]
    assert kept == ["t.json"], "nothing of what was read through"


@KINDS
def test_the_next_state_is_read_by_the_next_query_and_an_older_one_where_it_is_said(
    catalog: FolderCatalog, lake: Lake, kind: str
) -> None:
    people = People(lake, kind)
    before = people.snapshot
    look(catalog, people.source, keep=True)
    people.delete_second()
    assert snapshot_of(read(catalog)).id == people.snapshot != before
    looked = look(catalog, people.source, Wishes(snapshot=before), keep=True)
    assert (looked.found.rows, looked.entry.snapshot) == (3, before)
    assert snapshot_of(read(catalog)).id == before
    assert check(catalog, catalog.show(OWNER, "shop", "t")).rows == 3
    for name in ("77", "x", "-1"):
        refused(catalog, people.source, f"has no (snapshot|version) '?{name}", Wishes(snapshot=name))


@KINDS
def test_nobody_but_a_reader_has_metadata_read(catalog: FolderCatalog, lake: Lake, kind: str) -> None:
    people = People(lake, kind)
    look(catalog, people.source, keep=True)
    for item in lake.s3.list_objects_v2(Bucket=lake.bucket)["Contents"]:
        lake.s3.delete_object(Bucket=lake.bucket, Key=item["Key"])
    found = read(catalog, reader=None)
    assert (found.columns, found.objects, found.elsewhere) == (COLUMNS, (), True)
    with pytest.raises(TableNotFound, match=r"holds no state of a table|its log has no version"):
        read(catalog)
    assert "that cannot be read" in check(catalog, catalog.show(OWNER, "shop", "t")).broken[0]


@KINDS
def test_a_column_that_is_another_by_now_is_told_to_the_owner(catalog: FolderCatalog, lake: Lake, kind: str) -> None:
    people = People(lake, kind)
    look(catalog, people.source, keep=True)
    people.drop_name()
    with pytest.raises(TableNotFound, match=r"column 'name' is gone\. Add it again"):
        read(catalog)
    assert check(catalog, catalog.show(OWNER, "shop", "t")).broken == ("Column 'name' is gone.",)


@KINDS
def test_every_call_says_whose_the_bucket_must_be_and_a_bucket_of_another_account_is_refused(
    lake: Lake, moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    people = People(lake, kind)
    if kind == "iceberg":
        lake.put("people/metadata/version-hint.text", state_of(lake))
    with s3_front(moto) as strict:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", strict.url)
        catalog = catalog_in(tmp_path)
        strict.owners = {lake.bucket: OWNER}
        assert look(catalog, people.source, keep=True).found.rows == 3
        assert read(catalog).objects
        assert {asked.headers.get("x-amz-expected-bucket-owner") for asked in strict.asked} == {OWNER}
        strict.owners = {lake.bucket: OTHER}
        refused(catalog, people.source, "was refused to the account")
        # What was read is remembered, and helps nobody who may not read it now.
        with pytest.raises(TableNotFound, match="was refused to the account"):
            read(catalog)


@KINDS
def test_it_is_read_with_the_owners_role_alone(catalog: FolderCatalog, lake: Lake, kind: str) -> None:
    people = People(lake, kind)
    for role, told in (("", "has set no role for this"), (f"arn:aws:iam::{OTHER}:role/x", "is not of the account")):
        with pytest.raises(CatalogError, match=told):
            look(catalog, people.source, role_arn=role)
    look(catalog, people.source, keep=True)
    with pytest.raises(TableNotFound, match="is not of the account"):
        read(catalog, Reader("q", f"arn:aws:iam::{OTHER}:role/x"))


def test_who_may_not_look_for_such_metadata_still_reads_a_table_of_files(
    lake: Lake, moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.put("t/a.csv", "id\n1\n")

    def guarded(asked: Asked) -> Refuse | None:
        prefixes = asked.query.get("prefix", [])
        return Refuse(403, "AccessDenied") if any(one not in {"t/", "t"} for one in prefixes) else None

    with s3_front(moto) as strict:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", strict.url)
        strict.trouble = guarded
        assert look(catalog_in(tmp_path), f"s3://{lake.bucket}/t/").found.rows == 1


@KINDS
def test_a_store_that_does_not_answer_decides_nothing(
    catalog: FolderCatalog, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    people = People(lake, kind)
    look(catalog, people.source, keep=True)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    unreached = catalog_in(tmp_path)
    with pytest.raises(CatalogUnavailable, match="got no answer"):
        read(unreached)
    refused(unreached, people.source, "got no answer")


@KINDS
def test_more_than_the_server_allows_is_not_brought(lake: Lake, tmp_path: Path, kind: str) -> None:
    people = People(lake, kind)
    refused(catalog_in(tmp_path, most_bytes=4), people.source, "bytes together, and 4 are the limit .*max_table_bytes")


def state_of(lake: Lake) -> str:
    return state_key(lake, "people").rpartition("/")[2].removesuffix(".metadata.json")


def test_which_state_is_meant_is_said_where_two_could_be(catalog: FolderCatalog, lake: Lake) -> None:
    people = People(lake, "iceberg")
    key = state_key(lake, "people")
    body = lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
    lake.put(f"people/metadata/{state_of(lake).partition('-')[0]}-other.metadata.json", body)
    refused(catalog, people.source, "more than one latest state .*Add the right one by its name")
    state = f"s3://{lake.bucket}/{key}"
    named = look(catalog, state, keep=True)
    assert (named.found.rows, named.entry.sources) == (3, (state,))
    people.delete_second()
    assert read(catalog) == named.table, "a state that is named is meant for good"
    lake.put("people/metadata/version-hint.text", state_of(lake))
    assert look(catalog, people.source).found.rows == 2


@pytest.mark.parametrize("hint", [b"", b"9" * 200, b"../../secret", b"\0"])
def test_a_hint_that_names_no_state_is_a_table_that_cannot_be_read(
    catalog: FolderCatalog, lake: Lake, hint: bytes
) -> None:
    people = People(lake, "iceberg")
    lake.put("people/metadata/version-hint.text", hint)
    assert len(refused(catalog, people.source, "holds no state of a table|and names no state")) < 1000


ELSEWHERE = (
    "file:///etc/passwd",
    "s3://another-bucket/people/x.avro",
    "s3://{bucket}/secrets/x.avro",
    "s3://{bucket}/people/../secrets/x.avro",
    "http://127.0.0.1:9/x.avro",
)


@pytest.mark.parametrize("uri", ELSEWHERE)
def test_metadata_that_name_files_elsewhere_are_refused_and_nothing_is_read_there(
    lake: Lake, moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    people = People(lake, "iceberg")
    lake.put("secrets/x.avro", b"SECRET")
    named = uri.format(bucket=lake.bucket)

    def list_elsewhere(state: dict[str, Any]) -> None:
        state["snapshots"][-1]["manifest-list"] = named

    change_stored_state(lake, "people", list_elsewhere)
    delta = LakeDelta(lake, "logged")
    delta.write({"id": [1]})
    added = json.dumps({"path": named, "partitionValues": {}, "size": 6, "modificationTime": 0, "dataChange": True})
    lake.put(f"logged/_delta_log/{1:020}.json", f'{{"add":{added}}}')
    with s3_front(moto) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", front.url)
        catalog = catalog_in(tmp_path)
        for source in (people.source, f"{delta.uri}/"):
            refused(catalog, source, r"its metadata name '.*', which (lies outside of|is no object in S3)")
    assert {asked.bucket for asked in front.asked} == {lake.bucket}
    assert all(asked.key.startswith(("people/", "logged/")) for asked in front.asked if asked.key)


def test_a_table_that_was_moved_is_read_where_its_metadata_say_where_its_files_lie_in_it(
    catalog: FolderCatalog, lake: Lake
) -> None:
    People(lake, "iceberg")
    LakeDelta(lake, "logged").write({"id": [1]})
    for item in lake.s3.list_objects_v2(Bucket=lake.bucket)["Contents"]:
        lake.s3.copy_object(
            Bucket=lake.bucket, Key=f"moved/{item['Key']}", CopySource={"Bucket": lake.bucket, "Key": item["Key"]}
        )
    refused(catalog, f"s3://{lake.bucket}/moved/people/", "which lies outside of")
    assert look(catalog, f"s3://{lake.bucket}/moved/logged").found.rows == 1


@KINDS
@pytest.mark.parametrize("body", [b"", b"[" * 100_000, b'{"format-version": 2}'])
def test_damaged_metadata_are_told(catalog: FolderCatalog, lake: Lake, kind: str, body: bytes) -> None:
    people = People(lake, kind)
    lake.put(state_key(lake, "people") if kind == "iceberg" else f"people/_delta_log/{0:020}.json", body)
    refused(catalog, people.source, r"it is a table of .* that cannot be read")


@KINDS
def test_metadata_that_are_too_large_or_too_many_are_not_read(
    catalog: FolderCatalog, lake: Lake, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = People(lake, kind)
    limits = (("MOST_METADATA_BYTES", "has more than 10 bytes"), ("MOST_BYTES", "its metadata have more than 10 bytes"))
    for name, told in limits:
        with monkeypatch.context() as small:
            small.setattr(metadata_objects, name, 10)
            refused(catalog, people.source, told)
    monkeypatch.setattr(metadata_objects, "MOST_LISTED", 0)
    refused(catalog, people.source, "has more than 0 objects")


def test_objects_that_are_not_what_the_metadata_say_are_named_as_their_owner_calls_them(
    catalog: FolderCatalog, lake: Lake, tmp_path: Path
) -> None:
    people = People(lake, "iceberg")
    [task] = people.table.scan().plan_files()
    key = task.file.file_path.removeprefix(f"s3://{lake.bucket}/")
    lake.put(key, b"S" * task.file.file_size_in_bytes)
    said = refused(catalog, people.source, f"^{task.file.file_path} cannot be read as parquet")
    assert str(tmp_path) not in said
    lake.put(key, b"PAR1")
    refused(catalog, people.source, "has another length than its table's metadata say")
    lake.s3.delete_object(Bucket=lake.bucket, Key=key)
    refused(catalog, people.source, "is gone, or was written anew")


def test_rows_that_are_deleted_by_their_positions_are_not_there_and_a_note_is_one_line(
    catalog: FolderCatalog, lake: Lake
) -> None:
    schema = Schema(*SCHEMA.fields, NestedField(3, "at\nERROR all is lost", TimeType()))
    table = iceberg_table(lake, "people", schema)
    table.append(rows(schema, id=[1, 2, 3], name=["a", "b", "c"], **{"at\nERROR all is lost": [None] * 3}))
    [task] = table.scan().plan_files()
    deleting_in_lake(lake, "people", table, {task.file.file_path: [0, 2]})
    looked = look(catalog, f"s3://{lake.bucket}/people")
    assert (looked.found.first_rows, looked.found.rows) == ((("2", "b"),), 1)
    [note] = looked.found.notes
    assert note.isprintable()
    assert "is left out: Iceberg's time cannot be queried here" in note


@KINDS
def test_the_objects_of_such_a_table_are_no_table_by_themselves(catalog: FolderCatalog, lake: Lake, kind: str) -> None:
    people = People(lake, kind)
    for source in (f"{people.source}**/*.parquet", f"s3://{lake.bucket}/", f"{people.source}data/"):
        if kind == "iceberg" or not source.endswith("data/"):
            refused(catalog, source, f"{people.source} is a table of .*Add this folder, by itself")


def test_what_is_said_of_text_or_of_other_tables_is_refused(catalog: FolderCatalog, lake: Lake) -> None:
    people = People(lake, "iceberg")
    lake.put("t/a.csv", "id\n1\n")
    plain = f"s3://{lake.bucket}/t/"
    refused(catalog, people.source, "how text is written and typed is said of text", Wishes(delimiter=";"))
    refused(catalog, plain, "A snapshot is said of a table of Iceberg or Delta", Wishes(snapshot="1"))
    refused(catalog, plain, "holds no state of a table", Wishes(format=FileFormat.ICEBERG))
    refused(catalog, plain, "its log has no version", Wishes(format=FileFormat.DELTA))
    refused(catalog, f"{plain}v1.metadata.json", "a file of metadata lies in a folder metadata of its table")
    refused(catalog, f"{plain}metadata/v1.metadata.json", "is gone, and the table's catalog or metadata name it")
    with pytest.raises(CatalogError, match="is one folder"):
        catalog.look(OWNER, "shop", "t", [people.source, plain], Wishes(format=FileFormat.ICEBERG), role_arn=ROLE)


def test_the_hint_is_weighed_before_it_is_read(
    catalog: FolderCatalog, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = People(lake, "iceberg")
    lake.put("people/metadata/version-hint.text", b"x" * (states.HINT_BYTES + 1))
    monkeypatch.setattr(metadata_objects, "bring", None)
    refused(catalog, people.source, "version-hint.text has more than 256 bytes, and names no state")
