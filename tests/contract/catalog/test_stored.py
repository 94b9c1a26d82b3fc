"""Tables of Whiteroom's own catalog in S3: looked at as files are, by the rights of their owner alone."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from contract.catalog.suite import COLUMNS, KNOWN, CatalogContract
from support.lakes import Lake
from support.s3_front import s3_front
from whiteroom.aws.clients import AwsClients
from whiteroom.catalog.checking import check
from whiteroom.catalog.folder import CatalogError, FolderCatalog
from whiteroom.catalog.stored.tables import StoredTables
from whiteroom.domain.privacy.query_tables import Column, FileFormat
from whiteroom.domain.privacy.readings import Wishes
from whiteroom.engines.duckdb.schemas import read_schema, read_snapshot
from whiteroom.ports.catalog import CatalogUnavailable, Reader, TableNotFound

OWNER, OTHER = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{OWNER}:role/clean-rooms"
READER = Reader("query-1", ROLE)


@pytest.fixture
def lake(moto: str, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASERVER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    return Lake(moto, OWNER)


def catalog_in(folder: Path, most_bytes: int = 10**8, regions: Mapping[str, str] | None = None) -> FolderCatalog:
    stored = StoredTables(AwsClients("us-east-1"), most_bytes, regions or {})
    return FolderCatalog(folder / "catalog", read_schema, read_snapshot, stored)


@pytest.fixture
def catalog(tmp_path: Path, lake: Lake) -> FolderCatalog:
    catalog = catalog_in(tmp_path)
    lake.put("people/1.csv", "id,name\n1,Ann\n")
    catalog.look(*KNOWN, [f"s3://{lake.bucket}/people/"], role_arn=ROLE, keep=True)
    return catalog


class TestFolderCatalogInS3(CatalogContract):
    adapters = (FolderCatalog,)


def look(catalog: FolderCatalog, *sources: str, wishes: Wishes | None = None, **more: Any) -> Any:
    return catalog.look(OWNER, "shop", "t", sources, wishes or Wishes(), **{"role_arn": ROLE, **more})


def test_what_it_saw_is_shown_as_of_files(catalog: FolderCatalog, lake: Lake) -> None:
    for year, rows in ((2023, "1,2\n2,\n"), (2024, "3,x\n")):
        lake.put(f"sales/yr={year}/part.csv", f"n,what\n{rows}")
    looked = look(catalog, f"s3://{lake.bucket}/sales/")
    assert looked.table.columns == (Column("n", "bigint"), Column("what", "string"), Column("yr", "bigint"))
    assert (looked.found.rows, looked.found.reading.partitions) == (3, ("yr",))
    assert looked.found.first_rows == (("1", "2", "2023"), ("2", None, "2023"), ("3", "x", "2024"))
    assert [item.partition for item in looked.table.objects] == [("2023",), ("2024",)]
    assert all(item.known for item in looked.table.objects)
    with pytest.raises(TableNotFound):
        catalog.show(OWNER, "shop", "t")


def parquet(select: str, tmp_path: Path) -> bytes:
    file = tmp_path / "made.parquet"
    duckdb.sql(f"COPY ({select}) TO '{file}'")
    return file.read_bytes()


def test_every_format_and_option_of_files_is_one_of_objects(catalog: FolderCatalog, lake: Lake, tmp_path: Path) -> None:
    text = "k;v\n1;'a'\n2;NA\n".encode("utf-16")
    made: dict[str, tuple[bytes, Wishes, FileFormat, int]] = {
        "t.csv": (text, Wishes(encoding="utf-16", null_words=("NA",), quote="'"), FileFormat.CSV, 2),
        "t.csv.gz": (gzip.compress(b"a|b\n1|2\n"), Wishes(), FileFormat.CSV, 1),
        "packed": (bz2.compress(b"a\tb\n1\t2\n"), Wishes(types=(Column("a", "string"),)), FileFormat.CSV, 1),
        "t.jsonl": (b'{"a": 1}\n{"a": 2}\n', Wishes(), FileFormat.JSON_LINES, 2),
        "t.parquet": (parquet("SELECT 1 a", tmp_path), Wishes(), FileFormat.PARQUET, 1),
    }
    for key, (body, wishes, file_format, rows) in made.items():
        lake.put(f"one/{key}", body)
        looked = look(catalog, f"s3://{lake.bucket}/one/{key}", wishes=wishes)
        assert (looked.entry.format, looked.found.rows) == (file_format, rows), key
    assert looked.table.columns == (Column("a", "int"),)


def test_an_object_a_prefix_and_patterns_are_sources_and_what_appears_later_belongs_to_them(
    catalog: FolderCatalog, lake: Lake
) -> None:
    for key in ("t/a.csv", "t/b.csv", "t/sub/c.csv", "t-old/d.csv", "t/_SUCCESS", "t/.x", "t/sub/"):
        lake.put(key, "" if key.endswith(("/", "_SUCCESS")) else "id\n1\n")
    meant = {
        "t/a.csv": ["t/a.csv"],
        "t/": ["t/a.csv", "t/b.csv", "t/sub/c.csv"],
        "t": ["t/a.csv", "t/b.csv", "t/sub/c.csv"],
        "t/[ab].csv": ["t/a.csv", "t/b.csv"],
        "*/**/*.csv": ["t-old/d.csv", "t/a.csv", "t/b.csv", "t/sub/c.csv"],
    }
    for source, keys in meant.items():
        uris = tuple(f"s3://{lake.bucket}/{key}" for key in keys)
        if source.startswith("*"):
            uris = (*uris[:1], *uris[1:])
            lake.s3.delete_object(Bucket=lake.bucket, Key="people/1.csv")
        assert look(catalog, f"s3://{lake.bucket}/{source}", keep=True).table.held_in == uris, source
    lake.put("t/e.csv", "id\n2\n")
    now = catalog.resolve(OWNER, "shop", "t", reader=READER).objects
    assert {item.uri.rpartition("/")[2]: item.known for item in now}["e.csv"] is False


def test_nobody_but_a_reader_has_objects_listed(catalog: FolderCatalog, lake: Lake) -> None:
    lake.s3.delete_object(Bucket=lake.bucket, Key="people/1.csv")
    assert catalog.resolve(*KNOWN).columns == COLUMNS
    with pytest.raises(TableNotFound, match=rf"s3://{lake.bucket}/people/ holds no object"):
        catalog.resolve(*KNOWN, reader=READER)


REFUSED: tuple[tuple[Mapping[str, bytes | str], str], ...] = (
    ({"t/a.csv": "a,b\n1,2\n1,2,SECRET\n"}, r"s3://BUCKET/t/a\.csv, line 3: the row is broken"),
    ({"t/a.csv": "a\n1\n", "t/b.csv": "SECRET\n1\n"}, r"s3://BUCKET/t/a\.csv and s3://BUCKET/t/b\.csv have different"),
    ({"t/a.csv": ""}, r"s3://BUCKET/t/a\.csv is empty"),
    ({"t/a.csv": b"a\n\xff\n"}, r"s3://BUCKET/t/a\.csv cannot be read: .*UTF-8"),
    ({"t/a.parquet": "SECRET"}, r"s3://BUCKET/t/a\.parquet is not a Parquet file"),
    ({"t/a.pdf": "%PDF-1"}, r"s3://BUCKET/t/a\.pdf is a document"),
    ({"t/a.csv": "a\n1\n", "t/b.jsonl": '{"a": 1}\n'}, r"b\.jsonl is jsonl; a table has one format"),
    ({"t/y=1/a.csv": "a\n1\n", "t/b.csv": "a\n1\n"}, "lie in folders of other partitions"),
    ({"t/y=/a.csv": "a\n1\n"}, "names no partition"),
    ({"t/y=1/a.csv": "y\n1\n"}, "has a column 'y', and lies in a folder that names it"),
    ({"t/_delta_log/0.json": "{}", "t/a.parquet": "x"}, "s3://BUCKET/t/: it is a table of Delta that cannot be read"),
    (
        {"_delta_log/0.json": "{}", "t/a.parquet": "x"},
        "s3://BUCKET/ is a table of Delta Lake.* Add this folder, by its",
    ),
    ({"t/.hoodie/x": "{}", "t/a.parquet": "x"}, "is a table of Hudi, whose files hold what was deleted.* alone.$"),
    ({"metadata/v1.metadata.json": "{}", "t/a.parquet": "x"}, "is a table of Iceberg.* Add this folder, by itself"),
    ({"t/metadata/v1.metadata.json": "{}", "t/data/a.parquet": "x"}, "it is a table of Iceberg that cannot be read"),
    ({"t/u/metadata/v1.metadata.json": "{}", "t/u/a.parquet": "x"}, "s3://BUCKET/t/u/ is a table of Iceberg"),
    ({"u/a.csv": "a\n1\n"}, "s3://BUCKET/t/ holds no object"),
)


@pytest.mark.parametrize(("objects", "told"), REFUSED)
def test_objects_that_are_no_table_are_named_as_their_owner_calls_them_and_none_of_their_rows_is(
    moto: str, lake: Lake, tmp_path: Path, objects: Mapping[str, bytes | str], told: str
) -> None:
    for key, body in objects.items():
        lake.put(key, body)
    with pytest.raises(CatalogError, match=told.replace("BUCKET", lake.bucket)) as refused:
        look(catalog_in(tmp_path), f"s3://{lake.bucket}/t/")
    assert "SECRET" not in str(refused.value)
    assert str(tmp_path) not in str(refused.value)
    assert str(refused.value).endswith(".")
    assert not list((tmp_path / "catalog-copies").iterdir() if (tmp_path / "catalog-copies").is_dir() else ())


def test_the_owner_is_shown_what_a_refused_object_seemed_to_be(catalog: FolderCatalog, lake: Lake) -> None:
    lake.put("t/y=1/a.csv", "id,name\n1,Ann\n2,Bob,broken\n")
    with pytest.raises(CatalogError) as refused:
        look(catalog, f"s3://{lake.bucket}/t/")
    seen = refused.value.seen
    assert seen is not None
    assert (seen.file, seen.partitions) == (f"s3://{lake.bucket}/t/y=1/a.csv", ("y",))
    assert seen.first_lines[:2] == ("id,name", "1,Ann")
    assert seen.glimpse.rows == 1


def test_hostile_keys_are_only_told_and_lead_nowhere(catalog: FolderCatalog, lake: Lake, tmp_path: Path) -> None:
    keys = ("../../x.csv", "/abs.csv", "a//b.csv", "it's.csv", "y*[z].csv", "a" * 900 + ".csv", "ünï.csv", "%2e.csv")
    for key in keys:
        lake.put(f"t/{key}", "id\n1\n")
    looked = look(catalog, f"s3://{lake.bucket}/t/")
    assert (looked.found.rows, len(looked.table.objects)) == (len(keys) - 1, len(keys) - 1), "'..' begins with a dot"
    assert look(catalog, f"s3://{lake.bucket}/t/y*[z].csv").found.rows == 1
    assert not list(tmp_path.rglob("*x.csv"))


def test_check_reads_all_of_it_again_and_says_what_is_another(catalog: FolderCatalog, lake: Lake) -> None:
    entry = catalog.show(*KNOWN)
    assert (check(catalog, entry).broken, check(catalog, entry).changed) == ((), ())
    lake.put("people/1.csv", "id,name\n1,Ann\n2,Bob\n")
    lake.put("people/2.csv", "id,name\n3,Cy\n")
    checked = check(catalog, entry)
    uri = f"s3://{lake.bucket}/people"
    assert (checked.broken, checked.rows, checked.files) == ((), 3, 2)
    assert set(checked.changed) == {f"{uri}/2.csv is new.", f"{uri}/1.csv is another."}
    lake.put("people/2.csv", "id,name\nSECRET,Cy\n")
    (broken,) = check(catalog, entry).broken
    assert f"{uri}/2.csv, line 2, column 'id'" in broken
    assert "SECRET" not in broken


def test_it_is_read_with_the_owners_role_alone(catalog: FolderCatalog, lake: Lake, moto: str) -> None:
    source = f"s3://{lake.bucket}/people/"
    with pytest.raises(CatalogError, match="has set no role for this, and the operator has mapped no profile"):
        look(catalog, source, role_arn="")
    with pytest.raises(CatalogError, match="is not of the account"):
        look(catalog, source, role_arn=f"arn:aws:iam::{OTHER}:role/clean-rooms")
    with pytest.raises(TableNotFound, match="is not of the account"):
        catalog.resolve(*KNOWN, reader=Reader("q", f"arn:aws:iam::{OTHER}:role/x"))
    with pytest.raises(CatalogError, match=r"s3:ListObjectsV2 on the bucket gone-away was refused .*NoSuchBucket"):
        look(catalog, "s3://gone-away/t/")


def test_a_bucket_that_another_account_owns_is_refused(
    lake: Lake, moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.put("t/a.csv", "id\n1\n")
    with s3_front(moto) as strict:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", strict.url)
        catalog = catalog_in(tmp_path)
        strict.owners = {lake.bucket: OWNER}
        assert look(catalog, f"s3://{lake.bucket}/t/", keep=True).found.rows == 1
        assert {asked.headers.get("x-amz-expected-bucket-owner") for asked in strict.asked} == {OWNER}
        strict.owners = {lake.bucket: OTHER}
        with pytest.raises(CatalogError, match="was refused to the account"):
            look(catalog, f"s3://{lake.bucket}/t/")
        with pytest.raises(TableNotFound, match="was refused to the account"):
            catalog.resolve(OWNER, "shop", "t", reader=READER)


def test_a_store_that_does_not_answer_decides_nothing(
    catalog: FolderCatalog, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    unreached = catalog_in(tmp_path)
    with pytest.raises(CatalogUnavailable, match="got no answer"):
        unreached.resolve(*KNOWN, reader=READER)
    with pytest.raises(CatalogError, match="got no answer"):
        look(unreached, f"s3://{lake.bucket}/people/")


def test_more_than_the_server_allows_is_not_brought(lake: Lake, tmp_path: Path) -> None:
    lake.put("t/a.csv", "id\n1\n")
    with pytest.raises(CatalogError, match=r"have 5 bytes together, and 4 are the limit .*max_table_bytes"):
        look(catalog_in(tmp_path, most_bytes=4), f"s3://{lake.bucket}/t/")


def test_a_table_is_here_or_there_and_in_one_region(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\n1\n")
    catalog = catalog_in(tmp_path, regions={"elsewhere": "eu-west-1"})
    there = f"s3://{lake.bucket}/t/"
    with pytest.raises(CatalogError, match="in S3 or on this machine"):
        look(catalog, there, str(tmp_path / "a.csv"))
    with pytest.raises(CatalogError, match="a role is said of one in S3"):
        look(catalog, str(tmp_path / "a.csv"))
    with pytest.raises(CatalogError, match="in several regions"):
        look(catalog, there, "s3://elsewhere/t/")
    with pytest.raises(CatalogError, match="in S3 or on this machine"):
        FolderCatalog(tmp_path / "catalog", read_schema).look(OWNER, "shop", "t", [there])


def test_nothing_of_what_was_read_through_is_kept(catalog: FolderCatalog, lake: Lake, tmp_path: Path) -> None:
    assert not list((tmp_path / "catalog-copies").iterdir())
    kept = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert [file.name for file in kept] == ["people.json"]
    assert b"Ann" not in kept[0].read_bytes()


def test_a_table_of_files_that_is_added_again_from_s3_leaves_no_copy(
    catalog: FolderCatalog, lake: Lake, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes("id,name\n1,é\n".encode("latin-1"))
    catalog.add(OWNER, "shop", "t", [tmp_path / "a.csv"], replace(Wishes(), encoding="latin-1"))
    assert list((tmp_path / "catalog-copies").iterdir())
    look(catalog, f"s3://{lake.bucket}/people/", keep=True)
    assert not list((tmp_path / "catalog-copies").rglob("*.csv"))
    assert not list((tmp_path / "catalog-copies").rglob("rows"))
