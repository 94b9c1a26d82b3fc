"""Text in other encodings than UTF-8: named where it is refused, and read from private copies where it is said."""

from __future__ import annotations

import bz2
import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.catalog.test_folder import ACCOUNT, write
from whiteroom.base.documents import to_document
from whiteroom.catalog.folder import CatalogError, FolderCatalog
from whiteroom.domain.privacy.query_tables import CatalogTable, Column
from whiteroom.domain.privacy.readings import ENCODINGS, NO_WISHES, Wishes, encoding_of
from whiteroom.engines.duckdb.files.copies import CannotCopy, make_copies, with_copies
from whiteroom.engines.duckdb.schemas import read_schema

TEXT = "id,name\n1,Zo\u00eb\n2,\u00c5sa\n"
ROWS = (("1", "Zo\u00eb"), ("2", "\u00c5sa"))
CP1252 = Wishes(encoding="windows-1252")


@pytest.fixture
def catalog(tmp_path: Path) -> FolderCatalog:
    return FolderCatalog(tmp_path / "catalog", read_schema)


def copies(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "catalog-copies").rglob("*") if path.is_file()]


WRITTEN: dict[str, bytes] = {
    "latin-1": TEXT.encode("latin-1"),
    "Windows-1252": TEXT.encode("cp1252"),
    "macintosh": TEXT.encode("mac-roman"),
    "utf-8": TEXT.encode("utf-8-sig"),
    "utf-16": TEXT.encode("utf-16"),
    "UTF-16-LE": TEXT.encode("utf-16-le"),
    "utf-16-be": TEXT.encode("utf-16-be"),
}


@pytest.mark.parametrize("encoding", WRITTEN)
def test_text_is_read_in_the_encoding_that_is_said(catalog: FolderCatalog, tmp_path: Path, encoding: str) -> None:
    wishes = Wishes(encoding=encoding_of(encoding))
    for name, content in (("a.csv", WRITTEN[encoding]), ("b.csv.bz2", bz2.compress(WRITTEN[encoding]))):
        looked = catalog.look(ACCOUNT, "shop", "t", [write(tmp_path / name, content)], wishes)
        assert looked.found.first_rows == ROWS
        assert looked.found.columns == (Column("id", "bigint"), Column("name", "string"))
        assert looked.entry.reading.encoding == wishes.encoding


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_of_the_table_is_one(encoding: str) -> None:
    assert "a,b\n".encode(ENCODINGS[encoding]).decode(ENCODINGS[encoding]) == "a,b\n"
    assert encoding_of(encoding.upper()) == encoding


def test_an_encoding_that_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"'ebcdic' is no encoding .* utf-8, utf-16, .*windows-1252"):
        encoding_of("ebcdic")


def test_lines_of_json_and_folders_that_are_columns_are_read_so_too(catalog: FolderCatalog, tmp_path: Path) -> None:
    (tmp_path / "data" / "who=a%2Fb").mkdir(parents=True)
    write(tmp_path / "data" / "who=a%2Fb" / "a.jsonl", '{"name": "Zo\u00eb"}\n'.encode("latin-1"))
    looked = catalog.look(ACCOUNT, "shop", "t", [tmp_path / "data"], CP1252)
    assert looked.found.first_rows == (("Zo\u00eb", "a/b"),)


NAMED: dict[str, tuple[bytes, Wishes, str]] = {
    "Latin-1": (TEXT.encode("latin-1"), NO_WISHES, r"line 2, character 5 is not in UTF-8\. .*--encoding windows-1252"),
    "UTF-16": (TEXT.encode("utf-16"), NO_WISHES, r"is text in UTF-16: say --encoding utf-16,"),
    "UTF-16 without a mark": (TEXT.encode("utf-16-le"), NO_WISHES, "UTF-16: say --encoding utf-16-le,"),
    "the other one": (TEXT.encode("utf-16-be"), CP1252, "UTF-16: say --encoding utf-16-be,"),
    "one without a mark as one with": (TEXT.encode("utf-16-le"), Wishes(encoding="utf-16"), "byte order mark"),
    "Latin-1 as UTF-16": (TEXT.encode("latin-1"), Wishes(encoding="utf-16-le"), "is not text in utf-16-le"),
    "UTF-8 with a mark as another": (TEXT.encode("utf-8-sig"), CP1252, "is text in UTF-8, as its first bytes say"),
    "a byte that means nothing": (b"id,name\n1,ab\x81c\n", CP1252, "line 2, character 5 is not in windows-1252"),
    "half a character": (TEXT.encode("utf-16")[:-1], Wishes(encoding="utf-16"), "line 3, character 6 is not in utf-16"),
    "half a character of two": (b"a\n\x82", Wishes(encoding="shift_jis"), "line 2, character 1 is not in shift_jis"),
}


