"""Protected queries that a member runs: run the SQL, deliver its rows to the receivers, keep none.

Record, states and plan: domain/protected_queries.py. Receivers and places: domain/query_results.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from whiteroom.controllers.querying import (
    Querying,
    restarts_of,
    seen_associations,
    shared_associations,
    tables_of,
)
from whiteroom.controllers.room import member_active, payer_active
from whiteroom.controllers.settling import settle
from whiteroom.domain.analysis_rules import may_reach
from whiteroom.domain.collaborations import Ability, member_id
from whiteroom.domain.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.failures import StatusCode
from whiteroom.domain.lifecycle import Lifecycle
from whiteroom.domain.protected_queries import LIFECYCLE, ProtectedQuery, ProtectedQueryStatus, Surroundings, plan
from whiteroom.domain.queries import QueryFailure, QueryObservation, QueryResult, ResultFormat
from whiteroom.domain.query_results import Receiver, location_of, place_of, told_location
from whiteroom.domain.receivers import may_receive
from whiteroom.domain.runs import Phase
from whiteroom.domain.steps import DONE, Effect, Failure, Outcome, Step, refused
from whiteroom.domain.verdicts import Denied, Verdict
from whiteroom.ports import (
    DeliveryFailed,
    ObjectStore,
    SqlEngine,
    Stale,
    Store,
    Transaction,
    UnsafeContents,
    Work,
)

_ABSENT = QueryObservation(Phase.ABSENT)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a query's plan needs to see."""

    query: QueryObservation
    around: Surroundings


