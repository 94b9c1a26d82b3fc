"""A table's folder, or a part of it, that became a link leads to no other member's rows or metadata."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow
import pytest
from deltalake import DeltaTable, write_deltalake
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField

from contract.catalog.test_folder import ACCOUNT
from support.iceberg_tables import folder_of, new_table, rows
from whiteroom.catalog.checking import check
from whiteroom.catalog.folder import CatalogError, FolderCatalog
from whiteroom.catalog.seen import Seen
from whiteroom.catalog.snapshots.delta_logs import held_log
from whiteroom.catalog.snapshots.places import TableFolder, Unreadable
from whiteroom.domain.privacy.query_tables import FileFormat
from whiteroom.domain.privacy.readings import NO_WISHES, Wishes
from whiteroom.engines.duckdb.schemas import read_schema, read_snapshot
from whiteroom.ports.catalog import FoundTable, TableNotFound

SCHEMA = Schema(NestedField(1, "id", LongType()))


def csv(folder: Path) -> Path:
    (folder / "t" / "part").mkdir(parents=True)
    (folder / "t" / "part" / "a.csv").write_text("id\n1\n")
    return folder / "t"


def csv_of_a_pattern(folder: Path) -> Path:
    return csv(folder) / "**" / "*.csv"


def one_csv(folder: Path) -> Path:
    return csv(folder) / "part" / "a.csv"


def delta(folder: Path) -> Path:
    write_deltalake(str(folder / "t"), pyarrow.table({"id": [1], "p": ["x"]}), partition_by=["p"])
    return folder / "t"


def iceberg(folder: Path) -> Path:
    folder.mkdir()
    table = new_table(folder, SCHEMA)
    table.append(rows(SCHEMA, id=[1]))
    return folder_of(table)


def iceberg_by_its_state(folder: Path) -> Path:
    return max((iceberg(folder) / "metadata").glob("*.metadata.json"))


KINDS = [csv, csv_of_a_pattern, one_csv, delta, iceberg, iceberg_by_its_state]


@pytest.mark.parametrize("kind", KINDS)
def test_no_part_of_a_tables_path_may_become_a_link_to_another_members(
    tmp_path: Path, kind: Callable[[Path], Path]
) -> None:
    catalog = FolderCatalog(tmp_path / "catalog", read_schema, read_snapshot)
    own, theirs = tmp_path / "me", tmp_path / "them"
    source = kind(own)
    shutil.copytree(own, theirs)
    catalog.add(ACCOUNT, "shop", "t", [source])
    for part in [own, *(part for part in sorted(own.rglob("*")) if part.is_dir() or part.name == "a.csv")]:
        kept = part.rename(tmp_path / "kept")
        part.symlink_to(theirs / part.relative_to(own))
        with pytest.raises(TableNotFound, match=r" link|lies outside of|holds no file"):
            catalog.resolve(ACCOUNT, "shop", "t")
        [broken] = check(catalog, catalog.show(ACCOUNT, "shop", "t")).broken
        assert any(words in broken for words in (" link", "lies outside of", "holds no file"))
        assert str(theirs) not in broken
        part.unlink()
        kept.rename(part)
    assert all(Path(file).is_relative_to(own) for file in catalog.resolve(ACCOUNT, "shop", "t").read_paths)


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_a_tables_path_that_became_a_link_to_itself_is_told(
    tmp_path: Path, kind: Callable[[Path], Path]
) -> None:
    catalog = FolderCatalog(tmp_path / "catalog", read_schema, read_snapshot)
    own = tmp_path / "me"
    catalog.add(ACCOUNT, "shop", "t", [kind(own)])
    catalog.resolve(ACCOUNT, "shop", "t")
    for part in [own, *sorted(own.rglob("*"))]:
        kept = part.rename(tmp_path / "kept")
        part.symlink_to(part.name)
        with suppress(TableNotFound):
            catalog.resolve(ACCOUNT, "shop", "t")
        assert check(catalog, catalog.show(ACCOUNT, "shop", "t")).rows in {None, 1}
        part.unlink()
        kept.rename(part)


def test_a_log_of_delta_that_is_held_is_the_tables_own_whatever_its_path_means_by_now(tmp_path: Path) -> None:
    own, theirs = delta(tmp_path / "me"), delta(tmp_path / "them")
    write_deltalake(str(theirs), pyarrow.table({"id": [2], "p": ["y"]}), mode="append")
    (tmp_path / "work").mkdir()
    with held_log(TableFolder(own), "", tmp_path / "work") as log:
        own.rename(tmp_path / "kept")
        own.symlink_to(theirs)
        held = DeltaTable(str(log))
        assert (held.version(), held.metadata().partition_columns) == (0, ["p"])
        assert [action["partition"] for action in pyarrow.table(held.get_add_actions()).to_pylist()] == [{"p": "x"}]
    with pytest.raises(Unreadable, match="became a link"):
        TableFolder(own)


def test_nothing_is_put_into_a_folder_that_is_not_the_readers_own(tmp_path: Path) -> None:
    """A server that was started before an update starts what reads metadata elsewhere than one of now."""
    own = delta(tmp_path / "me")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "etc").touch()
    with pytest.raises(FileExistsError), held_log(TableFolder(own), "", tmp_path / "work"):
        pass
    assert [file.name for file in (tmp_path / "work").iterdir()] == ["etc"]


def test_a_file_of_metadata_that_became_a_link_since_it_was_looked_at_is_not_read(tmp_path: Path) -> None:
    own, theirs = iceberg(tmp_path / "me"), iceberg(tmp_path / "them")
    [manifest, *_] = sorted((own / "metadata").glob("*.avro"))
    table = TableFolder(own)
    seen = table.metadata(str(manifest))
    with table.open(seen) as stream:
        assert stream.read() == manifest.read_bytes()
    for part in (manifest, own / "metadata", own):
        part.rename(part.with_name("kept"))
        part.symlink_to(theirs / part.relative_to(own))
        with pytest.raises(Unreadable, match="became a link"):
            table.open(seen)
        part.unlink()
        part.with_name("kept").rename(part)


class _Reads:
    """Notes what is asked to be read, and swaps the table's folder for a link to another's before it is."""

    def __init__(self, own: Path, theirs: Path) -> None:
        self._own, self._theirs = own, theirs

    def __call__(
        self, files: Sequence[str], file_format: FileFormat, wishes: Wishes = NO_WISHES, copies: str = ""
    ) -> FoundTable:
        self._own.rename(self._own.with_name("kept"))
        self._own.symlink_to(self._theirs)
        return read_schema(files, file_format, wishes, copies)


def test_a_table_that_is_swapped_while_it_is_added_is_refused_and_nothing_of_anothers_is_shown(tmp_path: Path) -> None:
    own, theirs = csv(tmp_path / "me"), csv(tmp_path / "them")
    (theirs / "part" / "a.csv").write_text("ssn\n078-05-1120\n")
    catalog = FolderCatalog(tmp_path / "catalog", _Reads(own, theirs), read_snapshot)
    with pytest.raises(CatalogError, match=r"a\.csv became a link\.") as told:
        catalog.add(ACCOUNT, "shop", "t", [own])
    assert isinstance(told.value.seen, Seen)
    assert told.value.seen.first_lines == ()


@pytest.mark.parametrize("contents", ["", "a,a\n1,2\n", "\0", "a,b\n1\n"])
def test_a_files_name_writes_no_line_into_a_sentence(tmp_path: Path, contents: str) -> None:
    catalog = FolderCatalog(tmp_path / "catalog", read_schema, read_snapshot)
    (tmp_path / "t").mkdir()
    file = tmp_path / "t" / "a\nall is well \x1b[31m.csv"
    file.write_text("a\n1\n")
    catalog.add(ACCOUNT, "shop", "t", [tmp_path / "t"])
    file.write_text(contents)
    with pytest.raises(CatalogError, match=r"a\\nall is well \\x1b") as refused:
        catalog.add(ACCOUNT, "shop", "t", [tmp_path / "t"])
    assert str(refused.value).isprintable()
    file.unlink()
    file.symlink_to("gone")
    with pytest.raises(TableNotFound, match=r"a\\nall is well \\x1b") as told:
        catalog.resolve(ACCOUNT, "shop", "t")
    assert str(told.value).isprintable()
