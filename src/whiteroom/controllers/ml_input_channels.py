"""ML input channels: run the protected query, keep its rows for the time agreed, erase them.

Record, states and plan: domain/resources/ml_input_channels.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from whiteroom.base.clock import Clock
from whiteroom.controllers.analysis_metrics import measures_of
from whiteroom.controllers.budget_refunds import give_back_unused
from whiteroom.controllers.metering import raise_to
from whiteroom.controllers.querying import Querying
from whiteroom.controllers.synthesising import Synthesising
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.lifecycle import Lifecycle
from whiteroom.domain.execution.queries import QueryObservation, ResultFormat
from whiteroom.domain.execution.steps import DONE, Effect, Outcome, Step
from whiteroom.domain.execution.synthetic_data import NO_SYNTHESIS
from whiteroom.domain.resources.dependants import READING_INFERENCE_JOBS, READING_MODELS
from whiteroom.domain.resources.ml_input_channels import (
    LIFECYCLE,
    MLInputChannel,
    Status,
    Surroundings,
    plan,
    result_format,
)
from whiteroom.domain.resources.protected_queries import LIFECYCLE as QUERY_LIFECYCLE
from whiteroom.domain.resources.protected_queries import ProtectedQuery, ProtectedQueryStatus
from whiteroom.domain.resources.usage import Metered, UsageKind
from whiteroom.ports.data import Data
from whiteroom.ports.repositories import Stale
from whiteroom.ports.sql_engine import SqlEngine
from whiteroom.ports.store import Store, Work
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.members import payer_active

Seen = tuple[QueryObservation, Surroundings]
"""What a channel's plan needs to see."""

_QUERY_STATUS: Mapping[Status, ProtectedQueryStatus] = {
    Status.CREATE_IN_PROGRESS: ProtectedQueryStatus.STARTED,
    Status.ACTIVE: ProtectedQueryStatus.SUCCESS,
    Status.CREATE_FAILED: ProtectedQueryStatus.FAILED,
}
"""What a channel's status says about its protected query; the others say nothing new."""


