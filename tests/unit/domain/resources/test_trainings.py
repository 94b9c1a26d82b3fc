from datetime import UTC, datetime
from typing import Any

import pytest

from whiteroom.domain.resources.configured_model_algorithms import ConfiguredModelAlgorithm
from whiteroom.domain.resources.trainings import (
    can_infer,
    can_train,
    channels_are_sound,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def channels(*names: str, **changes: Any) -> list[dict[str, Any]]:
    return [{"channelName": name, **changes} for name in names]


def an_algorithm(training: Any, inference: Any) -> ConfiguredModelAlgorithm:
    return ConfiguredModelAlgorithm("a", "arn", "1", "n", None, "role", training, inference, None, NOON, NOON)


@pytest.mark.parametrize(("training", "inference"), [({"imageUri": "i"}, None), (None, {"imageUri": "i"})])
def test_an_algorithm_does_what_it_has_an_image_for(training: Any, inference: Any) -> None:
    assert bool(can_train(an_algorithm(training, inference))) is (training is not None)
    assert bool(can_infer(an_algorithm(training, inference))) is (inference is not None)


NAMES = [f"c{number}" for number in range(21)]


@pytest.mark.parametrize(
    ("data", "incremental", "reason"),
    [
        (channels("train"), [], None),
        (channels("train", "test"), channels("base"), None),
        (channels(*NAMES[:20]), [], None),
        (channels(*NAMES[:19]), channels("base"), None),
        (channels(*NAMES[:20]), channels("base"), "at most 20"),
        (channels("train", "train"), [], "'train' is used twice"),
        (channels("train"), channels("train"), "'train' is used twice"),
        (channels(".."), [], "folder"),
        (channels("train"), channels("."), "folder"),
    ],
)
def test_channels_are_few_and_told_apart(data: Any, incremental: Any, reason: str | None) -> None:
    verdict = channels_are_sound(data, incremental, None)
    assert bool(verdict) is (reason is None)
    assert verdict or (reason is not None and reason in verdict.reason)


@pytest.mark.parametrize(
    ("mode", "incremental", "sound"),
    [("Pipe", "train_0", False), ("Pipe", "train_x", True), ("Pipe", "other_0", True), ("File", "train_0", True)],
)
def test_a_fifo_is_never_in_the_way_of_the_incremental_channel(mode: str, incremental: str, sound: bool) -> None:
    verdict = channels_are_sound(channels("train"), channels(incremental), mode)
    assert bool(verdict) is sound
    assert verdict or "another channelName" in verdict.reason
