"""The engine of controllers' tests keeps to the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.sql_engine.conftest import QUERIER, EngineFolder
from contract.sql_engine.suite import SqlEngineContract
from support.fake_data import RiggedData
from support.fakes import FakeEngine
from support.rules import table
from whiteroom.domain.execution.queries import QueryFailure, QuerySpec


class TestFakeEngine(SqlEngineContract):
    adapters = (FakeEngine,)

    @pytest.fixture
    def data(self, tmp_path: Path) -> RiggedData:
        return RiggedData(tmp_path)

    @pytest.fixture
    def engine(self, data: RiggedData) -> FakeEngine:
        return FakeEngine(data)

    @pytest.fixture
    def query(self, folder: EngineFolder) -> QuerySpec:
        return folder.spec("SELECT a FROM Flights", tables=(table("Flights", {"a": "bigint"}, "CUSTOM", {}, QUERIER),))

    @pytest.fixture
    def refused(self, engine: FakeEngine, query: QuerySpec) -> QuerySpec:
        engine.failure, engine.message = QueryFailure.REFUSED, "No."
        return query

    @pytest.fixture
    def endless(self, folder: EngineFolder, engine: FakeEngine) -> QuerySpec:
        spec = folder.spec("SELECT 1")
        engine.endless.add(spec.id)
        return spec
