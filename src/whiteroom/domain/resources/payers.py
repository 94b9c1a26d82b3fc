"""Who pays for what in a collaboration.

One or more members can be payer candidates for a cost; "if the collaboration creator hasn't
specified anyone ..., then the member who can query is the default payer" (QueryComputePaymentConfig,
ModelTrainingPaymentConfig, ModelInferencePaymentConfig of the `cleanrooms` model). Nobody pays for
synthetic data by default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from whiteroom.domain.resources.collaborations import Ability, Cost, Member, MemberStatus
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict

FIELDS: Mapping[Cost, tuple[str, ...]] = {
    Cost.QUERY_COMPUTE: ("queryCompute",),
    Cost.JOB_COMPUTE: ("jobCompute",),
    Cost.MODEL_TRAINING: ("machineLearning", "modelTraining"),
    Cost.MODEL_INFERENCE: ("machineLearning", "modelInference"),
    Cost.SYNTHETIC_DATA_GENERATION: ("machineLearning", "syntheticDataGeneration"),
}
"""Where a PaymentConfiguration, and a MembershipPaymentConfiguration, say who is responsible."""

QUERIER_BY_DEFAULT = frozenset({Cost.QUERY_COMPUTE, Cost.MODEL_TRAINING, Cost.MODEL_INFERENCE})


def somebody_pays_for_jobs(members: Iterable[Member]) -> Verdict:
    """Whether the member who can run jobs pays for them, or another one does.

    Source: JobComputePaymentConfig.isResponsible ("An error is returned if the collaboration creator sets a FALSE value
    for the member who can run queries and jobs"); one or more others can be payers.
    """
    members = tuple(members)
    place = FIELDS[Cost.JOB_COMPUTE][0]
    refusing = [
        member.account_id
        for member in members
        if member.can(Ability.CAN_RUN_JOB) and member.payment_configuration.get(place, {}).get("isResponsible") is False
    ]
    if not refusing or any(is_responsible(member.payment_configuration, Cost.JOB_COMPUTE) for member in members):
        return ALLOWED
    return Denied(
        f"Member {refusing[0]} can run jobs and does not pay for them, and nobody else does. Set "
        "jobCompute.isResponsible of a member's paymentConfiguration."
    )


def is_responsible(payment_configuration: Mapping[str, Any], cost: Cost) -> bool:
    """Whether a payment configuration makes its member responsible for a cost."""
    part: Any = payment_configuration
    for field in FIELDS[cost]:
        part = part.get(field) or {}
    return bool(part.get("isResponsible", False))


def payer(members: Iterable[Member], cost: Cost, named: str | None, querier_account_id: str) -> str | Denied:
    """The account that pays.

    Args:
        members: everybody in the collaboration, whatever their status.
        cost: what has to be paid.
        named: the account that the request names; None takes the one configured.
        querier_account_id: who asks; a member who can query.
    """
    configured = [member for member in members if is_responsible(member.payment_configuration, cost)]
    if not configured and cost in QUERIER_BY_DEFAULT:
        candidates = [querier_account_id]
    else:
        candidates = [member.account_id for member in configured if member.status is MemberStatus.ACTIVE]
    if not candidates:
        return _no_payer(configured, cost)
    if named is not None:
        return named if named in candidates else _not_a_payer(named, cost, candidates)
    if len(candidates) == 1:
        return candidates[0]
    if querier_account_id in candidates:
        return querier_account_id
    return Denied(f"Members {', '.join(candidates)} can all pay for {cost.value}. Name one of them in the request.")


def _not_a_payer(named: str, cost: Cost, candidates: list[str]) -> Denied:
    return Denied(
        f"Account {named} is not an active member that pays for {cost.value} in this collaboration. "
        f"Name {' or '.join(candidates)}, or leave the payer out."
    )


def _no_payer(configured: list[Member], cost: Cost) -> Denied:
    if not configured:
        return Denied(
            f"No member of this collaboration pays for {cost.value}. Its creator must set isResponsible of "
            f"paymentConfiguration.{'.'.join(FIELDS[cost])} for a member when calling CreateCollaboration."
        )
    states = ", ".join(f"{member.account_id} ({member.status.value})" for member in configured)
    return Denied(
        f"No active member pays for {cost.value}: it was assigned to {states}. An invited member must call "
        "CreateMembership and accept the cost in its paymentConfiguration."
    )
