"""Device nodes stand in for GPUs: what a program gets of them does not depend on what is behind."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contract.runtime.conftest import LIMITS, Runs
from whiteroom.domain.execution.runs import EndReason
from whiteroom.runtime.sandbox.runtime import SandboxRuntime
from whiteroom.runtime.supervisor import gpus

SEEN = """
import os, time
print(sorted(name for name in os.listdir('/dev') if name.startswith('nvidia')), flush=True)
with open('/dev/' + min(name for name in os.listdir('/dev') if name[6:].isdigit()), 'rb') as gpu:
    print(gpu.read(2), flush=True)
time.sleep(WAIT)
"""
ONE = replace(LIMITS, gpus=1)


@pytest.fixture
def devices(runs: Runs) -> Iterator[Path]:
    # Where every user may pass, as /dev is.
    folder = Path(tempfile.mkdtemp(prefix="whiteroom-dev-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-caps"):
            # /dev/zero by another name.
            os.mknod(folder / name, 0o666 | 0o020000, os.makedev(1, 5))
            (folder / name).chmod(0o666)
    except PermissionError:
        shutil.rmtree(folder)
        pytest.skip("only root makes device nodes")
    runs.runtime = SandboxRuntime(runs.folder / "data", runs.data, devices=folder)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.usefixtures("devices")
def test_a_run_sees_the_gpus_that_it_has_and_no_other(runs: Runs) -> None:
    run_id = runs.start(SEEN.replace("WAIT", "0"), limits=ONE)
    assert runs.finish(run_id).exit_code == 0, list(runs.runtime.logs(run_id))
    own, read = runs.text(run_id).splitlines()
    assert own in ("['nvidia0', 'nvidiactl']", "['nvidia1', 'nvidiactl']")
    assert read == r"b'\x00\x00'"


@pytest.mark.usefixtures("devices")
def test_a_run_without_gpus_sees_none(runs: Runs) -> None:
    answer = runs.start("import os\nprint([n for n in os.listdir('/dev') if 'nvidia' in n])")
    assert runs.finish(answer).exit_code == 0
    assert runs.text(answer) == "[]"


@pytest.mark.usefixtures("devices")
def test_a_gpu_is_one_instances_at_a_time_and_others_wait_for_it(runs: Runs) -> None:
    both = runs.start(SEEN.replace("WAIT", "3600"), limits=ONE, instance_count=2)
    runs.until(lambda: runs.text(both).count("ctl") == 2)
    assert "'nvidia0'" in runs.text(both)
    assert "'nvidia1'" in runs.text(both)
    waiting = runs.start(SEEN.replace("WAIT", "0"), limits=ONE)
    runs.until(lambda: "waits until 1 of this machine's 2 GPUs" in runs.text(waiting, "platform"))
    runs.runtime.stop(both, 0)
    assert runs.finish(waiting).exit_code == 0


@pytest.mark.usefixtures("devices")
def test_a_run_that_waits_for_a_gpu_can_be_stopped(runs: Runs) -> None:
    both = runs.start(SEEN.replace("WAIT", "3600"), limits=ONE, instance_count=2)
    runs.until(lambda: runs.text(both).count("ctl") == 2)
    waiting = runs.start("print('never')", limits=ONE)
    runs.until(lambda: "waits" in runs.text(waiting, "platform"))
    runs.runtime.stop(waiting, 0)
    assert runs.finish(waiting).reason is EndReason.STOPPED
    assert runs.text(waiting) == ""


@pytest.mark.usefixtures("devices")
def test_more_gpus_than_there_are_are_refused_with_the_number(runs: Runs) -> None:
    end = runs.run("print('never')", limits=replace(LIMITS, gpus=3))
    assert (end.reason, "has 2 GPUs" in end.message) == (EndReason.SANDBOX, True)


def test_a_claim_is_whole_or_nothing(tmp_path: Path) -> None:
    folder = str(tmp_path / "claims")
    first = gpus.claim([0, 1, 2], 2, folder)
    assert first is not None
    assert [number for number, _ in first] == [0, 1]
    assert gpus.claim([0, 1, 2], 2, folder) is None
    third = gpus.claim([0, 1, 2], 1, folder)
    assert third is not None
    assert third[0][0] == 2
    for _, handle in (*first, *third):
        os.close(handle)
