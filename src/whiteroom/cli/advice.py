"""What `whiteroom explain` reads of a collaboration to tell each member what to do next."""

from __future__ import annotations

from datetime import datetime

from whiteroom.domain.observability.next_actions import Advice, CollaborationState, SharedTable, next_actions
from whiteroom.domain.privacy.policies import PrivacyPolicies
from whiteroom.domain.resources.collaborations import Collaboration, MemberStatus
from whiteroom.domain.resources.configured_table_associations import ConfiguredTableAssociation
from whiteroom.ports.catalog import Catalog, CatalogUnavailable, TableNotFound
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.budgets import access_budget, privacy_budget
from whiteroom.reads.query_tables import referenced, resolved, shared_associations


def advice(tx: Transaction, catalog: Catalog, collaboration: Collaboration, now: datetime) -> tuple[Advice, ...]:
    """What each member has to do next."""
    return next_actions(_state_of(tx, catalog, collaboration), now)


def _state_of(tx: Transaction, catalog: Catalog, collaboration: Collaboration) -> CollaborationState:
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
    found = [_shared_table(tx, catalog, association) for association in shared_associations(tx, collaboration.id)]
    algorithms = tx.configured_model_algorithm_associations.all(collaboration_id=collaboration.id)
    return CollaborationState(
        collaboration=collaboration,
        members=sorted(members, key=lambda member: member.account_id != collaboration.creator_account_id),
        memberships=memberships,
        ml_configurations={account: held for account, held in configurations.items() if held is not None},
        tables=[table for table in found if table is not None],
        algorithm_owners=frozenset(item.account_id for item in algorithms if item.account_id in active),
        log_readers=frozenset(
            account
            for item in algorithms
            if item.account_id in active
            for policy in PrivacyPolicies.parse(item.privacy_configuration).log_policies
            for account in policy.allowed_account_ids
        ),
    )


def _shared_table(tx: Transaction, catalog: Catalog, association: ConfiguredTableAssociation) -> SharedTable | None:
    found = referenced(tx, association)
    if found is None:
        return None
    seen, _ = found
    spent_from = privacy_budget(tx, association.collaboration_id)
    private = spent_from if seen.identifier is not None and seen.privacy is not None else None
    budget = access_budget(tx, association.id)
    try:
        return SharedTable(resolved(catalog, found), readable=True, budget=budget, private_budget=private)
    except (TableNotFound, CatalogUnavailable):
        return SharedTable(seen, readable=False, budget=budget, private_budget=private)
