"""What happens when a membership ends, by whichever operation: nothing that it shared stays within reach.

Source: docs/sources.md, remove-member ("Removes all of their associated datasets from the collaboration") and
DeleteMember ("The removed member's data is inaccessible to active members").
"""

from __future__ import annotations

from whiteroom.domain.resources.memberships import Membership, MembershipStatus
from whiteroom.operations.cleanrooms.analysis_templates import ANALYSIS_TEMPLATES
from whiteroom.operations.cleanrooms.configured_table_associations import ASSOCIATIONS, forget_rule_and_budget
from whiteroom.operations.cleanrooms.privacy_budget_templates import BUDGET_TEMPLATES
from whiteroom.operations.context import Context


def end_membership(context: Context, membership: Membership, status: MembershipStatus) -> Membership:
    """End an ACTIVE membership and take back what it shared.

    Its configured tables remain the account's. Its channels, models and jobs remain on record:
    the controllers end those that are under way.
    """
    for association in context.tx.configured_table_associations.all(membership_id=membership.id):
        forget_rule_and_budget(context, association)
        ASSOCIATIONS.remove(context, association)
    for budget in context.tx.privacy_budget_templates.all(membership_id=membership.id):
        BUDGET_TEMPLATES.remove(context, budget)
    for template in context.tx.analysis_templates.all(membership_id=membership.id):
        ANALYSIS_TEMPLATES.remove(context, template)
    return context.tx.memberships.update(membership, status=status, updated_at=context.now)
