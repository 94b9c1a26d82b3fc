"""The contract of ports.Layouts."""

from pathlib import Path

import duckdb
import pytest

from whiteroom.engines.layouts import FolderLayouts
from whiteroom.ports import Layouts

GIB = 1 << 30


class LayoutsContract:
    """What every implementation must do. Subclasses bring the fixture `layouts`."""

    def test_rows_of_csv_are_spread_evenly_in_order_each_file_with_the_header(
        self, layouts: Layouts, tmp_path: Path
    ) -> None:
        source = tmp_path / "channel"
        source.mkdir()
        (source / "part-00000.csv").write_text('x,y\n1,"a\nb"\n2,"c ""d"""\n3,e\n4,f\n5,g\n')
        target = tmp_path / "layouts" / "2"
        layouts.split(source, target, 2, csv_header=True)
        assert [(file.name, file.read_text()) for file in sorted(target.iterdir())] == [
            ("part-00000.csv", 'x,y\n1,"a\nb"\n2,"c ""d"""\n'),
            ("part-00001.csv", "x,y\n3,e\n4,f\n5,g\n"),
        ]

    def test_rows_of_parquet_are_spread_evenly_in_order(self, layouts: Layouts, tmp_path: Path) -> None:
        source = tmp_path / "channel"
        source.mkdir()
        for number, first in enumerate((0, 1000)):
            file = source / f"part-0000{number}.parquet"
            duckdb.sql(f"COPY (SELECT range AS n FROM range({first}, {first + 1000})) TO '{file}' (FORMAT parquet)")
        target = tmp_path / "layouts" / "3"
        layouts.split(source, target, 3, csv_header=True)
        assert [file.name for file in sorted(target.iterdir())] == [f"part-0000{n}.parquet" for n in range(3)]
        found = [duckdb.execute(f"SELECT n FROM '{file}'").fetchall() for file in sorted(target.iterdir())]
        assert [len(rows) for rows in found] == [666, 667, 667]
        assert [n for rows in found for (n,) in rows] == list(range(2000))

    def test_what_is_there_already_is_left_alone(self, layouts: Layouts, tmp_path: Path) -> None:
        source, target = tmp_path / "channel", tmp_path / "layouts" / "2"
        source.mkdir()
        (source / "a.csv").write_text("x\n1\n2\n")
        layouts.split(source, target, 2, csv_header=True)
        before = [file.stat().st_mtime_ns for file in sorted(target.iterdir())]
        layouts.split(source, target, 2, csv_header=True)
        assert [file.stat().st_mtime_ns for file in sorted(target.iterdir())] == before

    def test_a_file_that_cannot_be_read_leaves_nothing(self, layouts: Layouts, tmp_path: Path) -> None:
        source, target = tmp_path / "channel", tmp_path / "layouts" / "2"
        source.mkdir()
        (source / "a.parquet").write_text("not Parquet")
        with pytest.raises(duckdb.Error):
            layouts.split(source, target, 2, csv_header=True)
        assert list(target.parent.iterdir()) == []


class TestFolderLayouts(LayoutsContract):
    @pytest.fixture
    def layouts(self) -> Layouts:
        return FolderLayouts(memory_bytes=GIB, cpus=2)


def test_what_a_crash_left_goes_with_the_next_try(tmp_path: Path) -> None:
    source, target = tmp_path / "channel", tmp_path / "layouts" / "2"
    source.mkdir()
    (source / "a.csv").write_text("x\n1\n2\n")
    (tmp_path / "layouts" / ".2.half").mkdir(parents=True)
    FolderLayouts(memory_bytes=GIB, cpus=1).split(source, target, 2, csv_header=False)
    assert [path.name for path in target.parent.iterdir()] == ["2"]
