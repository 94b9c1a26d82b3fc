"""Both runtimes as one keep to the contract, on local images and on an engine's."""

import pytest

from contract.runtime.conftest import DockerLab, Lab
from contract.runtime.programs import LabFixtures
from contract.runtime.suite import RuntimeContract
from whiteroom.runtime.docker.runtime import DockerRuntime
from whiteroom.runtime.runtimes import Runtimes
from whiteroom.runtime.sandbox.runtime import SandboxRuntime


class TestRuntimesWithoutAnEngine(LabFixtures, RuntimeContract):
    adapters = (Runtimes,)

    @pytest.fixture
    def runtime(self, lab: Lab) -> Runtimes:
        nowhere = DockerRuntime(lab.folder / "data", lab.data, socket=str(lab.folder / "nothing"))
        return Runtimes(lab.runtime, nowhere)


class TestRuntimesOnAnImageOfAnEngine(LabFixtures, RuntimeContract):
    adapters = (Runtimes,)

    @pytest.fixture
    def lab(self, docker_lab: DockerLab) -> DockerLab:
        return docker_lab

    @pytest.fixture
    def runtime(self, lab: DockerLab) -> Runtimes:
        return Runtimes(SandboxRuntime(lab.folder / "data", lab.data), lab.docker)
