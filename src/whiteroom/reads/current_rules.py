"""Whether the rules allow now the use of what was made from tables: channels, models, running work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from whiteroom.base.arns import parse_arn
from whiteroom.domain.privacy.query_facts import Judgement
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.resources.collaborations import MemberStatus, member_id
from whiteroom.domain.resources.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.resources.lineage import rows_may_reach, rows_of_another
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.query_tables import referenced


class Trained(Protocol):
    """A training, as far as it matters what it learnt from."""

    @property
    def id(self) -> str: ...
    @property
    def arn(self) -> str: ...
    @property
    def account_id(self) -> str: ...
    @property
    def association_arn(self) -> str: ...
    @property
    def data_channels(self) -> tuple[Mapping[str, Any], ...]: ...
    @property
    def incremental_channels(self) -> tuple[Mapping[str, Any], ...]: ...


class Inferring(Protocol):
    """An inference job, as far as it matters what it reads."""

    @property
    def account_id(self) -> str: ...
    @property
    def association_arn(self) -> str: ...
    @property
    def ml_input_channel_arn(self) -> str: ...
    @property
    def trained_model_id(self) -> str: ...


class CurrentRules:
    """What owners allow now, as one transaction sees it. Each table, channel and model is looked up once.

    Reasons name tables and channels to the member whose channels they are. To another, who uses a model that was made
    of them, they name the model alone (lineage.rows_of_another).
    """

    def __init__(self, tx: Transaction) -> None:
        """Look in this transaction, and nowhere else."""
        self._tx = tx
        self._tables: dict[str, QueryTable | None] = {}
        self._channels: dict[tuple[str, frozenset[str]], Verdict] = {}
        self._models: dict[tuple[str, frozenset[str], str], Verdict] = {}

    def tables(self, association_ids: Iterable[str]) -> dict[str, QueryTable]:
        """Those tables that are still shared, by the ids of their associations."""
        found = {one: self._table(one) for one in association_ids}
        return {one: table for one, table in found.items() if table is not None}

    def tables_of(self, judgement: Judgement) -> dict[str, QueryTable]:
        """Those of a query's tables that are still shared."""
        return self.tables(judgement.association_ids)

    def channel(self, channel: MLInputChannel, algorithm_arns: Iterable[str] = ()) -> Verdict:
        """Whether a channel's own algorithm, and these associations' too, may read it now."""
        arns = frozenset(algorithm_arns)
        key = (channel.id, arns)
        if key not in self._channels:
            self._channels[key] = rows_may_reach(sorted(arns), channel, self.tables(channel.source_associations))
        return self._channels[key]

    def model(self, model: Trained, algorithm_arns: Iterable[str] = (), *, reader: str | None = None) -> Verdict:
        """Whether all that a model learnt from, through its whole ancestry, may be used now.

        Args:
            model: a version, trained or in training.
            algorithm_arns: the associations whose algorithms are to have it; its own's had it, and counts anyway.
            reader: the account that reads why not; None for the one that trained the model.
        """
        reader = reader or model.account_id
        key = (model.id, frozenset(algorithm_arns), reader)
        if key not in self._models:
            self._models[key] = self._judged(model, set(algorithm_arns), reader)
        return self._models[key]

    def inference(self, job: Inferring) -> Verdict:
        """Whether an inference job may read its channel, and all that its model learnt from."""
        channel = self._channel(job.ml_input_channel_arn)
        verdict = ALLOWED if channel is None else self.channel(channel, {job.association_arn})
        model = self._tx.trained_models.get(job.trained_model_id)
        if isinstance(verdict, Denied) or model is None:
            return verdict
        return self.model(model, {job.association_arn}, reader=job.account_id)

    def _judged(self, model: Trained, algorithm_arns: set[str], reader: str) -> Verdict:
        step: Trained | None = model
        while step is not None:
            # What a version learnt from has reached its own algorithm, and reaches those of the versions after it.
            algorithm_arns = algorithm_arns | {step.association_arn}
            for read in step.data_channels:
                channel = self._channel(read["mlInputChannelArn"])
                verdict = ALLOWED if channel is None else self.channel(channel, algorithm_arns)
                if channel is not None and isinstance(verdict, Denied):
                    own = channel.account_id == reader
                    return verdict if own else rows_of_another(step.arn, step.account_id)
            step = base_of(self._tx, step)
        return ALLOWED

    def _channel(self, arn: str) -> MLInputChannel | None:
        return self._tx.ml_input_channels.get(parse_arn(arn).resource_id)

    def _table(self, association_id: str) -> QueryTable | None:
        if association_id not in self._tables:
            association = self._tx.configured_table_associations.get(association_id)
            shared = association is not None and self._is_member(association)
            found = referenced(self._tx, association) if association is not None and shared else None
            self._tables[association_id] = None if found is None else found[0]
        return self._tables[association_id]

    def _is_member(self, association: ConfiguredTableAssociation) -> bool:
        member = self._tx.members.get(member_id(association.collaboration_id, association.account_id))
        return member is not None and member.status is MemberStatus.ACTIVE


def base_of(tx: Transaction, model: Trained) -> TrainedModel | None:
    """The version that one went on from."""
    base: str | None = model.incremental_channels[0]["modelId"] if model.incremental_channels else None
    return None if base is None else tx.trained_models.get(base)
