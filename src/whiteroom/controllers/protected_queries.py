"""Protected queries that a member runs: run the SQL, deliver its rows to the receivers, keep none.

Record, states and plan: domain/resources/protected_queries.py. Receivers and places: domain/resources/query_results.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whiteroom.base.clock import Clock
from whiteroom.base.locations import parse_location
from whiteroom.controllers.analysis_metrics import measures_of
from whiteroom.controllers.budget_charges import pay
from whiteroom.controllers.budget_refunds import give_back_unused
from whiteroom.controllers.current import require_wanted
from whiteroom.controllers.metering import raise_to
from whiteroom.controllers.querying import Querying, still_allowed
from whiteroom.controllers.results import Handover, mark_delivered
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.deliveries import Destination
from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.lifecycle import Lifecycle
from whiteroom.domain.execution.queries import QueryObservation, ResultFormat
from whiteroom.domain.execution.result_regions import BucketRegions, may_be_stored
from whiteroom.domain.execution.steps import DONE, Effect, Failure, Outcome, Step, refused
from whiteroom.domain.privacy.judgements import kept
from whiteroom.domain.resources.collaborations import Ability
from whiteroom.domain.resources.protected_queries import (
    LIFECYCLE,
    ProtectedQuery,
    ProtectedQueryStatus,
    Surroundings,
    owes,
    plan,
)
from whiteroom.domain.resources.query_results import Receiver, destination_of, shown_location
from whiteroom.domain.resources.usage import Metered, UsageKind
from whiteroom.domain.verdicts import Denied
from whiteroom.ports.data import Data, UnsafeContents
from whiteroom.ports.deliveries import DeliveryFailed
from whiteroom.ports.repositories import Stale
from whiteroom.ports.sql_engine import SqlEngine
from whiteroom.ports.store import Store, Work
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.halts import halt
from whiteroom.reads.members import receiving_membership

Seen = tuple[QueryObservation, Surroundings]
"""What a query's plan needs to see."""