@pytest.mark.parametrize("what", NAMED)
def test_an_encoding_that_is_the_reason_is_named_with_the_option_that_helps(
    catalog: FolderCatalog, tmp_path: Path, what: str
) -> None:
    content, wishes, words = NAMED[what]
    with pytest.raises(CatalogError, match=words) as refused:
        catalog.add(ACCOUNT, "shop", "t", [write(tmp_path / "a.csv", content)], wishes)
    assert str(tmp_path / "a.csv") in str(refused.value)
    assert copies(tmp_path) == []
    assert catalog.list() == []


def test_a_byte_that_means_nothing_is_found_by_its_line_behind_many_others(
    catalog: FolderCatalog, tmp_path: Path
) -> None:
    text = TEXT.encode("cp1252") * 200_000
    with pytest.raises(CatalogError, match="line 600001, character 2 is not in windows-1252"):
        catalog.add(ACCOUNT, "shop", "t", [write(tmp_path / "a.csv", text + b"x\x81\n")], CP1252)


def test_parquet_has_no_encoding(catalog: FolderCatalog, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="is said of CSV"):
        catalog.add(ACCOUNT, "shop", "t", [write(tmp_path / "a.parquet", b"PAR1" + bytes(100))], CP1252)


def test_a_broken_row_and_a_wrong_value_are_named_by_the_owners_file(catalog: FolderCatalog, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "id,name\n1,Zo\u00eb\n2,\u00c5sa,SECRET\n".encode("cp1252"))
    with pytest.raises(CatalogError, match=r"a\.csv, line 3: the row is broken"):
        catalog.add(ACCOUNT, "shop", "t", [file], CP1252)
    wishes = Wishes(encoding="windows-1252", types=(Column("name", "int"),))
    with pytest.raises(CatalogError, match=r"a\.csv, line 2, column 'name': the value"):
        catalog.add(ACCOUNT, "shop", "t", [write(file, TEXT.encode("cp1252"))], wishes)
    nested = write(tmp_path / "n.jsonl", '{"n": {"\u00eb": 1}}\n'.encode("latin-1"))
    with pytest.raises(CatalogError, match=r"/n\.jsonl, column 'n'"):
        catalog.add(ACCOUNT, "shop", "t", [nested], CP1252)


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Files are made for everybody, where nobody says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_a_copy_is_its_owners_alone_and_goes_with_the_table(catalog: FolderCatalog, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", TEXT.encode("cp1252"))
    catalog.add(ACCOUNT, "shop", "t", [file], CP1252)
    [copy] = copies(tmp_path)
    assert copy.read_text() == TEXT
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "catalog-copies").stat().st_mode) == 0o700
    catalog.add(ACCOUNT, "shop", "t", [write(file, "id,name\n1,Ann\n")])
    assert copies(tmp_path) == []
    catalog.add(ACCOUNT, "shop", "t", [write(file, TEXT.encode("cp1252"))], CP1252)
    catalog.remove(ACCOUNT, "shop", "t")
    assert copies(tmp_path) == []


def test_a_preview_leaves_no_copy(catalog: FolderCatalog, tmp_path: Path) -> None:
    catalog.look(ACCOUNT, "shop", "t", [write(tmp_path / "a.csv", TEXT.encode("cp1252"))], CP1252)
    assert copies(tmp_path) == []


