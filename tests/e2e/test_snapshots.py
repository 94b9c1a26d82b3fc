"""A channel over a table of Iceberg or Delta on a running server, made again from the same rows months later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow
import pytest
from deltalake import DeltaTable, write_deltalake
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField

from support.iceberg_tables import deleting, folder_of, new_table, rows, uris
from support.live import LiveRoom, live_room
from support.worlds.requests import BOB

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("snapshots") / "data") as room:
        yield room
        room.assert_nothing_left()


def iceberg(folder: Path) -> tuple[Path, Callable[[], object]]:
    """Three rows, and what takes one away."""
    schema = Schema(NestedField(1, "patient", LongType()), NestedField(2, "age", LongType()))
    table = new_table(folder, schema)
    table.append(rows(schema, patient=[1, 2, 3], age=[50, 60, 70]))
    return folder_of(table), lambda: deleting(table, {uris(table)[0]: [1]})


def delta(folder: Path) -> tuple[Path, Callable[[], object]]:
    write_deltalake(str(folder), pyarrow.table({"patient": [1, 2, 3], "age": [50, 60, 70]}), partition_by=["age"])
    return folder, lambda: DeltaTable(str(folder)).delete("patient = 2")


@pytest.mark.parametrize("kind", [iceberg, delta])
def test_a_channel_is_made_again_from_the_rows_of_its_snapshot(
    room: LiveRoom, tmp_path: Path, kind: Callable[[Path], tuple[Path, Callable[[], object]]]
) -> None:
    source, take_away = kind(tmp_path / "lake")
    name = kind.__name__
    room.share(name, source, ["patient", "age"])
    sql = f"SELECT patient, age FROM {name}"

    def made(called: str) -> tuple[int, str]:
        arn = room.channel(f"{name}-{called}", sql)
        records = room.finished(arn)["numberOfRecords"]
        told = room.command("explain", arn, "--json").json["snapshots"]
        return records, told[name]

    first = made("first")
    take_away()
    second = made("second")
    assert (first[0], second[0]) == (3, 2)
    assert first[1] != second[1]
    add = ("catalog", "add", "--account", BOB, f"lake.{name}", str(source))
    assert room.command(*add, "--snapshot", first[1]).code == 0
    assert made("again") == first
    assert room.command(*add).code == 0
    assert made("at-last") == second
