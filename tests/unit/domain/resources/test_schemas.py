from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from whiteroom.domain.privacy.analysis_rules import may_reach
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat
from whiteroom.domain.privacy.rule_readiness import AnalysisType
from whiteroom.domain.resources.configured_table_associations import (
    ConfiguredTableAssociation,
    ConfiguredTableAssociationAnalysisRule,
)
from whiteroom.domain.resources.configured_tables import ConfiguredTable, ConfiguredTableAnalysisRule
from whiteroom.domain.resources.schemas import consolidated_policy, query_table, readiness, visible_columns

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ALICE, BOB, CAROL = "111111111111", "222222222222", "333333333333"
SOURCE = CatalogTable(
    ("/data/patients.csv",),
    FileFormat.CSV,
    (Column("Id", "bigint"), Column("AGE", "int"), Column("secret", "string")),
)
TABLE = ConfiguredTable(
    id="table",
    arn="arn",
    account_id=BOB,
    name="patients",
    description=None,
    table_reference={"glue": {"databaseName": "lake", "tableName": "patients"}},
    allowed_columns=("age", "id", "gone"),
    analysis_method="DIRECT_QUERY",
    selected_analysis_methods=(),
    created_at=NOW,
    updated_at=NOW,
)
ASSOCIATION = ConfiguredTableAssociation(
    id="association",
    arn="arn",
    membership_id="membership",
    collaboration_id="room",
    account_id=BOB,
    configured_table_id="table",
    configured_table_arn="arn",
    name="Patients",
    name_folded="patients",
    description=None,
    role_arn="arn",
    created_at=NOW,
    updated_at=NOW,
)
CUSTOM: dict[str, Any] = {
    "allowedAnalyses": ["ANY_QUERY"],
    "allowedAnalysisProviders": ["111111111111"],
    "additionalAnalyses": "REQUIRED",
}
SHARED: dict[str, Any] = {"allowedAdditionalAnalyses": ["arn:*"]}
RULE = ConfiguredTableAnalysisRule("table", "CUSTOM", {"v1": {"custom": CUSTOM}}, NOW, NOW)
SHARED_RULE = ConfiguredTableAssociationAnalysisRule("association", "CUSTOM", {"v1": {"custom": SHARED}}, NOW, NOW)


def test_a_query_sees_a_table_under_its_association_with_both_policies_unwrapped() -> None:
    table = query_table(ASSOCIATION, TABLE, SOURCE, RULE, SHARED_RULE, None)
    assert (table.name, table.owner_account_id) == ("Patients", BOB)
    assert (table.rule_type, table.rule, table.association_rule) == ("CUSTOM", CUSTOM, SHARED)


def test_a_collaboration_rule_counts_only_beside_a_table_rule_of_its_type() -> None:
    other = replace(SHARED_RULE, type="LIST", policy={"v1": {"list": SHARED}})
    assert query_table(ASSOCIATION, TABLE, SOURCE, RULE, other, None).association_rule is None
    assert query_table(ASSOCIATION, TABLE, SOURCE, None, SHARED_RULE, None).association_rule is None
    assert query_table(ASSOCIATION, TABLE, SOURCE, None, None, None).rule_type is None


def test_columns_are_the_allowed_ones_that_are_there_in_the_owners_order_and_spelling() -> None:
    table = query_table(ASSOCIATION, TABLE, SOURCE, RULE, SHARED_RULE, None)
    assert visible_columns(table) == (Column("age", "int"), Column("id", "bigint"))


def test_readiness_is_told_for_each_type_of_analysis() -> None:
    ready = readiness(query_table(ASSOCIATION, TABLE, SOURCE, RULE, SHARED_RULE, None))
    assert not ready[AnalysisType.ADDITIONAL]
    assert ready[AnalysisType.DIRECT]


def test_the_consolidated_policy_is_both_rules_in_one_once_both_are_set() -> None:
    assert consolidated_policy(RULE, SHARED_RULE) == {"v1": {"custom": {**CUSTOM, **SHARED}}}
    assert consolidated_policy(RULE, None) is None
    other = replace(SHARED_RULE, type="LIST", policy={"v1": {"list": SHARED}})
    assert consolidated_policy(RULE, other) is None


def test_the_consolidated_policy_shows_what_both_rules_allow_where_both_name_it() -> None:
    own = {**CUSTOM, "allowedResultReceivers": [ALICE, BOB], "allowedAdditionalAnalyses": ["arn:x:1/*"]}
    shared = {"allowedResultReceivers": [CAROL, BOB], "allowedAdditionalAnalyses": ["arn:x:*/a", "arn:y:1/a"]}
    told = consolidated_policy(a_rule(own), a_shared_rule(shared))
    assert told == {
        "v1": {"custom": {**CUSTOM, "allowedResultReceivers": [BOB], "allowedAdditionalAnalyses": ["arn:x:1/a"]}}
    }


def test_a_list_of_the_tables_own_rule_alone_shows_nobody_since_it_allows_nobody() -> None:
    own = {**CUSTOM, "allowedResultReceivers": [BOB]}
    told = consolidated_policy(a_rule(own), SHARED_RULE)
    assert told == {"v1": {"custom": {**CUSTOM, **SHARED, "allowedResultReceivers": []}}}


LISTS: list[list[str] | None] = [None, [], [ALICE], [ALICE, BOB], [BOB, CAROL]]


@pytest.mark.parametrize("own", LISTS)
@pytest.mark.parametrize("shared", LISTS)
def test_who_is_shown_as_a_receiver_is_who_may_be_one(own: list[str] | None, shared: list[str] | None) -> None:
    name = "allowedResultReceivers"
    rule = a_rule({**CUSTOM, "additionalAnalyses": "ALLOWED", **({} if own is None else {name: own})})
    shared_rule = a_shared_rule({} if shared is None else {name: shared})
    table = query_table(ASSOCIATION, TABLE, SOURCE, rule, shared_rule, None)
    told = consolidated_policy(rule, shared_rule)
    assert told is not None
    shown = told["v1"]["custom"].get(name, [])
    for receiver in (ALICE, BOB, CAROL):
        verdict = may_reach(
            [table],
            querier_account_id=ALICE,
            receiver_account_ids=[receiver],
            algorithm_association_arn=None,
            template_arn=None,
        )
        assert bool(verdict) is (receiver in shown)


def test_rules_that_have_no_receiver_in_common_are_not_ready() -> None:
    rule = a_rule({**CUSTOM, "additionalAnalyses": "ALLOWED", "allowedResultReceivers": [ALICE]})
    table = query_table(ASSOCIATION, TABLE, SOURCE, rule, a_shared_rule({"allowedResultReceivers": [BOB]}), None)
    (missing,) = readiness(table)[AnalysisType.DIRECT]
    assert missing.code == "RESULT_RECEIVERS_NOT_CONFIGURED"
    assert "nothing in common" in missing.message


def a_rule(policy: dict[str, Any]) -> ConfiguredTableAnalysisRule:
    return replace(RULE, policy={"v1": {"custom": policy}})


def a_shared_rule(policy: dict[str, Any]) -> ConfiguredTableAssociationAnalysisRule:
    return replace(SHARED_RULE, policy={"v1": {"custom": policy}})
