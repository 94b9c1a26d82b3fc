"""What every implementation of ports.Layouts keeps to. Subclass, and give the fixtures.

`layouts` is what is tested, and `local` says where the data lies that it works on.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.ports.data import LocalData
from whiteroom.ports.layouts import Layouts

CHANNEL, LAYOUT = DataRef(DataKind.CHANNEL, "c"), DataRef(DataKind.LAYOUT, "c")


class LayoutsContract:
    ports: tuple[type, ...] = (Layouts,)

    def test_rows_of_csv_are_spread_evenly_in_order_each_file_with_the_header(
        self, layouts: Layouts, local: LocalData
    ) -> None:
        source = Path(local.path(CHANNEL))
        source.mkdir(parents=True)
        (source / "part-00000.csv").write_text('x,y\n1,"a\nb"\n2,"c ""d"""\n3,e\n4,f\n5,g\n')
        target = Path(local.path(LAYOUT.at("2")))
        layouts.split(CHANNEL, LAYOUT.at("2"), 2, csv_header=True)
        assert [(file.name, file.read_text()) for file in sorted(target.iterdir())] == [
            ("part-00000.csv", 'x,y\n1,"a\nb"\n2,"c ""d"""\n'),
            ("part-00001.csv", "x,y\n3,e\n4,f\n5,g\n"),
        ]

    def test_rows_of_parquet_are_spread_evenly_in_order(self, layouts: Layouts, local: LocalData) -> None:
        source = Path(local.path(CHANNEL))
        source.mkdir(parents=True)
        for number, first in enumerate((0, 1000)):
            file = source / f"part-0000{number}.parquet"
            duckdb.sql(f"COPY (SELECT range AS n FROM range({first}, {first + 1000})) TO '{file}' (FORMAT parquet)")
        target = Path(local.path(LAYOUT.at("3")))
        layouts.split(CHANNEL, LAYOUT.at("3"), 3, csv_header=True)
        assert [file.name for file in sorted(target.iterdir())] == [f"part-0000{n}.parquet" for n in range(3)]
        found = [duckdb.execute(f"SELECT n FROM '{file}'").fetchall() for file in sorted(target.iterdir())]
        assert [len(rows) for rows in found] == [666, 667, 667]
        assert [n for rows in found for (n,) in rows] == list(range(2000))

    def test_what_is_there_already_is_left_alone(self, layouts: Layouts, local: LocalData) -> None:
        source, target = (Path(local.path(ref)) for ref in (CHANNEL, LAYOUT.at("2")))
        source.mkdir(parents=True)
        (source / "a.csv").write_text("x\n1\n2\n")
        layouts.split(CHANNEL, LAYOUT.at("2"), 2, csv_header=True)
        before = [file.stat().st_mtime_ns for file in sorted(target.iterdir())]
        layouts.split(CHANNEL, LAYOUT.at("2"), 2, csv_header=True)
        assert [file.stat().st_mtime_ns for file in sorted(target.iterdir())] == before

    def test_a_file_that_cannot_be_read_leaves_nothing(self, layouts: Layouts, local: LocalData) -> None:
        source, target = (Path(local.path(ref)) for ref in (CHANNEL, LAYOUT.at("2")))
        source.mkdir(parents=True)
        (source / "a.parquet").write_text("not Parquet")
        with pytest.raises(Exception, match=r"a\.parquet"):
            layouts.split(CHANNEL, LAYOUT.at("2"), 2, csv_header=True)
        assert list(target.parent.iterdir()) == []
