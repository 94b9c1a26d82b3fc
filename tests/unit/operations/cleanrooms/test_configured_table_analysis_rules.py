from __future__ import annotations

from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, custom_rule
from support.worlds.rooms import Room
from support.worlds.servers import Server
from whiteroom.base.faults import Conflict, ResourceNotFound, ValidationFault


def create(server: Server) -> dict[str, Any]:
    table_id = Room(server, "", {}).configured_table(BOB, "patients", ("patient_id", "age"))
    answer = server.cleanrooms(BOB, "GetConfiguredTable", configuredTableIdentifier=table_id)
    return dict(answer["configuredTable"])


def set_rule(server: Server, table_id: str, **request: Any) -> Any:
    given = {"analysisRuleType": "CUSTOM", "analysisRulePolicy": custom_rule(), **request}
    return server.cleanrooms(BOB, "CreateConfiguredTableAnalysisRule", configuredTableIdentifier=table_id, **given)


def test_a_table_has_one_rule_which_can_be_read_changed_and_deleted(server: Server) -> None:
    table = create(server)
    here = {"configuredTableIdentifier": table["id"], "analysisRuleType": "CUSTOM"}
    rule = set_rule(server, table["id"])["analysisRule"]
    assert (rule["type"], rule["policy"], rule["configuredTableId"]) == ("CUSTOM", custom_rule(), table["id"])
    assert server.cleanrooms(BOB, "GetConfiguredTableAnalysisRule", **here)["analysisRule"] == rule
    seen = server.cleanrooms(BOB, "GetConfiguredTable", configuredTableIdentifier=table["id"])["configuredTable"]
    assert seen["analysisRuleTypes"] == ["CUSTOM"]

    fault = server.refused(Conflict, BOB, "CreateConfiguredTableAnalysisRule", **here, analysisRulePolicy=custom_rule())
    assert fault.members["reason"] == "ALREADY_EXISTS"

    stricter = custom_rule(allowedAnalyses=[])
    changed = server.cleanrooms(BOB, "UpdateConfiguredTableAnalysisRule", **here, analysisRulePolicy=stricter)
    assert changed["analysisRule"]["policy"] == stricter

    server.cleanrooms(BOB, "DeleteConfiguredTableAnalysisRule", **here)
    for operation in ("GetConfiguredTableAnalysisRule", "DeleteConfiguredTableAnalysisRule"):
        server.refused(ResourceNotFound, BOB, operation, **here)
    server.refused(ResourceNotFound, BOB, "UpdateConfiguredTableAnalysisRule", **here, analysisRulePolicy=stricter)


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
    server: Server, rule_type: str, policy: dict[str, Any]
) -> None:
    table = create(server)
    here = {"configuredTableIdentifier": table["id"]}
    given = {"analysisRuleType": rule_type, "analysisRulePolicy": policy}
    server.refused(ValidationFault, BOB, "CreateConfiguredTableAnalysisRule", **here, **given)
    set_rule(server, table["id"])
    if rule_type == "CUSTOM":
        server.refused(ValidationFault, BOB, "UpdateConfiguredTableAnalysisRule", **here, **given)
    else:
        server.refused(ResourceNotFound, BOB, "UpdateConfiguredTableAnalysisRule", **here, **given)


def test_rules_of_another_accounts_table_are_not_found(server: Server) -> None:
    table = create(server)
    set_rule(server, table["id"])
    here = {"configuredTableIdentifier": table["id"], "analysisRuleType": "CUSTOM"}
    policy = {"analysisRulePolicy": custom_rule()}
    server.refused(ResourceNotFound, ALICE, "GetConfiguredTableAnalysisRule", **here)
    server.refused(ResourceNotFound, ALICE, "DeleteConfiguredTableAnalysisRule", **here)
    server.refused(ResourceNotFound, ALICE, "CreateConfiguredTableAnalysisRule", **here, **policy)
    server.refused(ResourceNotFound, ALICE, "UpdateConfiguredTableAnalysisRule", **here, **policy)
