"""A room with two owners of tables, and one of each analysis over the table of the first, with everybody's logs.

room = an_owned_room(store)
everything(room)               # by room.parts.querier, over room.parts.owner's table, for room.parts.receiver
"""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from support.worlds.requests import EXPORTS, arn_of, collaboration_request, member
from support.worlds.rooms import Parts, Room
from support.worlds.servers import a_server
from whiteroom.base.arns import parse_arn
from whiteroom.base.faults import Fault
from whiteroom.controllers.analysis_logs import log_end
from whiteroom.ports.store import Store

_NUMBERS = itertools.count(5 * 10**6, 2000)
LOGS = {"queryLogStatus": "ENABLED", "jobLogStatus": "ENABLED"}


def an_owned_room(store: Store, logs: dict[str, str] = LOGS, of_owner: dict[str, str] = LOGS) -> Room:
    """BOB and DAN own a table each, CAROL the algorithm; ALICE queries. All have logs, BOB as it is said."""
    server = a_server(store)
    number = next(_NUMBERS)
    server.ids = itertools.count(number)
    alice, bob, carol, dan = (f"36{number:09d}{part}" for part in range(4))
    room = Room(server, parts=Parts(querier=alice, owner=bob, author=carol, receiver=carol))
    receives = {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]}
    members = [member(bob, "Bob"), member(carol, "Carol", mlMemberAbilities=receives), member(dan, "Dan")]
    room.invite(alice, **collaboration_request(members=members, **logs))
    for account in (alice, carol, dan):
        room.join(account, **logs)
    room.join(bob, **of_owner)
    room.table = room.shared_table(bob, "patients")
    room.shared_table(dan, "visits")
    room.algorithm_arn = room.algorithm()
    room.association_arn = room.association(policies=EXPORTS)
    room.configure(carol)
    return room


def dan_of(room: Room) -> str:
    """Who owns another table, which nothing reads."""
    return room.parts.owner[:-1] + "3"


def end(room: Room, kind: str, record_id: str) -> None:
    """Have a record's end written into logs, as its controller would."""
    with room.server.store.transaction() as tx:
        log_end(tx, getattr(tx, kind).get(record_id), room.server.now)
    room.server.now += timedelta(seconds=1)


def everything(room: Room) -> dict[str, str]:
    """One of each kind of analysis over BOB's table, all but the last at their end; and one that is refused."""
    channel = room.active_channel("rows")
    end(room, "ml_input_channels", parse_arn(channel).resource_id)
    model = room.active_model("trial", channel)
    model_id = parse_arn(model["trainedModelArn"]).resource_id
    end(room, "trained_models", model_id)
    job = room.inference_job("scores", model["trainedModelArn"], channel)
    room.export("away", model["trainedModelArn"])
    unknown = arn_of("configured-model-algorithm-association", room.membership(room.parts.author), room.parts.author)
    with pytest.raises(Fault):
        room.channel("too-much", association=unknown)
    return {"channel": channel, "model": model["trainedModelArn"], "job": job}
