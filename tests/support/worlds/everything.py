"""A room with one of everything in it, and what everybody is answered there.

    full = furnish(room, ALICE, BOB)
    full.attempt(DAVE, (CLEANROOMS_ML, "GetTrainedModel"))

Its parts may be one account's or several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from support.worlds.every_request import REQUESTS, lifetime_budget, query_of
from support.worlds.requests import EXPORTS, REGION, SQL, filled, role_of
from support.worlds.rooms import Room, SharedTable
from whiteroom.base.arns import new_id, parse_arn
from whiteroom.base.callers import ROOT, Principal
from whiteroom.domain.execution.deliveries import DeliveredFile
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.results import Result, ResultKind, ResultStatus, file_documents

INTO_A_BUCKET = {
    "defaultResultConfiguration": {
        "outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": "results", "keyPrefix": "queries/"}}
    }
}
"""Where a member who joins so has the results of queries put."""

Mark = Callable[..., dict[str, Any]]
"""By the account of who makes something, and the names of members of its request: values for them."""


def unmarked(account: str, *members: str) -> dict[str, Any]:
    """Nothing is marked."""
    return {}


@dataclass(frozen=True)
class FullRoom:
    """The room, and the names of what is in it."""

    room: Room
    names: Mapping[str, str]

    def request(self, account: str, operation: tuple[str, str]) -> dict[str, Any]:
        """What an account asks for, under its own membership where it has one, else under the querier's."""
        own = self.room.memberships.get(account) or self.room.membership(self.room.parts.querier)
        request: dict[str, Any] = filled(REQUESTS[operation], {**self.names, "own": own, "role": role_of(account)})
        return request

    def attempt(self, account: str, operation: tuple[str, str], principal: Principal = ROOT) -> Any:
        """What an account is answered, a fault included; nothing of it stays."""
        return self.room.server.attempt(account, operation, self.request(account, operation), principal)


def furnish(room: Room, creator: str, other: str, policies: Any = EXPORTS, mark: Mark = unmarked) -> FullRoom:
    """Have the members who play its parts make one of everything, by the very operations that are asked there.

    Args:
        room: it has been joined.
        creator: whose collaboration it is.
        other: another account that was invited.
        policies: under which the algorithm is associated.
        mark: what makers put into their requests besides.
    """
    parts = room.parts
    membership = room.membership(parts.querier)
    names = {
        "collaboration": room.collaboration_id,
        "collaboration_arn": _arn(creator, f"collaboration/{room.collaboration_id}"),
        "membership": membership,
        "membership_arn": _arn(parts.querier, f"membership/{membership}"),
        "querier": parts.querier,
        "receiver": parts.receiver,
        "other": other,
    }
    names |= _tables(room, mark)
    names |= _queries(room, mark)
    names |= _results(room, names["own_query"])
    names |= _algorithms(room, policies, mark)
    return FullRoom(room, names | _models(room, mark))


def _arn(account: str, resource: str) -> str:
    return f"arn:aws:cleanrooms:{REGION}:{account}:{resource}"


def _tables(room: Room, mark: Mark) -> dict[str, str]:
    """The owner's tables: one shared, one bare, and one whose association has no rule."""
    owner = room.parts.owner
    table, bare, ruled = (room.configured_table(owner, name) for name in ("patients", "bare", "ruled"))
    for ruled_table in (table, ruled):
        room.rule(owner, ruled_table)
    association = room.table_association(owner, table, "patients", **mark(owner, "tags"))
    bare_association = room.table_association(owner, ruled, "ruled", **mark(owner, "tags"))
    room.collaboration_rule(owner, association)
    room.table = SharedTable(table, association)
    place = f"{room.membership(owner)}/configuredtableassociation"
    budget = room.server.cleanrooms(
        owner,
        "CreatePrivacyBudgetTemplate",
        **room.of(owner),
        **lifetime_budget(_arn(owner, f"membership/{place}/{association}")),
    )["privacyBudgetTemplate"]
    return {
        "table": table,
        "table_arn": _arn(owner, f"configuredtable/{table}"),
        "bare_table": bare,
        "association": association,
        "association_arn": _arn(owner, f"configuredtableassociation/{room.membership(owner)}/{association}"),
        "bare_association": bare_association,
        "resource": _arn(owner, f"membership/{place}/{association}"),
        "bare_resource": _arn(owner, f"membership/{place}/{bare_association}"),
        "budget": budget["id"],
        "budget_arn": budget["arn"],
    }


