"""Trained models: start the training, watch it, keep what it made, cancel it, erase it.

Record, states and plan: domain/resources/trained_models.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from math import inf
from typing import Any

from whiteroom.base.arns import parse_arn
from whiteroom.base.clock import Clock
from whiteroom.controllers.artefacts import Kept, keep_artefacts
from whiteroom.controllers.metrics import with_metrics
from whiteroom.controllers.running import NO_ALGORITHM, RunKind, Runs, RunTools, Seen, instances_of
from whiteroom.controllers.storing import NoRoom, hold, settle_log
from whiteroom.controllers.training_inputs import TrainingInputs
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.lifecycle import Lifecycle
from whiteroom.domain.execution.runs import TRAINED_MODELS, TRAINING_PREFIX, ChannelMount, TrainingRun
from whiteroom.domain.execution.steps import DONE, Effect, Failure, Outcome, Step
from whiteroom.domain.privacy.policies import GB
from whiteroom.domain.resources.holdings import of_model
from whiteroom.domain.resources.quotas import Quotas
from whiteroom.domain.resources.trained_models import (
    LIFECYCLE,
    Status,
    TrainedModel,
    artefacts,
    model_archive,
    output_archive,
    partial_archives,
    plan,
)
from whiteroom.domain.resources.usage import UsageKind
from whiteroom.ports.data import Data, TookTooLong
from whiteroom.ports.store import Work
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.algorithms import policies_at

GATHER_SECONDS = 4.0
"""How long a failure waits for what the training had saved to be kept."""
LONG_GATHER_SECONDS = 600.0
"""How long that may take once the failure is recorded."""

TRAININGS = RunKind(
    work=Work.TRAINED_MODELS,
    usage=UsageKind.TRAINING,
    prefix=TRAINING_PREFIX,
    container=lambda algorithm: algorithm.training_container_config,
    log_policies=lambda policies: policies.training_logs,
    log_group=TRAINED_MODELS,
    verdict=lambda rules, model: rules.model(model),
)


class TrainedModelController:
    """Drives every version of every trained model (loop.Controller)."""

    work = Work.TRAINED_MODELS
    lifecycle: Lifecycle[Any] = LIFECYCLE

    def __init__(self, tools: RunTools, data: Data, inputs: TrainingInputs, clock: Clock, quotas: Quotas) -> None:
        """Work with these.

        Args:
            tools: drive runs.
            data: keeps artefacts.
            inputs: puts in place what trainings find.
            clock: says since when something is kept.
            quotas: of bytes.
        """
        self._clock = clock
        self._quotas = quotas
        self._runs = Runs(TRAININGS, tools)
        self._store = tools.store
        self._settings = tools.settings
        self._redact = tools.redact
        self._data = data
        self._inputs = inputs

    def observe(self, record: TrainedModel) -> Seen:
        """loop.Controller.observe."""
        watched = record.status in (Status.CREATE_IN_PROGRESS, Status.CANCEL_IN_PROGRESS)
        return self._runs.observe(record, watched=watched)

    def plan(self, record: TrainedModel, seen: Seen, now: datetime) -> Step:
        """loop.Controller.plan."""
        grace = self._settings.stop_grace_seconds
        active = seen.member_active
        step = plan(record, seen.run, now, member_active=active, grace_seconds=grace, halt=seen.halt)
        return with_metrics(step, seen.metrics, record.metrics_status_details, now)

    def act(self, record: TrainedModel, effect: Effect) -> Outcome:
        """loop.Controller.act."""
        match effect:
            case Effect.RESOLVE:
                return self._runs.resolve(record)
            case Effect.START:
                return self._start(record)
            case Effect.FORGET:
                self._runs.clear_attempt(record)
                self._inputs.keep_checkpoints(record.id)
            case Effect.KEEP:
                return self._keep(record)
            case Effect.KEEP_PARTIAL:
                return self._keep_partial(record, GATHER_SECONDS)
            case Effect.GATHER:
                return self._gather(record)
            case Effect.STOP:
                self._runs.stop(record, overdue=record.status is not Status.CANCEL_PENDING)
            case Effect.ERASE:
                self._runs.forget(record.id)
                self._runs.forget_logs(record)
                self._data.erase(artefacts(record.id))
            case _:
                raise ValueError(f"a training has no effect {effect.value}")
        return DONE

    def on_transition(self, tx: Transaction, record: TrainedModel, now: datetime) -> None:
        """loop.Controller.on_transition: what its log holds is written down."""
        settle_log(tx, record, self._runs.logged_bytes(record), now)

    def clean_up(self, record: TrainedModel) -> None:
        """loop.Controller.clean_up. The run goes late: as long as it is held, the sweep comes back to the rest."""
        if record.status is Status.CREATE_FAILED and record.partial_bytes is not None:
            self._data.erase(model_archive(record.id))
            self._data.erase(output_archive(record.id))
        elif record.status is Status.CREATE_FAILED and record.partial_pending:
            return
        elif record.status is not Status.ACTIVE:
            self._data.erase(artefacts(record.id))
        self._runs.flush_metrics(record)
        self.clean_up_orphan(record.id)

    def owned_ids(self) -> Iterable[str]:
        """loop.Controller.owned_ids."""
        return self._runs.owned_ids().union(self._inputs.owned_ids())

    def clean_up_orphan(self, record_id: str) -> None:
        """loop.Controller.clean_up_orphan. The checkpoints go after the run, which may still write to them."""
        self._runs.forget(record_id)
        self._inputs.clean_up_orphan(record_id)

    def _start(self, model: TrainedModel) -> Outcome:
        with self._store.reading() as tx:
            container = self._runs.container(tx, model)
            sources = self._runs.halt(tx, model) or self._inputs.sources(tx, model)
        if container is None:
            return NO_ALGORITHM
        if isinstance(sources, Failure):
            return Outcome(failure=sources)
        channels = self._inputs.lay_out(model, sources)
        if isinstance(channels, Failure):
            return Outcome(failure=channels)
        return self._runs.start(model, self._describe(model, container, channels, sources.file_format))

    def _describe(
        self, model: TrainedModel, container: Any, channels: tuple[ChannelMount, ...], file_format: str
    ) -> TrainingRun:
        settings = self._settings
        run_id = self._runs.id_of(model)
        max_runtime = (model.stopping_condition or {}).get("maxRuntimeInSeconds")
        return TrainingRun(
            id=run_id,
            job_name=run_id,
            job_arn=model.arn,
            image_uri=container["imageUri"],
            image_digest=str(model.image_digest),
            entrypoint=tuple(container.get("entrypoint", ())),
            arguments=tuple(container.get("arguments", ())),
            hyperparameters=model.hyperparameters,
            environment=model.environment,
            channels=channels,
            instance_type=model.resource_config["instanceType"],
            instance_count=instances_of(model),
            region=parse_arn(model.arn).region,
            file_format=file_format,
            limits=self._runs.limits(
                model,
                volume_bytes=model.resource_config["volumeSizeInGB"] * GB,
                max_runtime_seconds=max_runtime or settings.default_max_runtime_seconds,
            ),
            stop_grace_seconds=settings.stop_grace_seconds,
            checkpoints=DataRef(DataKind.CHECKPOINT, model.id),
            notes=self._runs.notes(model, "/opt/ml/checkpoints is as it left it."),
        )

    def _keep(self, model: TrainedModel) -> Outcome:
        kept = self._keep_under(model, (model_archive(model.id), output_archive(model.id)))
        if isinstance(kept, Failure):
            return Outcome(failure=kept)
        sizes = {"model_bytes": kept.model_bytes, "output_bytes": kept.output_bytes, "stored_bytes": kept.stored_bytes}
        return Outcome(sizes, remark=kept.warning)

    def _keep_partial(self, model: TrainedModel, seconds: float) -> Outcome:
        """Keep what a training saved that ran too long; that it did is why it fails, whatever comes of this."""
        try:
            kept = self._keep_under(model, partial_archives(model.id), time.monotonic() + seconds)
        except TookTooLong:
            remark = "What it had saved is much, and is being looked through."
            return Outcome({"partial_pending": True}, remark=remark, unfinished=True)
        if isinstance(kept, Failure):
            return Outcome(remark=f"Nothing of what it saved is kept ({kept.code.value}): {kept.message}")
        size_bytes = kept.model_bytes + kept.output_bytes
        if not size_bytes:
            return Outcome(remark="It had saved nothing.")
        stored = kept.stored_bytes
        failed = replace(model, status=Status.CREATE_FAILED, partial_bytes=size_bytes, stored_bytes=stored)
        refusal = self._hold_partial(failed)
        if refusal:
            return Outcome(remark=f"Nothing of what it saved is kept: {refusal}")
        return Outcome(
            {"partial_bytes": size_bytes, "stored_bytes": stored},
            remark=f"The {size_bytes:,} bytes that it had saved are kept for the model's owner until "
            "DeleteTrainedModelOutput; the server's operator hands them over (`whiteroom partial`).",
        )

    def _hold_partial(self, model: TrainedModel) -> str:
        """Why what was saved may not be kept; empty where it may, which is written down then."""
        now = self._clock()
        holding = of_model(model, now)
        try:
            with self._store.transaction() as tx:
                if holding is not None:
                    hold(tx, holding, self._quotas)
        except NoRoom as error:
            return error.failure.message
        return ""

    def _gather(self, model: TrainedModel) -> Outcome:
        """The rest of `_keep_partial`, once the failure is recorded: with more time, but not without a limit."""
        outcome = self._keep_partial(model, LONG_GATHER_SECONDS)
        if outcome.unfinished:
            remark = f"Nothing of it is kept: it is more than can be gathered in {LONG_GATHER_SECONDS:,.0f} s."
            outcome = Outcome(remark=remark)
        message = f"{model.status_message} {outcome.remark}"
        changes = {**outcome.changes, "partial_pending": False, "status_message": message}
        return Outcome(changes, remark=outcome.remark)

    def _keep_under(self, model: TrainedModel, targets: tuple[DataRef, DataRef], until: float = inf) -> Kept | Failure:
        with self._store.reading() as tx:
            policies = policies_at(tx, model.association_arn)
        volume_bytes = model.resource_config["volumeSizeInGB"] * GB * instances_of(model)
        kept = keep_artefacts(self._data, self._runs.left(model), targets, policies, volume_bytes, until)
        # Either names files, and their names are the program's.
        if isinstance(kept, Kept):
            return replace(kept, warning=kept.warning and self._redact(kept.warning, policies.training_logs))
        if kept.code is not StatusCode.ARTIFACT_TOO_LARGE:
            return replace(kept, message=self._redact(kept.message, policies.training_logs))
        return kept
