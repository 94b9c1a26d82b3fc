"""Every operation of `cleanrooms` through boto3 and HTTP: what it answers, and each error that its model declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from support.server import RunningServer, running_server
from support.shapes import assert_fits, service_model
from support.worlds.requests import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    NO_PAYMENT,
    collaboration_request,
    collaboration_rule,
    custom_rule,
    role_of,
)
from whiteroom.catalog.folder import FolderCatalog
from whiteroom.domain.resources.quotas import Quota
from whiteroom.engines.duckdb.schemas import read_schema
from whiteroom.settings import QUOTA_PREFIX

NOWHERE = "99999999-0000-4000-8000-000000000000"
MALFORMED = "Z" * 36

OPERATIONS = (
    *(f"{verb}Collaboration" for verb in ("Create", "Get", "Update", "Delete")),
    *("ListCollaborations", "ListMembers", "DeleteMember"),
    *(f"{verb}Membership" for verb in ("Create", "Get", "Update", "Delete")),
    "ListMemberships",
    *(f"{verb}ConfiguredTable" for verb in ("Create", "Get", "Update", "Delete")),
    "ListConfiguredTables",
    *(f"{verb}ConfiguredTableAnalysisRule" for verb in ("Create", "Get", "Update", "Delete")),
    *(f"{verb}ConfiguredTableAssociation" for verb in ("Create", "Get", "Update", "Delete")),
    "ListConfiguredTableAssociations",
    *(f"{verb}ConfiguredTableAssociationAnalysisRule" for verb in ("Create", "Get", "Update", "Delete")),
    *(f"{verb}AnalysisTemplate" for verb in ("Create", "Get", "Update", "Delete")),
    "ListAnalysisTemplates",
    *("GetCollaborationAnalysisTemplate", "ListCollaborationAnalysisTemplates"),
    "BatchGetCollaborationAnalysisTemplate",
    *("ListSchemas", "GetSchema", "BatchGetSchema", "GetSchemaAnalysisRule", "BatchGetSchemaAnalysisRule"),
    *("StartProtectedQuery", "UpdateProtectedQuery", "GetProtectedQuery", "ListProtectedQueries"),
    *(f"{verb}PrivacyBudgetTemplate" for verb in ("Create", "Get", "Update", "Delete")),
    *("ListPrivacyBudgetTemplates", "ListPrivacyBudgets", "ListCollaborationPrivacyBudgets"),
    *("GetCollaborationPrivacyBudgetTemplate", "ListCollaborationPrivacyBudgetTemplates"),
)

HAPPY = "answers"
VALIDATION = "ValidationException"
DENIED = "AccessDeniedException"
NOT_FOUND = "ResourceNotFoundException"
CONFLICT = "ConflictException"
QUOTA = "ServiceQuotaExceededException"

NEVER: dict[str, tuple[str, ...]] = {
    # An account's own lists and tables are always its own; another's table is not found.
    DENIED: (
        *("CreateCollaboration", "ListCollaborations", "ListMemberships", "ListConfiguredTables"),
        *("CreateConfiguredTable", "GetConfiguredTable", "UpdateConfiguredTable", "DeleteConfiguredTable"),
        *(f"{verb}ConfiguredTableAnalysisRule" for verb in ("Create", "Get", "Update", "Delete")),
    ),
    # A membership or collaboration that is not there is answered like one that is another's: denied.
    NOT_FOUND: (
        *(f"{verb}Membership" for verb in ("Create", "Get", "Update", "Delete")),
        *("ListMembers", "ListConfiguredTableAssociations", "ListAnalysisTemplates", "ListProtectedQueries"),
        *("ListCollaborationAnalysisTemplates", "BatchGetCollaborationAnalysisTemplate", "ListSchemas"),
        *("BatchGetSchema", "BatchGetSchemaAnalysisRule", "CreateAnalysisTemplate"),
        *("ListPrivacyBudgetTemplates", "ListPrivacyBudgets"),
        *("ListCollaborationPrivacyBudgetTemplates", "ListCollaborationPrivacyBudgets"),
        # A table that the catalog lacks is a broken configuration.
        "CreateConfiguredTable",
    ),
    # Nothing depends on a rule, or on an association: deleting it is how an owner withdraws.
    CONFLICT: (
        *("UpdateConfiguredTableAnalysisRule", "DeleteConfiguredTableAnalysisRule"),
        *("UpdateConfiguredTableAssociation", "DeleteConfiguredTableAssociation"),
        *(f"{verb}ConfiguredTableAssociationAnalysisRule" for verb in ("Update", "Delete")),
        "UpdatePrivacyBudgetTemplate",
    ),
    # One rule and one budget per table, and changes make nothing more.
    QUOTA: (
        "CreatePrivacyBudgetTemplate",
        *(f"{verb}ConfiguredTableAnalysisRule" for verb in ("Create", "Update")),
        "UpdateConfiguredTable",
    ),
}
"""Declared errors that this server has no occasion for, each with the reason."""


@dataclass
class Caller:
    """Calls operations as any account, holds every answer to the model, and remembers what was seen."""

    server: RunningServer
    seen: set[tuple[str, str]]
    _clients: dict[str, Any] = field(default_factory=dict)

    def __call__(self, account_id: str, operation: str, /, **request: Any) -> Any:
        if account_id not in self._clients:
            self._clients[account_id] = self.server.client("cleanrooms", account_id)
        answer = getattr(self._clients[account_id], xform_name(operation))(**request)
        model = service_model("cleanrooms").operation_model(operation)
        assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == model.http.get("responseCode", 200)
        if model.output_shape is not None:
            assert_fits(model.output_shape, answer)
        self.seen.add((operation, HAPPY))
        return answer

    def refused(self, code: str, account_id: str, operation: str, /, **request: Any) -> dict[str, Any]:
        """The error's own members."""
        with pytest.raises(ClientError) as caught:
            self(account_id, operation, **request)
        error: dict[str, Any] = dict(caught.value.response)
        assert error["Error"]["Code"] == code, error["Error"]
        assert error["Error"]["Message"]
        assert code in {shape.name for shape in service_model("cleanrooms").operation_model(operation).error_shapes}
        self.seen.add((operation, code))
        return error


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


