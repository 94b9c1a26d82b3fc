"""ConfiguredModelAlgorithmAssociation: an algorithm in a collaboration, with the policy that goes with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from whiteroom.base.arns import cleanrooms_ml_arn
from whiteroom.base.faults import Conflict, ValidationFault
from whiteroom.domain.privacy.policies import policy_is_sound
from whiteroom.domain.resources.collaborations import MemberStatus
from whiteroom.domain.resources.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.resources.dependants import LIVE_CHANNELS, LIVE_MODELS, READING_INFERENCE_JOBS
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.quotas import Quota
from whiteroom.operations.access import (
    active_membership,
    checked_tags,
    permit,
    within_quota,
)
from whiteroom.operations.answers import unique
from whiteroom.operations.cleanrooms_ml.configured_model_algorithms import ALGORITHMS
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import ASSOCIATION
from whiteroom.operations.patterns import fault_of
from whiteroom.operations.plain_resources import (
    IN_COLLABORATION,
    IN_OWN_MEMBERSHIP,
    Place,
    PlainResource,
    by_arn,
    none_in,
)
from whiteroom.operations.registry import CLEANROOMS_ML, Request, Response, operation


@operation(CLEANROOMS_ML, "CreateConfiguredModelAlgorithmAssociation")
def create_configured_model_algorithm_association(request: Request, context: Context) -> Response:
    """Bring an algorithm of the caller's into the collaboration, under a policy that never changes."""
    membership = active_membership(context, request["membershipIdentifier"])
    algorithm = ALGORITHMS.mine(request, context)
    privacy = request.get("privacyConfiguration")
    if privacy is not None:
        permit(policy_is_sound(privacy, _accounts(context, membership), fault_of), ValidationFault)
    tags = checked_tags(request.get("tags"))
    repository = context.tx.configured_model_algorithm_associations
    within_quota(context, Quota.ALGORITHM_ASSOCIATIONS_PER_MEMBERSHIP, repository, membership_id=membership.id)
    record_id = context.new_id()
    resource = f"membership/{membership.id}/{ASSOCIATION}/{record_id}"
    association = ConfiguredModelAlgorithmAssociation(
        id=record_id,
        arn=cleanrooms_ml_arn(membership.region, membership.account_id, resource),
        membership_id=membership.id,
        collaboration_id=membership.collaboration_id,
        account_id=membership.account_id,
        configured_model_algorithm_arn=algorithm.arn,
        name=request["name"],
        description=request.get("description"),
        privacy_configuration=privacy,
        created_at=context.now,
        updated_at=context.now,
    )
    with unique("a configured model algorithm association of this membership", association.name):
        repository.add(association)
    context.tx.tags.put(association.arn, tags)
    return {"configuredModelAlgorithmAssociationArn": association.arn}


def _require_unused(context: Context, association: ConfiguredModelAlgorithmAssociation) -> None:
    for user in _users(context, association.arn):
        raise Conflict(
            f"The configured model algorithm association {association.name} is used by {user}. "
            "Delete or cancel that first."
        )


def _accounts(context: Context, membership: Membership) -> Iterator[str]:
    for member in context.tx.members.all(collaboration_id=membership.collaboration_id):
        if member.status in (MemberStatus.INVITED, MemberStatus.ACTIVE):
            yield member.account_id


def _users(context: Context, association_arn: str) -> Iterator[str]:
    for status in LIVE_CHANNELS:
        channel = context.tx.ml_input_channels.find(association_arn=association_arn, status=status)
        if channel is not None:
            yield f"the ML input channel {channel.arn} ({status.value})"
    for status in LIVE_MODELS:
        model = context.tx.trained_models.find(association_arn=association_arn, status=status)
        if model is not None:
            yield f"the trained model {model.arn}, version {model.version_identifier} ({status.value})"
    for status in READING_INFERENCE_JOBS:
        job = context.tx.trained_model_inference_jobs.find(association_arn=association_arn, status=status)
        if job is not None:
            yield f"the inference job {job.arn} ({status.value})"


def _summary(_: Context, place: Place, association: ConfiguredModelAlgorithmAssociation) -> Mapping[str, Any]:
    creator = {} if place.membership else {"creatorAccountId": association.account_id}
    return {
        "createTime": association.created_at,
        "updateTime": association.updated_at,
        "configuredModelAlgorithmAssociationArn": association.arn,
        "configuredModelAlgorithmArn": association.configured_model_algorithm_arn,
        "name": association.name,
        "description": association.description,
        "membershipIdentifier": association.membership_id,
        "collaborationIdentifier": association.collaboration_id,
        **creator,
    }


def _document(context: Context, place: Place, association: ConfiguredModelAlgorithmAssociation) -> Mapping[str, Any]:
    tags = {"tags": context.tx.tags.get(association.arn) or None} if place.membership else {}
    return {**_summary(context, place, association), "privacyConfiguration": association.privacy_configuration, **tags}


_ASSOCIATIONS = PlainResource(
    service=CLEANROOMS_ML,
    module=__name__,
    records=lambda tx: tx.configured_model_algorithm_associations,
    where=IN_OWN_MEMBERSHIP,
    named_by="configuredModelAlgorithmAssociationArn",
    find=by_arn,
    missing=none_in(ASSOCIATION),
)
_ASSOCIATIONS.get("GetConfiguredModelAlgorithmAssociation", "The association that the membership made.", _document)
_ASSOCIATIONS.list(
    "ListConfiguredModelAlgorithmAssociations",
    "Those that the membership made.",
    _summary,
    key="configuredModelAlgorithmAssociations",
)
_ASSOCIATIONS.delete(
    "DeleteConfiguredModelAlgorithmAssociation",
    "Delete an association that no live channel, model or inference job needs (domain/resources/dependants.py).",
    first=_require_unused,
)

_SHARED_ASSOCIATIONS = replace(_ASSOCIATIONS, where=IN_COLLABORATION)
_SHARED_ASSOCIATIONS.get(
    "GetCollaborationConfiguredModelAlgorithmAssociation",
    "The association with its policy, for every member: owners of data decide by it.",
    _document,
)
_SHARED_ASSOCIATIONS.list(
    "ListCollaborationConfiguredModelAlgorithmAssociations",
    "Those of every member.",
    _summary,
    key="collaborationConfiguredModelAlgorithmAssociations",
)