def added(catalog: FolderCatalog, file: Path) -> CatalogTable:
    catalog.add(ACCOUNT, "shop", "t", [write(file, TEXT.encode("cp1252"))], CP1252)
    return with_copies(catalog.resolve(ACCOUNT, "shop", "t"))


def test_a_copy_is_made_again_when_its_file_is_another_and_the_older_one_goes(
    catalog: FolderCatalog, tmp_path: Path
) -> None:
    before = added(catalog, tmp_path / "a.csv")
    make_copies(before)
    assert copies(tmp_path) == [Path(before.files[0])]
    write(tmp_path / "a.csv", b"id,name\n3,\xc5sa\n")
    after = with_copies(catalog.resolve(ACCOUNT, "shop", "t"))
    assert after.origins == before.origins
    assert not Path(after.files[0]).exists()
    make_copies(after)
    assert [copy.read_text() for copy in copies(tmp_path)] == ["id,name\n3,\u00c5sa\n"]


def test_what_a_crash_left_of_a_copy_is_never_read_and_goes_with_the_next(
    catalog: FolderCatalog, tmp_path: Path
) -> None:
    table = added(catalog, tmp_path / "a.csv")
    [copy] = map(Path, table.files)
    left = copy.rename(copy.with_name(".draft-0123"))
    left.write_text("id,name\n1,half")
    (tmp_path / "catalog-copies" / ".new-0123" / "0").mkdir(parents=True)
    make_copies(table)
    assert (left.exists(), copy.read_text()) == (False, TEXT)
    catalog.look(ACCOUNT, "shop", "u", [tmp_path / "a.csv"], CP1252)
    assert not (tmp_path / "catalog-copies" / ".new-0123").exists()


def test_what_another_process_is_making_stays(catalog: FolderCatalog, tmp_path: Path) -> None:
    table = added(catalog, tmp_path / "a.csv")
    busy = Path(table.files[0]).with_name(".draft-0123")
    Path(table.files[0]).unlink()
    with busy.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        make_copies(table)
        assert busy.exists()


def test_a_copy_that_cannot_be_made_is_told_and_leaves_nothing(catalog: FolderCatalog, tmp_path: Path) -> None:
    table = added(catalog, tmp_path / "a.csv")
    Path(table.files[0]).unlink()
    write(tmp_path / "a.csv", b"id,name\n1,\x81\n")
    with pytest.raises(CannotCopy, match="line 2, character 3 is not in windows-1252") as refused:
        make_copies(table)
    assert refused.value.file == str(tmp_path / "a.csv")
    (tmp_path / "a.csv").unlink()
    with pytest.raises(CannotCopy, match="changed while it was read"):
        make_copies(table)
    assert copies(tmp_path) == []


def test_a_copy_leaves_the_disk_some_room(
    catalog: FolderCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = added(catalog, tmp_path / "a.csv")
    Path(table.files[0]).unlink()
    disk = os.statvfs(tmp_path)
    full = os.statvfs_result((*disk[:3], 0, 0, *disk[5:]))
    monkeypatch.setattr(os, "fstatvfs", lambda _: full)
    with pytest.raises(CannotCopy, match="has no room for a copy of it"):
        make_copies(table)
    assert copies(tmp_path) == []


def test_a_process_that_is_killed_while_it_copies_leaves_nothing_that_is_read(
    catalog: FolderCatalog, tmp_path: Path
) -> None:
    table = added(catalog, tmp_path / "a.csv")
    Path(table.files[0]).unlink()
    # When all is written, and before the copy has its name.
    program = (
        "import json, os, signal, sys\n"
        "from whiteroom.base.documents import from_document\n"
        "from whiteroom.domain.privacy.query_tables import CatalogTable\n"
        "from whiteroom.engines.duckdb.files.copies import make_copies\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "make_copies(from_document(CatalogTable, json.load(sys.stdin)))\n"
    )
    told = json.dumps(to_document(table))
    ended = subprocess.run([sys.executable, "-c", program], input=told, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [copy.name[:7] for copy in copies(tmp_path)] == [".draft-"]
    make_copies(table)
    assert copies(tmp_path) == [Path(table.files[0])]
    assert Path(table.files[0]).read_text() == TEXT
