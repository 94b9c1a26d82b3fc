"""Queries over tables of Iceberg and Delta in Glue and S3: the rows of one state, brought with their owner's role."""

from __future__ import annotations

import random
from typing import Any

import pyarrow
import pytest
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DateType, LongType, NestedField, StringType

from contract.sql_engine.test_tables_in_s3 import LakeFolder, folder, lake
from support.iceberg_tables import rows
from support.lake_tables import LakeDelta, change_table, deleting_in_lake, iceberg_table
from support.lakes import Lake
from whiteroom.aws.bringing import PART_BYTES
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.ports.catalog import TableNotFound

__all__ = ["folder", "lake"]

SCHEMA = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))
ALL = "SELECT id, name FROM people ORDER BY id"


@pytest.fixture
def people(lake: Lake) -> Table:
    table = iceberg_table(lake, "people", SCHEMA)
    table.append(rows(SCHEMA, id=[1, 2, 3], name=["a", "b", None]))
    return table


def again(folder: LakeFolder, name: str = "people") -> None:
    folder.tables.clear()
    folder.use(name)


def snapshot_read(folder: LakeFolder, sql: str) -> str:
    seen, _ = folder.run(sql)
    assert seen.judgement is not None, seen.message
    [read] = seen.judgement.tables
    return read.snapshot


def test_a_channel_over_iceberg_in_glue_is_recorded_and_can_be_made_again_from_the_same_rows(
    folder: LakeFolder, lake: Lake, people: Table
) -> None:
    folder.use("people")
    first = folder.text(ALL, csv_header=False)
    assert first == "1,a\n2,b\n3,\n"
    read = snapshot_read(folder, ALL)
    assert read == str(people.metadata.current_snapshot_id)
    people.delete("id = 2")
    people.append(rows(SCHEMA, id=[4], name=["d"]))
    again(folder)
    assert folder.text(ALL, csv_header=False) == "1,a\n3,\n4,d\n"
    change_table(lake, "people", lambda said: said["Parameters"].update({"whiteroom.snapshot": read}))
    again(folder)
    assert folder.text(ALL, csv_header=False) == first
    people.maintenance.expire_snapshots().by_id(int(read)).commit()
    with pytest.raises(TableNotFound, match=f"has no snapshot '{read}', or not any more"):
        again(folder)


def test_a_channel_over_delta_in_glue_is_recorded_and_can_be_made_again_from_the_same_rows(
    folder: LakeFolder, lake: Lake
) -> None:
    delta = LakeDelta(lake, "people")
    delta.write({"id": [1, 2, 3], "name": ["a b", "c=d", None]}, partition_by=["name"])
    delta.in_glue({"id": "bigint", "name": "string"})
    folder.use("people")
    first = folder.text(ALL, csv_header=False)
    assert first == "1,a b\n2,c=d\n3,\n"
    assert snapshot_read(folder, ALL) == "0"
    delta.table.delete("id = 2")
    delta.table.create_checkpoint()
    delta.write({"id": [4], "name": ["d"]})
    again(folder)
    assert (folder.text(ALL, csv_header=False), snapshot_read(folder, ALL)) == ("1,a b\n3,\n4,d\n", "2")
    change_table(lake, "people", lambda said: said["Parameters"].update({"whiteroom.snapshot": "0"}))
    again(folder)
    assert folder.text(ALL, csv_header=False) == first
    lake.s3.delete_object(Bucket=lake.bucket, Key="people/_delta_log/00000000000000000000.json")
    with pytest.raises(TableNotFound, match="has no version 0, or not any more; the latest is 2"):
        again(folder)


def test_rows_that_are_deleted_by_their_positions_are_not_read(folder: LakeFolder, lake: Lake, people: Table) -> None:
    people.append(rows(SCHEMA, id=[4, 5], name=["d", "e"]))
    of_two, of_three = sorted(people.scan().plan_files(), key=lambda task: task.file.record_count)
    deletes = deleting_in_lake(lake, "people", people, {of_three.file.file_path: [0, 2], of_two.file.file_path: [1]})
    folder.use("people")
    assert folder.text(ALL, csv_header=False) == "2,b\n4,d\n"
    assert folder.text("SELECT count(*) AS n FROM people", csv_header=False) == "2\n"
    lake.s3.delete_object(Bucket=lake.bucket, Key=deletes.removeprefix(f"s3://{lake.bucket}/"))
    seen, _ = folder.run(ALL)
    assert seen.failure is QueryFailure.AGAIN


