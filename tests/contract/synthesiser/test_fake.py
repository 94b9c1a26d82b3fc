"""The synthesiser of controllers' tests keeps to the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.synthesiser.suite import SynthesiserContract
from support.fakes import FakeSynthesiser
from support.patients import a_synthesis
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.synthetic_data import SynthesisSpec


@pytest.fixture
def data(tmp_path: Path) -> FolderData:
    return FolderData(tmp_path)


@pytest.fixture
def spec(tmp_path: Path) -> SynthesisSpec:
    return a_synthesis(tmp_path)


class TestFakeSynthesiser(SynthesiserContract):
    adapters = (FakeSynthesiser,)

    @pytest.fixture
    def synthesiser(self, data: FolderData) -> FakeSynthesiser:
        return FakeSynthesiser(data)