class MLInputChannelController:
    """Drives every ML input channel (loop.Controller)."""

    work = Work.ML_INPUT_CHANNELS
    lifecycle: Lifecycle[Any] = LIFECYCLE

    def __init__(
        self,
        store: Store,
        engine: SqlEngine,
        querying: Querying,
        synthesising: Synthesising,
        data: Data,
        clock: Clock,
    ) -> None:
        """Work with these.

        Args:
            store: where the records are.
            engine: where queries run.
            querying: sees and starts them.
            synthesising: makes synthetic rows of theirs, where a template asks for them.
            data: keeps the rows.
            clock: says on which day something was used.
        """
        self._clock = clock
        self._store = store
        self._engine = engine
        self._querying = querying
        self._synthesising = synthesising
        self._data = data

    def observe(self, record: MLInputChannel) -> Seen:
        """loop.Controller.observe."""
        payer = record.payer_configuration.get("computePayerAccountId")
        synthetic_payer = record.payer_configuration.get("syntheticDataPayerAccountId")
        watched = record.status is Status.CREATE_IN_PROGRESS
        seen = self._querying.observe(
            record, record.protected_query_id, payer, watched=watched, algorithm_association_arn=record.association_arn
        )
        with self._store.reading() as tx:
            in_use = record.status is Status.DELETE_PENDING and _in_use(tx, record)
            synthetic_paid = payer_active(tx, record.collaboration_id, synthetic_payer)
            synthetic = watched and record.synthetic_data_parameters is not None
        return seen.query, Surroundings(
            member_active=seen.member_active,
            payer_active=seen.payer_active and synthetic_paid,
            in_use=in_use,
            halt=seen.halt,
            synthesis=self._synthesising.observe(record) if synthetic else NO_SYNTHESIS,
        )

    def plan(self, record: MLInputChannel, seen: Seen, now: datetime) -> Step:
        """loop.Controller.plan."""
        query, around = seen
        return plan(record, query, now, around)

    def act(self, record: MLInputChannel, effect: Effect) -> Outcome:
        """loop.Controller.act."""
        match effect:
            case Effect.START:
                return self._start(record)
            case Effect.SYNTHESISE:
                self._synthesising.start(record, _rows(record))
            case Effect.KEEP:
                self._keep(record)
            case Effect.DISCARD:
                self._keep(record)
                self._synthesising.discard(record.protected_query_id)
            case Effect.ERASE:
                self._engine.forget(record.protected_query_id)
                self._erase(record.id)
            case _:
                raise ValueError(f"a channel has no effect {effect.value}")
        return DONE

    def on_transition(self, tx: Transaction, record: MLInputChannel, now: datetime) -> None:
        """loop.Controller.on_transition: the protected query goes with its channel, and access budgets are settled."""
        query = tx.protected_queries.get(record.protected_query_id)
        status = _QUERY_STATUS.get(record.status)
        if query is None or status is None or QUERY_LIFECYCLE.at_rest(query.status):
            return
        changes: dict[str, object] = {"status": status, "updated_at": now}
        if status is ProtectedQueryStatus.STARTED:
            changes["started_at"] = now
        elif status is ProtectedQueryStatus.FAILED:
            changes |= {"status_code": record.status_code, "status_message": record.status_message}
            if record.status_code == StatusCode.DATA_ERROR:
                changes["unread"] = self._engine.observe(query.id).for_owners or None
            if record.status_code == StatusCode.QUERY_TIMED_OUT:
                changes["status"] = ProtectedQueryStatus.TIMED_OUT
        elif status is ProtectedQueryStatus.SUCCESS:
            rows, size_bytes = record.number_of_records or 0, record.size_bytes or 0
            result = self._engine.observe(query.id).result
            use = None if result is None else result.use
            changes["measures"] = measures_of(tx, record.source_associations, rows, size_bytes, use)
        tx.protected_queries.update(query, **changes)
        if status is ProtectedQueryStatus.SUCCESS or record.status_code == StatusCode.REVOKED_BY_OWNER:
            give_back_unused(tx, query, record.source_associations)
        elif record.status_code == StatusCode.QUERY_REFUSED:
            give_back_unused(tx, query, ())

    def clean_up(self, record: MLInputChannel) -> None:
        """loop.Controller.clean_up. The query goes last: as long as it is held, the sweep comes back to the rest."""
        if record.status is not Status.ACTIVE:
            # Killed first, or it would put its rows there after they were erased.
            self._engine.stop(record.protected_query_id)
            self._synthesising.stop(record.protected_query_id)
        self._meter(record)
        if record.status is not Status.ACTIVE:
            self._erase(record.id)
        self._synthesising.forget(record.protected_query_id)
        self._engine.forget(record.protected_query_id)

    def owned_ids(self) -> Iterable[str]:
        """loop.Controller.owned_ids: channels whose queries the engine holds, or whose real rows are left."""
        # A query that nobody knows stands for a channel that nobody knows.
        held = [item for item in self._querying.owned_ids(self._synthesising.owned_ids()) if _fills_a_channel(item[1])]
        return [_channel_id(query) if query else query_id for query_id, query in held]

    def clean_up_orphan(self, record_id: str) -> None:
        """loop.Controller.clean_up_orphan."""
        self._synthesising.forget(record_id)
        self._engine.forget(record_id)

    def _meter(self, channel: MLInputChannel) -> None:
        """Put on their payers' accounts what the channel's query took, and what made synthetic rows of it."""
        payers = channel.payer_configuration
        for kind, payer, spent in (
            (
                UsageKind.QUERY,
                payers.get("computePayerAccountId"),
                self._engine.observe(channel.protected_query_id).spent,
            ),
            (UsageKind.SYNTHESIS, payers.get("syntheticDataPayerAccountId"), self._synthesising.observe(channel).spent),
        ):
            account_id = channel.account_id
            metered = Metered(kind, channel.id, channel.arn, channel.collaboration_id, account_id, payer or account_id)
            raise_to(self._store, metered, spent, self._clock())

    def _start(self, channel: MLInputChannel) -> Outcome:
        with self._store.reading() as tx:
            query = tx.protected_queries.get(channel.protected_query_id)
        if query is None:
            raise LookupError(f"the channel {channel.id} has no protected query")
        if channel.synthetic_data_parameters is not None:
            return self._querying.start(
                query,
                self._synthesising.originals(channel),
                ResultFormat.PARQUET,
                algorithm_association_arn=channel.association_arn,
                synthetic=True,
            )
        return self._querying.start(
            query,
            _rows(channel),
            result_format(channel.input_channel),
            algorithm_association_arn=channel.association_arn,
        )

    def _keep(self, channel: MLInputChannel) -> None:
        """Keep the rows. Where they are gone, the query begins again, as after the death of its process."""
        if self._data.keep(_rows(channel)):
            return
        self._meter(channel)
        self._synthesising.forget(channel.protected_query_id)
        self._engine.forget(channel.protected_query_id)
        raise Stale(f"The rows of the channel {channel.id} were gone before they were kept.")

    def _erase(self, channel_id: str) -> None:
        for kind in (DataKind.CHANNEL, DataKind.LAYOUT):
            self._data.erase(DataRef(kind, channel_id))


def _rows(channel: MLInputChannel) -> DataRef:
    return DataRef(DataKind.CHANNEL, channel.id)


def _fills_a_channel(query: ProtectedQuery | None) -> bool:
    return query is None or query.ml_input_channel_arn is not None


def _channel_id(query: ProtectedQuery) -> str:
    return (query.ml_input_channel_arn or "").rsplit("/", 1)[-1]


def _in_use(tx: Transaction, channel: MLInputChannel) -> bool:
    """Whether work that is under way reads the channel. What was cancelled holds nothing.

    Which statuses those are: domain/resources/dependants.py.
    """
    trainings = (model for model in tx.trained_models.working() if model.status in READING_MODELS)
    if any(read["mlInputChannelArn"] == channel.arn for model in trainings for read in model.data_channels):
        return True
    jobs = tx.trained_model_inference_jobs.working()
    return any(job.ml_input_channel_arn == channel.arn for job in jobs if job.status in READING_INFERENCE_JOBS)
