"""Loads what a request of `cleanrooms-ml` names, from where the caller may look for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from whiteroom.base.arns import parse_arn
from whiteroom.base.faults import Conflict, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.instance_types import fits
from whiteroom.domain.resources.collaborations import Ability, Cost, member_id
from whiteroom.domain.resources.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.resources.configured_model_algorithms import ConfiguredModelAlgorithm
from whiteroom.domain.resources.lineage import model_may_reach
from whiteroom.domain.resources.memberships import Membership, MembershipStatus
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.ml_input_channels import Status as ChannelStatus
from whiteroom.domain.resources.payers import payer
from whiteroom.domain.resources.receivers import may_receive, output_of
from whiteroom.domain.resources.trained_models import BASE_VERSION, TrainedModel
from whiteroom.domain.resources.trained_models import Status as ModelStatus
from whiteroom.domain.resources.versions import Omitted, version_filter, version_id
from whiteroom.operations.access import permit
from whiteroom.operations.answers import unwrap
from whiteroom.operations.context import Context
from whiteroom.ports.repositories import Repository
from whiteroom.reads import algorithms
from whiteroom.reads.algorithms import association_at
from whiteroom.reads.current_rules import CurrentRules, base_of

ASSOCIATION = "configured-model-algorithm-association"
CHANNEL = "ml-input-channel"
MODEL = "trained-model"
INFERENCE_JOB = "trained-model-inference-job"


class CollaborationResource(Protocol):
    """A record that is in a membership of a collaboration."""

    @property
    def arn(self) -> str: ...
    @property
    def membership_id(self) -> str: ...
    @property
    def collaboration_id(self) -> str: ...


R = TypeVar("R", bound=CollaborationResource)


def missing(arn: str, kind: str, place: str) -> ResourceNotFound:
    """The answer for what is not where the caller looked."""
    return ResourceNotFound(f"There is no {kind} {arn} in {place}.", resourceId=arn, resourceType=kind)


def resource_id(text: str) -> str:
    """What an ARN ends in: the id of its record.

    Raises:
        ValidationFault: it is no ARN.
    """
    try:
        return parse_arn(text).resource_id
    except ValueError as error:
        raise ValidationFault(str(error)) from None


def of_membership(repository: Repository[R], arn: str, kind: str, membership: Membership) -> R:
    """A record that the membership made.

    Raises:
        ResourceNotFound: the membership has none by that ARN.
    """
    record = repository.get(resource_id(arn))
    if record is None or record.arn != arn or record.membership_id != membership.id:
        raise missing(arn, kind, f"membership {membership.id}")
    return record


def of_collaboration(repository: Repository[R], arn: str, kind: str, collaboration_id: str) -> R:
    """A record that any member of the collaboration made.

    Raises:
        ResourceNotFound: the collaboration has none by that ARN.
    """
    record = repository.get(resource_id(arn))
    if record is None or record.arn != arn or record.collaboration_id != collaboration_id:
        raise missing(arn, kind, f"collaboration {collaboration_id}")
    return record


def association_of(context: Context, arn: str, collaboration_id: str) -> ConfiguredModelAlgorithmAssociation:
    """An association of any member of the collaboration."""
    repository = context.tx.configured_model_algorithm_associations
    return of_collaboration(repository, arn, ASSOCIATION, collaboration_id)


def working_association(context: Context, arn: str, collaboration_id: str) -> ConfiguredModelAlgorithmAssociation:
    """An association that new work may use: its provider is still there.

    Raises:
        ResourceNotFound: the collaboration has none by that ARN.
        Conflict: its provider has left, or was removed.
    """
    association = association_of(context, arn, collaboration_id)
    membership = context.tx.memberships.get(association.membership_id)
    if membership is None or membership.status is not MembershipStatus.ACTIVE:
        raise Conflict(
            f"Member {association.account_id}, whose algorithm {arn} is, is no longer in the collaboration. "
            "Use an association of an active member."
        )
    return association


def association_or_none(context: Context, arn: str) -> ConfiguredModelAlgorithmAssociation | None:
    """An association that may have been deleted since; the ARN is one that a record holds."""
    return association_at(context.tx, arn)


def algorithm_of(context: Context, association: ConfiguredModelAlgorithmAssociation) -> ConfiguredModelAlgorithm:
    """The algorithm behind an association. It cannot be deleted while it is associated."""
    algorithm = algorithms.algorithm_of(context.tx, association)
    if algorithm is None:
        arn = association.configured_model_algorithm_arn
        raise missing(arn, "configured-model-algorithm", f"account {association.account_id}")
    return algorithm


def ready_channel(context: Context, membership: Membership, arn: str) -> MLInputChannel:
    """A channel of the membership whose rows are there.

    Raises:
        ResourceNotFound: the membership has no such channel.
        Conflict: it is not ACTIVE, or its retention is over.
    """
    channel = of_membership(context.tx.ml_input_channels, arn, CHANNEL, membership)
    if channel.status is not ChannelStatus.ACTIVE:
        raise Conflict(
            f"The ML input channel {channel.name} ({arn}) is {channel.status.value}. Use an ACTIVE one.",
        )
    if channel.expires_at is not None and channel.expires_at <= context.now:
        # Its controller erases it soon; until then the rows are there, but no longer to be used.
        raise Conflict(
            f"The {channel.retention_in_days} days of retention of the ML input channel {channel.name} ({arn}) are "
            "over. Create it again."
        )
    return channel


def model_version(
    context: Context, arn: str, identifier: str | None, omitted: Omitted, collaboration_id: str
) -> TrainedModel:
    """The version of a model that a request means, by whichever member of the collaboration it was trained.

    Raises:
        ResourceNotFound: the collaboration has no such model, or the model no such version.
        Conflict: `omitted` asks for an ACTIVE version, and the model has none.
    """
    if identifier is not None or omitted is Omitted.BASE:
        # By its key: the record's id follows from the ARN and the identifier.
        model = context.tx.trained_models.get(version_id(resource_id(arn), identifier or BASE_VERSION))
    else:
        model = context.tx.trained_models.find(arn=arn, **version_filter(None, omitted))
    if model is None and omitted is Omitted.LATEST_ACTIVE and identifier is None:
        latest = context.tx.trained_models.find(arn=arn, is_latest=True)
        if latest is not None and latest.collaboration_id == collaboration_id:
            raise Conflict(
                f"The trained model {latest.name} has no ACTIVE version; its latest is {latest.status.value}. "
                "Wait for it, or train it again."
            )
    if (
        model is None
        or model.arn != arn
        or model.collaboration_id != collaboration_id
        or (identifier is not None and model.version_identifier != identifier)
    ):
        version = "" if identifier is None else f" in version {identifier}"
        raise ResourceNotFound(
            f"There is no trained model {arn}{version} in collaboration {collaboration_id}.",
            resourceId=arn,
            resourceType=MODEL,
        )
    return model


def own_model_version(
    context: Context, membership: Membership, arn: str, identifier: str | None, omitted: Omitted
) -> TrainedModel:
    """As `model_version`, of the caller's own membership only.

    Raises:
        ResourceNotFound: another membership trained it.
    """
    model = model_version(context, arn, identifier, omitted, membership.collaboration_id)
    if model.membership_id != membership.id:
        raise missing(arn, MODEL, f"membership {membership.id}")
    return model


def require_active(model: TrainedModel) -> None:
    """Raise Conflict unless the version has artefacts."""
    if model.status is not ModelStatus.ACTIVE:
        raise Conflict(
            f"The trained model {model.name} ({model.arn}, version {model.version_identifier}) is "
            f"{model.status.value}. Use an ACTIVE version."
        )


def require_fitting_instances(context: Context, resource_config: Mapping[str, Any]) -> None:
    """Where the operator is strict about instance types: instances no larger than the machine."""
    if context.deployment.strict_machine is not None:
        instances = resource_config.get("instanceCount", 1)
        permit(fits(resource_config["instanceType"], context.deployment.strict_machine, instances), ValidationFault)


def caller_membership_id(context: Context, collaboration_id: str) -> str | None:
    """The caller's own membership of the collaboration."""
    member = context.tx.members.get(member_id(collaboration_id, context.caller.account_id))
    return None if member is None else member.membership_id


