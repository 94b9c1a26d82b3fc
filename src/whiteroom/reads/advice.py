"""What each member of a collaboration has to do next: what is recorded, and what the catalog says of the tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from whiteroom.domain.observability.next_actions import Advice, CollaborationState, SharedTable, next_actions
from whiteroom.domain.privacy.policies import PrivacyPolicies
from whiteroom.domain.privacy.privacy_budgets import PrivacyBudgetTemplate
from whiteroom.domain.resources.collaborations import Collaboration, MemberStatus, is_visible, member_id
from whiteroom.domain.resources.configured_table_associations import ConfiguredTableAssociation
from whiteroom.ports.catalog import Catalog, CatalogUnavailable, TableNotFound
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.budgets import access_budget, privacy_budget
from whiteroom.reads.query_tables import Referenced, referenced, resolved, shared_associations


@dataclass(frozen=True, slots=True)
class _RecordedTable:
    """One associated table, before the catalog is asked for it."""

    found: Referenced
    budget: PrivacyBudgetTemplate | None
    private_budget: PrivacyBudgetTemplate | None

    def shared(self, catalog: Catalog | None) -> SharedTable:
        """The table, as the catalog has it; without one, as if it could be read."""
        table, readable = self.found[0], True
        if catalog is not None:
            try:
                table = resolved(catalog, self.found)
            except (TableNotFound, CatalogUnavailable):
                readable = False
        return SharedTable(table, readable=readable, budget=self.budget, private_budget=self.private_budget)


@dataclass(frozen=True, slots=True)
class RecordedState:
    """A collaboration as the store has it. Its advice takes no transaction, which a slow catalog would hold."""

    state: CollaborationState
    tables: tuple[_RecordedTable, ...]

    def advice(self, catalog: Catalog | None, now: datetime) -> tuple[Advice, ...]:
        """What each member has to do next. It may take as long as files take to be read.

        Args:
            catalog: says which tables can be read; without one all are taken to be.
            now: the time.
        """
        return next_actions(self.looked_up(catalog), now)

    def looked_up(self, catalog: Catalog | None) -> CollaborationState:
        """The collaboration with its tables, as the catalog has them; without one, as if they could be read."""
        return replace(self.state, tables=[table.shared(catalog) for table in self.tables])


def advice(tx: Transaction, catalog: Catalog, collaboration: Collaboration, now: datetime) -> tuple[Advice, ...]:
    """What each member has to do next."""
    return recorded_state(tx, collaboration).advice(catalog, now)


def recorded_for(tx: Transaction, account_id: str, collaboration_id: str) -> RecordedState | None:
    """The state of a collaboration that an account may see; None of every other."""
    collaboration = tx.collaborations.get(collaboration_id)
    member = tx.members.get(member_id(collaboration_id, account_id))
    if collaboration is None or member is None or not is_visible(collaboration, member):
        return None
    return recorded_state(tx, collaboration)


def recorded_state(tx: Transaction, collaboration: Collaboration) -> RecordedState:
    """The state of a collaboration, its tables still to be looked up."""
    members = tx.members.all(collaboration_id=collaboration.id)
    memberships = {
        membership.account_id: membership
        for member in members
        if member.membership_id is not None
        for membership in [tx.memberships.get(member.membership_id)]
        if membership is not None
    }
    configurations = {account: tx.ml_configurations.get(held.id) for account, held in memberships.items()}
    active = {member.account_id for member in members if member.status is MemberStatus.ACTIVE}
    algorithms = tx.configured_model_algorithm_associations.all(collaboration_id=collaboration.id)
    state = CollaborationState(
        collaboration=collaboration,
        members=sorted(members, key=lambda member: member.account_id != collaboration.creator_account_id),
        memberships=memberships,
        ml_configurations={account: held for account, held in configurations.items() if held is not None},
        tables=(),
        algorithm_owners=frozenset(item.account_id for item in algorithms if item.account_id in active),
        log_readers=frozenset(
            account
            for item in algorithms
            if item.account_id in active
            for policy in PrivacyPolicies.parse(item.privacy_configuration).log_policies
            for account in policy.allowed_account_ids
        ),
    )
    return RecordedState(state, tuple(_recorded_tables(tx, shared_associations(tx, collaboration.id))))


def _recorded_tables(tx: Transaction, associations: Iterable[ConfiguredTableAssociation]) -> Iterable[_RecordedTable]:
    for association in associations:
        found = referenced(tx, association)
        if found is None:
            continue
        seen, _ = found
        spent_from = privacy_budget(tx, association.collaboration_id)
        private = spent_from if seen.identifier is not None and seen.privacy is not None else None
        yield _RecordedTable(found, access_budget(tx, association.id), private)
