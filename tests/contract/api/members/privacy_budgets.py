"""Members of requests that operations/cleanrooms/privacy_budgets.py answers."""

from __future__ import annotations

from contract.api.members.effects import Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms",
        Seen("test_budgets_are_listed_by_table_and_by_type"),
        "accessBudgetResourceArn",
    ),
    *rows(
        "cleanrooms",
        Seen("test_a_preview_says_what_the_budget_would_pay_for_and_changes_nothing"),
        "parameters.differentialPrivacy.epsilon",
        "parameters.differentialPrivacy.usersNoisePerQuery",
        of=("PreviewPrivacyImpact",),
    ),
)