def paying_account(context: Context, membership: Membership, cost: Cost, named: str | None) -> str:
    """The account that pays for what this membership asks for.

    Raises:
        ValidationFault: the one named does not pay for this, or nobody does.
    """
    members = context.tx.members.all(collaboration_id=membership.collaboration_id)
    return unwrap(payer(members, cost, named, membership.account_id), ValidationFault)


def require_receiver(context: Context, membership: Membership, account_id: str, ability: Ability) -> None:
    """Raise unless the account may receive results in this collaboration, and has said where.

    Raises:
        AccessDenied: it is no active member, or lacks the ability.
        ValidationFault: it has no ML configuration with an output location.
    """
    member = context.tx.members.get(member_id(membership.collaboration_id, account_id))
    permit(may_receive(account_id, member, ability))
    place = member.membership_id if member is not None else None
    configuration = None if place is None else context.tx.ml_configurations.get(place)
    unwrap(output_of(account_id, configuration), ValidationFault)


def require_rows_may_reach(
    context: Context, association: ConfiguredModelAlgorithmAssociation, channels: list[MLInputChannel]
) -> None:
    """Raise AccessDenied unless every channel may be read now: by its own algorithm, and by the association's."""
    rules = CurrentRules(context.tx)
    for channel in channels:
        permit(rules.channel(channel, {association.arn}))


def require_model_may_reach(
    context: Context, association: ConfiguredModelAlgorithmAssociation, model: TrainedModel
) -> None:
    """Raise AccessDenied unless the association's algorithm may read the model, and so all it was made of."""
    step: TrainedModel | None = model
    # Whether its provider lets a model of the same association be one was judged when that model was made.
    while step is not None and step.association_arn != association.arn:
        trained_with = association_or_none(context, step.association_arn)
        permit(model_may_reach(association, step.name, step.association_arn, trained_with))
        step = base_of(context.tx, step)
    permit(CurrentRules(context.tx).model(model, {association.arn}, reader=context.caller.account_id))


def require_model_may_leave(context: Context, model: TrainedModel) -> None:
    """Raise AccessDenied unless the owners of all that the model was made of still allow its use."""
    permit(CurrentRules(context.tx).model(model))
