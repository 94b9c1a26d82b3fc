"""What an owner sees of a channel or a query that was made from its tables.

Always: which of its tables and columns were read, by whom, which rule was applied, and how many rows came out. The text
of the SQL only where AWS entitles it: to whoever wrote the text or the template, who approved the template by its rule,
and to whoever reads it in an analysis log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


@dataclass(frozen=True, slots=True)
class OwnTable:
    """One of an owner's tables, as a query used it."""

    name: str
    association_id: str
    columns: tuple[str, ...]
    """That were read; none where rows were only counted."""
    rule_type: str | None
    """The type of its rule now; None where it is gone."""
    protected_column: str | None
    """The column of the users that the result's noise protected; None where there was no noise."""
    rule_revision: str
    """Of the rule that was applied: it changes with anything in the rule."""
    rule_moved: bool
    """Whether the rule is another one now."""
    snapshot: str = ""
    """Which snapshot of Iceberg, or version of Delta, was read; empty of a table that has none."""


@dataclass(frozen=True, slots=True)
class OwnedUse:
    """A channel or a query, as the owner of some of its tables sees it."""

    arn: str
    runner_account_id: str
    status: str
    algorithm_association_arn: str | None
    template_arn: str | None
    tables: tuple[OwnTable, ...]
    rows: int | None
    """That came out; None before they did, and of a query of a member's own."""
    text: str | None
    """The SQL, where the account is entitled to it."""
    text_sha256: str | None
    """Of the SQL: whoever has the text can tell that it is the same. None where the template is gone."""
    text_withheld: str
    """Why there is no text; empty where there is."""


def may_read_text(
    account_id: str,
    runner_account_id: str,
    template_arn: str | None,
    template_account_id: str | None,
    own_rules: Mapping[str, Mapping[str, Any]],
    *,
    logged: bool,
) -> Verdict:
    """Whether an account is entitled to the SQL of an analysis.

    Args:
        account_id: who asks.
        runner_account_id: who ran it.
        template_arn: the template that it came from, if any.
        template_account_id: whose that is; None where it is gone.
        own_rules: the custom rules of the account's own tables in it, by the tables' names.
        logged: whether the account's analysis log has the text.
    """
    if account_id in {runner_account_id, template_account_id} or logged:
        return ALLOWED
    if template_arn is None:
        return Denied(
            "The query has no template, and its text is its runner's. Turn on queryLogStatus to have the text of later "
            "ones, or allow templates by their ARNs instead of ANY_QUERY."
        )
    if any(template_arn in rule.get("allowedAnalyses", ()) for rule in own_rules.values()):
        return ALLOWED
    return Denied("No rule of yours names the template. GetCollaborationAnalysisTemplate shows its text to members.")
