"""What happens when a membership ends, by whichever operation: nothing that it shared stays within reach.

Source: docs/sources.md, remove-member ("Removes all of their associated datasets from the collaboration") and
DeleteMember ("The removed member's data is inaccessible to active members").
"""

from __future__ import annotations

from whiteroom.domain.resources.memberships import Membership, MembershipStatus
from whiteroom.operations.context import Context


def end_membership(context: Context, membership: Membership, status: MembershipStatus) -> Membership:
    """End an ACTIVE membership and take back what it shared.

    Its configured tables remain the account's. Its channels, models and jobs remain on record:
    the controllers end those that are under way.
    """
    for association in context.tx.configured_table_associations.all(membership_id=membership.id):
        rule = context.tx.configured_table_association_analysis_rules.get(association.id)
        if rule is not None:
            context.tx.configured_table_association_analysis_rules.remove(rule)
        context.tx.configured_table_associations.remove(association)
        context.tx.tags.put(association.arn, {})
    for budget in context.tx.privacy_budget_templates.all(membership_id=membership.id):
        context.tx.privacy_budget_templates.remove(budget)
        context.tx.tags.put(budget.arn, {})
    for template in context.tx.analysis_templates.all(membership_id=membership.id):
        context.tx.analysis_templates.remove(template)
        context.tx.tags.put(template.arn, {})
    return context.tx.memberships.update(membership, status=status, updated_at=context.now)
