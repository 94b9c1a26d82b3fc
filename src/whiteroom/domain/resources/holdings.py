"""Holdings: bytes that are kept, whose they are, and since when.

One is written with the record that says that the bytes are there, and ended with the one that says that they are to go;
it stays as what storage is billed by. The member that asked for the work owes the bytes, whoever reads them: it is the
one who can ask for less. Who pays for the work pays for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from whiteroom.domain.resources import ml_input_channels, trained_models
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.quotas import Quota, Quotas
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


class HoldingKind(StrEnum):
    """What is kept."""

    CHANNEL = "channel"
    """Rows of an ML input channel, from their being there until they are erased."""
    ARTEFACTS = "artefacts"
    """Archives of a trained model as they are stored, partial ones too."""
    RESULT = "result"
    """What was delivered to a receiver, a holding for each."""
    LOG = "log"
    """What a training or an inference job has printed, and its samples of the machine, once it is over."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Bytes of one thing."""

    id: str
    """Its kind and the identifier of what it is of."""
    kind: HoldingKind
    resource: str
    """The ARN of what it is of; where AWS gives none, ours."""
    membership_id: str
    """That asked for the work."""
    collaboration_id: str
    account_id: str
    """Likewise."""
    payer_account_id: str
    size_bytes: int
    is_held: bool
    created_at: datetime
    """Since when they are there."""
    ended_at: datetime | None
    """Since when they are not."""


def holding_id(kind: HoldingKind, of: str) -> str:
    """The id of a holding."""
    return f"{kind.value}/{of}"


class Kept(Protocol):
    """A record of which bytes are kept."""

    @property
    def id(self) -> str: ...
    @property
    def arn(self) -> str: ...
    @property
    def membership_id(self) -> str: ...
    @property
    def collaboration_id(self) -> str: ...
    @property
    def account_id(self) -> str: ...


class Logged(Kept, Protocol):
    """A training or an inference job, whose run has a log."""

    @property
    def payer_account_id(self) -> str | None: ...
    @property
    def status(self) -> StrEnum: ...


def of_channel(channel: MLInputChannel, now: datetime) -> Holding | None:
    """What a channel holds from now on; None where it has no rows."""
    if channel.status is not ml_input_channels.Status.ACTIVE:
        return None
    payer = channel.payer_configuration.get("computePayerAccountId")
    return _of(HoldingKind.CHANNEL, channel, payer, channel.size_bytes or 0, now)


def of_model(model: TrainedModel, now: datetime) -> Holding | None:
    """What a version of a model holds from now on; None where nothing of it is kept."""
    partial = model.status is trained_models.Status.CREATE_FAILED and model.partial_bytes is not None
    if not (model.status is trained_models.Status.ACTIVE or partial):
        return None
    return _of(HoldingKind.ARTEFACTS, model, model.payer_account_id, model.stored_bytes or 0, now)


def of_log(record: Logged, size_bytes: int, now: datetime) -> Holding:
    """What the log of a run holds from now on."""
    return _of(HoldingKind.LOG, record, record.payer_account_id, size_bytes, now)


def _of(kind: HoldingKind, record: Kept, payer_account_id: str | None, size_bytes: int, now: datetime) -> Holding:
    return Holding(
        id=holding_id(kind, record.id),
        kind=kind,
        resource=record.arn,
        membership_id=record.membership_id,
        collaboration_id=record.collaboration_id,
        account_id=record.account_id,
        payer_account_id=payer_account_id or record.account_id,
        size_bytes=size_bytes,
        is_held=True,
        created_at=now,
        ended_at=None,
    )


def fits(size_bytes: int, held_by_membership: int, held_by_collaboration: int, quotas: Quotas) -> Verdict:
    """Whether so many bytes more may be kept. What a quota allows is allowed to the last byte.

    Reasons show sizes by their order of magnitude, as metrics of analyses do: not everybody who reads them may know how
    many bytes a result or a log has. No reason says what other members of a collaboration hold; a member that probes
    what fits can learn it (docs/operating.md).
    """
    limit = quotas.limit(Quota.STORED_BYTES_PER_MEMBERSHIP)
    if limit is not None and held_by_membership + size_bytes > limit:
        return Denied(
            f"What it gave has {_roughly(size_bytes)} and does not fit: the membership holds "
            f"{_roughly(held_by_membership)} already, and the quota {Quota.STORED_BYTES_PER_MEMBERSHIP.value} is "
            f"{limit:,}. {_REMEDY}"
        )
    limit = quotas.limit(Quota.STORED_BYTES_PER_COLLABORATION)
    if limit is not None and held_by_collaboration + size_bytes > limit:
        return Denied(
            f"What it gave has {_roughly(size_bytes)} and does not fit into what the members have left of the quota "
            f"{Quota.STORED_BYTES_PER_COLLABORATION.value}, which is {limit:,}. {_REMEDY}"
        )
    return ALLOWED


def has_room(held_by_membership: int, held_by_collaboration: int, quotas: Quotas) -> tuple[Quota, Denied] | None:
    """Which quota leaves no byte for new work, and why; None where each does."""
    for quota, held, whose in (
        (Quota.STORED_BYTES_PER_MEMBERSHIP, held_by_membership, "The membership holds"),
        (
            Quota.STORED_BYTES_PER_COLLABORATION,
            held_by_collaboration,
            "The members of this collaboration together hold",
        ),
    ):
        limit = quotas.limit(quota)
        if limit is not None and held >= limit:
            return quota, Denied(f"{whose} all the {limit:,} bytes that the quota {quota.value} allows. {_REMEDY}")
    return None


def _roughly(size_bytes: int) -> str:
    """A number of bytes by its first power of ten."""
    if size_bytes < _TOLD_FROM:
        return f"fewer than {_TOLD_FROM} bytes"
    return f"{10 ** (len(str(size_bytes)) - 1):,} bytes or more"


_TOLD_FROM = 100
_REMEDY = "Delete channels and models that are no longer used, or ask the operator to raise it in whiteroom.toml."
