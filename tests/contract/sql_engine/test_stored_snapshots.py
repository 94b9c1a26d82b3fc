"""Queries over tables of Iceberg and Delta that were added from S3: the rows of one state, which can be had again."""

from __future__ import annotations

import pytest

from contract.catalog.test_stored_snapshots import KINDS, People
from contract.sql_engine.conftest import OWNER, QUERIER
from contract.sql_engine.test_stored_tables import StoredFolder, folder, lake
from support.lake_tables import LakeDelta, deleting_in_lake
from support.lakes import Lake
from support.s3_front import s3_front
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.privacy.readings import Wishes
from whiteroom.ports.catalog import TableNotFound

__all__ = ["folder", "lake"]

ALL = "SELECT id, name FROM people ORDER BY id"


def snapshot_read(folder: StoredFolder) -> str:
    seen, _ = folder.run(ALL)
    assert seen.judgement is not None, seen.message
    [read] = seen.judgement.tables
    return read.snapshot


@KINDS
def test_a_channel_is_recorded_and_can_be_made_again_from_the_same_rows(
    folder: StoredFolder, lake: Lake, kind: str
) -> None:
    people = People(lake, kind)
    folder.register("people", "people/")
    first = folder.text(ALL, csv_header=False)
    assert first == "1,a\n2,b\n3,\n"
    read = snapshot_read(folder)
    assert read == people.snapshot
    people.delete_second()
    folder.use("people")
    assert folder.text(ALL, csv_header=False) == "1,a\n3,\n"
    assert snapshot_read(folder) == people.snapshot != read
    folder.register("people", "people/", wishes=Wishes(snapshot=read))
    assert folder.text(ALL, csv_header=False) == first
    assert snapshot_read(folder) == read
    if kind == "iceberg":
        people.table.maintenance.expire_snapshots().by_id(int(read)).commit()
    else:
        lake.s3.delete_object(Bucket=lake.bucket, Key=f"people/_delta_log/{0:020}.json")
    with pytest.raises(TableNotFound, match="or not any more"):
        folder.use("people")


def test_rows_that_are_deleted_by_their_positions_are_not_read(folder: StoredFolder, lake: Lake) -> None:
    people = People(lake, "iceberg")
    [task] = people.table.scan().plan_files()
    deleting_in_lake(lake, "people", people.table, {task.file.file_path: [0, 2]})
    folder.register("people", "people/")
    assert folder.text(ALL, csv_header=False) == "2,b\n"


def test_objects_of_partitions_that_a_query_cannot_see_are_not_brought(folder: StoredFolder, lake: Lake) -> None:
    delta = LakeDelta(lake, "people")
    delta.write({"id": [1, 2, 3], "name": ["a", "b c", None]}, partition_by=["name"])
    folder.register("people", "people/")
    asked = "SELECT id, name FROM people WHERE name > 'a'"
    assert folder.text(asked, csv_header=False) == "2,b c\n"
    for item in folder.tables[0].source.objects:
        if item.partition != ("b c",):
            lake.s3.delete_object(Bucket=lake.bucket, Key=item.uri.removeprefix(f"s3://{lake.bucket}/"))
    assert folder.text(asked, csv_header=False) == "2,b c\n"
    seen, _ = folder.run(ALL)
    assert seen.failure is QueryFailure.AGAIN


@KINDS
def test_a_bucket_that_another_account_owns_by_now_is_refused_and_its_owner_alone_is_told_why(
    folder: StoredFolder, lake: Lake, moto: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    People(lake, kind)
    folder.register("people", "people/")
    with s3_front(moto) as strict:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", strict.url)
        strict.owners = {lake.bucket: OWNER}
        assert folder.text("SELECT count(*) AS n FROM people", csv_header=False) == "3\n"
        assert {asked.headers.get("x-amz-expected-bucket-owner") for asked in strict.asked} == {OWNER}
        strict.owners = {lake.bucket: QUERIER}
        seen, _ = folder.run(ALL)
    assert (seen.failure, lake.bucket in seen.message) == (QueryFailure.DATA, False)
    assert f"s3:GetObject on the bucket {lake.bucket} was refused" in seen.for_owners["id-people"]
