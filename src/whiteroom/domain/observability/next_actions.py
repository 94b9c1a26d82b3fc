"""What each member of a collaboration has to do next, so that it can be used: what `whiteroom explain` shows.

Nothing here is enforced; it says beforehand what operations would refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from whiteroom.domain.privacy.differential_privacy import epsilon_left
from whiteroom.domain.privacy.privacy_budgets import PrivacyBudgetTemplate, remaining
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.resources.collaborations import (
    Ability,
    Collaboration,
    CollaborationStatus,
    Cost,
    Member,
    MemberStatus,
)
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.ml_configurations import MLConfiguration
from whiteroom.domain.resources.payments import assigned
from whiteroom.domain.resources.schemas import readiness

_ML_ABILITIES = (Ability.CAN_RECEIVE_MODEL_OUTPUT, Ability.CAN_RECEIVE_INFERENCE_OUTPUT)
_USES: Mapping[str, str] = {
    "DIRECT_ANALYSIS": "query {tables} (StartProtectedQuery)",
    "ADDITIONAL_ANALYSIS": "make ML input channels of {tables} (CreateMLInputChannel)",
}


@dataclass(frozen=True, slots=True)
class SharedTable:
    """One associated table, with what keeps it from being used."""

    table: QueryTable
    readable: bool
    """Whether the catalog knows it, and its files are there."""
    budget: PrivacyBudgetTemplate | None
    """How often it may be used."""
    private_budget: PrivacyBudgetTemplate | None = None
    """How much may be learned about its users: its owner's budget, if the table needs one."""

    def can_be_used(self, now: datetime) -> bool:
        """Whether its budgets leave anything."""
        if self.private_budget is not None and not epsilon_left(self.private_budget, now):
            return False
        return self.budget is None or bool(remaining(self.budget, now))


@dataclass(frozen=True, slots=True)
class CollaborationState:
    """A collaboration as far as its members' next actions depend on it."""

    collaboration: Collaboration
    members: Sequence[Member]
    memberships: Mapping[str, Membership]
    """Of those who have joined, by account."""
    ml_configurations: Mapping[str, MLConfiguration]
    """By account."""
    tables: Sequence[SharedTable]
    algorithm_owners: frozenset[str]
    """Accounts that have associated a configured model algorithm."""
    log_readers: frozenset[str] = frozenset()
    """Accounts that a log policy of one of these names."""


@dataclass(frozen=True, slots=True)
class NextAction:
    """One thing that a member has to do, or has to wait for."""

    text: str
    operation: str = ""
    """The operation that does it, where one call does."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What one member has to do, in the order to do it; nothing where the others are waited for."""

    account_id: str
    status: MemberStatus
    actions: tuple[NextAction, ...]


def next_actions(state: CollaborationState, now: datetime) -> tuple[Advice, ...]:
    """The advice for every member, the creator first."""
    return tuple(
        Advice(member.account_id, member.status, tuple(_actions(state, member, now))) for member in state.members
    )


def needs_of(state: CollaborationState, account_id: str, now: datetime) -> tuple[str, ...]:
    """What a collaboration waits for from a member who has joined, and nothing else of `next_actions`.

    Whether files can be read is left out: it is the operator's to mend.
    """
    member = next((one for one in state.members if one.account_id == account_id), None)
    if state.collaboration.status is CollaborationStatus.DELETED or member is None:
        return ()
    if member.status is not MemberStatus.ACTIVE:
        return ()
    own = [shared for shared in state.tables if shared.table.owner_account_id == account_id]
    of_tables = (sentence for shared in own for sentence in (*_missing_of(shared.table), *_spent(shared, now)))
    as_a_receiver = (action.text for action in _as_a_receiver(state, member))
    return tuple(dict.fromkeys((*of_tables, *as_a_receiver)))


def _actions(state: CollaborationState, member: Member, now: datetime) -> Iterable[NextAction]:
    if state.collaboration.status is CollaborationStatus.DELETED:
        yield NextAction("The collaboration was deleted. Create another one (CreateCollaboration).")
    elif member.status is MemberStatus.INVITED:
        yield _join(state, member)
    elif member.status is not MemberStatus.ACTIVE:
        yield NextAction("No longer part of it, and cannot join again.")
    else:
        yield from map(NextAction, _of_its_tables(state, member, now))
        yield from _as_a_receiver(state, member)
        if member.can(Ability.CAN_QUERY):
            yield from map(NextAction, _as_the_querier(state, now))


