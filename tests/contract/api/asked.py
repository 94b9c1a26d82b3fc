"""What is asked of `cleanrooms` over HTTP, rightly and wrongly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contract.api.ledger import Witness
from support.server import RunningServer, running_server
from support.worlds.requests import ALICE, BOB, CAROL, collaboration_request, collaboration_rule, custom_rule, role_of
from support.worlds.rooms import AnyRoom
from whiteroom.catalog.folder import FolderCatalog
from whiteroom.domain.resources.quotas import Quota
from whiteroom.engines.duckdb.schemas import read_schema
from whiteroom.settings_loading import QUOTA_PREFIX

NOWHERE = "99999999-0000-4000-8000-000000000000"
MALFORMED = "Z" * 36


def with_tables(server: RunningServer, folder: Path) -> None:
    rows = folder / "patients.csv"
    rows.write_text("patient_id,age,secret\n1,40,x\n2,50,y\n")
    for account_id in (ALICE, BOB, CAROL):
        FolderCatalog(server.data / "catalog", read_schema).add(account_id, "lake", "patients", [rows])


GENEROUS = {Quota.COLLABORATIONS_PER_ACCOUNT: 100}
ONE_OF_EACH = dict.fromkeys(
    (
        Quota.COLLABORATIONS_PER_ACCOUNT,
        Quota.CONFIGURED_TABLES_PER_ACCOUNT,
        Quota.ASSOCIATIONS_PER_MEMBERSHIP,
        Quota.ANALYSIS_TEMPLATES_PER_MEMBERSHIP,
        Quota.MEMBERSHIPS_PER_ACCOUNT,
        Quota.CONCURRENT_QUERIES_PER_MEMBERSHIP,
    ),
    1,
)


@contextmanager
def witness(folder: Path, seen: set[tuple[str, str]], limits: Mapping[Quota, int]) -> Iterator[Witness]:
    """A server with a table of three accounts', under these quotas."""
    environment = {QUOTA_PREFIX + quota.value.upper().replace("-", "_"): str(limit) for quota, limit in limits.items()}
    with running_server(folder / "data", environment=environment) as server:
        with_tables(server, folder)
        yield Witness(server, seen)


def an_invitation(call: Witness) -> AnyRoom:
    room = AnyRoom(call)
    room.invite(ALICE, **collaboration_request())
    return room


def a_room(call: Witness) -> AnyRoom:
    room = an_invitation(call)
    for account_id in (ALICE, BOB, CAROL):
        room.join(account_id)
    return room


PATIENTS: dict[str, Any] = {
    "tableReference": {"glue": {"databaseName": "lake", "tableName": "patients"}},
    "allowedColumns": ["patient_id", "age"],
    "analysisMethod": "DIRECT_QUERY",
}


def table_request(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, **PATIENTS, **changes}


def a_table(call: Witness, name: str) -> dict[str, str]:
    table_id = AnyRoom(call).configured_table(BOB, name, **PATIENTS)
    return {"configuredTableIdentifier": table_id}


def an_association(room: AnyRoom, table: dict[str, str], name: str) -> dict[str, str]:
    made = room.table_association(BOB, table["configuredTableIdentifier"], name)
    return {**room.of(BOB), "configuredTableAssociationIdentifier": made}


CUSTOM = {"analysisRuleType": "CUSTOM"}
RULE = {**CUSTOM, "analysisRulePolicy": custom_rule()}
SHARED = {**CUSTOM, "analysisRulePolicy": collaboration_rule()}


def template_request(room: AnyRoom, account_id: str, name: str, **changes: Any) -> dict[str, Any]:
    request = {**room.of(account_id), "name": name, "format": "SQL", "source": {"text": "SELECT age FROM patients"}}
    return {**request, **changes}


def query_request(room: AnyRoom, **changes: Any) -> dict[str, Any]:
    output = {"s3": {"resultFormat": "CSV", "bucket": "results"}}
    request = {"type": "SQL", **room.of(ALICE), "sqlParameters": {"queryString": "SELECT age FROM patients"}}
    return {**request, "resultConfiguration": {"outputConfiguration": output}, **changes}


def budget_request(room: AnyRoom, association: dict[str, str], **changes: Any) -> dict[str, Any]:
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


BAD_TABLE = {"configuredTableIdentifier": MALFORMED}
BAD_ROOM = {"collaborationIdentifier": MALFORMED}
BAD_MEMBERSHIP = {"membershipIdentifier": MALFORMED}
BAD_BUDGET = {"privacyBudgetTemplateIdentifier": MALFORMED}
BAD_ASSOCIATION = {"membershipIdentifier": NOWHERE, "configuredTableAssociationIdentifier": MALFORMED}
BAD_TEMPLATE = {"membershipIdentifier": NOWHERE, "analysisTemplateIdentifier": MALFORMED}


BROKEN: list[tuple[str, dict[str, Any]]] = [
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
]
"""Requests that break the model or make no sense."""
