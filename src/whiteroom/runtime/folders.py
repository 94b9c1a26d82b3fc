"""The folders of a run that every runtime mounts: what its programs may write, and what they are given."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.runs import ChannelMount, InputMode, Run, TrainingRun, TransformRun, is_sharded, shard
from whiteroom.ports.data import LocalData
from whiteroom.ports.runtime import RunRefused
from whiteroom.runtime import contract
from whiteroom.runtime import spec as specs
from whiteroom.runtime.lending import NOTHING, Lending
from whiteroom.runtime.trees import copy_tree, is_larger

MOST_CODE_BYTES = 64 << 20
MOST_CODE_ENTRIES = 10_000
"""Code that holds no more is copied for a run, in a few hundred milliseconds at most."""


class ProgramMissing(Exception):
    """The image has no such program. The message says what it looked for."""


def make_records(folder: Path) -> None:
    """What server and supervisor tell each other by, with room for all of it."""
    os.mkfifo(folder / specs.CONTROL_FIFO, 0o600)
    for name, size_bytes in specs.ROOM_KEPT.items():
        (folder / specs.draft_of(name)).write_bytes(bytes(size_bytes))


def make_work(run: Run, folder: Path, host: str) -> None:
    """The folders that the program of one instance may write to."""
    names = [specs.MODEL, specs.OUTPUT, f"{specs.OUTPUT}/{specs.DATA}", specs.DATA, specs.TMP]
    if isinstance(run, TransformRun):
        names.append(specs.TRANSFORMED)
    work = folder / specs.WORK / host
    for said in (specs.USED_BYTES, specs.USED_FILES):
        (folder / said).mkdir(mode=0o700, exist_ok=True)
        (folder / said / host).touch(mode=0o600)
    for path in [work, *(work / name for name in names)]:
        path.mkdir()
        path.chmod(0o755)


def copy_code(code: Path, folder: Path, host: str) -> bool:
    """A copy of an image's code that one instance may write to, as many programs do beside themselves.

    Returns:
        Whether there is one: what is larger is not copied for every run.
    """
    if is_larger(code, MOST_CODE_BYTES, MOST_CODE_ENTRIES):
        return False
    copy_tree(code, folder / specs.WORK / host / specs.CODE)
    return True


def write_config(folder: Path, files: Mapping[str, str]) -> None:
    """Make the folder that becomes /opt/ml/input/config."""
    folder.mkdir()
    folder.chmod(0o755)
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)


def make_pipes(
    run: Run, data: LocalData, folder: Path, host: str, number: int, lending: Lending = NOTHING
) -> list[specs.Pipe]:
    """What is to be fed; makes the folder that takes the FIFOs, and in it where other channels are mounted.

    Args:
        run: has the channels.
        data: says where they are.
        folder: the run's.
        host: the instance.
        number: of the instance, from 0.
        lending: what is read as it comes.
    """
    if not isinstance(run, TrainingRun):
        return []
    fed = [channel for channel in run.channels if channel.input_mode is InputMode.PIPE]
    if not fed:
        return []
    place = Path(specs.PIPES, host)
    (folder / specs.PIPES).mkdir(exist_ok=True)
    for path in [place, *(place / channel.name for channel in run.channels if channel not in fed)]:
        (folder / path).mkdir()
        (folder / path).chmod(0o755)
    pipes = []
    for channel in fed:
        is_lent = lending.place(host, channel) is not None
        files = lending.files(host, channel) if is_lent else _files(run, data, channel, number)
        pipes.append((str(place), channel.name, tuple(map(str, files))))
    return pipes


def channel_mounts(
    run: Run, data: LocalData, folder: Path, final: Path, host: str, number: int, lending: Lending = NOTHING
) -> list[tuple[str, str, bool]]:
    """Every channel at its place below /opt/ml/input/data, and the folder of FIFOs around them where there are any.

    Args:
        run: has the channels.
        data: says where they are.
        folder: the run's while it is being made: shards are linked in it.
        final: its path once it is made.
        host: the instance.
        number: of the instance, from 0.
        lending: what is read as it comes.

    Raises:
        RunRefused: links cannot be had.
    """
    if not isinstance(run, TrainingRun):
        return []
    mounts = []
    if any(channel.input_mode is InputMode.PIPE for channel in run.channels):
        mounts.append((str(final / specs.PIPES / host), str(contract.DATA), False))
    for channel in run.channels:
        if channel.input_mode is not InputMode.PIPE:
            place = lending.place(host, channel)
            source = str(place or data.path(channel.data))
            if place is None and is_sharded(run, channel):
                source = str(final / _link_shard(run, data, channel, folder, host, number))
            mounts.append((source, str(contract.DATA / channel.name), False))
    return mounts


def checkpoints_of(run: Run, data: LocalData) -> str:
    """The folder with a folder of checkpoints for each host, which are made where they are missing; or nothing."""
    if not isinstance(run, TrainingRun) or run.checkpoints is None:
        return ""
    folder = Path(data.path(run.checkpoints))
    for path in (folder.parent, folder, *(folder / host for host in contract.hosts(run.instance_count))):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(folder)


def checkpoint_mounts(run: Run, data: LocalData, host: str) -> list[tuple[str, str, bool]]:
    """An instance's /opt/ml/checkpoints, where the run keeps any."""
    if not isinstance(run, TrainingRun) or run.checkpoints is None:
        return []
    return [(data.path(run.checkpoints.at(host)), str(contract.CHECKPOINTS), True)]


def transform_spec(run: TransformRun, data: LocalData) -> specs.Transform:
    """What the batch transform's client needs to know."""
    names = [path.name for path in _files_of(run.input_data, data)]
    return specs.Transform(
        archive=data.path(run.model_archive),
        input_folder=data.path(run.input_data),
        files={
            host: tuple(shard(names, run.instance_count, number))
            for number, host in enumerate(contract.hosts(run.instance_count))
        },
        content_type=run.content_type,
        header=run.header,
        accept=run.accept,
        max_payload_mb=run.max_payload_mb,
        ready_timeout_seconds=run.ready_timeout_seconds,
    )


def _link_shard(run: TrainingRun, data: LocalData, channel: ChannelMount, folder: Path, host: str, number: int) -> Path:
    """A folder of links to the files that an instance gets of a channel; its path in the run's folder."""
    place = Path(specs.SHARDS, host, channel.name)
    (folder / place).mkdir(parents=True)
    for path in (folder / specs.SHARDS, folder / specs.SHARDS / host, folder / place):
        path.chmod(0o755)
    try:
        for file in _files(run, data, channel, number):
            os.link(file, folder / place / file.name)
    except OSError as problem:
        raise RunRefused(
            f"ShardedByS3Key needs hard links between this server's folders of channels and of runs "
            f"({problem.strerror}). Put the whole data folder on one file system that has them."
        ) from problem
    return place


def _files(run: TrainingRun, data: LocalData, channel: ChannelMount, number: int) -> Sequence[Path]:
    """The files that an instance gets of a channel, in the order of their names."""
    files = _files_of(channel.data, data)
    return shard(files, run.instance_count, number) if is_sharded(run, channel) else files


def _files_of(ref: DataRef, data: LocalData) -> list[Path]:
    return sorted(path for path in Path(data.path(ref)).iterdir() if path.is_file())
