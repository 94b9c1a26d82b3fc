"""Which objects are a table's own, whatever its metadata name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from whiteroom.catalog.snapshots.places import PlacedFile, Unreadable
from whiteroom.catalog.snapshots.stored_places import Root, TablePrefix
from whiteroom.domain.privacy.query_tables import PositionDeletes, Snapshot

ROOT = "s3://lake/shop/people"


def places() -> TablePrefix:
    return TablePrefix(Root(ROOT), lambda uris: [Path("/brought") / uri.rpartition("/")[2] for uri in uris])


@pytest.mark.parametrize("scheme", ["s3", "s3a", "s3n"])
def test_a_file_below_the_tables_location_is_its_own(scheme: str) -> None:
    assert places().place_of(f"{scheme}://lake/shop/people/data/a b.parquet") == f"{ROOT}/data/a b.parquet"
    assert places().place_of_relative("p=a%2520b/x.parquet") == f"{ROOT}/p=a%20b/x.parquet"
    assert places().metadata(f"{scheme}://lake/shop/people/metadata/v1.avro") == Path("/brought/v1.avro")


ASTRAY = (
    "file:///etc/passwd",
    "/etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "gs://lake/shop/people/x",
    "s3://another/shop/people/x",
    "s3://lake/shop/people-of-another/x",
    "s3://lake/shop/people",
    "s3://lake/shop/people/",
    "s3://lake/shop/people/../secret/x",
    "s3://lake/shop/people/./x",
    "s3://lake/shop/people//x",
    "s3://lake/shop/people/a\nb",
    "s3://lake/shop/people/a\0b",
    f"s3://lake/shop/people/{'x' * 1024}",
    "s3://LAKE/shop/people/x",
    "s3://lake@evil/shop/people/x",
    "",
)


@pytest.mark.parametrize("uri", ASTRAY)
def test_a_file_anywhere_else_is_none_of_the_tables(uri: str) -> None:
    for ask in (places().place_of, places().metadata):
        with pytest.raises(Unreadable, match="its metadata name"):
            ask(uri)


@pytest.mark.parametrize(
    "path", ["../secret/x", "%2e%2e/secret/x", "a/%2e%2e/%2e%2e/x", "/x", "s3://another/x", "file:///x"]
)
def test_a_relative_path_leads_nowhere_else_either(path: str) -> None:
    with pytest.raises(Unreadable, match="its metadata name"):
        places().place_of_relative(path)


@pytest.mark.parametrize("location", ["s3://lake", "s3a://lake/"])
def test_a_table_may_have_a_bucket_of_its_own(location: str) -> None:
    root = Root(location)
    assert (root.uri, root.key_of("s3://lake/metadata/x")) == ("s3://lake/", "metadata/x")
    with pytest.raises(Unreadable, match="lies outside of s3://lake/"):
        root.key_of("s3://another/metadata/x")


@pytest.mark.parametrize("location", ["", "s3://", "file:///lake/people", "hdfs://lake/people"])
def test_a_place_outside_of_s3_is_no_tables_location(location: str) -> None:
    with pytest.raises(Unreadable, match="is no folder in S3"):
        Root(location)


def test_what_is_brought_once_is_not_asked_for_again() -> None:
    asked: list[str] = []

    def bring(uris: Sequence[str]) -> list[Path]:
        asked.extend(uris)
        return [Path("/x") for _ in uris]

    one = TablePrefix(Root(ROOT), bring)
    one.prepare([f"{ROOT}/a", f"{ROOT}/b", f"{ROOT}/a"])
    one.metadata(f"{ROOT}/b")
    assert asked == [f"{ROOT}/a", f"{ROOT}/b"]


@pytest.mark.parametrize("size", [0, -1, None, "1"])
def test_a_file_of_no_bytes_is_no_file_of_rows(size: int) -> None:
    deletes = Snapshot("1", deletes=(PositionDeletes(f"{ROOT}/d", (), size),))
    for files, snapshot in (([PlacedFile(f"{ROOT}/a", size)], Snapshot("1")), ([], deletes)):
        with pytest.raises(Unreadable, match="a file of no bytes"):
            places().table(files, (), snapshot)
