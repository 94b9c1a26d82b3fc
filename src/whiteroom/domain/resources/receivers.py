"""Who may receive what queries, trainings and inference give, and who may send it to them.

A receiver needs the ability and an ML configuration with a destination (docs/sources.md, machine-learning).
"""

from __future__ import annotations

from whiteroom.domain.execution.deliveries import Destination
from whiteroom.domain.resources.collaborations import Ability, Member, MemberStatus
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.ml_configurations import MLConfiguration
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


def may_receive(account_id: str, member: Member | None, ability: Ability) -> Verdict:
    """Whether an account, with its place in the collaboration, may receive what takes `ability`."""
    if member is None or member.status is not MemberStatus.ACTIVE:
        return Denied(
            f"The receiver {account_id} is not an active member of this collaboration. Name a member that has joined, "
            "or let it call CreateMembership."
        )
    if not member.can(ability):
        field = "memberAbilities" if ability is Ability.CAN_RECEIVE_RESULTS else "customMLMemberAbilities"
        return Denied(
            f"The receiver {account_id} does not have the ability {ability.value} in this collaboration. Its creator "
            f"gives it by CreateCollaboration ({field}); name a member that has it."
        )
    return ALLOWED


def output_of(account_id: str, configuration: MLConfiguration | None) -> Destination | Denied:
    """Where a receiver has said that its results go."""
    if configuration is None or configuration.location is None:
        return Denied(
            f"The receiver {account_id} has no ML configuration with an output location. It must call "
            "PutMLConfiguration with defaultOutputLocation.destination.s3Destination.s3Uri."
        )
    return Destination(configuration.location, account_id, configuration.role_arn)


def may_start_export(model: TrainedModel, membership: Membership) -> Verdict:
    """Whether a member may: "the member who trained the model can initiate the export" (docs/sources.md)."""
    if model.membership_id != membership.id:
        return Denied(
            f"The trained model {model.name} was trained by member {model.account_id}, who alone can start its export. "
            f"Ask that member to name {membership.account_id} as the receiver."
        )
    return ALLOWED
