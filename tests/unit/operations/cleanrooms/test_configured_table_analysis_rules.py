from __future__ import annotations

from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, Office, Room, custom_rule
from whiteroom.base.faults import Conflict, ResourceNotFound, ValidationFault


def create(office: Office) -> dict[str, Any]:
    table_id = Room(office, "", {}).configured_table(BOB, "patients", ("patient_id", "age"))
    answer = office.cleanrooms(BOB, "GetConfiguredTable", configuredTableIdentifier=table_id)
    return dict(answer["configuredTable"])


def set_rule(office: Office, table_id: str, **request: Any) -> Any:
    given = {"analysisRuleType": "CUSTOM", "analysisRulePolicy": custom_rule(), **request}
    return office.cleanrooms(BOB, "CreateConfiguredTableAnalysisRule", configuredTableIdentifier=table_id, **given)


def test_a_table_has_one_rule_which_can_be_read_changed_and_deleted(office: Office) -> None:
    table = create(office)
    here = {"configuredTableIdentifier": table["id"], "analysisRuleType": "CUSTOM"}
    rule = set_rule(office, table["id"])["analysisRule"]
    assert (rule["type"], rule["policy"], rule["configuredTableId"]) == ("CUSTOM", custom_rule(), table["id"])
    assert office.cleanrooms(BOB, "GetConfiguredTableAnalysisRule", **here)["analysisRule"] == rule
    seen = office.cleanrooms(BOB, "GetConfiguredTable", configuredTableIdentifier=table["id"])["configuredTable"]
    assert seen["analysisRuleTypes"] == ["CUSTOM"]

    fault = office.refused(Conflict, BOB, "CreateConfiguredTableAnalysisRule", **here, analysisRulePolicy=custom_rule())
    assert fault.members["reason"] == "ALREADY_EXISTS"

    stricter = custom_rule(allowedAnalyses=[])
    changed = office.cleanrooms(BOB, "UpdateConfiguredTableAnalysisRule", **here, analysisRulePolicy=stricter)
    assert changed["analysisRule"]["policy"] == stricter

    office.cleanrooms(BOB, "DeleteConfiguredTableAnalysisRule", **here)
    for operation in ("GetConfiguredTableAnalysisRule", "DeleteConfiguredTableAnalysisRule"):
        office.refused(ResourceNotFound, BOB, operation, **here)
    office.refused(ResourceNotFound, BOB, "UpdateConfiguredTableAnalysisRule", **here, analysisRulePolicy=stricter)


@pytest.mark.parametrize(
    ("rule_type", "policy"),
    [
        ("LIST", custom_rule()),
        ("CUSTOM", custom_rule(allowedAnalysisProviders=[])),
        ("CUSTOM", custom_rule(disallowedOutputColumns=["weight"])),
        ("LIST", {"v1": {"list": {"joinColumns": ["weight"], "listColumns": ["age"]}}}),
    ],
)
def test_an_incoherent_rule_is_refused_on_creation_and_on_update(
    office: Office, rule_type: str, policy: dict[str, Any]
) -> None:
    table = create(office)
    here = {"configuredTableIdentifier": table["id"]}
    given = {"analysisRuleType": rule_type, "analysisRulePolicy": policy}
    office.refused(ValidationFault, BOB, "CreateConfiguredTableAnalysisRule", **here, **given)
    set_rule(office, table["id"])
    if rule_type == "CUSTOM":
        office.refused(ValidationFault, BOB, "UpdateConfiguredTableAnalysisRule", **here, **given)
    else:
        office.refused(ResourceNotFound, BOB, "UpdateConfiguredTableAnalysisRule", **here, **given)


def test_rules_of_another_accounts_table_are_not_found(office: Office) -> None:
    table = create(office)
    set_rule(office, table["id"])
    here = {"configuredTableIdentifier": table["id"], "analysisRuleType": "CUSTOM"}
    policy = {"analysisRulePolicy": custom_rule()}
    office.refused(ResourceNotFound, ALICE, "GetConfiguredTableAnalysisRule", **here)
    office.refused(ResourceNotFound, ALICE, "DeleteConfiguredTableAnalysisRule", **here)
    office.refused(ResourceNotFound, ALICE, "CreateConfiguredTableAnalysisRule", **here, **policy)
    office.refused(ResourceNotFound, ALICE, "UpdateConfiguredTableAnalysisRule", **here, **policy)
