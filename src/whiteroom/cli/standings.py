"""What `whiteroom explain` reads of a collaboration to tell each member what to do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from whiteroom.domain.collaborations import Collaboration, MemberStatus
from whiteroom.domain.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.configured_tables import catalog_name
from whiteroom.domain.next_actions import Advice, SharedTable, Standing, next_actions
from whiteroom.domain.privacy import PrivacyPolicies
from whiteroom.domain.queries import CatalogTable, FileFormat
from whiteroom.domain.schemas import query_table
from whiteroom.domain.verdicts import Denied
from whiteroom.ports import Catalog, TableNotFound, Transaction

_UNREAD = CatalogTable((), FileFormat.CSV, ())


def advice(tx: Transaction, catalog: Catalog, collaboration: Collaboration, now: datetime) -> tuple[Advice, ...]:
    """What each member has to do next."""
    return next_actions(_standing(tx, catalog, collaboration), now)


def _standing(tx: Transaction, catalog: Catalog, collaboration: Collaboration) -> Standing:
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
    shared = tx.configured_table_associations.all(collaboration_id=collaboration.id)
    found = [_shared_table(tx, catalog, association) for association in shared if association.account_id in active]
    algorithms = tx.configured_model_algorithm_associations.all(collaboration_id=collaboration.id)
    return Standing(
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
    table = tx.configured_tables.get(association.configured_table_id)
    if table is None:
        return None
    rule = tx.configured_table_analysis_rules.get(table.id)
    association_rule = tx.configured_table_association_analysis_rules.get(association.id)
    private = tx.privacy_budget_templates.find(resource_id=association.collaboration_id)
    seen = query_table(association, table, _UNREAD, rule, association_rule, private)
    spent_from = private if seen.identifier is not None and seen.privacy is not None else None
    budget = tx.privacy_budget_templates.find(resource_id=association.id)
    place = catalog_name(table.table_reference)
    if isinstance(place, Denied):
        return SharedTable(seen, readable=False, budget=budget, private_budget=spent_from)
    try:
        source = catalog.resolve(table.account_id, place.database, place.table)
    except TableNotFound:
        return SharedTable(seen, readable=False, budget=budget, private_budget=spent_from)
    return SharedTable(replace(seen, source=source), readable=True, budget=budget, private_budget=spent_from)
