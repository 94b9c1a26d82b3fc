"""Protected queries: what ran for a member. Today each one filled an ML input channel."""

from __future__ import annotations

from typing import Any

from whiteroom.base.faults import ResourceNotFound
from whiteroom.domain.protected_queries import ProtectedQuery, ProtectedQueryStatus
from whiteroom.operations.access import own_membership
from whiteroom.operations.paging import next_token, page_size, page_start
from whiteroom.operations.registry import CLEANROOMS, Context, Request, Response, operation


@operation(CLEANROOMS, "GetProtectedQuery")
def get_protected_query(request: Request, context: Context) -> Response:
    """A query of the caller's membership."""
    membership = own_membership(context, request["membershipIdentifier"])
    query_id = request["protectedQueryIdentifier"]
    query = context.tx.protected_queries.get(query_id)
    if query is None or query.membership_id != membership.id:
        raise ResourceNotFound(
            f"Membership {membership.id} has no protected query {query_id}. "
            "Use the identifier that ListProtectedQueries or GetMLInputChannel answers.",
            resourceId=query_id,
            resourceType="PROTECTED_QUERY",
        )
    return {"protectedQuery": _document(query)}


@operation(CLEANROOMS, "ListProtectedQueries")
def list_protected_queries(request: Request, context: Context) -> Response:
    """The queries of the caller's membership, newest first; those of one status where one is asked for."""
    membership = own_membership(context, request["membershipIdentifier"])
    status = request.get("status")
    scope = f"ListProtectedQueries {membership.id} {status}"
    equals: dict[str, object] = {"membership_id": membership.id}
    if status is not None:
        equals["status"] = ProtectedQueryStatus(status)
    page = context.tx.protected_queries.page(page_size(request), page_start(request, scope), **equals)
    return {"protectedQueries": [_summary(query) for query in page.items], "nextToken": next_token(page, scope)}


def _document(query: ProtectedQuery) -> dict[str, Any]:
    # No resultConfiguration: the rows went into a channel, and "are never shared with any member".
    error = {"code": query.error_code, "message": query.error_message or ""} if query.error_code else None
    return {
        **_head(query),
        "sqlParameters": query.sql_parameters,
        "statistics": _statistics(query),
        "error": error,
        "computeConfiguration": query.compute_configuration,
    }


def _statistics(query: ProtectedQuery) -> dict[str, Any] | None:
    if query.started_at is None or query.ended_at is None:
        return None
    return {"totalDurationInMillis": round((query.ended_at - query.started_at).total_seconds() * 1000)}


def _summary(query: ProtectedQuery) -> dict[str, Any]:
    return {**_head(query), "receiverConfigurations": [{"analysisType": "ADDITIONAL_ANALYSIS"}]}


def _head(query: ProtectedQuery) -> dict[str, Any]:
    return {
        "id": query.id,
        "membershipId": query.membership_id,
        "membershipArn": query.membership_arn,
        "createTime": query.created_at,
        "status": query.status.value,
        "queryComputePayerAccountId": query.payer_account_id,
    }
