"""ConfiguredModelAlgorithmAssociation: an algorithm in a collaboration, with the policy that goes with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    joined_collaboration,
    own_membership,
    permit,
    within_quota,
)
from whiteroom.operations.answers import paged, unique
from whiteroom.operations.cleanrooms_ml.configured_model_algorithms import own_algorithm
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import ASSOCIATION, association_of, of_membership
from whiteroom.operations.patterns import fault_of
from whiteroom.operations.registry import CLEANROOMS_ML, Request, Response, operation


@operation(CLEANROOMS_ML, "CreateConfiguredModelAlgorithmAssociation")
def create_configured_model_algorithm_association(request: Request, context: Context) -> Response:
    """Bring an algorithm of the caller's into the collaboration, under a policy that never changes."""
    membership = active_membership(context, request["membershipIdentifier"])
    algorithm = own_algorithm(context, request["configuredModelAlgorithmArn"])
    privacy = request.get("privacyConfiguration")
    if privacy is not None:
        permit(policy_is_sound(privacy, _accounts(context, membership), fault_of), ValidationFault)
    tags = checked_tags(request.get("tags"))
    repository = context.tx.configured_model_algorithm_associations
    within_quota(context, Quota.ALGORITHM_ASSOCIATIONS_PER_MEMBERSHIP, repository, membership_id=membership.id)
    record_id = context.deployment.new_id()
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


@operation(CLEANROOMS_ML, "GetConfiguredModelAlgorithmAssociation")
def get_configured_model_algorithm_association(request: Request, context: Context) -> Response:
    """The association, for the membership that made it."""
    association = _own(request, context)
    return {
        **_summary(association),
        "privacyConfiguration": association.privacy_configuration,
        "tags": context.tx.tags.get(association.arn) or None,
    }


@operation(CLEANROOMS_ML, "ListConfiguredModelAlgorithmAssociations")
def list_configured_model_algorithm_associations(request: Request, context: Context) -> Response:
    """Those that the membership made."""
    membership = own_membership(context, request["membershipIdentifier"])
    repository = context.tx.configured_model_algorithm_associations
    key = "configuredModelAlgorithmAssociations"
    return paged(request, key, repository, _summary, membership_id=membership.id)


@operation(CLEANROOMS_ML, "GetCollaborationConfiguredModelAlgorithmAssociation")
def get_collaboration_configured_model_algorithm_association(request: Request, context: Context) -> Response:
    """The association with its policy, for every member: owners of data decide by it."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    association = association_of(context, request["configuredModelAlgorithmAssociationArn"], collaboration.id)
    return {**_collaboration_summary(association), "privacyConfiguration": association.privacy_configuration}


@operation(CLEANROOMS_ML, "ListCollaborationConfiguredModelAlgorithmAssociations")
def list_collaboration_configured_model_algorithm_associations(request: Request, context: Context) -> Response:
    """Those of every member."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    repository = context.tx.configured_model_algorithm_associations
    key = "collaborationConfiguredModelAlgorithmAssociations"
    return paged(request, key, repository, _collaboration_summary, collaboration_id=collaboration.id)


@operation(CLEANROOMS_ML, "DeleteConfiguredModelAlgorithmAssociation")
def delete_configured_model_algorithm_association(request: Request, context: Context) -> Response:
    """Delete an association that no live channel, model or inference job needs (domain/resources/dependants.py)."""
    association = _own(request, context)
    for user in _users(context, association.arn):
        raise Conflict(
            f"The configured model algorithm association {association.name} is used by {user}. "
            "Delete or cancel that first."
        )
    context.tx.configured_model_algorithm_associations.remove(association)
    context.tx.tags.put(association.arn, {})
    return None


def _own(request: Request, context: Context) -> ConfiguredModelAlgorithmAssociation:
    membership = own_membership(context, request["membershipIdentifier"])
    repository = context.tx.configured_model_algorithm_associations
    return of_membership(repository, request["configuredModelAlgorithmAssociationArn"], ASSOCIATION, membership)


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


def _summary(association: ConfiguredModelAlgorithmAssociation) -> Mapping[str, Any]:
    return {
        "createTime": association.created_at,
        "updateTime": association.updated_at,
        "configuredModelAlgorithmAssociationArn": association.arn,
        "configuredModelAlgorithmArn": association.configured_model_algorithm_arn,
        "name": association.name,
        "description": association.description,
        "membershipIdentifier": association.membership_id,
        "collaborationIdentifier": association.collaboration_id,
    }


def _collaboration_summary(association: ConfiguredModelAlgorithmAssociation) -> Mapping[str, Any]:
    return {**_summary(association), "creatorAccountId": association.account_id}
