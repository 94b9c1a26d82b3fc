"""Budgets of privacy as members make them, spend them and see them."""

from __future__ import annotations

from typing import Any

from support.cleanrooms import ALICE, BOB, REGION
from support.ml import SQL, Studio

LIFETIME = {"type": "LIFETIME", "budget": 2}
MISSING = "99999999-0000-4000-8000-000000000000"


def resource(studio: Studio, association: str = "", account: str = BOB) -> str:
    place = f"membership/{studio.room.membership(account)}/configuredtableassociation"
    return f"arn:aws:cleanrooms:{REGION}:{account}:{place}/{association or studio.table.association_id}"


def request(studio: Studio, *parameters: dict[str, Any], **changes: Any) -> dict[str, Any]:
    budget = {"budgetParameters": list(parameters) or [LIFETIME], "resourceArn": resource(studio)}
    return {
        "membershipIdentifier": studio.room.membership(BOB),
        "privacyBudgetType": "ACCESS_BUDGET",
        "parameters": {"accessBudget": budget},
        **changes,
    }


def budget_of(studio: Studio, *parameters: dict[str, Any], **changes: Any) -> Any:
    """CreatePrivacyBudgetTemplate as BOB; the template."""
    answer = studio.office.cleanrooms(BOB, "CreatePrivacyBudgetTemplate", **request(studio, *parameters, **changes))
    return answer["privacyBudgetTemplate"]


def left(studio: Studio) -> int:
    """What ALICE sees of BOB's budget."""
    listed = studio.office.cleanrooms(
        ALICE,
        "ListCollaborationPrivacyBudgets",
        collaborationIdentifier=studio.room.collaboration_id,
        privacyBudgetType="ACCESS_BUDGET",
    )["collaborationPrivacyBudgetSummaries"]
    return int(listed[0]["budget"]["accessBudget"]["aggregateRemainingBudget"])


def query(studio: Studio, sql: str = SQL) -> Any:
    s3 = {"resultFormat": "CSV", "bucket": "alices"}
    return studio.office.cleanrooms(
        ALICE,
        "StartProtectedQuery",
        type="SQL",
        membershipIdentifier=studio.room.membership(ALICE),
        sqlParameters={"queryString": sql},
        resultConfiguration={"outputConfiguration": {"s3": s3}},
    )


def request_of(studio: Studio, account: str) -> dict[str, str]:
    return {"membershipIdentifier": studio.room.membership(account)}


def listed(studio: Studio, **filters: str) -> Any:
    """ListPrivacyBudgets as BOB."""
    asked = {"privacyBudgetType": "ACCESS_BUDGET", **filters}
    return studio.office.cleanrooms(BOB, "ListPrivacyBudgets", **request_of(studio, BOB), **asked)[
        "privacyBudgetSummaries"
    ]


PRIVATE = {
    "privacyBudgetType": "DIFFERENTIAL_PRIVACY",
    "parameters": {"differentialPrivacy": {"epsilon": 3, "usersNoisePerQuery": 30}},
}


def private(studio: Studio, account: str = BOB, **changes: Any) -> Any:
    """CreatePrivacyBudgetTemplate for a budget of differential privacy; the template."""
    wanted = {"membershipIdentifier": studio.room.membership(account), **PRIVATE, **changes}
    return studio.office.cleanrooms(account, "CreatePrivacyBudgetTemplate", **wanted)["privacyBudgetTemplate"]


def counts(studio: Studio) -> dict[str, tuple[int, int]]:
    """What ALICE sees of the collaboration's budget."""
    (summary,) = studio.office.cleanrooms(
        ALICE,
        "ListCollaborationPrivacyBudgets",
        collaborationIdentifier=studio.room.collaboration_id,
        privacyBudgetType="DIFFERENTIAL_PRIVACY",
    )["collaborationPrivacyBudgetSummaries"]
    found = summary["budget"]["differentialPrivacy"]["aggregations"]
    return {item["type"]: (item["maxCount"], item["remainingCount"]) for item in found}
