"""Budgets of privacy as members make them, spend them and see them."""

from __future__ import annotations

from typing import Any

from support.worlds.requests import ALICE, BOB, REGION, SQL
from support.worlds.rooms import Room

LIFETIME = {"type": "LIFETIME", "budget": 2}
MISSING = "99999999-0000-4000-8000-000000000000"


def resource(room: Room, association: str = "", account: str = BOB) -> str:
    place = f"membership/{room.membership(account)}/configuredtableassociation"
    return f"arn:aws:cleanrooms:{REGION}:{account}:{place}/{association or room.table.association_id}"


def request(room: Room, *parameters: dict[str, Any], **changes: Any) -> dict[str, Any]:
    budget = {"budgetParameters": list(parameters) or [LIFETIME], "resourceArn": resource(room)}
    return {
        "membershipIdentifier": room.membership(BOB),
        "privacyBudgetType": "ACCESS_BUDGET",
        "parameters": {"accessBudget": budget},
        **changes,
    }


def budget_of(room: Room, *parameters: dict[str, Any], **changes: Any) -> Any:
    """CreatePrivacyBudgetTemplate as BOB; the template."""
    answer = room.server.cleanrooms(BOB, "CreatePrivacyBudgetTemplate", **request(room, *parameters, **changes))
    return answer["privacyBudgetTemplate"]


def left(room: Room) -> int:
    """What ALICE sees of BOB's budget."""
    listed = room.server.cleanrooms(
        ALICE,
        "ListCollaborationPrivacyBudgets",
        collaborationIdentifier=room.collaboration_id,
        privacyBudgetType="ACCESS_BUDGET",
    )["collaborationPrivacyBudgetSummaries"]
    return int(listed[0]["budget"]["accessBudget"]["aggregateRemainingBudget"])


def query(room: Room, sql: str = SQL) -> Any:
    s3 = {"resultFormat": "CSV", "bucket": "alices"}
    return room.server.cleanrooms(
        ALICE,
        "StartProtectedQuery",
        type="SQL",
        membershipIdentifier=room.membership(ALICE),
        sqlParameters={"queryString": sql},
        resultConfiguration={"outputConfiguration": {"s3": s3}},
    )


def request_of(room: Room, account: str) -> dict[str, str]:
    return {"membershipIdentifier": room.membership(account)}


def listed(room: Room, **filters: str) -> Any:
    """ListPrivacyBudgets as BOB."""
    asked = {"privacyBudgetType": "ACCESS_BUDGET", **filters}
    return room.server.cleanrooms(BOB, "ListPrivacyBudgets", **request_of(room, BOB), **asked)["privacyBudgetSummaries"]


PRIVATE = {
    "privacyBudgetType": "DIFFERENTIAL_PRIVACY",
    "parameters": {"differentialPrivacy": {"epsilon": 3, "usersNoisePerQuery": 30}},
}


def private(room: Room, account: str = BOB, **changes: Any) -> Any:
    """CreatePrivacyBudgetTemplate for a budget of differential privacy; the template."""
    wanted = {"membershipIdentifier": room.membership(account), **PRIVATE, **changes}
    return room.server.cleanrooms(account, "CreatePrivacyBudgetTemplate", **wanted)["privacyBudgetTemplate"]


def counts(room: Room) -> dict[str, tuple[int, int]]:
    """What ALICE sees of the collaboration's budget."""
    (summary,) = room.server.cleanrooms(
        ALICE,
        "ListCollaborationPrivacyBudgets",
        collaborationIdentifier=room.collaboration_id,
        privacyBudgetType="DIFFERENTIAL_PRIVACY",
    )["collaborationPrivacyBudgetSummaries"]
    found = summary["budget"]["differentialPrivacy"]["aggregations"]
    return {item["type"]: (item["maxCount"], item["remainingCount"]) for item in found}
