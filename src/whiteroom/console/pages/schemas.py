"""A table as a collaboration sees it: its columns, and what its rules let be done with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.column_uses import sentences, uses_of
from whiteroom.console.facts import facts
from whiteroom.console.lists import every
from whiteroom.console.rendering import page
from whiteroom.console.within import Within, within
from whiteroom.wire.inside import Refused


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, in words."""

    kind: str
    uses: list[tuple[str, str]]
    sentences: list[str]


async def show(asked: Asked) -> Response:
    """One table."""
    here = await within(asked)
    named = {"collaborationIdentifier": here.identifier, "name": asked.path["table"]}
    schema, unread = await _schema(here, named)
    columns = [*schema["columns"], *schema["partitionKeys"]]
    names = [one["name"] for one in columns]
    rules = [await _rule(here, named, kind, names) for kind in schema["analysisRuleTypes"]]
    about = {
        "description": "Description",
        "creatorAccountId": "Brought by",
        "createTime": "Since",
        "updateTime": "Changed at",
    }
    return page(
        "schema.html",
        visitor=asked.visitor,
        here=here,
        tab="",
        schema=schema,
        columns=columns,
        facts=list(facts(schema, about)),
        rules=rules,
        unread=unread,
        reasons=[
            (one["analysisType"], one["status"], [reason["message"] for reason in one.get("reasons", [])])
            for one in schema["schemaStatusDetails"]
        ],
    )


async def _schema(here: Within, named: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The schema; where its table's files cannot be read now, what is known without them, and why.

    Raises:
        Refused: there is no such table for the visitor.
    """
    try:
        return (await here.visitor.call("cleanrooms", "GetSchema", **named))["schema"], ""
    except Refused as refused:
        found = await every(
            here.visitor, "cleanrooms", "ListSchemas", "schemaSummaries", collaborationIdentifier=here.identifier
        )
        for summary in found.items:
            if summary["name"] == named["name"]:
                return {**summary, "columns": [], "partitionKeys": [], "schemaStatusDetails": []}, refused.message
        raise


async def _rule(here: Within, named: Mapping[str, Any], kind: str, columns: list[str]) -> Rule:
    """A rule as it is for those who query: what table and collaboration say together, where the API answers that."""
    answer = await here.visitor.call("cleanrooms", "GetSchemaAnalysisRule", **named, type=kind)
    rule = answer["analysisRule"]
    told = rule.get("consolidatedPolicy") or rule["policy"]
    policy: Mapping[str, Any] = next(iter(told["v1"].values()))
    return Rule(kind, uses_of(kind, policy, columns), sentences(kind, policy))