class ProtectedQueryController:
    """Drives every query that fills no channel (loop.Controller)."""

    work = Work.PROTECTED_QUERIES
    lifecycle: Lifecycle[Any] = LIFECYCLE

    def __init__(
        self,
        store: Store,
        engine: SqlEngine,
        querying: Querying,
        objects: ObjectStore,
        results_folder: Path,
        default_location: str,
    ) -> None:
        """Work with these.

        Args:
            store: where the records are.
            engine: where queries run.
            querying: describes them.
            objects: delivers their rows.
            results_folder: holds the rows of query ID in the folder ID until they are delivered.
            default_location: `s3://BUCKET/PREFIX` for receivers without a default of their own; empty for none.
        """
        self._store = store
        self._engine = engine
        self._querying = querying
        self._objects = objects
        self._results_folder = results_folder
        self._default_location = default_location

    def observe(self, record: ProtectedQuery) -> Seen:
        """loop.Controller.observe."""
        watched = record.status is ProtectedQueryStatus.STARTED
        query = self._engine.observe(record.id) if watched else _ABSENT
        with self._store.reading() as tx:
            is_refused = query.failure is QueryFailure.REFUSED
            tables = tables_of(tx, seen_associations(tx, record)) if is_refused else []
            around = Surroundings(
                member_active=member_active(tx, record.membership_id),
                payer_active=payer_active(tx, record.collaboration_id, record.payer_account_id),
                restarts=restarts_of(tx, record.arn) if watched and query.phase is Phase.ABSENT else 0,
                unreadable=(),
            )
        return Seen(query, replace(around, unreadable=self._querying.unreadable(tables)))

    def plan(self, record: ProtectedQuery, seen: Seen, now: datetime) -> Step:
        """loop.Controller.plan."""
        return plan(record, seen.query, now, seen.around)

    def act(self, record: ProtectedQuery, effect: Effect) -> Outcome:
        """loop.Controller.act."""
        match effect:
            case Effect.START:
                return self._start(record)
            case Effect.DELIVER:
                return self._deliver(record)
            case Effect.STOP:
                self._engine.stop(record.id)
            case _:
                raise ValueError(f"a protected query has no effect {effect.value}")
        return DONE

    def accompany(self, tx: Transaction, record: ProtectedQuery, now: datetime) -> None:  # noqa: ARG002 - of the protocol
        """loop.Controller.accompany: access budgets get back what the query did not use."""
        never_started = record.status is ProtectedQueryStatus.CANCELLED and record.started_at is None
        refused_by_rules = record.status_code == StatusCode.QUERY_REFUSED
        if record.status is ProtectedQueryStatus.SUCCESS or never_started or refused_by_rules:
            settle(tx, record, record.read_associations)

    def tidy(self, record: ProtectedQuery) -> None:
        """loop.Controller.tidy. The query goes last: as long as it is held, the sweep comes back to the rows."""
        self._engine.stop(record.id)
        shutil.rmtree(self._results_folder / record.id, ignore_errors=True)
        self._engine.forget(record.id)

    def held(self) -> Iterable[str]:
        """loop.Controller.held: what nobody knows is left to the channels (controllers/ml_input_channels.py)."""
        queries = tuple(self._engine.queries())
        with self._store.reading() as tx:
            known = [tx.protected_queries.get(query_id) for query_id in queries]
        return [query.id for query in known if query is not None and query.ml_input_channel_arn is None]

    def drop(self, record_id: str) -> None:
        """loop.Controller.drop."""
        self._engine.forget(record_id)

    def _start(self, query: ProtectedQuery) -> Outcome:
        spec = self._querying.spec(
            query,
            self._results_folder / query.id,
            ResultFormat(query.result_format or ResultFormat.CSV),
            single_file=query.single_file,
        )
        if isinstance(spec, Failure):
            return Outcome(failure=spec)
        self._engine.start(spec)
        return DONE

    def _deliver(self, query: ProtectedQuery) -> Outcome:
        result = self._engine.observe(query.id).result
        if result is None:
            raise Stale(f"The rows of the protected query {query.id} are gone.")
        ready = self._ready(query, result)
        if isinstance(ready, Outcome):
            return ready

        def confirm() -> None:
            if self._ready(query, result) != ready:
                raise Stale(f"What the protected query {query.id} rests on changed while its rows were copied.")

        folder = self._results_folder / query.id
        deliveries: list[Mapping[str, Any]] = []
        for account_id, location in ready.places.items():
            try:
                self._objects.deliver(location, query.id, [(name, folder / name) for name in result.files], confirm)
            except UnsafeContents as error:
                return refused(StatusCode.PLATFORM_ERROR, str(error))
            except DeliveryFailed as error:
                return refused(StatusCode.DELIVERY_FAILED, str(error))
            told = told_location(location, query.id, result.files)
            deliveries.append({"accountId": account_id, "location": told})
        return Outcome({"deliveries": tuple(deliveries), "read_associations": ready.read})

    def _ready(self, query: ProtectedQuery, result: QueryResult) -> _Ready | Outcome:
        """Where the rows of each receiver go, and what they were read from, judged now; or why they go nowhere."""
        with self._store.reading() as tx:
            _require_current(tx, query)
            if not member_active(tx, query.membership_id):
                raise Stale(f"The member that asked for the protected query {query.id} is there no more.")
            shared = {item.name: item for item in shared_associations(tx, query.collaboration_id)}
            gone = [name for name in result.tables if name not in shared]
            if gone:
                return refused(
                    StatusCode.DATA_ERROR, f"The table {gone[0]} left the collaboration while the query ran."
                )
            associations = [shared[name] for name in result.tables]
            verdict = _may_leave(tx, query, associations)
            places = self._places(tx, query)
        read = tuple(sorted(association.id for association in associations))
        if isinstance(verdict, Denied):
            return Outcome({"read_associations": read}, Failure(StatusCode.QUERY_REFUSED, verdict.reason))
        if isinstance(places, Denied):
            return refused(StatusCode.RECEIVER_NOT_READY, places.reason)
        return _Ready(places, read)

    def _places(self, tx: Transaction, query: ProtectedQuery) -> dict[str, str] | Denied:
        """Where each receiver's rows go, judged now: it may have left, or moved, since the query was asked for."""
        places: dict[str, str] = {}
        for named in query.receivers:
            receiver = Receiver(named["accountId"], named.get("s3"))
            member = tx.members.get(member_id(query.collaboration_id, receiver.account_id))
            verdict = may_receive(receiver.account_id, member, Ability.CAN_RECEIVE_RESULTS)
            if isinstance(verdict, Denied):
                return verdict
            membership_id = member.membership_id if member is not None else None
            if membership_id is None or not member_active(tx, membership_id):
                return Denied(f"The receiver {receiver.account_id} has no ACTIVE membership in this collaboration.")
            s3 = place_of(receiver, tx.memberships.get(membership_id), self._default_location)
            if isinstance(s3, Denied):
                return s3
            places[receiver.account_id] = location_of(s3)
        return places


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a query may deliver."""

    places: Mapping[str, str]
    """By receiver."""
    read: tuple[str, ...]
    """Ids of the associations that it read."""


def _require_current(tx: Transaction, query: ProtectedQuery) -> None:
    """Deliver nothing for a query that was cancelled meanwhile: what is delivered cannot be taken back."""
    now = tx.protected_queries.get(query.id)
    if now is None or now.revision != query.revision:
        raise Stale(f"The protected query {query.id} changed before its delivery.")


def _may_leave(tx: Transaction, query: ProtectedQuery, read: Iterable[ConfiguredTableAssociation]) -> Verdict:
    """Whether the rules of the tables that were read, as they are now, still let these receivers have the rows."""
    return may_reach(
        [table for table, _ in tables_of(tx, read)],
        querier_account_id=query.account_id,
        receiver_account_ids=[receiver["accountId"] for receiver in query.receivers],
        algorithm_association_arn=None,
        template_arn=query.sql_parameters.get("analysisTemplateArn") or None,
    )
