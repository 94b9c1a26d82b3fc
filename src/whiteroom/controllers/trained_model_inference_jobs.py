"""Inference jobs: serve a trained model over a channel's files, and deliver what it answered to the receiver.

Record, states and plan: domain/resources/trained_model_inference_jobs.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from whiteroom.base.arns import parse_arn
from whiteroom.controllers.artefacts import is_kept
from whiteroom.controllers.current import require_wanted
from whiteroom.controllers.metrics import with_metrics
from whiteroom.controllers.results import Handover, mark_delivered
from whiteroom.controllers.running import NO_ALGORITHM, RunKind, Runs, RunTools, Seen, instances_of
from whiteroom.controllers.storing import settle_log
from whiteroom.controllers.training_inputs import ROWS_GONE
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.deliveries import Destination, delivery_path
from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.lifecycle import Lifecycle
from whiteroom.domain.execution.runs import INFERENCE_JOBS, INFERENCE_PREFIX, RunOutput, TransformRun
from whiteroom.domain.execution.steps import DONE, Effect, Failure, Outcome, Step, refused
from whiteroom.domain.privacy.policies import GB, output_within_limit
from whiteroom.domain.resources.collaborations import Ability
from whiteroom.domain.resources.ml_input_channels import MLInputChannel, result_format
from whiteroom.domain.resources.trained_model_inference_jobs import LIFECYCLE, Status, TrainedModelInferenceJob, plan
from whiteroom.domain.resources.trained_models import model_archive
from whiteroom.domain.resources.usage import UsageKind
from whiteroom.domain.verdicts import Denied
from whiteroom.ports.data import ConflictingContents, Data, UnsafeContents
from whiteroom.ports.deliveries import DeliveryFailed
from whiteroom.ports.repositories import Stale
from whiteroom.ports.store import Work
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.algorithms import policies_at
from whiteroom.reads.members import destination
from whiteroom.reads.ready import ready_channel, ready_model

INFERENCES = RunKind(
    work=Work.TRAINED_MODEL_INFERENCE_JOBS,
    usage=UsageKind.INFERENCE,
    prefix=INFERENCE_PREFIX,
    container=lambda algorithm: algorithm.inference_container_config,
    log_policies=lambda policies: policies.inference_logs,
    log_group=INFERENCE_JOBS,
    verdict=lambda rules, job: rules.inference(job),
)
_CONTENT_TYPES = {"CSV": "text/csv", "PARQUET": "application/x-parquet"}
_VOLUME_BYTES = 100 * GB
"""What one inference instance may write; the request has no member for it (InferenceResourceConfig)."""


class TrainedModelInferenceJobController:
    """Drives every inference job (loop.Controller)."""

    work = Work.TRAINED_MODEL_INFERENCE_JOBS
    lifecycle: Lifecycle[Any] = LIFECYCLE

    def __init__(self, tools: RunTools, data: Data, handover: Handover) -> None:
        """Work with these.

        Args:
            tools: drive runs.
            data: keeps artefacts and rows.
            handover: delivers results.
        """
        self._runs = Runs(INFERENCES, tools)
        self._store = tools.store
        self._settings = tools.settings
        self._data = data
        self._handover = handover

    def observe(self, record: TrainedModelInferenceJob) -> Seen:
        """loop.Controller.observe."""
        watched = record.status in (Status.CREATE_IN_PROGRESS, Status.CANCEL_IN_PROGRESS)
        return self._runs.observe(record, watched=watched)

    def plan(self, record: TrainedModelInferenceJob, seen: Seen, now: datetime) -> Step:
        """loop.Controller.plan."""
        grace = self._settings.stop_grace_seconds
        active = seen.member_active
        step = plan(record, seen.run, now, member_active=active, grace_seconds=grace, halt=seen.halt)
        return with_metrics(step, seen.metrics, record.metrics_status_details, now)

    def act(self, record: TrainedModelInferenceJob, effect: Effect) -> Outcome:
        """loop.Controller.act."""
        match effect:
            case Effect.RESOLVE:
                return self._runs.resolve(record)
            case Effect.START:
                return self._start(record)
            case Effect.FORGET:
                self._runs.clear_attempt(record)
            case Effect.DELIVER:
                return self._deliver(record)
            case Effect.STOP:
                self._runs.stop(record, overdue=record.status is not Status.CANCEL_PENDING)
            case _:
                raise ValueError(f"an inference job has no effect {effect.value}")
        return DONE

    def on_transition(self, tx: Transaction, record: TrainedModelInferenceJob, now: datetime) -> None:
        """loop.Controller.on_transition: what was delivered can be fetched, what its log holds is written down."""
        settle_log(tx, record, self._runs.logged_bytes(record), now)
        if record.status is Status.ACTIVE:
            mark_delivered(tx, record.id, now)

    def clean_up(self, record: TrainedModelInferenceJob) -> None:
        """loop.Controller.clean_up."""
        self._runs.flush_metrics(record)
        self.clean_up_orphan(record.id)

    def owned_ids(self) -> Iterable[str]:
        """loop.Controller.owned_ids."""
        return self._runs.owned_ids()

    def clean_up_orphan(self, record_id: str) -> None:
        """loop.Controller.clean_up_orphan."""
        self._runs.forget(record_id)

    def _start(self, job: TrainedModelInferenceJob) -> Outcome:
        with self._store.reading() as tx:
            container = self._runs.container(tx, job)
            channel = self._runs.halt(tx, job) or ready_channel(tx, job.ml_input_channel_arn)
            model = ready_model(tx, job.trained_model_id)
        if container is None:
            return NO_ALGORITHM
        if isinstance(channel, Failure):
            return Outcome(failure=channel)
        if isinstance(model, Failure):
            return Outcome(failure=model)
        run = self._describe(job, container, channel)
        archive = run.model_archive
        if not is_kept(self._data, archive, model.model_bytes) or not self._data.bring(archive):
            return refused(StatusCode.MODEL_UNAVAILABLE)
        if not self._data.bring(run.input_data):
            return refused(StatusCode.CHANNEL_UNAVAILABLE, ROWS_GONE)
        return self._runs.start(job, run)

    def _describe(self, job: TrainedModelInferenceJob, container: Any, channel: MLInputChannel) -> TransformRun:
        settings = self._settings
        run_id = self._runs.id_of(job)
        return TransformRun(
            id=run_id,
            job_name=run_id,
            job_arn=job.arn,
            image_uri=container["imageUri"],
            image_digest=str(job.image_digest),
            environment=job.environment,
            model_archive=model_archive(job.trained_model_id),
            input_data=DataRef(DataKind.CHANNEL, channel.id),
            content_type=_CONTENT_TYPES[result_format(channel.input_channel)],
            header=settings.csv_header,
            accept=job.accept,
            max_payload_mb=job.max_payload_in_mb,
            instance_type=job.resource_config["instanceType"],
            instance_count=instances_of(job),
            region=parse_arn(job.arn).region,
            limits=self._runs.limits(
                job, volume_bytes=_VOLUME_BYTES, max_runtime_seconds=settings.default_max_runtime_seconds
            ),
            ready_timeout_seconds=settings.ready_timeout_seconds,
            stop_grace_seconds=settings.stop_grace_seconds,
            notes=self._runs.notes(job),
        )

    def _deliver(self, job: TrainedModelInferenceJob) -> Outcome:
        left = self._runs.left(job)
        try:
            files = self._outputs(left)
            size_bytes = self._data.measure({one.host: one.output for one in left})
            place = self._place(job, size_bytes)
            if isinstance(place, Failure):
                return Outcome(failure=place)

            def confirm() -> None:
                if self._place(job, size_bytes) != place:
                    raise Stale(f"What the inference job {job.id} rests on changed while its output was copied.")

            path = delivery_path(job.collaboration_id, job.trained_model_name, job.account_id, job.name)
            sources = sorted(files.items())
            self._handover.deliver(job, job.receiver_account_id, place, path, sources, confirm)
        except ConflictingContents as error:
            return refused(StatusCode.CONFLICTING_ARTIFACT, str(error))
        except UnsafeContents as error:
            return refused(StatusCode.UNSAFE_ARTIFACT, str(error))
        except DeliveryFailed as error:
            return refused(StatusCode.DELIVERY_FAILED, str(error))
        return Outcome({"output_bytes": size_bytes})

    def _place(self, job: TrainedModelInferenceJob, size_bytes: int) -> Destination | Failure:
        """Where the output goes, judged now."""
        with self._store.reading() as tx:
            require_wanted(tx, self.work, job)
            halted = self._runs.halt(tx, job, watched=True)
            verdict = output_within_limit(size_bytes, policies_at(tx, job.association_arn))
            place = destination(tx, job.collaboration_id, job.receiver_account_id, Ability.CAN_RECEIVE_INFERENCE_OUTPUT)
        if halted is not None:
            return halted
        if isinstance(verdict, Denied):
            return Failure(StatusCode.OUTPUT_TOO_LARGE, verdict.reason)
        if isinstance(place, Denied):
            return Failure(StatusCode.RECEIVER_NOT_READY, place.reason)
        return place

    def _outputs(self, left: Iterable[RunOutput]) -> dict[str, DataRef]:
        """The files of answers that all instances left, by name.

        Raises:
            ConflictingContents: two instances left one of the same name; each file goes to one instance.
        """
        files: dict[str, DataRef] = {}
        owners: dict[str, str] = {}
        for one in left:
            for name in self._data.list(one.output):
                if not name.endswith(".out"):
                    continue
                if name in files:
                    raise ConflictingContents(f"{owners[name]} and {one.host} both left {name}.")
                files[name], owners[name] = one.output.at(name), one.host
        return files
