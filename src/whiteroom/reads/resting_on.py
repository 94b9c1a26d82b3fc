"""Finds what was made, or is being made, from members' tables: what ends when the tables' rules do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whiteroom.domain.resources.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.resources.dependants import LIVE_MODELS
from whiteroom.domain.resources.ml_input_channels import MLInputChannel, Status
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.domain.resources.trained_model_export_jobs import TrainedModelExportJob
from whiteroom.domain.resources.trained_model_inference_jobs import TrainedModelInferenceJob
from whiteroom.domain.resources.trained_models import Status as ModelStatus
from whiteroom.ports.repositories import LifecycleRepository
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.member_runs import every

Resting = tuple[LifecycleRepository[Any], Any]
"""Where a record is, and the record."""


@dataclass(frozen=True, slots=True)
class Dependant:
    """One thing that rests on an owner's tables, as that owner is shown it."""

    kind: str
    name: str
    """Empty of what has none."""
    runner_account_id: str
    receiver_account_ids: tuple[str, ...]
    """Who would receive of it, were it not ended."""
    status: str


_CHANNELS = frozenset({Status.CREATE_PENDING, Status.CREATE_IN_PROGRESS, Status.ACTIVE})


@dataclass(frozen=True, slots=True)
class _ModelRow:
    """What of a version's record is shown to an owner, and what leads on from it: nothing that is sealed."""

    id: str
    name: str
    account_id: str
    status: ModelStatus
    data_channels: tuple[Mapping[str, Any], ...]
    incremental_channels: tuple[Mapping[str, Any], ...]
    created_at: datetime


def resting_on(tx: Transaction, collaboration_id: str, association_ids: Collection[str]) -> Iterator[Resting]:
    """Channels and models that can be used or come to be, and queries, inference jobs and exports under way.

    Args:
        tx: where the records are.
        collaboration_id: of all of them.
        association_ids: of the tables.
    """
    found = (tx.trained_models.all(collaboration_id=collaboration_id, status=status) for status in LIVE_MODELS)
    return _resting_on(tx, collaboration_id, association_ids, [model for models in found for model in models])


def _resting_on(
    tx: Transaction, collaboration_id: str, association_ids: Collection[str], live_models: Sequence[Any]
) -> Iterator[Resting]:
    """The same, of the versions that can be used or come to be, or of what is read of each."""
    wanted = set(association_ids)
    channels = [one for one in tx.ml_input_channels.all(collaboration_id=collaboration_id) if _reads(tx, one, wanted)]
    yield from ((tx.ml_input_channels, one) for one in channels if one.status in _CHANNELS)
    arns = {channel.arn for channel in channels}
    models: dict[str, Any] = {}
    # Each after those that it goes on from.
    for model in sorted(live_models, key=lambda model: model.created_at):
        bases = {base["modelId"] for base in model.incremental_channels}
        if bases & models.keys() or any(read["mlInputChannelArn"] in arns for read in model.data_channels):
            models[model.id] = model
    yield from ((tx.trained_models, one) for one in models.values())
    for query in tx.protected_queries.working():
        if query.collaboration_id == collaboration_id and wanted & set(query.named_associations or ()):
            yield tx.protected_queries, query
    for job in tx.trained_model_inference_jobs.working():
        if job.ml_input_channel_arn in arns or job.trained_model_id in models:
            yield tx.trained_model_inference_jobs, job
    for export in tx.trained_model_export_jobs.working():
        if export.trained_model_id in models:
            yield tx.trained_model_export_jobs, export


def resting_on_own(
    tx: Transaction, account_id: str, collaboration_id: str, association_ids: Collection[str]
) -> tuple[Dependant, ...]:
    """What rests on those of the tables that are the account's own; nothing of any other's, the newest first."""
    found = (tx.configured_table_associations.get(one) for one in association_ids)
    own = [one.id for one in found if one is not None and _is_of(one, account_id, collaboration_id)]
    if not own:
        return ()
    rows = [
        row
        for status in LIVE_MODELS
        for row in every(tx.trained_models, _ModelRow, collaboration_id=collaboration_id, status=status)
    ]
    records = [record for _, record in _resting_on(tx, collaboration_id, own, rows)]
    return tuple(map(_dependant, sorted(records, key=lambda record: record.created_at, reverse=True)))


def _is_of(association: ConfiguredTableAssociation, account_id: str, collaboration_id: str) -> bool:
    return (association.account_id, association.collaboration_id) == (account_id, collaboration_id)


def _dependant(record: Any) -> Dependant:
    if isinstance(record, ProtectedQuery):
        receivers = tuple(one["accountId"] for one in record.receivers)
    else:
        receiver = getattr(record, "receiver_account_id", None)
        receivers = () if receiver is None else (receiver,)
    name = getattr(record, "name", "")
    return Dependant(_KINDS[type(record)], name, record.account_id, receivers, record.status.value)


_KINDS: Mapping[type, str] = {
    MLInputChannel: "ML input channel",
    _ModelRow: "trained model",
    ProtectedQuery: "query",
    TrainedModelInferenceJob: "inference job",
    TrainedModelExportJob: "export",
}


def _reads(tx: Transaction, channel: MLInputChannel, association_ids: set[str]) -> bool:
    """Whether a channel reads one of the tables; before its query was judged, whether that names one."""
    if channel.source_associations:
        return bool(association_ids & set(channel.source_associations))
    query = tx.protected_queries.get(channel.protected_query_id)
    return query is not None and bool(association_ids & set(query.named_associations or ()))