class ProtectedQueryController:
    """Drives every query that fills no channel (loop.Controller)."""

    work = Work.PROTECTED_QUERIES
    lifecycle: Lifecycle[Any] = LIFECYCLE

    def __init__(
        self,
        store: Store,
        engine: SqlEngine,
        querying: Querying,
        data: Data,
        handover: Handover,
        default_location: str,
        regions: BucketRegions,
        clock: Clock,
    ) -> None:
        """Work with these.

        Args:
            store: where the records are.
            engine: where queries run.
            querying: sees and starts them.
            data: keeps their rows until it has delivered them.
            handover: delivers them.
            default_location: `s3://BUCKET/PREFIX` for receivers without a default of their own; empty for none.
            regions: in which regions the buckets are.
            clock: says which month's privacy budget is charged.
        """
        self._store = store
        self._engine = engine
        self._querying = querying
        self._data = data
        self._default_location = default_location
        self._regions = regions
        self._clock = clock
        self._handover = handover

    def observe(self, record: ProtectedQuery) -> Seen:
        """loop.Controller.observe."""
        # One that is being cancelled may have read, and is charged for it.
        watched = record.status in {ProtectedQueryStatus.STARTED, ProtectedQueryStatus.CANCELLING}
        seen = self._querying.observe(record, record.id, record.payer_account_id, watched=watched)
        return seen.query, Surroundings(seen.member_active, seen.payer_active, seen.halt)

    def plan(self, record: ProtectedQuery, seen: Seen, now: datetime) -> Step:
        """loop.Controller.plan."""
        query, around = seen
        return plan(record, query, now, around)

    def act(self, record: ProtectedQuery, effect: Effect) -> Outcome:
        """loop.Controller.act."""
        match effect:
            case Effect.START:
                return self._start(record)
            case Effect.PAY:
                return pay(self._store, record, self._engine.observe(record.id).bill, self._clock())
            case Effect.DELIVER:
                return self._deliver(record)
            case Effect.STOP:
                self._engine.stop(record.id)
                if owes(record, self._engine.observe(record.id)):
                    raise Stale(f"The protected query {record.id} began to read before it was stopped.")
            case _:
                raise ValueError(f"a protected query has no effect {effect.value}")
        return DONE

    def on_transition(self, tx: Transaction, record: ProtectedQuery, now: datetime) -> None:
        """loop.Controller.on_transition: rows can be fetched, and access budgets get back what was not used."""
        if record.status is ProtectedQueryStatus.SUCCESS:
            mark_delivered(tx, record.id, now)
        never_started = record.status is ProtectedQueryStatus.CANCELLED and record.started_at is None
        refused_by_rules = record.status_code in {StatusCode.QUERY_REFUSED, StatusCode.REVOKED_BY_OWNER}
        if record.status is ProtectedQueryStatus.SUCCESS or never_started or refused_by_rules:
            give_back_unused(tx, record, record.read_associations)

    def clean_up(self, record: ProtectedQuery) -> None:
        """loop.Controller.clean_up. The query goes last: as long as it is held, the sweep comes back to the rows."""
        self._engine.stop(record.id)
        raise_to(self._store, _metered(record), self._engine.observe(record.id).spent, self._clock())
        self._data.erase(_rows(record))
        self._engine.forget(record.id)

    def owned_ids(self) -> Iterable[str]:
        """loop.Controller.owned_ids: what nobody knows is left to the channels (controllers/ml_input_channels.py)."""
        known = [query for _, query in self._querying.owned_ids() if query is not None]
        return [query.id for query in known if query.ml_input_channel_arn is None]

    def clean_up_orphan(self, record_id: str) -> None:
        """loop.Controller.clean_up_orphan."""
        self._engine.forget(record_id)

    def _start(self, query: ProtectedQuery) -> Outcome:
        return self._querying.start(
            query,
            _rows(query),
            ResultFormat(query.result_format or ResultFormat.CSV),
            single_file=query.single_file,
        )

    def _deliver(self, query: ProtectedQuery) -> Outcome:
        seen = self._engine.observe(query.id)
        result = seen.result
        if result is None or seen.judgement is None:
            raise Stale(f"The rows of the protected query {query.id} are gone, or how it was judged.")
        judgement = seen.judgement
        ready = self._ready(query, seen)
        if isinstance(ready, Outcome):
            return ready
        if not (self._data.keep(_rows(query)) and self._data.bring(_rows(query))):
            raise_to(self._store, _metered(query), seen.spent, self._clock())
            self._engine.forget(query.id)
            raise Stale(f"The rows of the protected query {query.id} were gone before they were kept; it begins again.")

        def confirm() -> None:
            if self._ready(query, seen) != ready:
                raise Stale(f"What the protected query {query.id} rests on changed while its rows were copied.")

        self._handover.require_room(query, result.size_bytes * len(ready.places))
        deliveries = self._hand_over(query, result.files, ready.places, confirm)
        if isinstance(deliveries, Failure):
            return Outcome(failure=deliveries)
        with self._store.reading() as tx:
            measured = measures_of(tx, judgement.association_ids, result.rows, result.size_bytes, result.use)
        recorded = {"deliveries": deliveries, "privacy_parameters": result.privacy, "judgement": kept(judgement)}
        return Outcome({**recorded, "read_associations": judgement.association_ids, "measures": measured})

    def _ready(self, query: ProtectedQuery, seen: QueryObservation) -> _Ready | Outcome:
        """Where the rows of each receiver go, judged now; or why they go nowhere."""
        with self._store.reading() as tx:
            require_wanted(tx, self.work, query)
            if halt(tx, query.collaboration_id, still_allowed(tx, query, seen, None)) is not None:
                raise Stale(
                    f"A rule that the protected query {query.id} rests on changed before its rows were delivered."
                )
            places = self._places(tx, query)
        if isinstance(places, Denied):
            return refused(StatusCode.RECEIVER_NOT_READY, places.reason)
        return _Ready(places)

    def _hand_over(
        self,
        query: ProtectedQuery,
        files: tuple[str, ...],
        places: Mapping[str, Destination],
        confirm: Callable[[], None],
    ) -> tuple[Mapping[str, Any], ...] | Failure:
        """Deliver the files of rows to every receiver; what the record says of it."""
        sources = [(name, _rows(query).at(name)) for name in files]
        deliveries: list[Mapping[str, Any]] = []
        for account_id, place in places.items():
            try:
                self._handover.deliver(query, account_id, place, query.id, sources, confirm)
            except UnsafeContents as error:
                return Failure(StatusCode.PLATFORM_ERROR, str(error))
            except DeliveryFailed as error:
                return Failure(StatusCode.DELIVERY_FAILED, str(error))
            deliveries.append({"accountId": account_id, "location": shown_location(place.location, query.id, files)})
        return tuple(deliveries)

    def _places(self, tx: Transaction, query: ProtectedQuery) -> dict[str, Destination] | Denied:
        """Where each receiver's rows go, judged now: it may have left, or moved, since the query was asked for."""
        places: dict[str, Destination] = {}
        collaboration = tx.collaborations.get(query.collaboration_id)
        allowed_regions = () if collaboration is None else collaboration.allowed_result_regions
        for named in query.receivers:
            receiver = Receiver(named["accountId"], named.get("s3"))
            account_id = receiver.account_id
            membership_id = receiving_membership(tx, query.collaboration_id, account_id, Ability.CAN_RECEIVE_RESULTS)
            if isinstance(membership_id, Denied):
                return membership_id
            place = destination_of(receiver, tx.memberships.get(membership_id), self._default_location)
            if isinstance(place, Denied):
                return place
            verdict = may_be_stored([parse_location(place.location).bucket], allowed_regions, self._regions)
            if isinstance(verdict, Denied):
                return verdict
            places[account_id] = place
        return places


def _metered(query: ProtectedQuery) -> Metered:
    payer = query.payer_account_id or query.account_id
    return Metered(UsageKind.QUERY, query.id, query.arn, query.collaboration_id, query.account_id, payer)


def _rows(query: ProtectedQuery) -> DataRef:
    return DataRef(DataKind.RESULT, query.id)


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a query may deliver."""

    places: Mapping[str, Destination]
    """By receiver."""
