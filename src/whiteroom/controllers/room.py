"""What several controllers read of a collaboration while they work for one of its members, and why they stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from whiteroom.base.arns import parse_arn
from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.steps import Failure
from whiteroom.domain.privacy.policies import PrivacyPolicies
from whiteroom.domain.resources.collaborations import Ability, CollaborationStatus, MemberStatus, member_id
from whiteroom.domain.resources.configured_model_algorithms import ConfiguredModelAlgorithm
from whiteroom.domain.resources.memberships import MembershipStatus
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.ml_input_channels import Status as ChannelStatus
from whiteroom.domain.resources.receivers import has_location, may_receive
from whiteroom.domain.resources.trained_models import Status as ModelStatus
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.domain.verdicts import Denied
from whiteroom.ports import Stale, Transaction, Work


class Revised(Protocol):
    """A record whose writes are counted."""

    @property
    def id(self) -> str: ...
    @property
    def revision(self) -> int: ...


class Wanted(Revised, Protocol):
    """A record that a membership asked for."""

    @property
    def membership_id(self) -> str: ...


def require_current(tx: Transaction, work: Work, record: Revised) -> None:
    """Do nothing that cannot be taken back, such as a delivery, for a record that was changed meanwhile.

    Raises:
        Stale: it was; what was decided from it no longer holds.
    """
    now = getattr(tx, work.value).get(record.id)
    if now is None or now.revision != record.revision:
        raise Stale(f"{work.value} {record.id} changed before a step that cannot be taken back.")


def require_wanted(tx: Transaction, work: Work, record: Wanted) -> None:
    """As `require_current`, and only for a member that is still there.

    Raises:
        Stale: what was decided no longer holds; the record's plan says what becomes of it.
    """
    require_current(tx, work, record)
    if not member_active(tx, record.membership_id):
        raise Stale(f"The member that asked for {work.value} {record.id} is there no more.")


def member_active(tx: Transaction, membership_id: str) -> bool:
    """Whether a membership and its collaboration still stand."""
    membership = tx.memberships.get(membership_id)
    if membership is None or membership.status is not MembershipStatus.ACTIVE:
        return False
    collaboration = tx.collaborations.get(membership.collaboration_id)
    return collaboration is not None and collaboration.status is CollaborationStatus.ACTIVE


def payer_active(tx: Transaction, collaboration_id: str, account_id: str | None) -> bool:
    """Whether the member that pays for a query is there: its leaving "stops all query execution" (docs/sources.md)."""
    if account_id is None:
        return True
    member = tx.members.get(member_id(collaboration_id, account_id))
    return member is not None and member.status is MemberStatus.ACTIVE


def receiving_membership(tx: Transaction, collaboration_id: str, account_id: str, ability: Ability) -> str | Denied:
    """The membership of a receiver, judged now: between request and delivery it may have left."""
    member = tx.members.get(member_id(collaboration_id, account_id))
    verdict = may_receive(account_id, member, ability)
    if isinstance(verdict, Denied):
        return verdict
    membership_id = member.membership_id if member is not None else None
    if membership_id is None or not member_active(tx, membership_id):
        return Denied(f"The receiver {account_id} has no ACTIVE membership in this collaboration.")
    return membership_id


def receiving_location(tx: Transaction, collaboration_id: str, account_id: str, ability: Ability) -> str | Denied:
    """Where a receiver's results go, judged now: it may have left, or moved."""
    membership_id = receiving_membership(tx, collaboration_id, account_id, ability)
    if isinstance(membership_id, Denied):
        return membership_id
    configuration = tx.ml_configurations.get(membership_id)
    verdict = has_location(account_id, configuration)
    if isinstance(verdict, Denied):
        return verdict
    return str(configuration.location) if configuration is not None else ""


def policies_of(tx: Transaction, association_arn: str) -> PrivacyPolicies:
    """The privacy policies under which an association's algorithm works."""
    association = tx.configured_model_algorithm_associations.find(arn=association_arn)
    return PrivacyPolicies.parse(None if association is None else association.privacy_configuration)


def algorithm_of(tx: Transaction, association_arn: str) -> ConfiguredModelAlgorithm | None:
    """The algorithm behind an association; None where either is gone."""
    association = tx.configured_model_algorithm_associations.find(arn=association_arn)
    if association is None:
        return None
    return tx.configured_model_algorithms.find(arn=association.configured_model_algorithm_arn)


def result_format(input_channel: Mapping[str, Any]) -> str:
    """The ResultFormat that an InputChannel asked for."""
    return str(input_channel["dataSource"]["protectedQueryInputParameters"].get("resultFormat", "CSV"))


def region_of(arn: str) -> str:
    """The region that a resource was made in."""
    return parse_arn(arn).region


def ready_channel(tx: Transaction, arn: str) -> MLInputChannel | Failure:
    """A channel whose rows can be read now."""
    channel = tx.ml_input_channels.find(arn=arn)
    if channel is not None and channel.status is ChannelStatus.ACTIVE:
        return channel
    status = "gone" if channel is None else channel.status.value
    return Failure(
        StatusCode.CHANNEL_UNAVAILABLE, f"The ML input channel {arn} is {status}; only an ACTIVE one can be read."
    )


def ready_model(tx: Transaction, version_id: str) -> TrainedModel | Failure:
    """A version whose artefacts can be read now."""
    model = tx.trained_models.get(version_id)
    if model is not None and model.status is ModelStatus.ACTIVE:
        return model
    status = "gone" if model is None else model.status.value
    return Failure(
        StatusCode.MODEL_UNAVAILABLE, f"The trained model version is {status}; only an ACTIVE one can be read."
    )
