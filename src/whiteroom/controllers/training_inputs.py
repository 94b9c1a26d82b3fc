"""The inputs of a training: the rows of its channels, the model it starts from, its checkpoints."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from whiteroom.controllers.artefacts import is_kept
from whiteroom.controllers.running import instances_of
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.failures import MEANING, StatusCode
from whiteroom.domain.execution.runs import ChannelMount, Distribution, InputMode
from whiteroom.domain.execution.steps import Failure
from whiteroom.domain.resources.ml_input_channels import result_format
from whiteroom.domain.resources.trained_models import MODEL_ARCHIVE, TrainedModel, model_archive
from whiteroom.ports.data import Data, UnsafeContents
from whiteroom.ports.layouts import Layouts
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.ready import ready_channel, ready_model

_SAGEMAKER_MODEL = "application/x-sagemaker-model"
"""The content type of an incremental channel, as in SageMaker's incremental training."""
ROWS_GONE = "The rows of an input channel are not there any more. Make the channel again; the operator can say more."


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

    def __init__(self, data: Data, layouts: Layouts, *, csv_header: bool) -> None:
        """Work with these.

        Args:
            data: has the rows of channels and the models.
            layouts: puts a channel's rows into more files.
            csv_header: whether CSV files of channels begin with a header row.
        """
        self._data = data
        self._layouts = layouts
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
                    data=DataRef(DataKind.CHANNEL, channel.id),
                    input_mode=InputMode(model.training_input_mode),
                    distribution=Distribution(wanted.get("s3DataDistributionType", Distribution.FULLY_REPLICATED)),
                )
            )
        base = ready_model(tx, model.incremental_channels[0]["modelId"]) if model.incremental_channels else None
        if isinstance(base, Failure):
            return base
        return Sources(tuple(mounts), "parquet" if formats == {"PARQUET"} else "csv", base)

    def lay_out(self, model: TrainedModel, sources: Sources) -> tuple[ChannelMount, ...] | Failure:
        """Every channel as it is mounted: rows shared out among the instances, and the base version's model.

        They are brought to this machine, but for what can be read as it comes, and so are the checkpoints of an earlier
        attempt.
        """
        self._data.bring(_checkpoints(model.id))
        channels = tuple(self._for_every_instance(channel, instances_of(model)) for channel in sources.channels)
        if not all(self._have(channel.input_mode, channel.data) for channel in channels):
            return Failure(StatusCode.CHANNEL_UNAVAILABLE, ROWS_GONE)
        if sources.base is None:
            return channels
        base = self._base(model.id, sources.base)
        if base is None or not self._data.bring(base):
            return Failure(StatusCode.MODEL_UNAVAILABLE, MEANING[StatusCode.MODEL_UNAVAILABLE])
        name = model.incremental_channels[0]["channelName"]
        return (*channels, ChannelMount(name, base, content_type=_SAGEMAKER_MODEL))

    def owned_ids(self) -> Iterable[str]:
        """Ids of versions that have checkpoints."""
        return self._data.held(DataKind.CHECKPOINT)

    def keep_checkpoints(self, version_id: str) -> None:
        """Keep what a dead attempt has saved, for the next one."""
        # What cannot be kept is on this machine still, where the next attempt is to run.
        with suppress(UnsafeContents):
            self._data.keep(_checkpoints(version_id))

    def clean_up_orphan(self, version_id: str) -> None:
        """Erase the copy of the base version's model, and the checkpoints, to which no run may write any more."""
        for kind in (DataKind.BASE_MODEL, DataKind.CHECKPOINT):
            self._data.erase(DataRef(kind, version_id))

    def _for_every_instance(self, channel: ChannelMount, instances: int) -> ChannelMount:
        """The channel with at least a file for each instance that is to get files of its own."""
        if channel.distribution is Distribution.FULLY_REPLICATED or len(self._data.list(channel.data)) >= instances:
            return channel
        layout = DataRef(DataKind.LAYOUT, channel.data.id, str(instances))
        if not self._have(channel.input_mode, layout):
            self._data.bring(channel.data)
            self._layouts.split(channel.data, layout, instances, csv_header=self._csv_header)
        self._data.keep(layout)
        return replace(channel, data=layout)

    def _have(self, mode: InputMode, ref: DataRef) -> bool:
        """Whether there is anything under that name: brought, or offered to a mode that does not need all of it."""
        return self._data.bring(ref) if mode is InputMode.FILE else self._data.offer(ref)

    def _base(self, version_id: str, base: TrainedModel) -> DataRef | None:
        """The base version's model.tar.gz alone; None where its artefacts are not what was recorded.

        A copy: a link would give the artefact a second name, and only what has one is delivered.
        """
        archive = model_archive(base.id)
        if not is_kept(self._data, archive, base.model_bytes):
            return None
        copy = DataRef(DataKind.BASE_MODEL, version_id)
        self._data.copy(archive, copy.at(MODEL_ARCHIVE))
        return copy


def _checkpoints(version_id: str) -> DataRef:
    return DataRef(DataKind.CHECKPOINT, version_id)