@pytest.mark.parametrize("kind", ["iceberg", "delta"])
def test_objects_of_partitions_that_a_query_cannot_see_are_not_brought_and_the_answer_is_the_same(
    folder: LakeFolder, lake: Lake, kind: str
) -> None:
    held: dict[str, list[Any]] = {"id": [1, 2, 3, 4], "name": ["a", "b c", None, "é'"]}
    if kind == "delta":
        delta = LakeDelta(lake, "people")
        delta.write(held, partition_by=["name"])
        delta.in_glue({"id": "bigint", "name": "string"})
    else:
        by_name = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "name"))
        iceberg_table(lake, "people", SCHEMA, by_name).append(rows(SCHEMA, **held))
    folder.use("people")
    asked = "SELECT id, name FROM people WHERE name > 'a' ORDER BY id"
    pruned = folder.text(asked, csv_header=False)
    assert pruned == "2,b c\n4,é'\n"
    assert pruned == folder.text(
        "SELECT id, name FROM (SELECT * FROM people) WHERE name > 'a' ORDER BY id", csv_header=False
    )
    assert len(folder.tables[0].source.objects) == 4
    for item in folder.tables[0].source.objects:
        if item.partition not in {("b c",), ("é'",)}:
            lake.s3.delete_object(Bucket=lake.bucket, Key=item.uri.removeprefix(f"s3://{lake.bucket}/"))
    assert folder.text(asked, csv_header=False) == pruned
    measured, _ = folder.run(asked, measured=True)
    assert measured.result is not None
    assert measured.result.use is not None
    assert measured.result.use.tables is None
    seen, _ = folder.run(ALL)
    assert seen.failure is QueryFailure.AGAIN


def test_partitions_by_dates_and_numbers_are_pruned_too(folder: LakeFolder, lake: Lake) -> None:
    schema = Schema(NestedField(1, "day", DateType()), NestedField(2, "n", LongType()))
    spec = PartitionSpec(
        PartitionField(1, 1000, IdentityTransform(), "day"), PartitionField(2, 1001, IdentityTransform(), "n")
    )
    days = pyarrow.array([0, 19_000, None], pyarrow.int32()).cast(pyarrow.date32())
    iceberg_table(lake, "facts", schema, spec).append(rows(schema, day=days, n=[-1, 5, None]))
    folder.use("facts")
    assert {item.partition for item in folder.tables[0].source.objects} == {
        ("1970-01-01", "-1"),
        ("2022-01-08", "5"),
        (None, None),
    }
    assert folder.text("SELECT n FROM facts WHERE day >= DATE '2022-01-08'", csv_header=False) == "5\n"


@pytest.mark.parametrize("kind", ["iceberg", "delta"])
def test_of_a_large_object_the_columns_are_brought_that_a_query_reads_whatever_its_file_calls_them(
    folder: LakeFolder, lake: Lake, kind: str
) -> None:
    noise = random.Random(1)
    numbers = pyarrow.array(range(60_000), pyarrow.int64())
    held: dict[str, Any] = {"id": numbers, "name": [noise.randbytes(150).hex() for _ in range(60_000)]}
    if kind == "delta":
        delta = LakeDelta(lake, "people")
        delta.write(held)
        delta.in_glue({"id": "bigint", "name": "string"})
        column, other = "id", "name"
    else:
        table = iceberg_table(lake, "people", SCHEMA)
        table.append(rows(SCHEMA, **held))
        for before, after in (("id", "number"), ("name", "id"), ("number", "name")):
            with table.update_schema() as change:
                change.rename_column(before, after)
        column, other = "name", "id"
    folder.use("people")
    [item] = folder.tables[0].source.objects
    assert item.size_bytes > PART_BYTES
    total = f"SELECT sum({column}) AS s, count(*) AS n FROM people"
    assert folder.text(total, csv_header=False) == "1799970000,60000\n"
    lengths = f"SELECT sum(length({other})) AS s FROM people"
    assert folder.text(lengths, csv_header=False) == "18000000\n"
    assert folder.text("SELECT count(*) AS n FROM people", csv_header=False) == "60000\n"
