"""Every operation of `cleanrooms` through boto3 and HTTP: what it answers, and each error that its model declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contract.api.asked import (
    BAD_BUDGET,
    BAD_ROOM,
    BROKEN,
    CUSTOM,
    GENEROUS,
    NOWHERE,
    ONE_OF_EACH,
    RULE,
    SHARED,
    a_room,
    a_table,
    an_association,
    an_invitation,
    budget_request,
    query_request,
    table_request,
    template_request,
    witness,
)
from contract.api.ledger import CONFLICT, DENIED, EXCUSED, NOT_FOUND, OWED, QUOTA, VALIDATION, Witness
from support.worlds.requests import ALICE, BOB, CAROL, DAVE, NO_PAYMENT, collaboration_request, custom_rule, role_of


@pytest.fixture(scope="module")
def seen() -> set[tuple[str, str]]:
    return set()


@pytest.fixture(scope="module")
def ran() -> set[str]:
    return set()


@pytest.fixture(autouse=True)
def note(ran: set[str], request: pytest.FixtureRequest) -> None:
    """Remember each test: under xdist a worker runs a part of them."""
    ran.add(request.node.nodeid)


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory, seen: set[tuple[str, str]]) -> Iterator[Witness]:
    with witness(tmp_path_factory.mktemp("api"), seen, GENEROUS) as call:
        yield call


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, seen: set[tuple[str, str]]) -> Iterator[Witness]:
    """A server where one of each thing is allowed."""
    with witness(tmp_path_factory.mktemp("strict"), seen, ONE_OF_EACH) as call:
        yield call


def test_a_collaboration_lives_from_invitation_to_deletion(call: Witness) -> None:
    room = an_invitation(call)
    assert call(BOB, "GetCollaboration", **room.here)["collaboration"]["memberStatus"] == "INVITED"
    assert room.collaboration_id in [
        item["id"] for item in call(BOB, "ListCollaborations", maxResults=100)["collaborationList"]
    ]
    call.refused(DENIED, DAVE, "GetCollaboration", **room.here)
    for account_id in (ALICE, BOB, CAROL):
        room.join(account_id)
    call.refused(DENIED, DAVE, "CreateMembership", **room.here, queryLogStatus="DISABLED")
    assert call.refused(CONFLICT, BOB, "CreateMembership", **room.here, queryLogStatus="DISABLED")["reason"] == (
        "ALREADY_EXISTS"
    )
    statuses = {m["accountId"]: m["status"] for m in call(CAROL, "ListMembers", **room.here)["memberSummaries"]}
    assert statuses == dict.fromkeys((ALICE, BOB, CAROL), "ACTIVE")
    call.refused(DENIED, DAVE, "ListMembers", **room.here)

    assert call(ALICE, "UpdateCollaboration", **room.here, name="Renamed")["collaboration"]["name"] == "Renamed"
    call.refused(DENIED, BOB, "UpdateCollaboration", **room.here, name="Mine")

    call.refused(DENIED, BOB, "DeleteMember", **room.here, accountId=CAROL)
    call.refused(NOT_FOUND, ALICE, "DeleteMember", **room.here, accountId=DAVE)
    call(ALICE, "DeleteMember", **room.here, accountId=CAROL)
    call(BOB, "DeleteMembership", **room.of(BOB))
    call.refused(CONFLICT, ALICE, "DeleteMember", **room.here, accountId=BOB)

    call.refused(DENIED, CAROL, "DeleteCollaboration", **room.here)
    call(ALICE, "DeleteCollaboration", **room.here)
    seen = call(ALICE, "GetMembership", **room.of(ALICE))["membership"]
    assert seen["status"] == "COLLABORATION_DELETED"


def test_a_membership_lives_until_its_member_leaves(call: Witness) -> None:
    room = a_room(call)
    seen = call(BOB, "GetMembership", **room.of(BOB))["membership"]
    assert (seen["status"], seen["paymentConfiguration"]) == ("ACTIVE", NO_PAYMENT)
    listed = call(BOB, "ListMemberships", status="ACTIVE", maxResults=100)["membershipSummaries"]
    assert room.memberships[BOB] in [item["id"] for item in listed]
    for operation in ("GetMembership", "UpdateMembership", "DeleteMembership"):
        call.refused(DENIED, ALICE, operation, **room.of(BOB))
    assert call(BOB, "UpdateMembership", **room.of(BOB), queryLogStatus="ENABLED")["membership"]["queryLogStatus"] == (
        "ENABLED"
    )
    association = an_association(room, a_table(call, "leaving"), "leaving")
    assert call.refused(CONFLICT, BOB, "DeleteMembership", **room.of(BOB))["reason"] == "SUBRESOURCES_EXIST"
    call(BOB, "DeleteConfiguredTableAssociation", **association)
    call(BOB, "DeleteMembership", **room.of(BOB))
    call.refused(CONFLICT, BOB, "UpdateMembership", **room.of(BOB), queryLogStatus="DISABLED")


def test_a_configured_table_lives_with_its_rule(call: Witness) -> None:
    table = a_table(call, "living")
    assert call(BOB, "GetConfiguredTable", **table)["configuredTable"]["tableType"] == "GLUE"
    call.refused(CONFLICT, BOB, "CreateConfiguredTable", **table_request("living"))
    changed = call(BOB, "UpdateConfiguredTable", **table, description="Ward 3")["configuredTable"]
    assert changed["description"] == "Ward 3"
    listed = call(BOB, "ListConfiguredTables", maxResults=100)["configuredTableSummaries"]
    assert table["configuredTableIdentifier"] in [item["id"] for item in listed]

    assert call(BOB, "CreateConfiguredTableAnalysisRule", **table, **RULE)["analysisRule"]["policy"] == custom_rule()
    call.refused(CONFLICT, BOB, "CreateConfiguredTableAnalysisRule", **table, **RULE)
    call(BOB, "GetConfiguredTableAnalysisRule", **table, **CUSTOM)
    call(BOB, "UpdateConfiguredTableAnalysisRule", **table, **RULE)
    blocking = custom_rule(disallowedOutputColumns=["age"])
    call(BOB, "UpdateConfiguredTableAnalysisRule", **table, **CUSTOM, analysisRulePolicy=blocking)
    error = call.refused(CONFLICT, BOB, "UpdateConfiguredTable", **table, allowedColumns=["patient_id"])
    assert (error["resourceType"], error["resourceId"]) == ("CONFIGURED_TABLE", table["configuredTableIdentifier"])

    for operation, request in (
        ("GetConfiguredTable", {}),
        ("UpdateConfiguredTable", {}),
        ("DeleteConfiguredTable", {}),
        ("CreateConfiguredTableAnalysisRule", RULE),
        ("GetConfiguredTableAnalysisRule", CUSTOM),
        ("UpdateConfiguredTableAnalysisRule", RULE),
        ("DeleteConfiguredTableAnalysisRule", CUSTOM),
    ):
        call.refused(NOT_FOUND, ALICE, operation, **table, **request)

    association = an_association(a_room(call), table, "living")
    call.refused(CONFLICT, BOB, "DeleteConfiguredTable", **table)
    call(BOB, "DeleteConfiguredTableAssociation", **association)
    call(BOB, "DeleteConfiguredTableAnalysisRule", **table, **CUSTOM)
    call(BOB, "DeleteConfiguredTable", **table)


def test_an_association_lives_with_its_rule_and_shows_as_a_schema(call: Witness) -> None:
    room, table = a_room(call), a_table(call, "shared")
    call(BOB, "CreateConfiguredTableAnalysisRule", **table, **RULE)
    association = an_association(room, table, "patients")
    again = {**room.of(BOB), **table, "roleArn": role_of(BOB)}
    call.refused(CONFLICT, BOB, "CreateConfiguredTableAssociation", **again, name="PATIENTS")
    call.refused(DENIED, ALICE, "CreateConfiguredTableAssociation", **again, name="mine")
    mine = {**again, **room.of(ALICE), "roleArn": role_of(ALICE)}
    call.refused(NOT_FOUND, ALICE, "CreateConfiguredTableAssociation", **mine, name="mine")
    call(BOB, "GetConfiguredTableAssociation", **association)
    call(BOB, "UpdateConfiguredTableAssociation", **association, description="Ward 3")
    assert len(call(BOB, "ListConfiguredTableAssociations", **room.of(BOB))["configuredTableAssociationSummaries"]) == 1
    call.refused(DENIED, ALICE, "ListConfiguredTableAssociations", **room.of(BOB))

    call(BOB, "CreateConfiguredTableAssociationAnalysisRule", **association, **SHARED)
    call.refused(CONFLICT, BOB, "CreateConfiguredTableAssociationAnalysisRule", **association, **SHARED)
    call(BOB, "GetConfiguredTableAssociationAnalysisRule", **association, **CUSTOM)
    call(BOB, "UpdateConfiguredTableAssociationAnalysisRule", **association, **SHARED)
    for operation, request in (
        ("GetConfiguredTableAssociation", {}),
        ("UpdateConfiguredTableAssociation", {}),
        ("DeleteConfiguredTableAssociation", {}),
        ("CreateConfiguredTableAssociationAnalysisRule", SHARED),
        ("GetConfiguredTableAssociationAnalysisRule", CUSTOM),
        ("UpdateConfiguredTableAssociationAnalysisRule", SHARED),
        ("DeleteConfiguredTableAssociationAnalysisRule", CUSTOM),
    ):
        call.refused(DENIED, ALICE, operation, **association, **request)
        call.refused(NOT_FOUND, ALICE, operation, **{**association, **room.of(ALICE)}, **request)

    schema = call(ALICE, "GetSchema", **room.here, name="patients")["schema"]
    assert [column["name"] for column in schema["columns"]] == ["patient_id", "age"]
    assert [item["name"] for item in call(ALICE, "ListSchemas", **room.here)["schemaSummaries"]] == ["patients"]
    batch = call(ALICE, "BatchGetSchema", **room.here, names=["patients", "ghosts"])
    assert (len(batch["schemas"]), len(batch["errors"])) == (1, 1)
    call(ALICE, "GetSchemaAnalysisRule", **room.here, name="patients", type="CUSTOM")
    wanted = [{"name": "patients", "type": "CUSTOM"}, {"name": "ghosts", "type": "CUSTOM"}]
    rules = call(ALICE, "BatchGetSchemaAnalysisRule", **room.here, schemaAnalysisRuleRequests=wanted)
    assert (len(rules["analysisRules"]), len(rules["errors"])) == (1, 1)
    call.refused(NOT_FOUND, ALICE, "GetSchema", **room.here, name="ghosts")
    call.refused(NOT_FOUND, ALICE, "GetSchemaAnalysisRule", **room.here, name="patients", type="LIST")
    everyone_reads: tuple[tuple[str, dict[str, Any]], ...] = (
        ("ListSchemas", {}),
        ("GetSchema", {"name": "patients"}),
        ("BatchGetSchema", {"names": ["patients"]}),
        ("GetSchemaAnalysisRule", {"name": "patients", "type": "CUSTOM"}),
        ("BatchGetSchemaAnalysisRule", {"schemaAnalysisRuleRequests": wanted}),
    )
    for operation, request in everyone_reads:
        call.refused(DENIED, DAVE, operation, **room.here, **request)

    call(BOB, "DeleteConfiguredTableAssociationAnalysisRule", **association, **CUSTOM)
    call(BOB, "DeleteConfiguredTableAssociation", **association)


def test_a_template_lives_and_is_read_by_every_member(call: Witness) -> None:
    room = a_room(call)
    made = call(CAROL, "CreateAnalysisTemplate", **template_request(room, CAROL, "ages"))["analysisTemplate"]
    its = {**room.of(CAROL), "analysisTemplateIdentifier": made["id"]}
    call.refused(CONFLICT, CAROL, "CreateAnalysisTemplate", **template_request(room, CAROL, "ages"))
    call.refused(DENIED, BOB, "CreateAnalysisTemplate", **template_request(room, CAROL, "mine"))
    call(CAROL, "GetAnalysisTemplate", **its)
    assert call(CAROL, "UpdateAnalysisTemplate", **its, description="Ages")["analysisTemplate"]["description"] == "Ages"
    assert len(call(CAROL, "ListAnalysisTemplates", **room.of(CAROL))["analysisTemplateSummaries"]) == 1
    call.refused(DENIED, BOB, "ListAnalysisTemplates", **room.of(CAROL))

    arn = {"analysisTemplateArn": made["arn"]}
    seen = call(BOB, "GetCollaborationAnalysisTemplate", **room.here, **arn)["collaborationAnalysisTemplate"]
    assert (seen["creatorAccountId"], seen["source"]["text"]) == (CAROL, "SELECT age FROM patients")
    listed = call(BOB, "ListCollaborationAnalysisTemplates", **room.here)["collaborationAnalysisTemplateSummaries"]
    assert [item["arn"] for item in listed] == [made["arn"]]
    missing = made["arn"].replace(made["id"], NOWHERE)
    arns = {"analysisTemplateArns": [made["arn"], missing]}
    batch = call(BOB, "BatchGetCollaborationAnalysisTemplate", **room.here, **arns)
    assert (len(batch["collaborationAnalysisTemplates"]), [item["arn"] for item in batch["errors"]]) == (1, [missing])
    call.refused(NOT_FOUND, BOB, "GetCollaborationAnalysisTemplate", **room.here, analysisTemplateArn=missing)
    call.refused(DENIED, DAVE, "GetCollaborationAnalysisTemplate", **room.here, **arn)
    call.refused(DENIED, DAVE, "ListCollaborationAnalysisTemplates", **room.here)
    call.refused(DENIED, DAVE, "BatchGetCollaborationAnalysisTemplate", **room.here, **arns)

    for operation in ("GetAnalysisTemplate", "UpdateAnalysisTemplate", "DeleteAnalysisTemplate"):
        call.refused(DENIED, BOB, operation, **its)
        call.refused(NOT_FOUND, BOB, operation, **{**its, **room.of(BOB)})
    call(CAROL, "DeleteAnalysisTemplate", **its)


def test_whatever_carries_tags_has_them_listed_by_its_arn(call: Witness) -> None:
    """The longest of these ARNs have 143 characters, more than the model says of `resourceArn`."""
    room, tags = a_room(call), {"study": "7"}
    table = call(BOB, "CreateConfiguredTable", **table_request("tagged", tags=tags))["configuredTable"]
    association = call(
        BOB,
        "CreateConfiguredTableAssociation",
        **room.of(BOB),
        configuredTableIdentifier=table["id"],
        name="tagged",
        roleArn=role_of(BOB),
        tags=tags,
    )["configuredTableAssociation"]
    template = call(BOB, "CreateAnalysisTemplate", **template_request(room, BOB, "tagged", tags=tags))
    for arn in (table["arn"], association["arn"], template["analysisTemplate"]["arn"]):
        assert call(BOB, "ListTagsForResource", resourceArn=arn)["tags"] == tags


def test_protected_queries_are_their_members_own(call: Witness) -> None:
    room = a_room(call)
    assert call(ALICE, "ListProtectedQueries", **room.of(ALICE))["protectedQueries"] == []
    call.refused(DENIED, BOB, "ListProtectedQueries", **room.of(ALICE))
    query = {"protectedQueryIdentifier": NOWHERE}
    call.refused(NOT_FOUND, ALICE, "GetProtectedQuery", **room.of(ALICE), **query)
    call.refused(DENIED, BOB, "GetProtectedQuery", **room.of(ALICE), **query)
    query |= {"targetStatus": "CANCELLED"}
    call.refused(NOT_FOUND, ALICE, "UpdateProtectedQuery", **room.of(ALICE), **query)
    call.refused(DENIED, BOB, "UpdateProtectedQuery", **room.of(ALICE), **query)


def test_a_query_lives_until_it_is_cancelled(call: Witness) -> None:
    room = a_room(call)
    started = call(ALICE, "StartProtectedQuery", **query_request(room))["protectedQuery"]
    its = {**room.of(ALICE), "protectedQueryIdentifier": started["id"]}
    cancelled = call(ALICE, "UpdateProtectedQuery", **its, targetStatus="CANCELLED")["protectedQuery"]
    assert cancelled["status"] == "CANCELLING"
    call.refused(CONFLICT, ALICE, "UpdateProtectedQuery", **its, targetStatus="CANCELLED")
    seen = call(ALICE, "GetProtectedQuery", **its)["protectedQuery"]
    assert seen["sqlParameters"] == started["sqlParameters"]
    assert len(call(ALICE, "ListProtectedQueries", **room.of(ALICE))["protectedQueries"]) == 1
    call.refused(DENIED, BOB, "StartProtectedQuery", **query_request(room, **room.of(BOB)))
    arn = f"arn:aws:cleanrooms:us-east-1:{ALICE}:membership/{room.memberships[ALICE]}/analysistemplate/{NOWHERE}"
    missing = {"sqlParameters": {"analysisTemplateArn": arn}}
    call.refused(NOT_FOUND, ALICE, "StartProtectedQuery", **query_request(room, **missing))
    call.refused(VALIDATION, ALICE, "StartProtectedQuery", **query_request(room, sqlParameters={}))
    call.refused(VALIDATION, ALICE, "UpdateProtectedQuery", **its, targetStatus="SUCCESS")


def test_an_access_budget_lives_with_its_table_and_every_member_sees_what_is_left(call: Witness) -> None:
    room = a_room(call)
    request = budget_request(room, an_association(room, a_table(call, "budgeted"), "patients"))
    made = call(BOB, "CreatePrivacyBudgetTemplate", **request)["privacyBudgetTemplate"]
    call.refused(CONFLICT, BOB, "CreatePrivacyBudgetTemplate", **request)
    call.refused(DENIED, ALICE, "CreatePrivacyBudgetTemplate", **request)
    call.refused(NOT_FOUND, ALICE, "CreatePrivacyBudgetTemplate", **{**request, **room.of(ALICE)})
    kind = {"privacyBudgetType": "ACCESS_BUDGET"}
    its = {"privacyBudgetTemplateIdentifier": made["id"]}
    assert call(BOB, "GetPrivacyBudgetTemplate", **room.of(BOB), **its)["privacyBudgetTemplate"] == made
    (template,) = call(BOB, "ListPrivacyBudgetTemplates", **room.of(BOB))["privacyBudgetTemplateSummaries"]
    assert template["id"] == made["id"]
    call(ALICE, "GetCollaborationPrivacyBudgetTemplate", **room.here, **its)
    call(ALICE, "ListCollaborationPrivacyBudgetTemplates", **room.here)
    (summary,) = call(ALICE, "ListCollaborationPrivacyBudgets", **room.here, **kind)[
        "collaborationPrivacyBudgetSummaries"
    ]
    week, lifetime = summary["budget"]["accessBudget"]["details"]
    assert (week["endTime"] - week["startTime"]).days == 7
    assert week["startTime"].weekday() == 0
    assert "endTime" not in lifetime
    change = {**its, **kind, "parameters": {"accessBudget": {"budgetParameters": [{"type": "LIFETIME", "budget": 1}]}}}
    call(BOB, "UpdatePrivacyBudgetTemplate", **room.of(BOB), **change)
    (summary,) = call(BOB, "ListPrivacyBudgets", **room.of(BOB), **kind)["privacyBudgetSummaries"]
    assert summary["budget"]["accessBudget"]["aggregateRemainingBudget"] == 1

    for operation, extra in (
        ("GetPrivacyBudgetTemplate", its),
        ("UpdatePrivacyBudgetTemplate", change),
        ("DeletePrivacyBudgetTemplate", its),
    ):
        call.refused(DENIED, ALICE, operation, **room.of(BOB), **extra)
        call.refused(NOT_FOUND, ALICE, operation, **room.of(ALICE), **extra)
        call.refused(VALIDATION, BOB, operation, **room.of(BOB), **{**extra, **BAD_BUDGET})
    for operation, extra in (("ListPrivacyBudgetTemplates", {}), ("ListPrivacyBudgets", kind)):
        call.refused(DENIED, ALICE, operation, **room.of(BOB), **extra)
        call.refused(VALIDATION, BOB, operation, **room.of(BOB), **extra, nextToken="bm90IGEgdG9rZW4=")
    for operation, extra in (
        ("GetCollaborationPrivacyBudgetTemplate", its),
        ("ListCollaborationPrivacyBudgetTemplates", {}),
        ("ListCollaborationPrivacyBudgets", kind),
    ):
        call.refused(DENIED, DAVE, operation, **room.here, **extra)
        call.refused(VALIDATION, DAVE, operation, **BAD_ROOM, **extra)
    nothing = {"privacyBudgetTemplateIdentifier": NOWHERE}
    call.refused(NOT_FOUND, ALICE, "GetCollaborationPrivacyBudgetTemplate", **room.here, **nothing)
    call.refused(VALIDATION, BOB, "CreatePrivacyBudgetTemplate", **{**request, "autoRefresh": "CALENDAR_MONTH"})
    call(BOB, "DeletePrivacyBudgetTemplate", **room.of(BOB), **its)


def test_every_list_refuses_a_page_of_a_thousand_and_a_foreign_token(call: Witness) -> None:
    room = a_room(call)
    lists: tuple[tuple[str, dict[str, str]], ...] = (
        ("ListCollaborations", {}),
        ("ListMemberships", {}),
        ("ListConfiguredTables", {}),
        ("ListMembers", room.here),
        ("ListSchemas", room.here),
        ("ListCollaborationAnalysisTemplates", room.here),
        ("ListConfiguredTableAssociations", room.of(ALICE)),
        ("ListAnalysisTemplates", room.of(ALICE)),
        ("ListProtectedQueries", room.of(ALICE)),
    )
    for operation, request in lists:
        call.refused(VALIDATION, ALICE, operation, **request, maxResults=1000)
        call.refused(VALIDATION, ALICE, operation, **request, nextToken="bm90IGEgdG9rZW4=")


@pytest.mark.parametrize(
    ("operation", "request_"),
    BROKEN,
)
def test_a_request_that_breaks_the_model_or_makes_no_sense_is_refused(
    call: Witness, operation: str, request_: dict[str, Any]
) -> None:
    call.refused(VALIDATION, ALICE, operation, **request_)


def test_what_is_one_too_many_is_refused_with_the_quotas_name(strict: Witness) -> None:
    room = a_room(strict)
    error = strict.refused(QUOTA, ALICE, "CreateCollaboration", **collaboration_request())
    assert (error["quotaName"], error["quotaValue"]) == ("collaborations-per-account", 1.0)

    def invited_by(account_id: str) -> dict[str, Any]:
        member = {"accountId": ALICE, "displayName": "Alice", "memberAbilities": [], "paymentConfiguration": NO_PAYMENT}
        made = strict(account_id, "CreateCollaboration", **collaboration_request(members=[member]))
        return {"collaborationIdentifier": made["collaboration"]["id"], "queryLogStatus": "DISABLED"}

    strict.refused(QUOTA, ALICE, "CreateMembership", **invited_by(DAVE))
    table = a_table(strict, "one")
    strict.refused(QUOTA, BOB, "CreateConfiguredTable", **table_request("two"))
    an_association(room, table, "one")
    again = {**room.of(BOB), **table, "roleArn": role_of(BOB)}
    strict.refused(QUOTA, BOB, "CreateConfiguredTableAssociation", **again, name="two")
    strict(BOB, "CreateAnalysisTemplate", **template_request(room, BOB, "one"))
    strict.refused(QUOTA, BOB, "CreateAnalysisTemplate", **template_request(room, BOB, "two"))
    strict(ALICE, "StartProtectedQuery", **query_request(room))
    strict.refused(QUOTA, ALICE, "StartProtectedQuery", **query_request(room))


def test_every_answer_and_every_declared_error_was_seen(
    seen: set[tuple[str, str]], ran: set[str], request: Any
) -> None:
    """Last, since it looks at what the others did: the ledger of this service's contract."""
    others = {item.nodeid for item in request.session.items if item.module is request.module} - {request.node.nodeid}
    names = {name for name in vars(request.module) if name.startswith("test_")} - {request.node.name}
    if not others <= ran or not names <= {item.originalname for item in request.session.items}:
        pytest.skip("looks at what every other test of this module has seen")
    assert EXCUSED <= OWED, "an excuse for what is not declared"
    assert not EXCUSED & seen, "an excuse that is not needed"
    assert not OWED - EXCUSED - seen
