"""Trained models: start the training, watch it, keep what it made, cancel it, erase it.

Record, states and plan: domain/trained_models.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from whiteroom.controllers.artefacts import Kept, keep_artefacts
from whiteroom.controllers.metrics import NOTHING_TAKEN, MetricsReader, Taken, with_metrics
from whiteroom.controllers.room import (
    algorithm_of,
    layouts_folder,
    member_active,
    policies_of,
    ready_channel,
    ready_model,
    region_of,
    result_format,
)
from whiteroom.controllers.running import (
    NO_ALGORITHM,
    Redact,
    RunSettings,
    Seen,
    clamp_note,
    make_way,
    redacted,
    run_refused,
    started_changes,
)
from whiteroom.domain.failures import StatusCode
from whiteroom.domain.instance_types import limits
from whiteroom.domain.lifecycle import Lifecycle
from whiteroom.domain.privacy import GB
from whiteroom.domain.retries import attempt_notes, seconds_left
from whiteroom.domain.runs import (
    ABSENT,
    TRAINING_PREFIX,
    ChannelMount,
    Distribution,
    InputMode,
    Phase,
    RunId,
    TrainingRun,
)
from whiteroom.domain.steps import DONE, Effect, Failure, Outcome, Step, refused
from whiteroom.domain.trained_models import (
    LIFECYCLE,
    MODEL_ARCHIVE,
    Status,
    TrainedModel,
    artefacts_prefix,
    model_key,
    output_key,
    partial_keys,
    plan,
)
from whiteroom.ports import (
    ImageNotFound,
    Layouts,
    ObjectStore,
    RunRefused,
    Runtime,
    Stale,
    Store,
    Transaction,
    Work,
)

PREFIX = TRAINING_PREFIX
_SAGEMAKER_MODEL = "application/x-sagemaker-model"
"""The content type of an incremental channel, as in SageMaker's incremental training (semantics, section 3)."""


def run_id(version_id: str) -> RunId:
    """The one run of a version."""
    return RunId(PREFIX + version_id)


@dataclass(frozen=True, slots=True)
class TrainingFolders:
    """Folders of this machine that trainings read and write, each with a folder for each channel or version."""

    channels: Path
    """The rows of channels."""
    bases: Path
    """The models of incremental channels."""
    checkpoints: Path
    """What trainings that are under way keep for a next attempt, by host."""


