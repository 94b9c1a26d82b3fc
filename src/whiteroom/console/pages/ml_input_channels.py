"""ML input channels: those of a collaboration, and one, with what it was made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.ends import offered
from whiteroom.console.facts import Fact, facts, pairs, reason_of
from whiteroom.console.following import live_url
from whiteroom.console.rendering import page
from whiteroom.console.within import ML, Within, leaf, within

LOOK = ("mlInputChannelArn", "GetMLInputChannel", "GetCollaborationMLInputChannel")


async def many(asked: Asked) -> Response:
    """The channels of all members, the newest first, page by page."""
    here = await within(asked)
    name, member = "ListCollaborationMLInputChannels", "collaborationMLInputChannelsList"
    found = await leaf(asked, ML, name, member, collaborationIdentifier=here.identifier)
    return page("channels.html", visitor=asked.visitor, here=here, found=found, tab="channels")


async def show(asked: Asked) -> Response:
    """One channel."""
    here = await within(asked)
    channel = await here.look(asked.path["arn"], *LOOK)
    source = channel.get("inputChannel", {}).get("dataSource", {}).get("protectedQueryInputParameters", {})
    return page(
        "channel.html",
        visitor=asked.visitor,
        here=here,
        tab="channels",
        channel=channel,
        ends=offered(here, "channels", channel["mlInputChannelArn"], channel),
        live=live_url(here, "channels", channel["mlInputChannelArn"], channel),
        facts=list(_facts(here, channel)),
        reason=reason_of(channel),
        sql=source.get("sqlParameters", {}),
        parameters=pairs(source.get("sqlParameters", {}), "parameters"),
        budgets=channel.get("privacyBudgets", {}).get("accessBudgets", []),
        scores=_scores(channel),
        tags=pairs(channel, "tags"),
    )


def _facts(here: Within, channel: Mapping[str, Any]) -> Iterator[Fact]:
    yield from facts(
        channel,
        {
            "description": "Description",
            "creatorAccountId": "Made by",
            "createTime": "Made at",
            "updateTime": "Changed at",
            "numberOfRecords": "Rows",
            "numberOfFiles": "Files",
            "sizeInGb": "Size in GB",
            "retentionInDays": "Kept for days",
        },
    )
    for arn in channel["configuredModelAlgorithmAssociations"]:
        yield Fact("For the algorithm", arn)
    query = channel.get("protectedQueryIdentifier")
    if query:
        yield Fact("Its query", query, here.url("queries", query) if here.owns(channel["mlInputChannelArn"]) else "")
    source = channel.get("inputChannel", {})
    yield from facts(source, {"roleArn": "Role"})
    payers = channel.get("payerConfiguration", {})
    yield from facts(
        payers, {"computePayerAccountId": "Query paid by", "syntheticDataPayerAccountId": "Synthetic data paid by"}
    )
    yield from facts(channel, {"kmsKeyArn": "Key", "mlInputChannelArn": "ARN"})


def _scores(channel: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """How well a membership inference attack did on synthetic rows."""
    told = channel.get("syntheticDataConfiguration", {}).get("syntheticDataEvaluationScores", {})
    return list(told.get("dataPrivacyScores", {}).get("membershipInferenceAttackScores", []))
