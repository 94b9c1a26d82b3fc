"""Trainings over several instances by the frameworks' own means: PyTorch on gloo, XGBoost's collective."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterator
from typing import Any

import pytest

from support import real
from support.live import LiveRoom

pytestmark = pytest.mark.slow

ROWS = 128
HOUSES = [
    (rooms, age / 90, rooms / 3 - age / 60)
    for rooms, age in ((number % 7 + 1, number * 37 % 90) for number in range(ROWS))
]
"""Rooms, age in 90 years, price."""
EPOCHS = 4
SUMMED_IN_ANOTHER_ORDER = 1e-12
"""How far results in double precision (a unit in the last place is 1e-16) may lie apart, relatively, where nothing
but the order of sums of 32 gradients differs, over the 16 steps of a training that does not diverge."""
SUMMED_IN_SINGLE_PRECISION = 1e-6
"""The same for XGBoost, whose gradients have single precision (6e-8)."""
TORCHRUN = "torchrun --nnodes 2 --nproc-per-node 1 --rdzv-backend c10d --rdzv-endpoint algo-1:29400 --rdzv-id rows"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with real.real_room(tmp_path_factory.mktemp("distributed")) as room:
        table = room.data.parent / "houses.csv"
        table.write_text("rooms,age,price\n" + "".join(f"{rooms},{age},{price}\n" for rooms, age, price in HOUSES))
        room.share("houses", table, ["rooms", "age", "price"])
        yield room


@pytest.fixture(scope="module")
def torch(room: LiveRoom) -> tuple[str, str]:
    """An association of the algorithm, and a channel for it."""
    association = real.algorithm(room, "torch", real.image("distributed_torch"))
    return association, real.channel(room, "torch-rows", "houses", "rooms, age, price", association)


@pytest.fixture(scope="module")
def single(room: LiveRoom, torch: tuple[str, str]) -> tuple[list[float], Any]:
    """The losses and the weights of the training in a single process."""
    model = _train_torch(room, "ddp-1", torch, 1)
    (losses,) = _losses(room, model)
    assert losses == sorted(losses, reverse=True), "it learns"
    return losses, _weights(room, model)


def _train_torch(room: LiveRoom, name: str, torch: tuple[str, str], instances: int) -> str:
    association, rows = torch
    return real.train(room, name, association, {"train": rows}, instances=instances, epochs=str(EPOCHS), batch="32")


def _losses(room: LiveRoom, model: str) -> list[list[float]]:
    """What each host said of the loss over all rows after each epoch."""
    said = real.printed(room, model).values()
    losses = [[float(loss) for loss in re.findall(r"loss=(.*);", text)] for text in said]
    assert all(len(one) == EPOCHS for one in losses)
    return losses


def _weights(room: LiveRoom, model: str) -> Any:
    files = real.artefacts(room, model)
    assert list(files) == ["model.tar.gz/weights.json"], "the hosts left the same bytes"
    return json.loads(files["model.tar.gz/weights.json"])


def _assert_as_in_one_process(room: LiveRoom, model: str, hosts: int, single: tuple[list[float], Any]) -> None:
    losses, weights = _losses(room, model), _weights(room, model)
    assert len(losses) == hosts
    for one in losses:
        assert one == pytest.approx(single[0], rel=SUMMED_IN_ANOTHER_ORDER)
    assert weights.keys() == single[1].keys()
    for name, values in weights.items():
        for ours, theirs in zip(_flat(values), _flat(single[1][name]), strict=True):
            assert ours == pytest.approx(theirs, rel=SUMMED_IN_ANOTHER_ORDER, abs=SUMMED_IN_ANOTHER_ORDER)


def _flat(values: Any) -> list[float]:
    return [number for each in values for number in _flat(each)] if isinstance(values, list) else [values]


@pytest.mark.parametrize("instances", [2, 4])
def test_distributed_data_parallel_learns_what_a_single_process_learns(
    room: LiveRoom, torch: tuple[str, str], single: tuple[list[float], Any], instances: int
) -> None:
    model = _train_torch(room, f"ddp-{instances}", torch, instances)
    _assert_as_in_one_process(room, model, instances, single)


def test_torchrun_on_two_instances_finds_its_own_rendezvous(
    room: LiveRoom, torch: tuple[str, str], single: tuple[list[float], Any]
) -> None:
    entrypoint = [*TORCHRUN.split(), "/opt/ml/code/train"]
    association = real.algorithm(room, "torchrun", real.image("distributed_torch"), entrypoint=entrypoint)
    rows = real.channel(room, "torchrun-rows", "houses", "rooms, age, price", association)
    model = _train_torch(room, "torchrun", (association, rows), 2)
    _assert_as_in_one_process(room, model, 2, single)


def test_xgboost_learns_from_shards_on_two_instances_what_it_learns_from_all_rows_on_one(room: LiveRoom) -> None:
    association = real.algorithm(room, "xgboost", real.image("distributed_xgboost"))
    rows = real.channel(room, "xgboost-rows", "houses", "rooms, age, price", association)
    said = {}
    for instances in (1, 2):
        model = real.train(
            room,
            f"xgboost-{instances}",
            association,
            {"train": rows},
            instances=instances,
            distribution="ShardedByS3Key",
            rounds="8",
        )
        assert list(real.artefacts(room, model)) == ["model.tar.gz/model.json"], "the hosts left the same trees"
        said[instances] = real.printed(room, model)
    assert list(said[2]) == ["algo-1", "algo-2"]
    for number, text in enumerate(said[2].values()):
        assert f"rows={ROWS // 2};" in text
        assert f"rank={number} of=2;" in text
    (single,) = _errors(said[1])
    assert _errors(said[2]) == pytest.approx([single] * 2, rel=SUMMED_IN_SINGLE_PRECISION)
    assert single < statistics.pstdev(price for _, _, price in HOUSES) / 4, "it learns"


def _errors(said: dict[str, str]) -> list[float]:
    return [float(error) for text in said.values() for error in re.findall(r"rmse=(.*);", text)]