def _queries(room: Room, mark: Mark) -> dict[str, str]:
    """The querier's template, and a query of it."""
    querier = room.parts.querier
    template = room.server.cleanrooms(
        querier,
        "CreateAnalysisTemplate",
        **room.of(querier),
        name="template",
        format="SQL",
        source={"text": SQL},
        **mark(querier, "tags"),
    )["analysisTemplate"]
    request = {**room.of(querier), **query_of(template["arn"], room.parts.receiver)}
    query = room.server.cleanrooms(querier, "StartProtectedQuery", **request)["protectedQuery"]
    return {"template": template["id"], "template_arn": template["arn"], "own_query": query["id"]}


def _results(room: Room, query_id: str) -> dict[str, str]:
    """What the receiver was given of the querier's query, as its controller writes it down."""
    location = f"s3://{room.parts.receiver}"
    result = Result(
        id=new_id(),
        account_id=room.parts.receiver,
        collaboration_id=room.collaboration_id,
        kind=ResultKind.PROTECTED_QUERY,
        job_id=query_id,
        job_name=query_id,
        asked_by=room.parts.querier,
        location=location,
        path=query_id,
        place=f"{location}/{query_id}",
        files=file_documents([DeliveredFile("rows.csv", 1, "00" * 32)]),
        status=ResultStatus.DELIVERED,
        reason=None,
        created_at=room.server.now,
        delivered_at=room.server.now,
    )
    with room.server.store.transaction() as tx:
        tx.results.add(result)
    return {"result": result.id}


def _algorithms(room: Room, policies: Any, mark: Mark) -> dict[str, str]:
    """The author's algorithms, and where the receiver has results put."""
    author, receiver = room.parts.author, room.parts.receiver
    marks = mark(author, "tags", "kmsKeyArn")
    room.algorithm_arn = room.algorithm(**marks)
    room.association_arn = room.association(policies=policies, **mark(author, "tags"))
    room.configure(receiver, f"s3://results/{receiver}")
    return {
        "algorithm": room.algorithm_arn,
        "spare_algorithm": room.algorithm(name="spare", **marks),
        "algorithm_association": room.association_arn,
        "spare_association": room.association(name="spare"),
    }


def _models(room: Room, mark: Mark) -> dict[str, str]:
    """What the querier made of it all."""
    querier = room.parts.querier
    channel = room.active_channel("rows", **mark(querier, "tags", "kmsKeyArn"))
    marks = mark(querier, "tags", "kmsKeyArn", "environment")
    parameters = mark(querier, "hyperparameters")
    model = room.active_model("forest", channel, **marks, **parameters)
    version = room.version("second", model, channel, **marks, **parameters)
    room.advance_model(version, Event.STARTED, Event.SUCCEEDED)
    arn = model["trainedModelArn"]
    return {
        "channel": channel,
        "spare_channel": room.active_channel("spare"),
        "query": room.call("GetMLInputChannel", mlInputChannelArn=channel)["protectedQueryIdentifier"],
        "model": arn,
        "stream": f"{parse_arn(arn).resource_id}/NULL/algo-1",
        "version": version["versionIdentifier"],
        "working_model": room.model("working", channel)["trainedModelArn"],
        "spare_model": room.active_model("spare", channel)["trainedModelArn"],
        "job": room.inference_job("scores", arn, channel, **marks),
    }