def _join(state: CollaborationState, member: Member) -> NextAction:
    owed = [cost.value for cost in Cost if assigned(member, state.members, cost)]
    pays = f", and accept to pay for {', '.join(owed)} in paymentConfiguration" if owed else ""
    text = f"Join: CreateMembership with collaborationIdentifier {state.collaboration.id}{pays}."
    return NextAction(text, "CreateMembership")


def _of_its_tables(state: CollaborationState, member: Member, now: datetime) -> Iterable[str]:
    own = [shared for shared in state.tables if shared.table.owner_account_id == member.account_id]
    for shared in own:
        if not shared.readable:
            yield (
                f"The files of the table '{shared.table.name}' cannot be read: ask the operator to look at "
                "`whiteroom catalog show`."
            )
        yield from _to_be_ready(shared.table)
        yield from _spent(shared, now)


def _spent(shared: SharedTable, now: datetime) -> Iterable[str]:
    if shared.budget is not None and not remaining(shared.budget, now):
        yield (
            f"The access budget of the table '{shared.table.name}' leaves nothing now, so it is not read: wait for "
            "its next period. A budget without one stays spent until you set another (UpdatePrivacyBudgetTemplate)."
        )
    if shared.private_budget is not None and not epsilon_left(shared.private_budget, now):
        yield (
            f"The privacy budget that queries over '{shared.table.name}' are paid from is spent, so nothing more "
            "is told of its users: wait for the next month where it is refreshed (GetPrivacyBudgetTemplate)."
        )


def _to_be_ready(table: QueryTable) -> Iterable[str]:
    """What an owner still has to set before its table is of use; nothing that would loosen what it has set."""
    missing = _missing_of(table)
    yield from missing
    if not missing and all(readiness(table).values()):
        yield f"The table '{table.name}' is open to no use, as its rule says. While that is what you want, do nothing."


def _missing_of(table: QueryTable) -> tuple[str, ...]:
    """What it lacks for every use that its rule leaves open; nothing where it is ready for one, or open to none."""
    missing = readiness(table)
    if not all(missing.values()):
        return ()
    open_to = [items for items in missing.values() if not any(item.closed for item in items)]
    return tuple(dict.fromkeys(item.message for items in open_to for item in items))


def _as_a_receiver(state: CollaborationState, member: Member) -> Iterable[NextAction]:
    configuration = state.ml_configurations.get(member.account_id)
    if any(member.can(ability) for ability in _ML_ABILITIES) and (
        configuration is None or configuration.location is None
    ):
        text = "To receive models and inferences, say where: PutMLConfiguration with an s3Destination."
        yield NextAction(text, "PutMLConfiguration")
    if configuration is None and (member.can(Ability.CAN_QUERY) or member.account_id in state.log_readers):
        text = "To read logs and metrics of trainings and jobs, call PutMLConfiguration before they start."
        yield NextAction(text, "PutMLConfiguration")
    membership = state.memberships.get(member.account_id)
    receives_from_others = member.can(Ability.CAN_RECEIVE_RESULTS) and not member.can(Ability.CAN_QUERY)
    if receives_from_others and membership is not None and membership.default_result_configuration is None:
        text = "To receive results of queries, say where: UpdateMembership with defaultResultConfiguration."
        yield NextAction(text, "UpdateMembership")


def _as_the_querier(state: CollaborationState, now: datetime) -> Iterable[str]:
    if not state.tables:
        yield "Wait: no member has associated a table yet (CreateConfiguredTableAssociation)."
        return
    usable = [shared for shared in state.tables if shared.readable and shared.can_be_used(now)]
    ready: dict[str, list[str]] = {}
    for shared in usable:
        for kind, missing in readiness(shared.table).items():
            if not missing:
                ready.setdefault(kind.value, []).append(f"'{shared.table.name}'")
    if not ready:
        yield "Wait: no table is ready yet; their owners are told here what they lack."
    for use, names in sorted(ready.items()):
        if use == "ADDITIONAL_ANALYSIS" and not state.algorithm_owners:
            yield (
                f"Tables {', '.join(names)} are ready for an algorithm, and there is none: any member brings one by "
                "CreateConfiguredModelAlgorithm and CreateConfiguredModelAlgorithmAssociation."
            )
        else:
            yield f"Ready: {_USES[use].format(tables=', '.join(names))}."
