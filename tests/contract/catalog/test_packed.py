"""Tables in gzip, and what looks like them."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
import zstandard

from contract.catalog.test_folder import ACCOUNT, write
from whiteroom.catalog.folder import CatalogError, FolderCatalog
from whiteroom.domain.privacy.query_tables import Column, FileFormat, Reading
from whiteroom.domain.privacy.readings import Wishes
from whiteroom.engines.duckdb.schemas import read_schema

TEXT = "id;name\n1;Ann\n\n007;Bob\n"


@pytest.fixture
def catalog(tmp_path: Path) -> FolderCatalog:
    return FolderCatalog(tmp_path / "catalog", read_schema)


def packed(file: Path, text: str) -> Path:
    """The text in gzip."""
    return write(file, gzip.compress(text.encode()))


def test_a_packed_csv_is_read_as_one_that_is_not(catalog: FolderCatalog, tmp_path: Path) -> None:
    looked = catalog.look(ACCOUNT, "shop", "t", [packed(tmp_path / "a.csv.gz", TEXT)])
    assert looked.table.format is FileFormat.CSV
    assert looked.table.reading == Reading(delimiter=";")
    assert looked.table.columns == (Column("id", "string"), Column("name", "string"))
    assert looked.found.first_rows == (("1", "Ann"), ("007", "Bob"))


def test_a_value_in_a_packed_file_is_named_by_its_line(catalog: FolderCatalog, tmp_path: Path) -> None:
    wishes = Wishes(types=(Column("id", "bigint"),))
    for name, text in (("a.csv", TEXT), ("a.jsonl", '{"id": 1}\n\n\n{"id": 3.7}\n')):
        file = packed(tmp_path / f"{name}.gz", text)
        with pytest.raises(CatalogError, match="line 4, column 'id'"):
            catalog.add(ACCOUNT, "shop", "t", [file], wishes)


def test_a_broken_row_in_a_packed_file_is_named_by_its_line(catalog: FolderCatalog, tmp_path: Path) -> None:
    for name, text in (("a.csv", "a,b\n1,2\n1,2,SECRET\n"), ("a.jsonl", '{"a": 1}\n{"a": SECRET}\n')):
        with pytest.raises(CatalogError) as refused:
            catalog.add(ACCOUNT, "shop", "t", [packed(tmp_path / f"{name}.gz", text)])
        assert f"{name}.gz, line {text.count(chr(10))}: the row is broken" in str(refused.value)
        assert "SECRET" not in str(refused.value)


def test_packed_files_and_others_are_one_table(catalog: FolderCatalog, tmp_path: Path) -> None:
    files = [packed(tmp_path / "a.csv.gz", TEXT), write(tmp_path / "b.csv", TEXT)]
    files.append(write(tmp_path / "c.csv.bz2", bz2.compress(TEXT.encode())))
    assert catalog.look(ACCOUNT, "shop", "t", files).found.rows == 6


CALLED: dict[str, bytes] = {
    "plain.csv.gz": TEXT.encode(),
    "gzip.csv": gzip.compress(TEXT.encode()),
    "GZIP.CSV.GZ": gzip.compress(TEXT.encode()),
    "bzip2.csv": bz2.compress(TEXT.encode()),
    "bzip2.csv.gz.bz2": bz2.compress(TEXT.encode()),
    "lines": bz2.compress(b'{"id": "1", "name": "Ann"}\n{"id": "007", "name": "Bob"}\n'),
    "members.csv.gz": gzip.compress(b"id;name\n1;") + gzip.compress(b"Ann\n007;Bob\n"),
    "members.csv.bz2": bz2.compress(b"id;name\n1;") + bz2.compress(b"Ann\n007;Bob\n"),
}


@pytest.mark.parametrize("name", CALLED)
def test_how_a_file_is_packed_is_told_by_what_is_in_it_whatever_it_is_called(
    catalog: FolderCatalog, tmp_path: Path, name: str
) -> None:
    looked = catalog.look(ACCOUNT, "shop", "t", [write(tmp_path / name, CALLED[name])])
    assert looked.found.first_rows == (("1", "Ann"), ("007", "Bob"))


def test_zstd_is_read_to_the_end_of_its_last_frame_or_refused(catalog: FolderCatalog, tmp_path: Path) -> None:
    pack = zstandard.ZstdCompressor(write_checksum=True).compress
    rows = b"".join(b"%d;%d\n" % (number * 7919 % 1_000, number) for number in range(20_000))
    whole = pack(b"id;name\n" + rows)
    for name in ("a.csv.zst", "a.csv"):
        looked = catalog.look(ACCOUNT, "shop", "t", [write(tmp_path / name, whole + pack(rows))])
        assert looked.found.rows == 40_000
    flipped = bytes(byte ^ (place == len(whole) - 2) for place, byte in enumerate(whole))
    for broken in (whole[: len(whole) // 2], whole[:-2], whole + b"and more", flipped):
        with pytest.raises(CatalogError, match="damaged"):
            catalog.look(ACCOUNT, "shop", "t", [write(tmp_path / "b.csv.zst", broken)])
    bomb = pack(b"id;name\n" + b"1;2\n" * (16 << 20)) * 8
    with pytest.raises(CatalogError, match="unpacks to more than"):
        catalog.look(ACCOUNT, "shop", "t", [write(tmp_path / "c.csv.zst", bomb)])


MANY = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n * 7919 % 1_000, n) for n in range(20_000)))
NO_TABLES: dict[str, tuple[str, bytes, str]] = {
    "xz": ("a.csv.xz", lzma.compress(b"a,b\n1,2\n"), "another way than gzip"),
    "half of one in bzip2": ("a.csv.bz2", bz2.compress(b"a,b\n" + bytes(range(48, 58)) * 9_000)[:40], "damaged"),
    "what stands behind bzip2": ("a.csv.bz2", bz2.compress(b"a,b\n1,2\n") + b"and more", "damaged"),
    "bzip2 that never ends": ("a.csv.bz2", bz2.compress(b"1,2\n" * (1 << 20)) * 80, "unpacks to more than 268,435,456"),
    "bzip2 in gzip": ("a.csv.gz", gzip.compress(bz2.compress(b"a,b\n1,2\n")), "Unpack it once"),
    "half of one": ("a.csv.gz", gzip.compress(b"a,b\n" + bytes(range(48, 58)) * 9_000)[:40], "damaged"),
    "one in another": ("a.csv.gz", gzip.compress(gzip.compress(b"a,b\n1,2\n")), "Unpack it once"),
    "Parquet in gzip": ("a.parquet.gz", gzip.compress(b"PAR1"), "Unpack it once"),
    "nothing in gzip": ("a.csv.gz", gzip.compress(b""), "is empty"),
    "a web page in gzip": ("a.csv.gz", gzip.compress(b"<html>"), "HTML"),
    "zstd that is none": ("a.csv.zst", b"\x28\xb5\x2f\xfdnone", "zstd|damaged"),
    "half of many": ("a.csv.gz", MANY[: len(MANY) // 2], "damaged"),
    "a byte that is another": ("a.csv.gz", MANY[:-6] + b"\0" + MANY[-5:], "damaged"),
    "a line without end": ("a.csv.gz", gzip.compress(b"a,b\n" + b"1" * (64 << 20)), "line 2 has more than 16 MiB"),
    "a line without end that is not packed": (
        "a.csv",
        b"a,b\n1,2\n" + b"1" * (40 << 20),
        "line 3 has more than 16 MiB",
    ),
    "zeros without end": ("a.csv.gz", gzip.compress(bytes(64 << 20)), "nor text"),
}


@pytest.mark.parametrize("what", NO_TABLES)
def test_what_only_looks_like_a_packed_table_is_refused_with_its_name(
    catalog: FolderCatalog, tmp_path: Path, what: str
) -> None:
    name, content, words = NO_TABLES[what]
    with pytest.raises(CatalogError, match=words) as refused:
        catalog.add(ACCOUNT, "shop", "t", [write(tmp_path / name, content)])
    assert str(tmp_path / name) in str(refused.value)
    assert catalog.list() == []
