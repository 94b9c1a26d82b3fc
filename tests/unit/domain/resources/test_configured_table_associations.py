from __future__ import annotations

import pytest

from whiteroom.domain.resources.configured_table_associations import receivers_fit, rule_type_fits


@pytest.mark.parametrize(
    ("rule_type", "table_rule_type", "fits"),
    [("CUSTOM", "CUSTOM", True), ("LIST", "CUSTOM", False), ("CUSTOM", "LIST", False), ("CUSTOM", None, False)],
)
def test_a_collaboration_rule_is_of_its_tables_type(rule_type: str, table_rule_type: str | None, fits: bool) -> None:
    assert bool(rule_type_fits(rule_type, table_rule_type)) is fits


@pytest.mark.parametrize(
    ("receivers", "fits"),
    [(None, True), ([], True), (["111111111111"], True), (["111111111111", "444444444444"], False)],
)
def test_results_go_to_members_of_the_collaboration(receivers: list[str] | None, fits: bool) -> None:
    policy = {} if receivers is None else {"allowedResultReceivers": receivers}
    assert bool(receivers_fit(policy, {"111111111111", "222222222222"})) is fits
