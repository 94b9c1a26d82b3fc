"""Tables that members put into their own buckets, beside the server: with boto3 alone, and for nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from deltalake import DeltaTable, write_deltalake

from e2e.test_queries import ended, start
from e2e.test_s3_server import PORT, buckets_of, s3
from e2e.test_story import FLIGHTS_A_MONTH, HERE, write_tables
from support.live import LiveRoom, live_room, once
from support.worlds.requests import ALICE, BOB, collaboration_rule, custom_rule
from whiteroom.demo.story import LAB
from whiteroom.demo.telling import Stage, tell

pytestmark = [pytest.mark.services, pytest.mark.slow]

RULES: dict[str, Any] = {
    "rule": custom_rule(additionalAnalyses="ALLOWED"),
    "shared": collaboration_rule(allowedResultReceivers=[ALICE]),
}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("stored") / "data", "--s3", **PORT) as room:
        bucket = s3(room.data, BOB, "any")
        once(lambda seen: seen == [BOB], lambda: buckets_of(bucket))  # it hears of those who met within a second
        for year in (2023, 2024):
            rows = "".join(f"{number},{number % 90}\n" for number in range(year, year + 20))
            bucket.put_object(Bucket=BOB, Key=f"tables/visits/yr={year}/part.csv", Body=f"patient,age\n{rows}".encode())
        added = room.command("catalog", "add", "--account", BOB, "lake.stored", f"s3://{BOB}/tables/visits/")
        assert (added.code, "2 objects, csv, 3 columns, 40 rows" in added.out) == (0, True), added.err
        room.shared_table(BOB, "stored", ["patient", "age", "yr"], **RULES)
        yield room


def test_a_table_that_a_member_put_into_its_bucket_is_queried_and_the_result_is_in_the_receivers(
    room: LiveRoom,
) -> None:
    sql = "SELECT patient, yr FROM stored WHERE yr = 2024 AND patient < 2026"
    done = ended(room, start(room, sql, bucket=ALICE))
    assert done["status"] == "SUCCESS", done.get("error")
    location: str = done["result"]["output"]["s3"]["location"]
    mine = s3(room.data, ALICE, "any")
    prefix = location.removeprefix(f"s3://{ALICE}/")
    keys = [one["Key"] for one in mine.list_objects_v2(Bucket=ALICE, Prefix=prefix)["Contents"]]
    (rows,) = (mine.get_object(Bucket=ALICE, Key=key)["Body"].read() for key in keys if key.endswith(".csv"))
    assert rows == b"patient,yr\n2024,2024\n2025,2024\n"


def test_a_channel_and_a_training_are_made_of_it_and_of_what_is_put_there_later(room: LiveRoom) -> None:
    sql = "SELECT patient, age FROM stored"
    rows = room.channel("stored-rows", sql)
    assert room.finished(rows)["numberOfRecords"] == 40
    assert room.finished(room.train("stored-model", rows))["status"] == "ACTIVE"
    s3(room.data, BOB, "any").put_object(Bucket=BOB, Key="tables/visits/yr=2025/part.csv", Body=b"patient,age\n1,2\n")
    assert room.finished(room.channel("more-rows", sql))["numberOfRecords"] == 41
    once(lambda left: not left, lambda: list((room.data / "queries").iterdir()))


def test_a_channel_of_a_table_of_delta_is_made_again_from_the_same_rows(room: LiveRoom, tmp_path: Path) -> None:
    bucket, folder = s3(room.data, BOB, "any"), tmp_path / "versions"

    def put() -> None:
        for file in folder.rglob("*"):
            if file.is_file():
                key = f"tables/versions/{file.relative_to(folder)}"
                bucket.put_object(Bucket=BOB, Key=key, Body=file.read_bytes())

    def add(*more: str) -> None:
        added = room.command("catalog", "add", "--account", BOB, "lake.versions", f"s3://{BOB}/tables/versions/", *more)
        assert added.code == 0, added.err

    write_deltalake(str(folder), pyarrow.table({"patient": [1, 2], "age": [30, 40]}))
    put()
    add()
    room.shared_table(BOB, "versions", ["patient", "age"], **RULES)
    sql = "SELECT patient, age FROM versions"
    first = room.channel("first-version", sql)
    assert room.finished(first)["numberOfRecords"] == 2
    DeltaTable(str(folder)).delete("patient = 2")
    put()
    assert room.finished(room.channel("second-version", sql))["numberOfRecords"] == 1
    assert "It read table 'versions' at snapshot 0." in room.command("explain", first).out
    add("--snapshot", "0")
    assert room.finished(room.channel("first-again", sql))["numberOfRecords"] == 2


def test_an_account_reaches_nothing_of_anothers_bucket(room: LiveRoom) -> None:
    for bucket in (BOB, "whiteroom"):
        stolen = room.command("catalog", "add", "--account", ALICE, "lake.stolen", f"s3://{bucket}/")
        assert (stolen.code, "AccessDenied" in stolen.err) == (1, True), stolen.err
        assert "patient" not in stolen.err
    nobody = room.command("catalog", "add", "--account", "999999999999", "lake.t", "s3://999999999999/t/")
    assert (nobody.code, "has no access key that signs at the S3 beside the server" in nobody.err) == (1, True)


def test_a_table_that_is_gone_from_the_bucket_fails_the_query_and_its_owner_alone_is_told_why(room: LiveRoom) -> None:
    bucket = s3(room.data, BOB, "any")
    bucket.put_object(Bucket=BOB, Key="tables/gone/part.csv", Body=b"patient,age\n1,2\n")
    added = room.command("catalog", "add", "--account", BOB, "lake.gone", f"s3://{BOB}/tables/gone/part.csv")
    assert added.code == 0, added.err
    room.shared_table(BOB, "gone", ["patient", "age"], **RULES)
    bucket.delete_object(Bucket=BOB, Key="tables/gone/part.csv")
    done = ended(room, start(room, "SELECT patient FROM gone", bucket=ALICE))
    assert done["status"] == "FAILED"
    assert "part.csv" not in str(done["error"])
    assert any("part.csv holds no object" in str(one) for one in room.analyses(BOB))
    assert not any("part.csv" in str(one) for one in room.analyses(ALICE))


def test_the_demo_runs_with_tables_and_results_in_the_organisations_buckets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(Stage(tmp_path / "work", HERE / "algorithm", None, small_tables, (12 * FLIGHTS_A_MONTH, 36), s3=True))
    printed = capsys.readouterr().out
    assert "put their tables into their own buckets" in printed
    assert "AUC in December" in printed
    fetched = tmp_path / "work" / "fetched" / "results"
    assert len(list(fetched.rglob("*.out"))) == 3
    assert [file.name for file in fetched.rglob("*.tar.gz")] == ["model.tar.gz"]
    assert f"s3://{LAB}" in (tmp_path / "work" / "report.html").read_text()
    assert not (tmp_path / "work" / "room" / "objects").exists()


def small_tables(folder: Path) -> tuple[Path, Path]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return write_tables(folder)
