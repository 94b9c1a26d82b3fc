"""What can be trained and inferred: rules over a request's channels and settings, before anything is recorded.

Source: semantics, section 2.C.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from whiteroom.domain.execution.runs import InputMode
from whiteroom.domain.resources.configured_model_algorithms import ConfiguredModelAlgorithm
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict

MAX_CHANNELS = 20
"""Of one training, the incremental one included."""


def can_train(algorithm: ConfiguredModelAlgorithm) -> Verdict:
    """Whether the algorithm brings an image that trains."""
    if algorithm.training_container_config is None:
        return _no_container("trainingContainerConfig", "trains")
    return ALLOWED


def can_infer(algorithm: ConfiguredModelAlgorithm) -> Verdict:
    """Whether the algorithm brings an image that serves."""
    if algorithm.inference_container_config is None:
        return _no_container("inferenceContainerConfig", "serves")
    return ALLOWED


def channels_are_sound(
    data: Sequence[Mapping[str, Any]], incremental: Sequence[Mapping[str, Any]], input_mode: str | None
) -> Verdict:
    """Whether a training's channels are few enough and their names tell them apart."""
    names = Counter(channel["channelName"] for channel in (*data, *incremental))
    if names.total() > MAX_CHANNELS:
        return Denied(
            f"A training takes at most {MAX_CHANNELS} channels, the incremental one included; "
            f"the request has {names.total()}."
        )
    twice = [name for name, times in names.items() if times > 1]
    if twice:
        return Denied(f"The channelName {twice[0]!r} is used twice. Give each channel of a training a name of its own.")
    if any(name in {".", ".."} for name in names):
        return Denied("A channelName becomes a folder in the container: it can be neither '.' nor '..'.")
    if input_mode == InputMode.PIPE:
        return _fifos_are_free(data, incremental)
    return ALLOWED


def _fifos_are_free(data: Sequence[Mapping[str, Any]], incremental: Sequence[Mapping[str, Any]]) -> Verdict:
    """Whether no FIFO of a data channel (NAME_0, NAME_1, ...) has the name of the incremental channel's folder."""
    for folder in (channel["channelName"] for channel in incremental):
        name, _, epoch = folder.rpartition("_")
        if epoch.isdecimal() and any(channel["channelName"] == name for channel in data):
            return Denied(
                f"In Pipe mode the channel {name!r} has a FIFO for each epoch, one of them called {folder!r}. "
                "Give the incremental channel another channelName."
            )
    return ALLOWED


def _no_container(field: str, does: str) -> Denied:
    return Denied(
        f"The algorithm of this configured model algorithm association has no {field}, so nothing in it {does}. "
        f"Name an association whose algorithm was created with {field}."
    )
