"""Protected queries: those of the visitor's own membership, and one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.ends import offered
from whiteroom.console.facts import Fact, facts, pairs, reason_of
from whiteroom.console.following import live_url
from whiteroom.console.rendering import page
from whiteroom.console.within import leaf, within


async def many(asked: Asked) -> Response:
    """The member's own, the newest first, page by page."""
    here = await within(asked)
    name, member = "ListProtectedQueries", "protectedQueries"
    found = await leaf(asked, "cleanrooms", name, member, membershipIdentifier=here.membership)
    return page("queries.html", visitor=asked.visitor, here=here, found=found, tab="queries")


async def show(asked: Asked) -> Response:
    """One query."""
    here = await within(asked)
    answer = await asked.visitor.call(
        "cleanrooms",
        "GetProtectedQuery",
        membershipIdentifier=here.membership,
        protectedQueryIdentifier=asked.path["query"],
    )
    query = answer["protectedQuery"]
    sql = query.get("sqlParameters", {})
    return page(
        "query.html",
        visitor=asked.visitor,
        here=here,
        tab="queries",
        query=query,
        ends=offered(here, "queries", query["id"], query),
        live=live_url(here, "queries", query["id"], query),
        facts=list(_facts(query)),
        reason=reason_of(query),
        sql=sql,
        parameters=pairs(sql, "parameters"),
        noise=query.get("differentialPrivacy", {}).get("sensitivityParameters", []),
    )


def _facts(query: Mapping[str, Any]) -> Iterator[Fact]:
    yield Fact("Asked at", query["createTime"])
    yield from _receivers(query.get("resultConfiguration", {}).get("outputConfiguration", {}))
    for file in _files(query.get("result", {}).get("output", {})):
        yield Fact("Result", file)
    statistics = query.get("statistics", {})
    yield from facts(statistics, {"totalDurationInMillis": "Took milliseconds"})
    yield from facts(statistics.get("billedResourceUtilization", {}), {"units": "Billed units"})
    worker = query.get("computeConfiguration", {}).get("worker", {})
    yield from facts(worker, {"type": "Worker", "number": "Workers"})
    yield from facts(query, {"queryComputePayerAccountId": "Paid by", "membershipArn": "Membership"})


def _receivers(output: Mapping[str, Any]) -> Iterator[Fact]:
    """Who has the result, and where it is put."""
    for location in (output, *(output.get("distribute", {}).get("locations", []))):
        if "member" in location:
            yield Fact("Delivered to", location["member"]["accountId"])
        if "s3" in location:
            s3 = location["s3"]
            yield Fact("Delivered to", f"s3://{s3['bucket']}/{s3.get('keyPrefix', '')} ({s3['resultFormat']})")


def _files(output: Mapping[str, Any]) -> Iterator[str]:
    if "s3" in output:
        yield str(output["s3"]["location"])
    for member in output.get("memberList", []):
        yield f"with {member['accountId']}"
    distribute = output.get("distribute", {})
    if "s3" in distribute:
        yield str(distribute["s3"]["location"])
    for member in distribute.get("memberList", []):
        yield f"with {member['accountId']}"
