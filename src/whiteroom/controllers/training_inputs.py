"""What a training finds on its disk: the rows of its channels, the model it goes on from, its checkpoints."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from whiteroom.controllers.artefacts import is_kept
from whiteroom.controllers.room import layouts_folder, ready_channel, ready_model, result_format
from whiteroom.controllers.running import instances_of
from whiteroom.domain.failures import MEANING, StatusCode
from whiteroom.domain.runs import ChannelMount, Distribution, InputMode
from whiteroom.domain.steps import Failure
from whiteroom.domain.trained_models import MODEL_ARCHIVE, TrainedModel, model_key
from whiteroom.ports import Layouts, ObjectStore, Transaction

_SAGEMAKER_MODEL = "application/x-sagemaker-model"
"""The content type of an incremental channel, as in SageMaker's incremental training."""


@dataclass(frozen=True, slots=True)
class TrainingFolders:
    """Folders of this machine that trainings read and write, each with a folder for each channel or version."""

    channels: Path
    """The rows of channels."""
    bases: Path
    """The models of incremental channels."""
    checkpoints: Path
    """What trainings that are under way keep for a next attempt, by host."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What a training is to find, as the records name it."""

    channels: tuple[ChannelMount, ...]
    file_format: str
    """Of the channels' files: `csv` or `parquet`."""
    base: TrainedModel | None
    """The version that an incremental training goes on from."""


class TrainingInputs:
    """Puts in place what trainings find. Everything is safe to repeat."""

    def __init__(
        self,
        objects: ObjectStore,
        layouts: Layouts,
        folders: TrainingFolders,
        remove_tree: Callable[[Path], None],
        *,
        csv_header: bool,
    ) -> None:
        """Work with these.

        Args:
            objects: where artefacts are kept.
            layouts: puts a channel's rows into more files.
            folders: what trainings read and write.
            remove_tree: deletes a folder, whatever a program has put there; an absent one is a success.
            csv_header: whether CSV files of channels begin with a header row.
        """
        self._objects = objects
        self._layouts = layouts
        self._folders = folders
        self._remove_tree = remove_tree
        self._csv_header = csv_header

    def sources(self, tx: Transaction, model: TrainedModel) -> Sources | Failure:
        """What a training is to find, all of which must be there still."""
        mounts, formats = [], set()
        for wanted in model.data_channels:
            channel = ready_channel(tx, wanted["mlInputChannelArn"])
            if isinstance(channel, Failure):
                return channel
            formats.add(result_format(channel.input_channel))
            mounts.append(
                ChannelMount(
                    name=wanted["channelName"],
                    folder=self._folders.channels / channel.id,
                    input_mode=InputMode(model.training_input_mode),
                    distribution=Distribution(wanted.get("s3DataDistributionType", Distribution.FULLY_REPLICATED)),
                )
            )
        base = ready_model(tx, model.incremental_channels[0]["modelId"]) if model.incremental_channels else None
        if isinstance(base, Failure):
            return base
        return Sources(tuple(mounts), "parquet" if formats == {"PARQUET"} else "csv", base)

    def lay_out(self, model: TrainedModel, sources: Sources) -> tuple[ChannelMount, ...] | Failure:
        """Every channel as it is mounted: rows shared out among the instances, and the base version's model."""
        channels = tuple(self._for_every_instance(channel, instances_of(model)) for channel in sources.channels)
        if sources.base is None:
            return channels
        folder = self._base_folder(model.id, sources.base)
        if folder is None:
            return Failure(StatusCode.MODEL_UNAVAILABLE, MEANING[StatusCode.MODEL_UNAVAILABLE])
        name = model.incremental_channels[0]["channelName"]
        return (*channels, ChannelMount(name, folder, content_type=_SAGEMAKER_MODEL))

    def checkpoints(self, model: TrainedModel) -> Path:
        """The version's checkpoints, with a folder for each host; an attempt finds there what the one before left."""
        folder = self._folders.checkpoints / model.id
        for part in (self._folders.checkpoints, folder):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(instances_of(model)):
            (folder / f"algo-{number + 1}").mkdir(mode=0o700, exist_ok=True)
        return folder

    def held(self) -> Iterable[str]:
        """Names of the folders of checkpoints: ids of versions, and what a killed `remove_tree` left beside them."""
        checkpoints = self._folders.checkpoints
        return [folder.name for folder in checkpoints.iterdir()] if checkpoints.is_dir() else []

    def drop_base(self, version_id: str) -> None:
        """Delete the copy of the base version's model."""
        shutil.rmtree(self._folders.bases / version_id, ignore_errors=True)
        self._part(version_id).unlink(missing_ok=True)

    def drop_checkpoints(self, name: str) -> None:
        """Delete a folder of checkpoints, to which no run may write any more."""
        self._remove_tree(self._folders.checkpoints / name)

    def _for_every_instance(self, channel: ChannelMount, instances: int) -> ChannelMount:
        """The channel with at least a file for each instance that is to get files of its own."""
        if channel.distribution is Distribution.FULLY_REPLICATED:
            return channel
        if sum(1 for _ in channel.folder.iterdir()) >= instances:
            return channel
        folder = layouts_folder(self._folders.channels, channel.folder.name) / str(instances)
        self._layouts.split(channel.folder, folder, instances, csv_header=self._csv_header)
        return replace(channel, folder=folder)

    def _base_folder(self, version_id: str, base: TrainedModel) -> Path | None:
        """A folder with the base version's model.tar.gz alone; None where its artefacts are not what was recorded.

        A copy: a link would give the artefact a second name, and the object store delivers only what has one.
        """
        key = model_key(base.id)
        if not is_kept(self._objects, key, base.model_bytes):
            return None
        folder = self._folders.bases / version_id
        target = folder / MODEL_ARCHIVE
        if target.exists():
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        # Whole or not at all: a crash while copying leaves no half of an archive under the name that counts.
        part = self._part(version_id)
        shutil.copyfile(self._objects.local_path(key), part)
        part.replace(target)
        return folder

    def _part(self, version_id: str) -> Path:
        return self._folders.bases / f"{version_id}.part"
