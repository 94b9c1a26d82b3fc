"""Both runtimes as one keep to the contract, on local images and on an engine's."""

import pytest

from contract.runtime.conftest import DockerRuns, Runs
from contract.runtime.programs import LabFixtures
from contract.runtime.suite import RuntimeContract
from whiteroom.runtime.docker.runtime import DockerRuntime
from whiteroom.runtime.runtimes import Runtimes
from whiteroom.runtime.sandbox.runtime import SandboxRuntime


class TestRuntimesWithoutAnEngine(LabFixtures, RuntimeContract):
    adapters = (Runtimes,)

    @pytest.fixture
    def runtime(self, runs: Runs) -> Runtimes:
        nowhere = DockerRuntime(runs.folder / "data", runs.data, socket=str(runs.folder / "nothing"))
        return Runtimes(runs.runtime, nowhere)


class TestRuntimesOnAnImageOfAnEngine(LabFixtures, RuntimeContract):
    adapters = (Runtimes,)

    @pytest.fixture
    def runs(self, docker_runs: DockerRuns) -> DockerRuns:
        return docker_runs

    @pytest.fixture
    def runtime(self, runs: DockerRuns) -> Runtimes:
        return Runtimes(SandboxRuntime(runs.folder / "data", runs.data), runs.docker)