class TrainedModelController:
    """Drives every version of every trained model (loop.Controller)."""

    work = Work.TRAINED_MODELS
    lifecycle: Lifecycle[Any] = LIFECYCLE

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        objects: ObjectStore,
        layouts: Layouts,
        settings: RunSettings,
        redact: Redact,
        metrics: MetricsReader,
        remove_tree: Callable[[Path], None],
        folders: TrainingFolders,
    ) -> None:
        """Work with these.

        Args:
            store: where the records are.
            runtime: where trainings run.
            objects: where artefacts are kept.
            layouts: puts a channel's rows into more files.
            settings: what the operator chose for runs.
            redact: masks a failed program's own words.
            metrics: reads what runs say of themselves.
            remove_tree: deletes a folder, whatever a program has put there; an absent one is a success.
            folders: what trainings read and write.
        """
        self._store = store
        self._runtime = runtime
        self._objects = objects
        self._layouts = layouts
        self._settings = settings
        self._redact = redact
        self._metrics = metrics
        self._remove_tree = remove_tree
        self._folders = folders

    def observe(self, record: TrainedModel) -> Seen:
        """loop.Controller.observe."""
        watched = record.status in (Status.CREATE_IN_PROGRESS, Status.CANCEL_IN_PROGRESS)
        run = self._runtime.observe(run_id(record.id)) if watched else ABSENT
        taken = self._take_in(record, run.phase) if watched else NOTHING_TAKEN
        with self._store.reading() as tx:
            policies = policies_of(tx, record.association_arn).training_logs if run.end else ()
            return Seen(run, member_active(tx, record.membership_id), taken, policies)

    def plan(self, record: TrainedModel, seen: Seen, now: datetime) -> Step:
        """loop.Controller.plan."""
        grace = self._settings.stop_grace_seconds
        run = redacted(seen, self._redact)
        step = plan(record, run, now, member_active=seen.member_active, grace_seconds=grace)
        return with_metrics(step, seen.metrics, record.metrics_status_details, now)

    def act(self, record: TrainedModel, effect: Effect) -> Outcome:
        """loop.Controller.act."""
        match effect:
            case Effect.RESOLVE:
                return self._resolve(record)
            case Effect.START:
                return self._start(record)
            case Effect.FORGET:
                self._require_current(record)
                make_way(self._runtime, run_id(record.id))
            case Effect.KEEP:
                return self._keep(record)
            case Effect.KEEP_PARTIAL:
                return self._keep_partial(record)
            case Effect.STOP:
                # Asked a second time it is overdue, and gets no second grace.
                grace = self._settings.stop_grace_seconds if record.status is Status.CANCEL_PENDING else 0
                self._runtime.stop(run_id(record.id), grace)
            case Effect.ERASE:
                self._runtime.forget(run_id(record.id))
                self._runtime.forget_logs(run_id(record.id))
                self._objects.delete(artefacts_prefix(record.id))
            case _:
                raise ValueError(f"a training has no effect {effect.value}")
        return DONE

    def accompany(self, tx: Transaction, record: TrainedModel, now: datetime) -> None:
        """loop.Controller.accompany: nothing goes along with a model."""

    def tidy(self, record: TrainedModel) -> None:
        """loop.Controller.tidy. The run goes late: as long as it is held, the sweep comes back to the rest."""
        if record.status is Status.CREATE_FAILED and record.partial_bytes is not None:
            self._objects.delete(model_key(record.id))
            self._objects.delete(output_key(record.id))
        elif record.status is not Status.ACTIVE:
            self._objects.delete(artefacts_prefix(record.id))
        self._take_in(record, Phase.ENDED)
        self.drop(record.id)

    def held(self) -> Iterable[str]:
        """loop.Controller.held."""
        held = {run.removeprefix(PREFIX) for run in self._runtime.runs() if run.startswith(PREFIX)}
        if self._folders.checkpoints.is_dir():
            held |= {folder.name for folder in self._folders.checkpoints.iterdir()}
        return held

    def drop(self, record_id: str) -> None:
        """loop.Controller.drop. The checkpoints go after the run, which may still write to them."""
        shutil.rmtree(self._folders.bases / record_id, ignore_errors=True)
        (self._folders.bases / f"{record_id}.part").unlink(missing_ok=True)
        if not record_id.startswith("."):  # else it is what a killed `remove_tree` left beside, and has no run
            self._runtime.forget(run_id(record_id))
        self._remove_tree(self._folders.checkpoints / record_id)

    def _take_in(self, model: TrainedModel, phase: Phase) -> Taken:
        """Read on in the run's metrics."""

        def definitions(tx: Transaction) -> Any:
            return (_container(tx, model.association_arn) or {}).get("metricDefinitions", ())

        count = model.resource_config.get("instanceCount", 1)
        return self._metrics.take_in(run_id(model.id), model.id, phase, instances=count, definitions=definitions)

    def _resolve(self, model: TrainedModel) -> Outcome:
        with self._store.reading() as tx:
            container = _container(tx, model.association_arn)
        if container is None:
            return NO_ALGORITHM
        try:
            return Outcome({"image_digest": self._runtime.image_digest(container["imageUri"])})
        except ImageNotFound as error:
            return refused(StatusCode.IMAGE_NOT_FOUND, str(error))

    def _start(self, model: TrainedModel) -> Outcome:
        with self._store.reading() as tx:
            container = _container(tx, model.association_arn)
            has_logs = bool(policies_of(tx, model.association_arn).training_logs)
            mounts = self._data_channels(tx, model)
            incremental = model.incremental_channels[0] if model.incremental_channels else None
            base = None if incremental is None else ready_model(tx, incremental["modelId"])
        if container is None:
            return NO_ALGORITHM
        if isinstance(mounts, Failure):
            return Outcome(failure=mounts)
        if isinstance(base, Failure):
            return Outcome(failure=base)
        channels, file_format = mounts
        count = model.resource_config.get("instanceCount", 1)
        channels = tuple(self._for_every_instance(channel, count) for channel in channels)
        if base is not None and incremental is not None:
            folder = self._base_folder(model.id, base)
            if folder is None:
                return refused(StatusCode.MODEL_UNAVAILABLE)
            channels = (*channels, ChannelMount(incremental["channelName"], folder, content_type=_SAGEMAKER_MODEL))
        run = self._describe(model, container, channels, file_format)
        try:
            self._runtime.start(run)
        except RunRefused as error:
            return run_refused(error)
        return Outcome(started_changes(clamp_note(model.resource_config, self._settings), has_logs=has_logs))

    def _describe(
        self, model: TrainedModel, container: Any, channels: tuple[ChannelMount, ...], file_format: str
    ) -> TrainingRun:
        settings, resources = self._settings, model.resource_config
        count = resources.get("instanceCount", 1)
        max_runtime = (model.stopping_condition or {}).get("maxRuntimeInSeconds")
        clamp = clamp_note(resources, settings)
        return TrainingRun(
            id=run_id(model.id),
            job_name=run_id(model.id),
            job_arn=model.arn,
            image_uri=container["imageUri"],
            image_digest=str(model.image_digest),
            entrypoint=tuple(container.get("entrypoint", ())),
            arguments=tuple(container.get("arguments", ())),
            hyperparameters=model.hyperparameters,
            environment=model.environment,
            channels=channels,
            instance_type=resources["instanceType"],
            instance_count=count,
            region=region_of(model.arn),
            file_format=file_format,
            limits=limits(
                resources["instanceType"],
                settings.machine,
                volume_bytes=resources["volumeSizeInGB"] * GB,
                processes=settings.processes,
                max_runtime_seconds=seconds_left(max_runtime or settings.default_max_runtime_seconds, model),
                instances=count,
            ),
            stop_grace_seconds=settings.stop_grace_seconds,
            checkpoints=self._checkpoints_folder(model.id, count),
            notes=(*filter(None, (clamp,)), *attempt_notes(model, "/opt/ml/checkpoints is as it left it.")),
        )

    def _data_channels(self, tx: Transaction, model: TrainedModel) -> tuple[tuple[ChannelMount, ...], str] | Failure:
        """The mounts of the data channels and the format of their files, which must be there still."""
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
        return tuple(mounts), "parquet" if formats == {"PARQUET"} else "csv"

    def _for_every_instance(self, channel: ChannelMount, instances: int) -> ChannelMount:
        """The channel with at least a file for each instance that is to get files of its own."""
        if channel.distribution is Distribution.FULLY_REPLICATED:
            return channel
        if sum(1 for _ in channel.folder.iterdir()) >= instances:
            return channel
        folder = layouts_folder(self._folders.channels, channel.folder.name) / str(instances)
        self._layouts.split(channel.folder, folder, instances, csv_header=self._settings.csv_header)
        return replace(channel, folder=folder)

    def _base_folder(self, version_id: str, base: TrainedModel) -> Path | None:
        """A folder with the base version's model.tar.gz alone; None where its artefacts are not what was recorded.

        A copy: a link would give the artefact a second name, and the object store delivers only what has one.
        """
        kept = self._objects.stat(model_key(base.id))
        if kept is None or kept.content_bytes != base.model_bytes:
            return None
        folder = self._folders.bases / version_id
        target = folder / MODEL_ARCHIVE
        if target.exists():
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        # Whole or not at all: a crash while copying leaves no half of an archive under the name that counts.
        part = self._folders.bases / f"{version_id}.part"
        shutil.copyfile(self._objects.local_path(model_key(base.id)), part)
        part.replace(target)
        return folder

    def _checkpoints_folder(self, version_id: str, instances: int) -> Path:
        """The version's checkpoints, with a folder for each host; an attempt finds there what the one before left."""
        folder = self._folders.checkpoints / version_id
        for part in (self._folders.checkpoints, folder):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(instances):
            (folder / f"algo-{number + 1}").mkdir(mode=0o700, exist_ok=True)
        return folder

    def _keep(self, model: TrainedModel) -> Outcome:
        kept = self._keep_under(model, (model_key(model.id), output_key(model.id)))
        if isinstance(kept, Failure):
            return Outcome(failure=kept)
        return Outcome({"model_bytes": kept.model_bytes, "output_bytes": kept.output_bytes})

    def _keep_partial(self, model: TrainedModel) -> Outcome:
        """Keep what a training saved that ran too long; that it did is why it fails, whatever comes of this."""
        kept = self._keep_under(model, partial_keys(model.id))
        if isinstance(kept, Failure):
            return Outcome(remark=f"Nothing of what it saved is kept ({kept.code.value}): {kept.message}")
        size_bytes = kept.model_bytes + kept.output_bytes
        if not size_bytes:
            return Outcome(remark="It had saved nothing.")
        return Outcome(
            {"partial_bytes": size_bytes},
            remark=f"The {size_bytes:,} bytes that it had saved are kept for the model's owner until "
            "DeleteTrainedModelOutput; the server's operator hands them over (`whiteroom partial`).",
        )

    def _keep_under(self, model: TrainedModel, keys: tuple[str, str]) -> Kept | Failure:
        with self._store.reading() as tx:
            policies = policies_of(tx, model.association_arn)
        resources = model.resource_config
        volume_bytes = resources["volumeSizeInGB"] * GB * resources.get("instanceCount", 1)
        kept = keep_artefacts(self._objects, self._runtime.output(run_id(model.id)), keys, policies, volume_bytes)
        if isinstance(kept, Failure) and kept.code is not StatusCode.ARTIFACT_TOO_LARGE:
            # It names a file, and the name is the program's.
            return replace(kept, message=self._redact(kept.message, policies.training_logs))
        return kept

    def _require_current(self, model: TrainedModel) -> None:
        """Forget no run for a decision that has been overtaken: the run may be the next attempt."""
        with self._store.reading() as tx:
            now = tx.trained_models.get(model.id)
        if now is None or now.revision != model.revision:
            raise Stale(f"The trained model {model.id} changed before its run was forgotten.")


def _container(tx: Transaction, association_arn: str) -> Any:
    """The training container that an association's algorithm names; None where there is none."""
    algorithm = algorithm_of(tx, association_arn)
    return None if algorithm is None else algorithm.training_container_config