def with_tables(server: RunningServer, folder: Path) -> None:
    rows = folder / "patients.csv"
    rows.write_text("patient_id,age,secret\n1,40,x\n2,50,y\n")
    for account_id in (ALICE, BOB, CAROL):
        FolderCatalog(server.data / "catalog", read_schema).add(account_id, "lake", "patients", [rows])


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory, seen: set[tuple[str, str]]) -> Iterator[Caller]:
    folder = tmp_path_factory.mktemp("api")
    with running_server(folder / "data", environment=generous()) as server:
        with_tables(server, folder)
        yield Caller(server, seen)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, seen: set[tuple[str, str]]) -> Iterator[Caller]:
    """A server where one of each thing is allowed."""
    folder = tmp_path_factory.mktemp("strict")
    with running_server(folder / "data", environment=ones()) as server:
        with_tables(server, folder)
        yield Caller(server, seen)


def generous() -> dict[str, str]:
    return {variable(Quota.COLLABORATIONS_PER_ACCOUNT): "100"}


def ones() -> dict[str, str]:
    limited = (
        Quota.COLLABORATIONS_PER_ACCOUNT,
        Quota.CONFIGURED_TABLES_PER_ACCOUNT,
        Quota.ASSOCIATIONS_PER_MEMBERSHIP,
        Quota.ANALYSIS_TEMPLATES_PER_MEMBERSHIP,
        Quota.MEMBERSHIPS_PER_ACCOUNT,
        Quota.CONCURRENT_QUERIES_PER_MEMBERSHIP,
    )
    return {variable(quota): "1" for quota in limited}


def variable(quota: Quota) -> str:
    return QUOTA_PREFIX + quota.value.upper().replace("-", "_")


@dataclass
class Room:
    """A collaboration over HTTP."""

    call: Caller
    id: str
    memberships: dict[str, str] = field(default_factory=dict)

    @property
    def here(self) -> dict[str, str]:
        return {"collaborationIdentifier": self.id}

    def of(self, account_id: str) -> dict[str, str]:
        return {"membershipIdentifier": self.memberships[account_id]}


def an_invitation(call: Caller, **changes: Any) -> Room:
    return Room(call, call(ALICE, "CreateCollaboration", **collaboration_request(**changes))["collaboration"]["id"])


def join(room: Room, account_id: str) -> None:
    made = room.call(account_id, "CreateMembership", **room.here, queryLogStatus="DISABLED")
    room.memberships[account_id] = made["membership"]["id"]


def a_room(call: Caller) -> Room:
    room = an_invitation(call)
    for account_id in (ALICE, BOB, CAROL):
        join(room, account_id)
    return room


def table_request(name: str, **changes: Any) -> dict[str, Any]:
    request = {
        "name": name,
        "tableReference": {"glue": {"databaseName": "lake", "tableName": "patients"}},
        "allowedColumns": ["patient_id", "age"],
        "analysisMethod": "DIRECT_QUERY",
    }
    return {**request, **changes}


def a_table(call: Caller, name: str, account_id: str = BOB) -> dict[str, str]:
    made = call(account_id, "CreateConfiguredTable", **table_request(name))["configuredTable"]
    return {"configuredTableIdentifier": made["id"]}


def an_association(room: Room, table: dict[str, str], name: str) -> dict[str, str]:
    made = room.call(BOB, "CreateConfiguredTableAssociation", **room.of(BOB), **table, name=name, roleArn=role_of(BOB))[
        "configuredTableAssociation"
    ]
    return {**room.of(BOB), "configuredTableAssociationIdentifier": made["id"]}


