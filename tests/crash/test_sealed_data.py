"""Whatever moment the server dies at, and with everything gone from memory that is kept sealed: work goes on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from crash.points import POINTS
from support.failpoints import crash_at
from support.sealing import Rig
from support.worlds.driven import World
from whiteroom.data.sealed.data import SealedData
from whiteroom.data.sealed.shelf import Shelf
from whiteroom.domain.execution.runs import EndReason, RunEnd
from whiteroom.ports.store import Work
from whiteroom.reads.data_at_work import ids_at_work

LOST = RunEnd(EndReason.LOST, "It was killed.", started_at_ms=1_000, ended_at_ms=2_000)
KEPT = ("channels", "results", "bases", "checkpoints", "artefacts", "state")


class DeliveringData(SealedData):
    """Delivers to folders, as the server does."""

    def deliver(self, *asked: Any) -> None:
        self.here.deliver(*asked)


@pytest.fixture
def memory(world: World) -> Path:
    """The world's data is sealed; answers where it is open."""
    rig = Rig(world.tmp, Shelf(world.tmp / "sealed"))
    memory = world.tmp / "memory"
    data = DeliveringData(
        world.tmp,
        rig.objects,
        rig.seal(),
        memory,
        10**9,
        lambda: ids_at_work(world.store),
        adopts=True,
        prepare=lambda folder: folder.mkdir(mode=0o700, exist_ok=True),
    )
    for one in (world, world.runtime, world.engine, world.synthesiser, world.layouts):
        setattr(one, "_data" if one is world.layouts else "data", data)
    return memory


def drive(world: World, memory: Path, point: str, visit: int) -> None:
    """Until nothing is due. The crash takes along what is open of what is kept, or was to be."""

    def forget() -> None:
        for name in KEPT:
            shutil.rmtree(memory / name, ignore_errors=True)

    world.drive(world.reconciler(crash_at(point, visit)), at_crash=forget)
    world.reconciler().sweep()


def sealed(world: World, kind: str) -> int:
    return len(list((world.tmp / "sealed" / "manifests").glob(f"{kind}/*")))


@pytest.mark.parametrize("visit", [1, 2, 4, 7])
@pytest.mark.parametrize("point", POINTS)
def test_a_model_is_trained_served_and_exported(world: World, memory: Path, point: str, visit: int) -> None:
    channel = world.channel()
    drive(world, memory, point, visit)
    channel = world.get(Work.ML_INPUT_CHANNELS, channel.id)
    assert channel.status == "ACTIVE"
    world.runtime.deaths = [LOST]
    model = world.model(channels=(channel,))
    drive(world, memory, point, visit)
    model = world.get(Work.TRAINED_MODELS, model.id)
    assert (model.status, model.retries) == ("ACTIVE", 1)
    job, export = world.inference_job(model=model, channel=channel), world.export_job(model=model)
    drive(world, memory, point, visit)
    assert world.get(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id).status == "ACTIVE"
    assert world.get(Work.TRAINED_MODEL_EXPORT_JOBS, export.id).status == "ACTIVE"
    kinds = ("channel", "artefact", "result", "checkpoint", "base-model")
    assert [sealed(world, kind) for kind in kinds] == [1, 1, 0, 0, 0]
    assert not any((world.tmp / name).exists() for name in KEPT), "nothing lies in plain text in the data folder"


@pytest.mark.parametrize("visit", [1, 3])
@pytest.mark.parametrize("point", POINTS)
def test_a_query_is_delivered(world: World, memory: Path, point: str, visit: int) -> None:
    query = world.query()
    drive(world, memory, point, visit)
    assert world.get(Work.PROTECTED_QUERIES, query.id).status == "SUCCESS"
    assert [file.name for file in (world.tmp / "objects").rglob("part-0.csv")] == ["part-0.csv"] * 2
    assert sealed(world, "*") == 0
