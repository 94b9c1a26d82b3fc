"""A snapshot of which some objects are brought: what is said by the number of a file is said of the right one."""

from __future__ import annotations

from whiteroom.domain.privacy.query_tables import (
    CatalogTable,
    Column,
    FileFormat,
    PositionDeletes,
    Snapshot,
    StoredObject,
)
from whiteroom.engines.duckdb.elsewhere.snapshots import with_objects

OBJECTS = tuple(StoredObject(f"s3://lake/t/{name}", 1, "", (name,)) for name in "abc")
SNAPSHOT = Snapshot(
    "7",
    constants={"p": ("a", "b", "c")},
    deletes=(
        PositionDeletes("s3://lake/t/d1", (("a", 0), ("c", 2)), 5),
        PositionDeletes("s3://lake/t/d2", (("b", 1),), 6),
    ),
    pruned_by=("p",),
)
TABLE = CatalogTable(
    (), FileFormat.PARQUET, (Column("p", "string"),), elsewhere=True, objects=OBJECTS, snapshot=SNAPSHOT
)


def test_what_is_left_out_takes_its_values_and_its_deletes_with_it() -> None:
    left = with_objects(TABLE, OBJECTS[1:])
    assert (left.objects, left.pruned) == (OBJECTS[1:], True)
    assert left.snapshot == Snapshot(
        "7",
        constants={"p": ("b", "c")},
        deletes=(
            PositionDeletes("s3://lake/t/d1", (("c", 1),), 5),
            PositionDeletes("s3://lake/t/d2", (("b", 0),), 6),
        ),
        pruned_by=("p",),
    )
    _, one = with_objects(TABLE, OBJECTS[:1]).all_objects
    assert one == StoredObject("s3://lake/t/d1", 5, "")
    nothing = with_objects(TABLE, [])
    assert nothing.snapshot is not None
    assert (nothing.snapshot.deletes, nothing.snapshot.constants) == ((), {"p": ()})


def test_a_table_of_which_all_is_brought_is_as_it_was() -> None:
    assert with_objects(TABLE, OBJECTS) == TABLE


def test_what_was_brought_is_read_on_this_machine() -> None:
    assert [(item.uri[-2:], item.partition) for item in TABLE.all_objects] == [
        *(("/a", ()), ("/b", ()), ("/c", ())),
        *(("d1", ()), ("d2", ())),
    ]
    found = TABLE.brought_as(["/q/0", "/q/1", "/q/2", "/q/3", "/q/4"])
    assert (found.elsewhere, found.files) == (False, ("/q/0", "/q/1", "/q/2"))
    assert found.read_paths == ("/q/0", "/q/1", "/q/2", "/q/3", "/q/4")
    assert found.snapshot is not None
    assert [one.rows_of for one in found.snapshot.deletes] == [one.rows_of for one in SNAPSHOT.deletes]
