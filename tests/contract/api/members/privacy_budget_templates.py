"""Members of requests that operations/cleanrooms/privacy_budget_templates.py answers."""

from __future__ import annotations

from contract.api.members.effects import Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms",
        Seen(
            "test_a_budget_that_is_refreshed_is_whole_again_with_the_month_of_utc",
            "test_a_budget_of_differential_privacy_is_answered_as_it_was_given",
        ),
        "autoRefresh",
    ),
    *rows(
        "cleanrooms",
        Seen(
            "test_a_budget_pays_for_just_as_many_queries_as_it_says",
            "test_a_budget_of_differential_privacy_is_answered_as_it_was_given",
        ),
        "parameters.differentialPrivacy.epsilon",
        "parameters.differentialPrivacy.usersNoisePerQuery",
        of=(
            "CreatePrivacyBudgetTemplate",
            "UpdatePrivacyBudgetTemplate",
        ),
    ),
    *rows(
        "cleanrooms",
        Seen("test_a_calendar_budget_is_refreshed_by_the_clock"),
        "parameters.accessBudget.budgetParameters[].autoRefresh",
        "parameters.accessBudget.budgetParameters[].type",
    ),
    *rows(
        "cleanrooms",
        Seen("test_a_spent_budget_refuses_everything_that_would_use_the_table"),
        "parameters.accessBudget.budgetParameters[].budget",
    ),
    *rows(
        "cleanrooms",
        Seen("test_only_its_owner_limits_a_table"),
        "parameters.accessBudget.resourceArn",
    ),
    *rows(
        "cleanrooms",
        Seen("test_a_template_is_answered_as_it_was_given_to_its_owner_and_to_the_others"),
        "privacyBudgetTemplateIdentifier",
    ),
)
