"""Inference jobs: serve a trained model over a channel's files, and deliver what it answered to the receiver.

Record, states and plan: domain/trained_model_inference_jobs.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from whiteroom.controllers.metrics import NOTHING_TAKEN, MetricsReader, Taken, with_metrics
from whiteroom.controllers.room import (
    algorithm_of,
    member_active,
    policies_of,
    ready_channel,
    ready_model,
    receiving_location,
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
from whiteroom.domain.collaborations import Ability
from whiteroom.domain.deliveries import delivery_path
from whiteroom.domain.failures import StatusCode
from whiteroom.domain.instance_types import limits
from whiteroom.domain.lifecycle import Lifecycle
from whiteroom.domain.ml_input_channels import MLInputChannel
from whiteroom.domain.privacy import GB, output_within_limit
from whiteroom.domain.retries import attempt_notes, seconds_left
from whiteroom.domain.runs import ABSENT, INFERENCE_PREFIX, Phase, RunId, RunOutput, TransformRun
from whiteroom.domain.steps import DONE, Effect, Failure, Outcome, Step, refused
from whiteroom.domain.trained_model_inference_jobs import LIFECYCLE, Status, TrainedModelInferenceJob, plan
from whiteroom.domain.trained_models import model_key
from whiteroom.domain.verdicts import Denied
from whiteroom.ports import (
    ConflictingContents,
    DeliveryFailed,
    ImageNotFound,
    ObjectStore,
    RunRefused,
    Runtime,
    Stale,
    Store,
    Transaction,
    UnsafeContents,
    Work,
)

PREFIX = INFERENCE_PREFIX
_CONTENT_TYPES = {"CSV": "text/csv", "PARQUET": "application/x-parquet"}
_VOLUME_BYTES = 100 * GB
"""What one inference instance may write; the request has no member for it (InferenceResourceConfig)."""


def run_id(job_id: str) -> RunId:
    """The one run of a job."""
    return RunId(PREFIX + job_id)


class TrainedModelInferenceJobController:
    """Drives every inference job (loop.Controller)."""

    work = Work.TRAINED_MODEL_INFERENCE_JOBS
    lifecycle: Lifecycle[Any] = LIFECYCLE

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        objects: ObjectStore,
        settings: RunSettings,
        redact: Redact,
        metrics: MetricsReader,
        channels_folder: Path,
    ) -> None:
        """Work with these.

        Args:
            store: where the records are.
            runtime: where models are served.
            objects: where artefacts are kept and results delivered.
            settings: what the operator chose for runs.
            redact: masks a failed program's own words.
            metrics: reads what runs say of themselves.
            channels_folder: holds the rows of channel ID in the folder ID.
        """
        self._store = store
        self._runtime = runtime
        self._objects = objects
        self._settings = settings
        self._redact = redact
        self._metrics = metrics
        self._channels_folder = channels_folder

    def observe(self, record: TrainedModelInferenceJob) -> Seen:
        """loop.Controller.observe."""
        watched = record.status in (Status.CREATE_IN_PROGRESS, Status.CANCEL_IN_PROGRESS)
        run = self._runtime.observe(run_id(record.id)) if watched else ABSENT
        taken = self._take_in(record, run.phase) if watched else NOTHING_TAKEN
        with self._store.reading() as tx:
            policies = policies_of(tx, record.association_arn).inference_logs if run.end else ()
            return Seen(run, member_active(tx, record.membership_id), taken, policies)

    def plan(self, record: TrainedModelInferenceJob, seen: Seen, now: datetime) -> Step:
        """loop.Controller.plan."""
        grace = self._settings.stop_grace_seconds
        run = redacted(seen, self._redact)
        step = plan(record, run, now, member_active=seen.member_active, grace_seconds=grace)
        return with_metrics(step, seen.metrics, record.metrics_status_details, now)

    def act(self, record: TrainedModelInferenceJob, effect: Effect) -> Outcome:
        """loop.Controller.act."""
        match effect:
            case Effect.RESOLVE:
                return self._resolve(record)
            case Effect.START:
                return self._start(record)
            case Effect.FORGET:
                with self._store.reading() as tx:
                    _require_current(tx, record)
                make_way(self._runtime, run_id(record.id))
            case Effect.DELIVER:
                return self._deliver(record)
            case Effect.STOP:
                # Asked a second time it is overdue, and gets no second grace.
                grace = self._settings.stop_grace_seconds if record.status is Status.CANCEL_PENDING else 0
                self._runtime.stop(run_id(record.id), grace)
            case _:
                raise ValueError(f"an inference job has no effect {effect.value}")
        return DONE

    def accompany(self, tx: Transaction, record: TrainedModelInferenceJob, now: datetime) -> None:
        """loop.Controller.accompany: nothing goes along with an inference job."""

    def tidy(self, record: TrainedModelInferenceJob) -> None:
        """loop.Controller.tidy."""
        self._take_in(record, Phase.ENDED)
        self.drop(record.id)

    def held(self) -> Iterable[str]:
        """loop.Controller.held."""
        return [run.removeprefix(PREFIX) for run in self._runtime.runs() if run.startswith(PREFIX)]

    def drop(self, record_id: str) -> None:
        """loop.Controller.drop."""
        self._runtime.forget(run_id(record_id))

    def _take_in(self, job: TrainedModelInferenceJob, phase: Phase) -> Taken:
        """Read on in the run's metrics: the system's alone, since an inference container has no MetricDefinition."""
        count = job.resource_config.get("instanceCount", 1)
        return self._metrics.take_in(run_id(job.id), job.id, phase, instances=count)

    def _resolve(self, job: TrainedModelInferenceJob) -> Outcome:
        with self._store.reading() as tx:
            container = _container(tx, job.association_arn)
        if container is None:
            return NO_ALGORITHM
        try:
            return Outcome({"image_digest": self._runtime.image_digest(container["imageUri"])})
        except ImageNotFound as error:
            return refused(StatusCode.IMAGE_NOT_FOUND, str(error))

    def _start(self, job: TrainedModelInferenceJob) -> Outcome:
        with self._store.reading() as tx:
            container = _container(tx, job.association_arn)
            has_logs = bool(policies_of(tx, job.association_arn).inference_logs)
            channel = ready_channel(tx, job.ml_input_channel_arn)
            model = ready_model(tx, job.trained_model_id)
        if container is None:
            return NO_ALGORITHM
        if isinstance(channel, Failure):
            return Outcome(failure=channel)
        if isinstance(model, Failure):
            return Outcome(failure=model)
        kept = self._objects.stat(model_key(model.id))
        if kept is None or kept.content_bytes != model.model_bytes:
            return refused(StatusCode.MODEL_UNAVAILABLE)
        run = self._describe(job, container, channel)
        try:
            self._runtime.start(run)
        except RunRefused as error:
            return run_refused(error)
        return Outcome(started_changes(clamp_note(job.resource_config, self._settings), has_logs=has_logs))

    def _describe(self, job: TrainedModelInferenceJob, container: Any, channel: MLInputChannel) -> TransformRun:
        settings, resources = self._settings, job.resource_config
        count = resources.get("instanceCount", 1)
        clamp = clamp_note(resources, settings)
        return TransformRun(
            id=run_id(job.id),
            job_name=run_id(job.id),
            job_arn=job.arn,
            image_uri=container["imageUri"],
            image_digest=str(job.image_digest),
            environment=job.environment,
            model_archive=self._objects.local_path(model_key(job.trained_model_id)),
            input_folder=self._channels_folder / channel.id,
            content_type=_CONTENT_TYPES[result_format(channel.input_channel)],
            header=settings.csv_header,
            accept=job.accept,
            max_payload_mb=job.max_payload_in_mb,
            instance_type=resources["instanceType"],
            instance_count=count,
            region=region_of(job.arn),
            limits=limits(
                resources["instanceType"],
                settings.machine,
                volume_bytes=_VOLUME_BYTES,
                processes=settings.processes,
                max_runtime_seconds=seconds_left(settings.default_max_runtime_seconds, job),
                instances=count,
            ),
            ready_timeout_seconds=settings.ready_timeout_seconds,
            stop_grace_seconds=settings.stop_grace_seconds,
            notes=(*filter(None, (clamp,)), *attempt_notes(job)),
        )

    def _deliver(self, job: TrainedModelInferenceJob) -> Outcome:
        left = self._runtime.output(run_id(job.id))
        try:
            files = _outputs(left)
            size_bytes = self._objects.measure({one.host: one.output for one in left})
            location = self._place(job, size_bytes)
            if isinstance(location, Failure):
                return Outcome(failure=location)

            def confirm() -> None:
                if self._place(job, size_bytes) != location:
                    raise Stale(f"What the inference job {job.id} rests on changed while its output was copied.")

            path = delivery_path(job.collaboration_id, job.trained_model_name, job.account_id, job.name)
            self._objects.deliver(location, path, sorted(files.items()), confirm)
        except ConflictingContents as error:
            return refused(StatusCode.CONFLICTING_ARTIFACT, str(error))
        except UnsafeContents as error:
            return refused(StatusCode.UNSAFE_ARTIFACT, str(error))
        except DeliveryFailed as error:
            return refused(StatusCode.DELIVERY_FAILED, str(error))
        return Outcome({"output_bytes": size_bytes})

    def _place(self, job: TrainedModelInferenceJob, size_bytes: int) -> str | Failure:
        """Where the output goes, judged now."""
        with self._store.reading() as tx:
            _require_current(tx, job)
            if not member_active(tx, job.membership_id):
                raise Stale(f"The member that asked for the inference job {job.id} is there no more.")
            verdict = output_within_limit(size_bytes, policies_of(tx, job.association_arn))
            location = receiving_location(
                tx, job.collaboration_id, job.receiver_account_id, Ability.CAN_RECEIVE_INFERENCE_OUTPUT
            )
        if isinstance(verdict, Denied):
            return Failure(StatusCode.OUTPUT_TOO_LARGE, verdict.reason)
        if isinstance(location, Denied):
            return Failure(StatusCode.RECEIVER_NOT_READY, location.reason)
        return location


def _outputs(left: Iterable[RunOutput]) -> dict[str, Path]:
    """The files of answers that all instances left, by name.

    Raises:
        ConflictingContents: two instances left one of the same name; each file goes to one instance.
    """
    files: dict[str, Path] = {}
    owners: dict[str, str] = {}
    for one in left:
        for file in one.output.iterdir():
            if not file.name.endswith(".out"):
                continue
            if file.name in files:
                raise ConflictingContents(f"{owners[file.name]} and {one.host} both left {file.name}.")
            files[file.name], owners[file.name] = file, one.host
    return files


def _require_current(tx: Transaction, job: TrainedModelInferenceJob) -> None:
    """Do nothing that cannot be taken back, such as a delivery, for a job that was changed meanwhile."""
    now = tx.trained_model_inference_jobs.get(job.id)
    if now is None or now.revision != job.revision:
        raise Stale(f"The inference job {job.id} changed under a step that cannot be taken back.")


def _container(tx: Transaction, association_arn: str) -> Any:
    """The inference container that an association's algorithm names; None where there is none."""
    algorithm = algorithm_of(tx, association_arn)
    return None if algorithm is None else algorithm.inference_container_config
