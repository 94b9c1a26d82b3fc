"""A table as a collaboration sees it: its columns, and what its rules let be done with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.column_uses import sentences, uses_of
from whiteroom.console.facts import facts
from whiteroom.console.rendering import page
from whiteroom.console.within import Within, within


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
    schema = (await asked.visitor.call("cleanrooms", "GetSchema", **named))["schema"]
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
        reasons=[
            (one["analysisType"], one["status"], [reason["message"] for reason in one.get("reasons", [])])
            for one in schema["schemaStatusDetails"]
        ],
    )


async def _rule(here: Within, named: Mapping[str, Any], kind: str, columns: list[str]) -> Rule:
    """A rule as it is for those who query: what table and collaboration say together, where the API answers that."""
    answer = await here.visitor.call("cleanrooms", "GetSchemaAnalysisRule", **named, type=kind)
    rule = answer["analysisRule"]
    told = rule.get("consolidatedPolicy") or rule["policy"]
    policy: Mapping[str, Any] = next(iter(told["v1"].values()))
    return Rule(kind, uses_of(kind, policy, columns), sentences(kind, policy))
