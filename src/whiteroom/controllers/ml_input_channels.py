"""ML input channels: run the protected query, keep its rows for the time agreed, erase them.

Record, states and plan: domain/ml_input_channels.py.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from whiteroom.controllers.room import layouts_folder, member_active, result_format
from whiteroom.domain.channel_queries import template_can_fill
from whiteroom.domain.collaborations import MemberStatus
from whiteroom.domain.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.dependants import READING_INFERENCE_JOBS, READING_MODELS
from whiteroom.domain.failures import StatusCode
from whiteroom.domain.lifecycle import Event, Lifecycle
from whiteroom.domain.ml_input_channels import (
    LIFECYCLE,
    RESTART,
    MLInputChannel,
    Status,
    Surroundings,
    plan,
)
from whiteroom.domain.protected_queries import ProtectedQueryStatus
from whiteroom.domain.queries import (
    CatalogTable,
    FileFormat,
    QueryFailure,
    QueryObservation,
    QuerySpec,
    QueryTable,
    ResultFormat,
)
from whiteroom.domain.runs import Phase
from whiteroom.domain.schemas import query_table
from whiteroom.domain.steps import DONE, Effect, Failure, Outcome, Step
from whiteroom.domain.verdicts import Denied
from whiteroom.ports import Catalog, SqlEngine, Store, TableNotFound, Transaction, Work

log = logging.getLogger(__name__)

_UNREADABLE = CatalogTable((), FileFormat.CSV, ())
_ABSENT = QueryObservation(Phase.ABSENT)

_QUERY_STATUS: Mapping[Status, ProtectedQueryStatus] = {
    Status.CREATE_IN_PROGRESS: ProtectedQueryStatus.STARTED,
    Status.ACTIVE: ProtectedQueryStatus.SUCCESS,
    Status.CREATE_FAILED: ProtectedQueryStatus.FAILED,
}
"""What a channel's status says about its protected query; the others say nothing new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySettings:
    """What the operator chose for queries."""

    csv_header: bool
    max_file_bytes: int
    memory_bytes: int
    cpus: int
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What a channel's plan needs to see."""

    query: QueryObservation
    around: Surroundings


class MLInputChannelController:
    """Drives every ML input channel (loop.Controller)."""

    work = Work.ML_INPUT_CHANNELS
    lifecycle: Lifecycle[Any] = LIFECYCLE

    def __init__(
        self, store: Store, engine: SqlEngine, catalog: Catalog, settings: QuerySettings, channels_folder: Path
    ) -> None:
        """Work with these.

        Args:
            store: where the records are.
            engine: where queries run.
            catalog: what members' tables refer to.
            settings: what the operator chose for queries.
            channels_folder: takes the rows of channel ID in the folder ID.
        """
        self._store = store
        self._engine = engine
        self._catalog = catalog
        self._settings = settings
        self._channels_folder = channels_folder

    def observe(self, record: MLInputChannel) -> Seen:
        """loop.Controller.observe."""
        watched = record.status is Status.CREATE_IN_PROGRESS
        query = self._engine.observe(record.protected_query_id) if watched else _ABSENT
        with self._store.reading() as tx:
            associations = _associations(tx, record)
            refused = query.failure is QueryFailure.REFUSED
            tables = _tables(tx, associations) if refused else []
            around = Surroundings(
                member_active=member_active(tx, record.membership_id),
                associations={association.name_folded: association.id for association in associations},
                restarts=_restarts(tx, record) if watched and query.phase is Phase.ABSENT else 0,
                unreadable=(),
                in_use=record.status is Status.DELETE_PENDING and _in_use(tx, record),
            )
        unreadable = tuple(table.name for table, reference in tables if self._resolve(table, reference) is None)
        return Seen(query, replace(around, unreadable=unreadable))

    def plan(self, record: MLInputChannel, seen: Seen, now: datetime) -> Step:
        """loop.Controller.plan."""
        return plan(record, seen.query, now, seen.around)

    def act(self, record: MLInputChannel, effect: Effect) -> Outcome:
        """loop.Controller.act."""
        match effect:
            case Effect.START:
                return self._start(record)
            case Effect.ERASE:
                self._engine.forget(record.protected_query_id)
                self._erase(record.id)
            case _:
                raise ValueError(f"a channel has no effect {effect.value}")
        return DONE

    def accompany(self, tx: Transaction, record: MLInputChannel, now: datetime) -> None:
        """loop.Controller.accompany: the protected query goes with its channel."""
        query = tx.protected_queries.get(record.protected_query_id)
        status = _QUERY_STATUS.get(record.status)
        if query is None or status is None or query.ended_at is not None:
            return
        changes: dict[str, object] = {"status": status, "updated_at": now}
        if status is ProtectedQueryStatus.STARTED:
            changes["started_at"] = now
        else:
            changes["ended_at"] = now
        if status is ProtectedQueryStatus.FAILED:
            changes |= {"error_code": record.status_code, "error_message": record.status_message}
            if record.status_code == StatusCode.QUERY_TIMED_OUT:
                changes["status"] = ProtectedQueryStatus.TIMED_OUT
        tx.protected_queries.update(query, **changes)

    def tidy(self, record: MLInputChannel) -> None:
        """loop.Controller.tidy. The query goes last: as long as it is held, the sweep comes back to the rest."""
        if record.status is not Status.ACTIVE:
            # Killed first, or it would put its rows there after they were erased.
            self._engine.stop(record.protected_query_id)
            self._erase(record.id)
        self._engine.forget(record.protected_query_id)

    def held(self) -> Iterable[str]:
        """loop.Controller.held: channels whose queries the engine holds."""
        queries = tuple(self._engine.queries())
        with self._store.reading() as tx:
            known = [(query_id, tx.protected_queries.get(query_id)) for query_id in queries]
        # A query that nobody knows stands for a channel that nobody knows.
        return [query.ml_input_channel_arn.rsplit("/", 1)[-1] if query else query_id for query_id, query in known]

    def drop(self, record_id: str) -> None:
        """loop.Controller.drop."""
        self._engine.forget(record_id)

    def _erase(self, channel_id: str) -> None:
        for folder in (self._channels_folder / channel_id, layouts_folder(self._channels_folder, channel_id)):
            if folder.exists():
                shutil.rmtree(folder)

    def _start(self, channel: MLInputChannel) -> Outcome:
        with self._store.reading() as tx:
            statement = _statement(tx, channel)
            tables = _tables(tx, _associations(tx, channel))
        if isinstance(statement, Failure):
            return Outcome(failure=statement)
        settings = self._settings
        self._engine.start(
            QuerySpec(
                id=channel.protected_query_id,
                sql=statement.sql,
                parameters=statement.parameters,
                parameter_types=statement.parameter_types,
                template_arn=statement.template_arn,
                querier_account_id=channel.account_id,
                algorithm_association_arn=channel.association_arn,
                tables=tuple(
                    # Without columns no query can use it; the others need not care.
                    replace(table, source=self._resolve(table, reference) or _UNREADABLE)
                    for table, reference in tables
                ),
                result_format=ResultFormat(result_format(channel.input_channel)),
                folder=self._channels_folder / channel.id,
                csv_header=settings.csv_header,
                max_file_bytes=settings.max_file_bytes,
                memory_bytes=settings.memory_bytes,
                cpus=settings.cpus,
                timeout_seconds=settings.timeout_seconds,
            )
        )
        return DONE

    def _resolve(self, table: QueryTable, reference: Mapping[str, Any]) -> CatalogTable | None:
        """What a table refers to, as it is now; None where that cannot be read here."""
        place = reference.get("glue") or reference.get("athena")
        if place is None:
            return None
        try:
            return self._catalog.resolve(table.owner_account_id, place["databaseName"], place["tableName"])
        except TableNotFound as error:
            log.warning("table %s of account %s: %s", table.name, table.owner_account_id, error)
            return None


