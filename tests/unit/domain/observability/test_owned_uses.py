"""Who is entitled to the SQL of an analysis."""

from __future__ import annotations

import pytest

from whiteroom.domain.observability.owned_uses import may_read_text

RUNNER, AUTHOR, OWNER = "111111111111", "222222222222", "333333333333"
TEMPLATE = "arn:aws:cleanrooms:us-east-1:222222222222:membership/m/analysistemplate/t"
APPROVES, ANY = {"t": {"allowedAnalyses": [TEMPLATE]}}, {"t": {"allowedAnalyses": ["ANY_QUERY"]}}


@pytest.mark.parametrize(
    ("account", "template", "rules", "logged", "allowed"),
    [
        (RUNNER, None, {}, False, True),
        (OWNER, None, ANY, False, False),
        (OWNER, None, ANY, True, True),
        (RUNNER, TEMPLATE, {}, False, True),
        (AUTHOR, TEMPLATE, {}, False, True),
        (OWNER, TEMPLATE, APPROVES, False, True),
        (OWNER, TEMPLATE, ANY, False, False),
        (OWNER, TEMPLATE, {}, False, False),
        (OWNER, TEMPLATE, ANY, True, True),
    ],
)
def test_the_text_is_for_who_wrote_approved_or_was_told_it(
    account: str, template: str | None, rules: dict[str, dict[str, list[str]]], logged: bool, allowed: bool
) -> None:
    author = AUTHOR if template else None
    verdict = may_read_text(account, RUNNER, template, author, rules, logged=logged)
    assert bool(verdict) is allowed
