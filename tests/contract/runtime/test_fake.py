"""The runtime of controllers' tests keeps to the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.runtime.suite import PRINTED, RuntimeContract
from support.fake_data import RiggedData
from support.fakes import FakeRuntime
from whiteroom.domain.execution.runs import Limits, LogLine, RunId, TrainingRun
from whiteroom.domain.observability.metrics import Usage

RUN = TrainingRun(
    id=RunId("training-1"),
    job_name="churn",
    job_arn="arn:aws:cleanrooms-ml:us-east-1:111111111111:membership/m/trained-model/t",
    image_uri="image:1",
    image_digest="sha256:" + "a" * 64,
    entrypoint=(),
    arguments=(),
    hyperparameters={},
    environment={},
    channels=(),
    instance_type="ml.m5.large",
    instance_count=1,
    region="us-east-1",
    file_format="csv",
    limits=Limits(cpus=1, memory_bytes=10**9, volume_bytes=10**9, processes=10, max_runtime_seconds=60),
    stop_grace_seconds=1,
)


class TestFakeRuntime(RuntimeContract):
    adapters = (FakeRuntime,)

    @pytest.fixture
    def data(self, tmp_path: Path) -> RiggedData:
        return RiggedData(tmp_path)

    @pytest.fixture
    def runtime(self, data: RiggedData) -> FakeRuntime:
        return FakeRuntime(
            data,
            printed=[LogLine(number, "stdout", text) for number, text in enumerate(PRINTED)],
            used=[Usage(number, "algo-1", {"CPUUtilization": 1.0}) for number in range(2)],
        )

    @pytest.fixture
    def image(self) -> str:
        return RUN.image_uri

    @pytest.fixture
    def run(self) -> TrainingRun:
        return RUN

    @pytest.fixture
    def endless(self, runtime: FakeRuntime) -> TrainingRun:
        runtime.looks = 10**9
        return RUN