CUSTOM = {"analysisRuleType": "CUSTOM"}
RULE = {**CUSTOM, "analysisRulePolicy": custom_rule()}
SHARED = {**CUSTOM, "analysisRulePolicy": collaboration_rule()}


def template_request(room: Room, account_id: str, name: str, **changes: Any) -> dict[str, Any]:
    request = {**room.of(account_id), "name": name, "format": "SQL", "source": {"text": "SELECT age FROM patients"}}
    return {**request, **changes}


def test_a_collaboration_lives_from_invitation_to_deletion(call: Caller) -> None:
    room = an_invitation(call)
    assert call(BOB, "GetCollaboration", **room.here)["collaboration"]["memberStatus"] == "INVITED"
    assert room.id in [item["id"] for item in call(BOB, "ListCollaborations", maxResults=100)["collaborationList"]]
    call.refused(DENIED, DAVE, "GetCollaboration", **room.here)
    for account_id in (ALICE, BOB, CAROL):
        join(room, account_id)
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


def test_a_membership_lives_until_its_member_leaves(call: Caller) -> None:
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


def test_a_configured_table_lives_with_its_rule(call: Caller) -> None:
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


def test_an_association_lives_with_its_rule_and_shows_as_a_schema(call: Caller) -> None:
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


def test_a_template_lives_and_is_read_by_every_member(call: Caller) -> None:
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


def test_whatever_carries_tags_has_them_listed_by_its_arn(call: Caller) -> None:
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


def test_protected_queries_are_their_members_own(call: Caller) -> None:
    room = a_room(call)
    assert call(ALICE, "ListProtectedQueries", **room.of(ALICE))["protectedQueries"] == []
    call.refused(DENIED, BOB, "ListProtectedQueries", **room.of(ALICE))
    query = {"protectedQueryIdentifier": NOWHERE}
    call.refused(NOT_FOUND, ALICE, "GetProtectedQuery", **room.of(ALICE), **query)
    call.refused(DENIED, BOB, "GetProtectedQuery", **room.of(ALICE), **query)
    query |= {"targetStatus": "CANCELLED"}
    call.refused(NOT_FOUND, ALICE, "UpdateProtectedQuery", **room.of(ALICE), **query)
    call.refused(DENIED, BOB, "UpdateProtectedQuery", **room.of(ALICE), **query)


def query_request(room: Room, **changes: Any) -> dict[str, Any]:
    output = {"s3": {"resultFormat": "CSV", "bucket": "results"}}
    request = {"type": "SQL", **room.of(ALICE), "sqlParameters": {"queryString": "SELECT age FROM patients"}}
    return {**request, "resultConfiguration": {"outputConfiguration": output}, **changes}


def test_a_query_lives_until_it_is_cancelled(call: Caller) -> None:
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


def budget_request(room: Room, association: dict[str, str], **changes: Any) -> dict[str, Any]:
    place = f"membership/{room.memberships[BOB]}/configuredtableassociation"
    budget = {
        "resourceArn": (
            f"arn:aws:cleanrooms:us-east-1:{BOB}:{place}/{association['configuredTableAssociationIdentifier']}"
        ),
        "budgetParameters": [
            {"type": "CALENDAR_WEEK", "budget": 3, "autoRefresh": "ENABLED"},
            {"type": "LIFETIME", "budget": 9},
        ],
    }
    return {**room.of(BOB), "privacyBudgetType": "ACCESS_BUDGET", "parameters": {"accessBudget": budget}, **changes}


def test_an_access_budget_lives_with_its_table_and_every_member_sees_what_is_left(call: Caller) -> None:
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


def test_every_list_refuses_a_page_of_a_thousand_and_a_foreign_token(call: Caller) -> None:
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


