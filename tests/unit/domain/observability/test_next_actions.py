"""What each member of a collaboration is told to do next, from the invitation to the first channel."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, NOW
from whiteroom.domain.observability.next_actions import CollaborationState, SharedTable, next_actions
from whiteroom.domain.privacy.differential_privacy import DIFFERENTIAL_PRIVACY, PrivacyPolicy
from whiteroom.domain.privacy.privacy_budgets import PrivacyBudgetTemplate, fresh_counts
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, QueryTable
from whiteroom.domain.resources.collaborations import Collaboration, CollaborationStatus, Member, MemberStatus
from whiteroom.domain.resources.memberships import Membership, MembershipStatus
from whiteroom.domain.resources.ml_configurations import MLConfiguration

TIMES = {"created_at": NOW, "updated_at": NOW}
PLACE = {"outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": "bucket"}}}
RULE = {"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [ALICE], "additionalAnalyses": "REQUIRED"}
SHARED = {
    "allowedAdditionalAnalyses": ["arn:aws:cleanrooms-ml:x:*:membership/*/configured-model-algorithm-association/*"]
}


def a_member(account_id: str, *abilities: str, status: MemberStatus = MemberStatus.ACTIVE, **changes: Any) -> Member:
    member = Member(
        id=f"c/{account_id}",
        collaboration_id="c",
        account_id=account_id,
        display_name=account_id,
        abilities=abilities,
        ml_abilities=(),
        payment_configuration={},
        status=status,
        membership_id=f"m-{account_id}",
        membership_arn="arn:m",
        **TIMES,
    )
    return dataclasses.replace(member, **changes)


def a_membership(account_id: str, place: Any = PLACE) -> Membership:
    return Membership(
        f"m-{account_id}", "arn:m", "c", account_id, MembershipStatus.ACTIVE, "DISABLED", None, place, None, {}, None,
        **TIMES,
    )  # fmt: skip


def a_table(readable: bool = True, budget: PrivacyBudgetTemplate | None = None, **changes: Any) -> SharedTable:
    table = QueryTable(
        name="patients",
        owner_account_id=BOB,
        source=CatalogTable(("/a.csv",), FileFormat.CSV, (Column("age", "bigint"),)),
        allowed_columns=("age",),
        rule_type="CUSTOM",
        rule=RULE,
        association_rule=SHARED,
    )
    return SharedTable(dataclasses.replace(table, **changes), readable, budget)


def a_budget(uses: int) -> PrivacyBudgetTemplate:
    parameters = ({"type": "LIFETIME", "budget": uses},)
    return PrivacyBudgetTemplate(
        id="t",
        arn="arn:t",
        membership_id="m",
        membership_arn="arn:m",
        collaboration_id="c",
        account_id=BOB,
        resource_id="a",
        resource_arn="arn:a",
        budget_parameters=parameters,
        **fresh_counts(parameters, NOW),
        created_at=NOW,
        updated_at=NOW,
    )


def a_state(**changes: Any) -> CollaborationState:
    collaboration = Collaboration(
        "c", "arn:c", "room", None, ALICE, "Alice", "DISABLED", None, "SPARK", None, (), (), None,
        CollaborationStatus.ACTIVE, **TIMES,
    )  # fmt: skip
    state = CollaborationState(
        collaboration=collaboration,
        members=[a_member(ALICE, "CAN_QUERY", "CAN_RECEIVE_RESULTS"), a_member(BOB), a_member(CAROL)],
        memberships={account: a_membership(account) for account in (ALICE, BOB, CAROL)},
        ml_configurations={ALICE: MLConfiguration("m", ALICE, "arn:r", None, **TIMES)},
        tables=[a_table()],
        algorithm_owners=frozenset({CAROL}),
    )
    return dataclasses.replace(state, **changes)


def next_of(state: CollaborationState, account_id: str) -> str:
    (advice,) = (advice for advice in next_actions(state, NOW) if advice.account_id == account_id)
    return " ".join(action.text for action in advice.actions)


def test_whoever_is_ready_is_told_what_can_be_done_and_the_others_nothing() -> None:
    state = a_state()
    assert next_of(state, ALICE) == "Ready: make ML input channels of 'patients' (CreateMLInputChannel)."
    assert next_of(state, BOB) == next_of(state, CAROL) == ""


def private_table(privacy: PrivacyPolicy | None, budget: PrivacyBudgetTemplate | None = None) -> SharedTable:
    rule = {**RULE, "additionalAnalyses": "NOT_ALLOWED", "differentialPrivacy": {"columns": [{"name": "age"}]}}
    shared = a_table(rule=rule, association_rule={"allowedResultReceivers": [ALICE]}, privacy=privacy)
    return dataclasses.replace(shared, private_budget=budget)


def test_a_table_with_differential_privacy_waits_for_its_budget() -> None:
    state = a_state(tables=[private_table(None)])
    assert "call CreatePrivacyBudgetTemplate with type DIFFERENTIAL_PRIVACY" in next_of(state, BOB)
    assert "no table is ready yet" in next_of(state, ALICE)


def test_a_privacy_budget_that_is_spent_is_told_to_its_owner_and_stops_the_querier() -> None:
    budget = dataclasses.replace(a_budget(1), type=DIFFERENTIAL_PRIVACY, epsilon=1, users_noise_per_query=10)
    state = a_state(tables=[private_table(PrivacyPolicy("t", 10), budget)])
    assert next_of(state, BOB) == ""
    assert "Ready: query" in next_of(state, ALICE)
    spent = dataclasses.replace(budget, epsilon_used="1")
    state = a_state(tables=[private_table(PrivacyPolicy("t", 10), spent)])
    assert "wait for the next month" in next_of(state, BOB)
    assert "no table is ready yet" in next_of(state, ALICE)


def test_a_table_for_direct_queries_is_told_as_that() -> None:
    direct = a_table(
        rule={**RULE, "additionalAnalyses": "NOT_ALLOWED"}, association_rule={"allowedResultReceivers": [ALICE]}
    )
    assert next_of(a_state(tables=[direct]), ALICE) == "Ready: query 'patients' (StartProtectedQuery)."


def test_the_invited_are_told_to_join_and_what_to_accept() -> None:
    payer = {"queryCompute": {"isResponsible": True}}
    invited = a_member(BOB, status=MemberStatus.INVITED, payment_configuration=payer)
    message = next_of(a_state(members=[a_member(ALICE, "CAN_QUERY"), invited]), BOB)
    assert "CreateMembership with collaborationIdentifier c" in message
    assert "accept to pay for queryCompute" in message


@pytest.mark.parametrize("status", [MemberStatus.LEFT, MemberStatus.REMOVED])
def test_whoever_is_gone_is_told_so(status: MemberStatus) -> None:
    assert "cannot join again" in next_of(a_state(members=[a_member(BOB, status=status)]), BOB)


def test_a_deleted_collaboration_has_nothing_left_to_do() -> None:
    state = a_state()
    gone = dataclasses.replace(state.collaboration, status=CollaborationStatus.DELETED)
    assert "was deleted" in next_of(dataclasses.replace(state, collaboration=gone), ALICE)


def test_an_owner_is_told_what_its_table_lacks_and_the_querier_waits() -> None:
    state = a_state(tables=[a_table(rule_type=None, rule=None, association_rule=None)])
    assert "CreateConfiguredTableAnalysisRule" in next_of(state, BOB)
    assert "Wait: no table is ready" in next_of(state, ALICE)
    state = a_state(tables=[a_table(association_rule=None)])
    assert "CreateConfiguredTableAssociationAnalysisRule" in next_of(state, BOB)


def test_each_thing_that_is_missing_is_told_once() -> None:
    (bob,) = (a for a in next_actions(a_state(tables=[a_table(rule_type=None, rule=None)]), NOW) if a.account_id == BOB)
    assert len(bob.actions) == len(set(bob.actions)) == 1


def test_an_owner_is_told_of_files_that_are_gone_and_of_a_budget_that_is_spent() -> None:
    assert "whiteroom catalog" in next_of(a_state(tables=[a_table(readable=False)]), BOB)
    spent = a_state(tables=[a_table(budget=a_budget(0))])
    assert "UpdatePrivacyBudgetTemplate" in next_of(spent, BOB)
    assert "Wait" in next_of(spent, ALICE)
    assert next_of(a_state(tables=[a_table(budget=a_budget(1))]), BOB) == ""


def test_the_querier_waits_for_a_table_and_then_for_an_algorithm() -> None:
    assert "no member has associated a table" in next_of(a_state(tables=[]), ALICE)
    assert "CreateConfiguredModelAlgorithmAssociation" in next_of(a_state(algorithm_owners=frozenset()), ALICE)


def test_who_would_read_nothing_of_a_run_is_told_before_there_is_one() -> None:
    configured = a_state(log_readers=frozenset({ALICE}))
    assert "PutMLConfiguration" not in next_of(configured, ALICE)
    bare = a_state(ml_configurations={}, log_readers=frozenset({BOB}))
    for account in (ALICE, BOB):
        assert "call PutMLConfiguration before they start" in next_of(bare, account)
    assert next_of(bare, CAROL) == "", "she trains nothing, and no policy names her"


def test_receivers_are_told_to_say_where() -> None:
    models = a_member(CAROL, ml_abilities=("CAN_RECEIVE_MODEL_OUTPUT",))
    assert "PutMLConfiguration" in next_of(a_state(members=[models]), CAROL)
    configuration = MLConfiguration("m", CAROL, "arn:r", {"s3Destination": {"s3Uri": "s3://bucket"}}, **TIMES)
    assert next_of(a_state(members=[models], ml_configurations={CAROL: configuration}), CAROL) == ""
    rows = a_member(CAROL, "CAN_RECEIVE_RESULTS")
    nowhere = {CAROL: a_membership(CAROL, place=None)}
    assert "defaultResultConfiguration" in next_of(a_state(members=[rows], memberships=nowhere), CAROL)
    assert next_of(a_state(members=[rows]), CAROL) == ""
