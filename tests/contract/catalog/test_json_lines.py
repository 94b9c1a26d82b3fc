"""Lines of JSON as programs write them: each column under its one name, in a type that holds what is written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from contract.catalog.test_folder import ACCOUNT, write
from whiteroom.catalog.folder import CatalogError, FolderCatalog, Looked
from whiteroom.engines.duckdb.schemas import read_schema


@pytest.fixture
def catalog(tmp_path: Path) -> FolderCatalog:
    return FolderCatalog(tmp_path / "catalog", read_schema)


def look(catalog: FolderCatalog, file: Path) -> Looked:
    return catalog.look(ACCOUNT, "shop", "t", [file])


TEXTS = {
    "numbers and texts": ('{"a": 1}\n{"a": "x"}\n', ("1", "x")),
    "truth and texts": ('{"a": true}\n{"a": "x"}\n', ("true", "x")),
    "nothing": ('{"a": null}\n{"a": null}\n', (None, None)),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_column_of_values_of_several_kinds_or_of_none_is_text(
    catalog: FolderCatalog, tmp_path: Path, what: str
) -> None:
    text, values = TEXTS[what]
    looked = look(catalog, write(tmp_path / "a.jsonl", text))
    assert [column.type for column in looked.table.columns] == ["string"]
    assert tuple(row[0] for row in looked.found.first_rows) == values


def test_objects_of_many_members_are_columns_and_no_map(catalog: FolderCatalog, tmp_path: Path) -> None:
    lines = "".join(json.dumps({f"k{n}": n for n in range(line % 5, 400)}) + "\n" for line in range(20))
    looked = look(catalog, write(tmp_path / "a.jsonl", lines))
    assert len(looked.table.columns) == 400
    assert {column.type for column in looked.table.columns} == {"bigint"}


def test_a_byte_order_mark_before_the_first_line_is_passed_over(catalog: FolderCatalog, tmp_path: Path) -> None:
    content = '\ufeff{"a": 1}\n{"a": 2}\n'.encode()
    for name, written in (("a.jsonl", content), ("a.jsonl.gz", gzip.compress(content))):
        assert look(catalog, write(tmp_path / name, written)).found.first_rows == (("1",), ("2",))


REFUSED = {
    "two spellings": ('{"a": 1, "A": 2}\n', r"spells a column 'A' and 'a'"),
    "two spellings in two lines": ('{"a": 1}\n{"A": 2}\n', r"spells a column 'A' and 'a'"),
    "no name": ('{"": 1, "b": 2}\n', "a member that has no name"),
    "objects among values": ('{"a": 1}\n{"a": {"b": 2}}\n', "column 'a'"),
    "one name twice": ('{"a": 1}\n{"a": 1, "a": 2}\n', "line 2: the row is broken"),
    "half a character": ('{"a": "x"}\n{"a": "\\ud800"}\n', "line 2: the row is broken"),
    "a mark within": ('{"a": 1}\n\ufeff{"a": 2}\n', "line 2: the row is broken"),
    "more behind an object": ('{"a": 1}\n{"a": 1} x\n', "line 2: the row is broken"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_lose_a_value_is_refused_by_name_or_line(catalog: FolderCatalog, tmp_path: Path, what: str) -> None:
    text, words = REFUSED[what]
    with pytest.raises(CatalogError, match=words):
        look(catalog, write(tmp_path / "a.jsonl", text))
