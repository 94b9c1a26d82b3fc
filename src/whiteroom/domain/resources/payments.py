"""What each member accepts to pay by joining: exactly what the creator assigned.

Who pays in the end: domain/resources/payers.py.

Source: MembershipQueryComputePaymentConfig.isResponsible and CreateMembershipInput.paymentConfiguration
of the `cleanrooms` model (2022-02-17, botocore 1.44.5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from whiteroom.domain.resources.collaborations import Ability, Cost, Member
from whiteroom.domain.resources.payers import FIELDS, QUERIER_BY_DEFAULT, is_responsible
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


def stated(configuration: Mapping[str, Any] | None, cost: Cost) -> bool | None:
    """What a payment configuration says about a cost; None where it says nothing."""
    place: Any = configuration or {}
    for step in FIELDS[cost]:
        place = place.get(step)
        if place is None:
            return None
    return bool(place["isResponsible"])


def assigned(member: Member, members: Iterable[Member], cost: Cost) -> bool:
    """Whether a cost is the member's: the creator configured it so, or nobody, and the member causes it."""
    everybodys = (other.payment_configuration for other in members)
    return falls_to(member.payment_configuration, everybodys, cost, can_query=member.can(Ability.CAN_QUERY))


def falls_to(own: Mapping[str, Any], everybodys: Iterable[Mapping[str, Any]], cost: Cost, *, can_query: bool) -> bool:
    """Whether a cost is a member's, by what the creator configured of it and of everybody, the member included."""
    if any(is_responsible(each, cost) for each in everybodys):
        return is_responsible(own, cost)
    return cost in QUERIER_BY_DEFAULT and can_query


def acceptance_of(costs: Iterable[Cost]) -> dict[str, Any]:
    """The MembershipPaymentConfiguration that accepts these costs, and of the others says what it must."""
    configuration: dict[str, Any] = {"queryCompute": {"isResponsible": False}}
    for cost in costs:
        place = configuration
        for step in FIELDS[cost]:
            place = place.setdefault(step, {})
        place["isResponsible"] = True
    return configuration


def acceptance(member: Member, members: Iterable[Member], offered: Mapping[str, Any] | None) -> Verdict:
    """Whether what a joining member accepts to pay is exactly what it was assigned.

    What the member who can query leaves unsaid it accepts ("Not required if the collaboration member has the
    member ability to run queries"); any other payer must say it.
    """
    members = tuple(members)
    for cost in Cost:
        said, owed = stated(offered, cost), assigned(member, members, cost)
        if said and not owed:
            return Denied(
                f"Account {member.account_id} is not assigned to pay for {cost.value}. "
                "Leave it out of paymentConfiguration, or pass isResponsible false."
            )
        if said is False and owed:
            return Denied(f"Account {member.account_id} is assigned to pay for {cost.value}: pass isResponsible true.")
        if said is None and owed and not member.can(Ability.CAN_QUERY):
            return Denied(
                f"Account {member.account_id} is assigned to pay for {cost.value} and must accept it: "
                "pass isResponsible true for it in paymentConfiguration."
            )
    return ALLOWED


def accepted(member: Member, members: Iterable[Member]) -> dict[str, Any]:
    """The MembershipPaymentConfiguration of a member that has joined: its part in every cost that concerns it."""
    members = tuple(members)
    configuration: dict[str, Any] = {}
    for cost, path in FIELDS.items():
        owed = assigned(member, members, cost)
        if owed or cost is Cost.QUERY_COMPUTE or stated(member.payment_configuration, cost) is not None:
            place = configuration
            for step in path:
                place = place.setdefault(step, {})
            place["isResponsible"] = owed
    return configuration


def merged(held: Mapping[str, Any], change: Mapping[str, Any] | None) -> dict[str, Any]:
    """A MembershipPaymentConfiguration with an UpdateMembershipPaymentConfiguration laid over it, cost by cost."""
    change = change or {}
    both = {**held, **change}
    if "machineLearning" in both:
        both["machineLearning"] = {**held.get("machineLearning", {}), **change.get("machineLearning", {})}
    return both