@dataclass(frozen=True, slots=True)
class _Statement:
    """The SQL of a channel, and what fills its placeholders."""

    sql: str
    parameters: Mapping[str, str]
    parameter_types: Mapping[str, str]
    template_arn: str | None


def _statement(tx: Transaction, channel: MLInputChannel) -> _Statement | Failure:
    source = channel.input_channel["dataSource"]["protectedQueryInputParameters"]["sqlParameters"]
    template_arn = source.get("analysisTemplateArn")
    if not template_arn:
        return _Statement(source["queryString"], {}, {}, None)
    template = tx.analysis_templates.find(arn=template_arn)
    if template is None:
        return Failure(
            StatusCode.QUERY_INVALID, f"The analysis template {template_arn} is no longer there. Create it anew."
        )
    given = source.get("parameters") or {}
    verdict = template_can_fill(template, given)
    if isinstance(verdict, Denied):
        return Failure(StatusCode.UNSUPPORTED, verdict.reason)
    declared = template.analysis_parameters
    defaults = {p["name"]: p["defaultValue"] for p in declared if p.get("defaultValue") is not None}
    return _Statement(
        sql=template.source["text"],
        parameters={**defaults, **given},
        parameter_types={parameter["name"]: parameter["type"] for parameter in declared},
        template_arn=template_arn,
    )


def _associations(tx: Transaction, channel: MLInputChannel) -> list[ConfiguredTableAssociation]:
    """The tables that active members share in the channel's collaboration."""
    room = channel.collaboration_id
    active = {m.account_id for m in tx.members.all(collaboration_id=room) if m.status is MemberStatus.ACTIVE}
    shared = tx.configured_table_associations.all(collaboration_id=room)
    return [association for association in shared if association.account_id in active]


def _referenced(
    tx: Transaction, association: ConfiguredTableAssociation
) -> tuple[QueryTable, Mapping[str, Any]] | None:
    """A table with its owner's rules as they are now, its rows still to be found, and its TableReference."""
    table = tx.configured_tables.get(association.configured_table_id)
    if table is None:
        return None
    rule = tx.configured_table_analysis_rules.get(table.id)
    association_rule = tx.configured_table_association_analysis_rules.get(association.id)
    return query_table(association, table, _UNREADABLE, rule, association_rule), table.table_reference


def _tables(
    tx: Transaction, associations: Iterable[ConfiguredTableAssociation]
) -> list[tuple[QueryTable, Mapping[str, Any]]]:
    found = (_referenced(tx, association) for association in associations)
    return [table for table in found if table is not None]


def _restarts(tx: Transaction, channel: MLInputChannel) -> int:
    return sum(event.event is Event.NOTED and event.reason == RESTART for event in tx.events(channel.arn))


def _in_use(tx: Transaction, channel: MLInputChannel) -> bool:
    """Whether work that is under way reads the channel. What was cancelled holds nothing (domain/dependants.py)."""
    trainings = (model for model in tx.trained_models.working() if model.status in READING_MODELS)
    if any(read["mlInputChannelArn"] == channel.arn for model in trainings for read in model.data_channels):
        return True
    jobs = tx.trained_model_inference_jobs.working()
    return any(job.ml_input_channel_arn == channel.arn for job in jobs if job.status in READING_INFERENCE_JOBS)
