"""FolderLayouts, and the one that counts what it makes, keep to the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.layouts.suite import CHANNEL, LAYOUT, LayoutsContract
from support.fake_data import CountedLayouts
from whiteroom.data.folder import FolderData
from whiteroom.engines.duckdb.layouts import FolderLayouts
from whiteroom.ports.data import LocalData
from whiteroom.ports.layouts import Layouts

GIB = 1 << 30


@pytest.fixture
def local(tmp_path: Path) -> LocalData:
    return FolderData(tmp_path)


class TestFolderLayouts(LayoutsContract):
    adapters = (FolderLayouts,)

    @pytest.fixture
    def layouts(self, local: LocalData) -> Layouts:
        return FolderLayouts(local, memory_bytes=GIB, cpus=2)


class TestCountedLayouts(LayoutsContract):
    adapters = (CountedLayouts,)

    @pytest.fixture
    def layouts(self, local: LocalData) -> Layouts:
        return CountedLayouts(local)


def test_what_a_crash_left_goes_with_the_next_try(local: LocalData) -> None:
    source, target = (Path(local.path(ref)) for ref in (CHANNEL, LAYOUT.at("2")))
    source.mkdir(parents=True)
    (source / "a.csv").write_text("x\n1\n2\n")
    (target.parent / ".2.half").mkdir(parents=True)
    FolderLayouts(local, memory_bytes=GIB, cpus=1).split(CHANNEL, LAYOUT.at("2"), 2, csv_header=False)
    assert [path.name for path in target.parent.iterdir()] == ["2"]
