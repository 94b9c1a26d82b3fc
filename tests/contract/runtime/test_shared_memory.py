"""Runs whose folders are in one memory: one that fills it makes way, at once and alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from contract.runtime.conftest import LIMITS, Runs, new_folder
from support.disks import needs_root, small_disk
from whiteroom.base.trees import remove_tree
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.runs import EndReason, Phase, RunId
from whiteroom.runtime.sandbox.runtime import SandboxRuntime

HOLDS = """
import time
try:
    with open('/opt/ml/model/weights', 'wb') as file:
        for _ in range({megabytes}):
            file.write(bytes(1 << 20))
            file.flush()
            time.sleep(0.01)
except OSError:
    pass
print('up', flush=True)
time.sleep(3600)
"""
MAKES = """
import os, time
os.chdir('/tmp')
try:
    for number in range({files}):
        os.close(os.open(str(number), os.O_CREAT))
        time.sleep(number % 100 == 0 and 0.01)
except OSError:
    pass
print('up', flush=True)
time.sleep(3600)
"""
SIZE = 160
FILES = 8_000
WIDE = replace(LIMITS, volume_bytes=10**9)

pytestmark = needs_root


@pytest.fixture
def shared(runs: Runs) -> Iterator[Runs]:
    """A runtime whose runs have 160 MiB together, and 8,000 files."""
    folder = new_folder()
    with small_disk(folder / "data", SIZE, FILES):
        made = Runs(folder, SandboxRuntime(folder / "data", FolderData(folder / "data"), in_memory=True), runs.numbers)
        yield made
        for run_id in made.runtime.runs():
            made.runtime.forget(run_id)
    remove_tree(folder)


def test_one_run_alone_makes_way_though_nobody_forgets_it(shared: Runs) -> None:
    """The server may be down: what the run had is out of the memory, and no other is found to have the most."""
    honest = shared.start(HOLDS.format(megabytes=SIZE * 3 // 10), limits=WIDE)
    shared.until_logged(honest, "up")
    for _ in range(2):
        end = shared.finish(shared.start(HOLDS.format(megabytes=SIZE), limits=WIDE))
        assert end.reason is EndReason.VOLUME
    # As long as several looks take.
    assert shared.runtime.wait(honest, 2).phase is Phase.RUNNING


def test_a_run_that_fills_the_memory_with_files_makes_way_and_not_one_that_has_more_bytes(shared: Runs) -> None:
    honest = shared.start(HOLDS.format(megabytes=SIZE * 3 // 10), limits=WIDE)
    shared.until_logged(honest, "up")
    hostile = [shared.start(MAKES.format(files=FILES * 48 // 100), limits=WIDE) for _ in range(2)]
    ended: set[RunId] = set()

    def one_has_ended() -> bool:
        ended.update(run for run in (honest, *hostile) if shared.runtime.observe(run).phase is Phase.ENDED)
        return bool(ended)

    shared.until(one_has_ended)
    assert len(ended) == 1
    assert ended < set(hostile)
    (first,) = ended
    assert "files" in shared.finish(first).message