BAD_TABLE = {"configuredTableIdentifier": MALFORMED}
BAD_ROOM = {"collaborationIdentifier": MALFORMED}
BAD_MEMBERSHIP = {"membershipIdentifier": MALFORMED}
BAD_BUDGET = {"privacyBudgetTemplateIdentifier": MALFORMED}
BAD_ASSOCIATION = {"membershipIdentifier": NOWHERE, "configuredTableAssociationIdentifier": MALFORMED}
BAD_TEMPLATE = {"membershipIdentifier": NOWHERE, "analysisTemplateIdentifier": MALFORMED}


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("CreateCollaboration", collaboration_request(creatorMemberAbilities=["CAN_FLY"])),
        ("CreateCollaboration", collaboration_request(creatorMemberAbilities=[])),
        ("GetCollaboration", BAD_ROOM),
        ("UpdateCollaboration", BAD_ROOM),
        ("DeleteCollaboration", BAD_ROOM),
        ("DeleteMember", {**BAD_ROOM, "accountId": BOB}),
        ("CreateMembership", {**BAD_ROOM, "queryLogStatus": "DISABLED"}),
        ("GetMembership", BAD_MEMBERSHIP),
        ("UpdateMembership", BAD_MEMBERSHIP),
        ("DeleteMembership", BAD_MEMBERSHIP),
        ("CreateConfiguredTable", table_request("x", allowedColumns=["salary"])),
        ("CreateConfiguredTable", table_request("x" * 101)),
        ("GetConfiguredTable", BAD_TABLE),
        ("UpdateConfiguredTable", BAD_TABLE),
        ("DeleteConfiguredTable", BAD_TABLE),
        ("CreateConfiguredTableAnalysisRule", {**BAD_TABLE, **RULE}),
        ("GetConfiguredTableAnalysisRule", {**BAD_TABLE, **CUSTOM}),
        ("UpdateConfiguredTableAnalysisRule", {**BAD_TABLE, **RULE}),
        ("DeleteConfiguredTableAnalysisRule", {**BAD_TABLE, **CUSTOM}),
        (
            "CreateConfiguredTableAssociation",
            {**BAD_MEMBERSHIP, "configuredTableIdentifier": NOWHERE, "name": "x", "roleArn": role_of(BOB)},
        ),
        ("GetConfiguredTableAssociation", BAD_ASSOCIATION),
        ("UpdateConfiguredTableAssociation", BAD_ASSOCIATION),
        ("DeleteConfiguredTableAssociation", BAD_ASSOCIATION),
        ("CreateConfiguredTableAssociationAnalysisRule", {**BAD_ASSOCIATION, **SHARED}),
        ("GetConfiguredTableAssociationAnalysisRule", {**BAD_ASSOCIATION, **CUSTOM}),
        ("UpdateConfiguredTableAssociationAnalysisRule", {**BAD_ASSOCIATION, **SHARED}),
        ("DeleteConfiguredTableAssociationAnalysisRule", {**BAD_ASSOCIATION, **CUSTOM}),
        ("CreateAnalysisTemplate", {**BAD_MEMBERSHIP, "name": "x", "format": "SQL", "source": {"text": "SELECT 1"}}),
        ("GetAnalysisTemplate", BAD_TEMPLATE),
        ("UpdateAnalysisTemplate", BAD_TEMPLATE),
        ("DeleteAnalysisTemplate", BAD_TEMPLATE),
        ("GetCollaborationAnalysisTemplate", {"collaborationIdentifier": NOWHERE, "analysisTemplateArn": "arn:x"}),
        ("BatchGetCollaborationAnalysisTemplate", {**BAD_ROOM, "analysisTemplateArns": ["arn:x"]}),
        ("GetSchema", {**BAD_ROOM, "name": "patients"}),
        ("BatchGetSchema", {"collaborationIdentifier": NOWHERE, "names": ["x"] * 26}),
        ("GetSchemaAnalysisRule", {"collaborationIdentifier": NOWHERE, "name": "x", "type": "MAGIC"}),
        (
            "BatchGetSchemaAnalysisRule",
            {"collaborationIdentifier": NOWHERE, "schemaAnalysisRuleRequests": [{"name": "x", "type": "MAGIC"}]},
        ),
        ("GetProtectedQuery", {**BAD_MEMBERSHIP, "protectedQueryIdentifier": NOWHERE}),
    ],
)
def test_a_request_that_breaks_the_model_or_makes_no_sense_is_refused(
    call: Caller, operation: str, request_: dict[str, Any]
) -> None:
    call.refused(VALIDATION, ALICE, operation, **request_)


def test_what_is_one_too_many_is_refused_with_the_quotas_name(strict: Caller) -> None:
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


def declared(operation: str) -> Iterator[str]:
    yield HAPPY
    for shape in service_model("cleanrooms").operation_model(operation).error_shapes:
        if shape.name not in ("ThrottlingException", "InternalServerException"):
            yield shape.name


def test_every_answer_and_every_declared_error_was_seen(
    seen: set[tuple[str, str]], ran: set[str], request: Any
) -> None:
    """Last, since it looks at what the others did: the ledger of this service's contract."""
    others = {item.nodeid for item in request.session.items if item.module is request.module} - {request.node.nodeid}
    names = {name for name in vars(request.module) if name.startswith("test_")} - {request.node.name}
    if not others <= ran or not names <= {item.originalname for item in request.session.items}:
        pytest.skip("looks at what every other test of this module has seen")
    owed = {(operation, answer) for operation in OPERATIONS for answer in declared(operation)}
    excused = {(operation, code) for code, operations in NEVER.items() for operation in operations}
    assert excused <= owed, "an excuse for what is not declared"
    assert not excused & seen, "an excuse that is not needed"
    assert not owed - excused - seen
