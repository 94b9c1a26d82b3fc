"""Members' files are what the catalog found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from support.rules import CUSTOM, table
from whiteroom.engines.duckdb.tables import BrokenData, check_unchanged, marks_of


@pytest.mark.parametrize("folder", [False, True])
def test_a_file_that_became_a_link_to_anothers_is_not_read(tmp_path: Path, folder: bool) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for place in (own, other):
        place.mkdir()
        (place / "a.csv").write_text("id\n1\n")
    read = table("t", {"id": "int"}, "CUSTOM", CUSTOM)
    read = replace(read, source=replace(read.source, files=(str(own / "a.csv"),)))
    before = marks_of([read])
    check_unchanged([read], before)
    (own / "a.csv").unlink()
    if folder:
        own.rmdir()
        own.symlink_to(other)
    else:
        (own / "a.csv").symlink_to(other / "a.csv")
    with pytest.raises(BrokenData, match="became a link"):
        marks_of([read])
    with pytest.raises(BrokenData, match="became a link"):
        check_unchanged([read], before)
