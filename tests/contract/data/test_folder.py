"""FolderData, and the fake that is made of it, keep to the contracts, and to what a folder of this machine adds."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.data.suite import JOB, KEPT, DataContract, LocalDataContract, Place, Read, fill
from support.fake_data import RiggedData
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.resources.trained_models import artefacts


@pytest.fixture
def data(tmp_path: Path) -> FolderData:
    return FolderData(tmp_path)


@pytest.fixture
def local(data: FolderData) -> FolderData:
    return data


@pytest.fixture
def place(data: FolderData) -> Place:
    return lambda ref: Path(data.path(ref))


@pytest.fixture
def read(data: FolderData) -> Read:
    return lambda ref: Path(data.path(ref)).read_bytes()


class TestFolderData(DataContract, LocalDataContract):
    adapters = (FolderData,)


class TestRiggedData(DataContract, LocalDataContract):
    adapters = (RiggedData,)

    @pytest.fixture
    def data(self, tmp_path: Path) -> FolderData:
        return RiggedData(tmp_path)


LAYOUT = {
    DataRef(DataKind.CHANNEL, "ID", "part-00000.csv"): "channels/ID/part-00000.csv",
    DataRef(DataKind.LAYOUT, "ID", "2"): "channels/ID.layouts/2",
    DataRef(DataKind.ORIGINAL, "ID"): "originals/ID",
    DataRef(DataKind.RESULT, "ID"): "results/ID",
    DataRef(DataKind.BASE_MODEL, "ID"): "bases/ID",
    DataRef(DataKind.CHECKPOINT, "ID", "algo-1"): "checkpoints/ID/algo-1",
    DataRef(DataKind.ARTEFACT, "ID", "model.tar.gz"): "artefacts/trained-models/ID/model.tar.gz",
    DataRef(DataKind.ARTEFACT, "ID", "partial/model.tar.gz"): "artefacts/trained-models/ID/partial/model.tar.gz",
    DataRef(DataKind.RUN_OUTPUT, "ID", "work/algo-1/model"): "runs/ID/work/algo-1/model",
    DataRef(DataKind.CONTAINER_OUTPUT, "ID", "work/algo-1/model"): "containers/ID/work/algo-1/model",
}
"""As docs/architecture.md shows it: a server finds there what the last release left."""


@pytest.mark.parametrize("ref", LAYOUT)
def test_data_lies_where_the_page_on_architecture_says(data: FolderData, tmp_path: Path, ref: DataRef) -> None:
    assert data.path(ref) == str(tmp_path / LAYOUT[ref])


def test_what_is_still_being_written_is_not_held(data: FolderData, tmp_path: Path) -> None:
    for name in (".query.query.partial", "query"):
        fill(tmp_path / "originals" / name, a=b"1")
    assert data.held(DataKind.ORIGINAL) == ["query"]


def test_what_an_erasing_of_the_last_release_left_goes_with_the_next_server(data: FolderData, tmp_path: Path) -> None:
    fill(tmp_path / "checkpoints/.removing-1/deep", a=b"1")
    fill(tmp_path / "checkpoints/model", a=b"1")
    data.sweep()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["model"]


def test_nothing_but_the_artefact_is_left_in_the_folder(data: FolderData, tmp_path: Path) -> None:
    folder = fill(tmp_path / "runs/job", a=b"1")
    data.pack({"algo-1": JOB}, KEPT, None)
    (folder / "a\nb").touch()
    with pytest.raises(Exception, match="has control characters"):
        data.pack({"algo-1": JOB}, KEPT, None)
    assert [path.name for path in (tmp_path / "artefacts").rglob("*") if path.is_file()] == ["model.tar.gz"]
    data.erase(artefacts("m-1"))
    assert list((tmp_path / "artefacts/trained-models").iterdir()) == []
